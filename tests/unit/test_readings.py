"""From network outputs to what is said: ages, gender, pose, symmetry, quality, score, schemes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelens import images, open_engine
from facelens.errors import ModelShapeError, UsageError
from facelens.geometry import ARCFACE_TEMPLATE, CropSpec, alignment
from facelens.resources import asset
from facelens.sources.portrait import FIVE as PORTRAIT_FIVE
from facelens.types import AGE_RANGES, EXPRESSIONS, Box, Expression, Landmarks, Quality
from facelens.vision import attributes, quality, score
from facelens.vision.crop import Cutter
from facelens.vision.pose import MODEL, head_pose
from facelens.vision.schemes import FLIP68, to_scheme
from facelens.vision.symmetry import halves, residual, symmetry, upright


def gaussian(mean: float, sigma: float = 4.0) -> np.ndarray:
    p = np.exp(-0.5 * ((np.arange(101) - mean) / sigma) ** 2)
    return p / p.sum()


@given(st.floats(15, 85), st.floats(1.5, 6))
def test_median_and_band_of_a_bell(mean: float, sigma: float) -> None:
    age = attributes.age_estimate(gaussian(mean, sigma))
    assert age.years == pytest.approx(mean, abs=0.2)
    assert age.low == pytest.approx(mean - 1.2816 * np.hypot(sigma, 0.29), abs=0.25)
    assert age.high == pytest.approx(mean + 1.2816 * np.hypot(sigma, 0.29), abs=0.25)


@given(st.lists(st.floats(0, 1), min_size=101, max_size=101).filter(lambda v: sum(v) > 0.1))
def test_any_distribution_gives_an_ordered_band(values: list[float]) -> None:
    age = attributes.age_estimate(np.array(values) / sum(values))
    assert 0 <= age.low <= age.years <= age.high <= 100


def test_the_published_ranges_are_summed_and_renormalised() -> None:
    p = np.zeros(101)
    p[[1, 3, 26, 28]] = [0.2, 0.4, 0.3, 0.1]  # 3 lies between the ranges and is left out
    age = attributes.age_estimate(p)
    expected = np.zeros(8)
    expected[0], expected[4] = 0.2 / 0.6, 0.4 / 0.6
    assert np.allclose(age.range_probabilities, expected)
    assert age.range == (25, 32)
    nowhere = np.zeros(101)
    nowhere[3] = 1
    assert np.allclose(attributes.age_estimate(nowhere).range_probabilities, 1 / 8)


def test_gender_names_the_likelier_and_knows_doubt() -> None:
    assert attributes.gender_estimate(0.9).label == "female"
    assert attributes.gender_estimate(0.1).label == "male"
    assert attributes.gender_estimate(0.1).probability == pytest.approx(0.9)
    assert not attributes.gender_estimate(0.55).sure
    assert attributes.gender_estimate(0.9).sure


def test_expressions_are_those_of_ferplus_in_its_order() -> None:
    assert EXPRESSIONS == (
        "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
    )  # fmt: skip
    for index, name in enumerate(EXPRESSIONS):
        assert attributes.expression_estimate(np.eye(8)[index]).label == name


def test_an_expression_names_the_likeliest_and_knows_doubt() -> None:
    mixed = attributes.expression_estimate([0.2, 0.05, 0.45, 0.05, 0.05, 0.05, 0.1, 0.05])
    assert (mixed.label, mixed.probability) == ("surprise", pytest.approx(0.45))
    assert not mixed.sure
    assert attributes.expression_estimate([0.5, 0.5, 0, 0, 0, 0, 0, 0]).sure, "half is enough"
    assert not attributes.expression_estimate([0.499, 0.251, 0.25, 0, 0, 0, 0, 0]).sure
    with pytest.raises(ValueError, match="read-only"):
        mixed.probabilities[0] = 1


def test_an_expression_is_a_copy_of_its_own() -> None:
    source = np.full(8, 0.125, np.float32)
    made = Expression(source)
    source[3] = 1
    assert made.probabilities[3] == 0.125
    assert made.probabilities.dtype == np.float32


def test_sums_of_half_precision_are_brought_to_one() -> None:
    seen = attributes.expression_estimate(np.array([0.804, 0.2, 0, 0, 0, 0, 0, 0], np.float16))
    assert seen.probabilities.sum() == pytest.approx(1, abs=1e-6)
    assert seen.probability == pytest.approx(0.804 / 1.004, abs=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        np.full(7, 1 / 7),
        np.full((1, 8), 1 / 8),
        np.zeros(8),
        [0.9, 0.2, 0, 0, 0, 0, 0, 0],
        [1.2, -0.2, 0, 0, 0, 0, 0, 0],
        [float("nan")] * 8,
    ],
    ids=["seven", "two axes", "zeros", "sum 1.1", "negative", "no numbers"],
)
def test_what_is_no_expression_is_refused(wrong: object) -> None:
    with pytest.raises(ModelShapeError, match="not 8 probabilities"):
        attributes.expression_estimate(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (25, 0), (-35, 0), (0, 20), (0, -20), (15, 10)])
def test_pose_of_the_model_turned(yaw: float, pitch: float) -> None:
    a, b = np.radians(yaw), np.radians(pitch)
    # looking to the viewer's right turns the nose (towards the viewer is -z) to +x
    about_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    points = (MODEL @ (about_y @ about_x).T)[:, :2] * 2.5 + 300
    found = head_pose(points)
    assert found.yaw == pytest.approx(yaw, abs=1.5)
    assert found.pitch == pytest.approx(pitch, abs=1.5)


def test_pose_zero_is_the_alignment_template_and_roll_is_clockwise() -> None:
    found = head_pose(ARCFACE_TEMPLATE)
    assert abs(found.yaw) < 3
    assert abs(found.pitch) < 6
    assert abs(found.roll) < 1
    turn = np.radians(20)
    clockwise = ARCFACE_TEMPLATE @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    assert head_pose(clockwise).roll == pytest.approx(20, abs=1)
    assert np.isfinite(head_pose(np.full((5, 2), np.nan))).all()


@pytest.fixture(scope="module")
def even_face() -> np.ndarray:
    """The portrait's 68 points, made symmetric: 68 x 2 px."""
    (face,) = open_engine(parts=frozenset({"landmarks"})).analyze(asset("samples/astronaut.jpg")).faces
    assert face.landmarks is not None
    shape = upright(face.landmarks.points)
    return ((shape - halves(shape)) * 80 + 300).astype(np.float32)


def turned(face: np.ndarray, degrees: float) -> np.ndarray:
    """The face seen after a turn of the head, with the depth of a bowl and of a nose that stands out of it."""
    x, y = (face.astype(float) - face.mean(0)).T
    radius = np.abs(x).max() * 1.1
    depth = np.sqrt(np.maximum(radius**2 - x**2 - 0.3 * y**2, 0))
    depth[27:36] += radius * np.array([0.05, 0.15, 0.25, 0.35, 0.15, 0.2, 0.25, 0.2, 0.15])
    angle = np.radians(degrees)
    return (np.stack([x * np.cos(angle) + depth * np.sin(angle), y], 1) + 300).astype(np.float32)


def test_flip_is_its_own_inverse() -> None:
    flip = np.array(FLIP68)
    assert (flip[flip] == np.arange(68)).all()


def test_symmetry_ignores_roll_and_turn_and_sees_a_crooked_face(even_face: np.ndarray) -> None:
    assert symmetry(even_face) > 99
    roll = np.radians(25)
    rolled = (even_face @ np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])).astype(np.float32)
    assert symmetry(rolled) > 99
    assert symmetry(even_face * 3) == pytest.approx(symmetry(even_face), abs=0.1)
    for degrees in (-15, -8, 8, 15):
        seen = turned(even_face, degrees)
        # a good part of what the turn does to the two halves is taken out, even of this rough head
        whole = np.sqrt((halves(upright(seen))[17:] ** 2).sum(axis=1).mean())
        assert residual(seen) < 0.65 * whole
    crooked = even_face.copy()
    crooked[54] += (4, 12)
    crooked[48:54] += (2, -6)
    assert symmetry(crooked) < 75
    assert residual(np.zeros((68, 2), np.float32)) == 1.0


def test_schemes() -> None:
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    every = Landmarks(points, "ibug68")
    five = to_scheme(every, "five")
    fifteen = to_scheme(every, "kaggle15")
    assert five is not None
    assert fifteen is not None
    assert five.points.shape == (5, 2)
    assert np.allclose(five.points[0], points[36:42].mean(0))
    assert np.allclose(fifteen.points[10], points[30])
    assert to_scheme(five, "ibug68") is None
    assert to_scheme(every, "ibug68") is every
    assert five.spread is None
    sure = to_scheme(Landmarks(points, "ibug68", np.arange(68)), "five")
    assert sure is not None
    assert sure.spread is not None
    assert sure.spread.tolist() == [38.5, 44.5, 30, 48, 54]


def crop_of_portrait() -> np.ndarray:
    """The bundled portrait's face, by hand-set points, as quality measures it."""
    matrix = quality.window(alignment(PORTRAIT_FIVE, quality.CROP))
    image = images.load(asset("samples/astronaut.jpg")).image
    return cv2.cvtColor(Cutter(image, [(matrix, quality.WINDOW)]).cut(matrix, quality.WINDOW), cv2.COLOR_BGR2GRAY)


FIVE = CropSpec(112, 0.8).template
BOX = Box(100, 100, 150, 190)


def test_quality_falls_with_blur_dark_and_size() -> None:
    crop = crop_of_portrait()
    good = quality.measure(crop, FIVE, BOX)
    assert min(good.sharpness, good.exposure, good.contrast, good.pose) > 60
    blurred = quality.measure(cv2.GaussianBlur(crop, (0, 0), 3), FIVE, BOX)
    assert blurred.sharpness < good.sharpness - 40
    dark = quality.measure((crop * 0.15).astype(np.uint8), FIVE, BOX)
    assert dark.exposure < 40
    assert "More light on the face" in score.tips(0.9, dark)
    tiny = quality.measure(crop, FIVE, Box(0, 0, 16, 20))
    assert tiny.resolution < 5
    assert tiny.value < good.value
    flat = quality.measure(np.full_like(crop, 128), FIVE, BOX)
    assert flat.contrast == 0
    assert all(np.isfinite(v) for v in (flat.sharpness, flat.exposure, flat.value))


def test_light_from_one_side_is_told() -> None:
    crop = crop_of_portrait().astype(np.float32)
    crop *= np.where(np.arange(60) < 30, 0.4, 1.0)
    found = quality.measure(np.clip(crop, 0, 255).astype(np.uint8), FIVE, BOX)
    assert found.light_balance > 0.16
    assert "Turn towards the light on the right of the picture" in score.tips(0.9, found)


GOOD = Quality(90, 90, 90, 90, 90, 0, 0, 0, 0.5, 0)


def test_the_score_is_the_weighted_mean_of_what_it_shows() -> None:
    weights = score.check_weights({"appearance": 1, "expression": 3})
    found = score.face_score(weights, appearance=40, smile=0.8, landmarks=None, quality=GOOD)
    assert found is not None
    assert found.value == pytest.approx((40 + 3 * 80) / 4)
    assert sum(c.weight for c in found.components) == pytest.approx(1)
    assert found.value == pytest.approx(sum(c.value * c.weight for c in found.components))


def test_missing_parts_share_their_weight_out() -> None:
    found = score.face_score(score.DEFAULT_WEIGHTS, appearance=None, smile=None, landmarks=None, quality=GOOD)
    assert found is not None
    assert found.value == pytest.approx(GOOD.value)
    nothing = score.face_score(score.DEFAULT_WEIGHTS, appearance=None, smile=None, landmarks=None, quality=None)
    assert nothing is None


@pytest.mark.parametrize("bad", [{"beauty": 1}, {"appearance": -1}, {"appearance": 0}, {"quality": float("nan")}])
def test_bad_weights_are_named(bad: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="Cannot use these weights"):
        score.check_weights(bad)


@pytest.mark.parametrize(("index", "value"), enumerate((100, 100, 95, 90, 80, 50, 40, 20)))
def test_the_classic_rule_at_each_range(index: int, value: int) -> None:
    low, high = AGE_RANGES[index]
    p = np.zeros(101)
    p[(low + high) // 2] = 1
    found = score.classic_score(attributes.age_estimate(p))
    assert found.value == pytest.approx(value)
    assert found.preset == "classic"


def test_the_classic_rule_by_hand() -> None:
    p = np.zeros(101)
    p[[1, 5, 10, 17, 28, 40, 50, 70]] = [0.05, 0.05, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1]
    expected = 5 + 5 + 9.5 + 18 + 24 + 5 + 4 + 2
    assert score.classic_score(attributes.age_estimate(p)).value == pytest.approx(expected, abs=1e-4)


def test_appearance_spans_the_scale() -> None:
    assert score.appearance_value(np.eye(41)[0]) == pytest.approx(0)
    assert score.appearance_value(np.eye(41)[40]) == pytest.approx(100)
    assert score.appearance_value(np.full(41, 1 / 41)) == pytest.approx(50)
