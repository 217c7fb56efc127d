"""Plane geometry: transforms undo themselves, boxes overlap as they should, crops put points where they belong."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelens.geometry import (
    CropSpec,
    alignment,
    bounding_box,
    compose,
    invert,
    iou,
    iou_matrix,
    similarity,
    transform,
)
from facelens.types import Box, Detection, Landmarks
from facelens.vision.crop import Cutter, align, cut

SPEC = CropSpec(112, 0.8)
angles = st.floats(-180, 180)
scales = st.floats(0.05, 20)
shifts = st.floats(-500, 500)


@given(angles, scales, shifts, shifts)
def test_similarity_recovers_what_was_done(angle: float, scale: float, x: float, y: float) -> None:
    c, s = np.cos(np.radians(angle)) * scale, np.sin(np.radians(angle)) * scale
    true = np.array([[c, -s, x], [s, c, y]])
    source = SPEC.template
    found = similarity(source, source @ true[:, :2].T + true[:, 2])
    assert np.allclose(found, true, atol=1e-6 * max(scale, 1))


@given(angles, scales, shifts, shifts)
def test_invert_and_compose_undo(angle: float, scale: float, x: float, y: float) -> None:
    c, s = np.cos(np.radians(angle)) * scale, np.sin(np.radians(angle)) * scale
    matrix = np.array([[c, -s, x], [s, c, y]])
    assert np.allclose(compose(matrix, invert(matrix)), [[1, 0, 0], [0, 1, 0]], atol=1e-6)


def test_similarity_never_mirrors() -> None:
    mirrored = SPEC.template * [-1, 1]
    found = similarity(SPEC.template, mirrored)
    assert np.linalg.det(found[:, :2]) >= 0


@pytest.mark.parametrize("bad", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), 7.0)])
def test_a_broken_detection_gives_a_finite_matrix(bad: np.ndarray) -> None:
    assert np.isfinite(alignment(bad, SPEC)).all()


def test_iou_by_hand() -> None:
    a, b, far = Box(0, 0, 10, 10), Box(5, 0, 10, 10), Box(100, 0, 10, 10)
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(a, a) == 1
    assert iou(a, far) == 0
    assert iou_matrix([a, b], [a, far]) == pytest.approx(np.array([[1, 0], [1 / 3, 0]]))
    assert iou_matrix([], [a]).shape == (0, 1)


def test_bounding_box() -> None:
    assert bounding_box([[1, 2], [5, 4], [3, 9]]) == Box(1, 2, 4, 7)


@pytest.mark.parametrize("zoom", [0.7, 2.0, 5.0, 9.0])
def test_a_crop_shows_the_points_where_the_template_says(zoom: float) -> None:
    """Discs drawn at five points must come out at the template's places, also where the picture is averaged down."""
    size = int(160 * zoom)
    five = (SPEC.template * zoom * 0.9 + 20 * zoom) @ np.array([[0.97, 0.24], [-0.24, 0.97]])
    image = np.zeros((size, size, 3), np.uint8)
    for x, y in five:
        cv2.circle(image, (round(x * 16), round(y * 16)), round(3 * zoom * 16), (255, 255, 255), -1, cv2.LINE_AA, 4)
    crop, matrix = align(image, five, SPEC)
    assert crop.shape == (112, 112, 3)
    assert np.allclose(transform(matrix, five), SPEC.template, atol=0.5)
    for x, y in SPEC.template:
        part = crop[round(y) - 6 : round(y) + 7, round(x) - 6 : round(x) + 7, 0].astype(float)
        rows, columns = np.mgrid[-6:7, -6:7]
        found = np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()
        assert np.hypot(*(found + np.round([x, y]) - [x, y])) < 0.35


def test_a_face_outside_the_picture_is_grey_not_a_crash() -> None:
    crop, _ = align(np.zeros((50, 50, 3), np.uint8), SPEC.template + 5000, SPEC)
    assert (crop == 114).all()
    crop, _ = align(np.zeros((50, 50, 3), np.uint8), SPEC.template * 9 + 50000, SPEC)
    assert (crop == 114).all()


def test_a_crop_does_not_depend_on_what_else_is_cut() -> None:
    rng = np.random.default_rng(5)
    image = cv2.resize(rng.integers(0, 256, (90, 120, 3), np.uint8), (1201, 907), interpolation=cv2.INTER_CUBIC)
    places = [
        compose(np.array([[s, 0.1 * s, 0], [-0.1 * s, s, 0]]), np.array([[1, 0, -x], [0, 1, -y]], float))
        for s, x, y in ((0.4, 51, 33), (0.13, 300, 77), (0.7, 801, 402), (0.06, -40, 20), (0.24, 655, 333))
    ]
    together = Cutter(image, [(matrix, (64, 48)) for matrix in places])
    for matrix in places:
        alone = Cutter(image, [(matrix, (64, 48))])
        np.testing.assert_allclose(*(c.cut(matrix, (64, 48)).astype(int) for c in (together, alone)), atol=1)


@pytest.mark.parametrize("scale", [0.49, 0.3, 0.2, 0.11, 0.05])
def test_shrinking_averages_and_keeps_places(scale: float) -> None:
    """A slope stays where it was to a tenth of a pixel of the crop, and noise is averaged away."""
    _, columns = np.mgrid[:1200, :1600]
    slope = (40 + 0.1 * columns).astype(np.float32)
    noisy = slope + np.random.default_rng(1).normal(0, 30, slope.shape)
    image = np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    matrix = np.array([[scale, 0, -200 * scale], [0, scale, -100 * scale]])
    crop = cut(image, matrix, 50)[..., 0].astype(float)
    expected = 40 + 0.1 * (np.arange(50) / scale + 200)
    assert np.abs((crop - expected).mean(0)[expected < 150]).mean() < 30 * scale + 0.5
    assert (crop - expected)[:, expected < 150].std() < 30 * scale * 1.7 + 0.5


def test_a_part_of_a_readers_crop_measures_as_its_own_window_does() -> None:
    from facelens import images
    from facelens.resources import asset
    from facelens.vision import quality
    from facelens.vision.crops import FaceCrops

    assert quality.inside(quality.CROP) == (slice(24, 96), slice(26, 86))
    near, far = CropSpec(96, 0.95), CropSpec(112, 0.62)
    assert quality.inside(near) is not None
    assert quality.inside(far) is None
    assert quality.inside(CropSpec(64, 1.4)) is None, "at that scale the part does not fit"
    frame = images.load(asset("samples/astronaut.jpg"))
    five = np.array([[205, 104], [247, 104], [223, 130], [207, 143], [243, 144]], np.float32)
    found = [Detection(Box(180, 60, 90, 120), 0.9, Landmarks(five, "five"))]
    windows = [FaceCrops(frame.image, found, [(spec, False)], None, True).windows[0] for spec in (near, far)]
    assert windows[0].shape == windows[1].shape == (72, 60)
    part, own = (quality.measure(window, five, found[0].box) for window in windows)
    for name in ("sharpness", "exposure", "contrast", "pose", "resolution"):
        assert getattr(part, name) == pytest.approx(getattr(own, name), abs=3), name
    assert np.abs(windows[0].astype(float) - windows[1]).mean() < 6
