"""Figures of merit against values worked out by hand, and packs made here."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facelens.errors import UsageError
from facelens.evaluation.conditions import CONDITIONS, groups, measure
from facelens.evaluation.faces import MISSED_NME, FaceTally, bootstrap
from facelens.evaluation.metrics import DetectionTally, auc, nme, nme5, pearson, points15_error
from facelens.evaluation.packs import PAD, open_pack, padded
from facelens.types import (
    EXPRESSIONS,
    AgeEstimate,
    Box,
    Detection,
    Expression,
    Face,
    FaceScore,
    GenderEstimate,
    Landmarks,
    ScoreComponent,
)
from facelens.vision.schemes import FIVE, SHARES


def make_face(
    years: float | None = None,
    gender: str = "",
    probability: float = 0.9,
    smile: float | None = None,
    glasses: float | None = None,
    appearance: float | None = None,
    points: Any = None,
    distribution: Any = None,
    expression: str = "",
) -> Face:
    five = Landmarks(np.zeros((5, 2)), "five")
    age = None
    if years is not None:
        p = np.zeros(101) if distribution is None else np.asarray(distribution)
        if distribution is None:
            p[round(years)] = 1
        age = AgeEstimate(years, years - 5, years + 5, p)
    score = None
    if appearance is not None:
        score = FaceScore(appearance, (ScoreComponent("appearance", appearance, 1.0),), ())
    return Face(
        1,
        Detection(Box(0, 0, 10, 10), 0.9, five),
        age=age,
        gender=GenderEstimate(gender, probability) if gender else None,  # type: ignore[arg-type]
        landmarks=None if points is None else Landmarks(points, "ibug68"),
        smile=smile,
        glasses=glasses,
        score=score,
        expression=Expression(np.eye(8)[EXPRESSIONS.index(expression)]) if expression else None,
    )


def tallied(rows: list[tuple[dict[str, Any], Face | None]], **options: Any) -> dict[str, Any]:
    tally = FaceTally(rows[0][0].keys())
    for labels, face in rows:
        tally.add(labels, face, 1.0, (0.0, 0.0))
    return tally.figures(**options)


# on arrays


def test_pearson() -> None:
    assert pearson([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert pearson([1, 2, 3, 4], [1, 2, 2, 1]) == pytest.approx(0)
    assert pearson([1, 1, 1], [1, 2, 3]) is None
    assert pearson([1], [1]) is None


def test_auc_counts_pairs_in_order_and_ties_half() -> None:
    assert auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == pytest.approx(0.75)
    assert auc([0.5, 0.5], [True, False]) == pytest.approx(0.5)
    assert auc([0.9, 0.1], [False, True]) == pytest.approx(0.0)
    assert auc([0.9, 0.1], [True, True]) is None


def test_nme_is_over_the_outer_eye_corners() -> None:
    truth = np.zeros((68, 2))
    truth[45] = (50, 0)
    assert nme(truth + np.array([3, 4]), truth) == pytest.approx(0.1)


# detection


def test_detection_by_hand() -> None:
    """Two pictures, three faces: hit 0.9, alarm 0.8, hit 0.7, alarm 0.5, one face missed."""
    tally = DetectionTally(min_face=24, threshold=0.6)
    face, other, missed = Box(0, 0, 40, 40), Box(100, 0, 40, 40), Box(200, 0, 40, 40)
    tally.add([(face, 0.9), (Box(300, 300, 40, 40), 0.8)], [face], [False])
    tally.add([(other, 0.7), (Box(300, 300, 40, 40), 0.5)], [other, missed], [False, False])
    figures = tally.figures()
    assert figures["faces"] == 3
    assert figures["pictures"] == 2
    assert figures["recall"] == pytest.approx(2 / 3)
    assert figures["false_per_image"] == pytest.approx(0.5)
    assert figures["pictures_with_alarm"] == pytest.approx(0.5)
    # recall 1/3 at precision 1, then 2/3 at 2/3
    assert figures["ap"] == pytest.approx(1 / 3 + 1 / 3 * 2 / 3)
    # 0.1 alarms a picture of two pictures: none is allowed
    assert figures["recall_at_01"] == pytest.approx(1 / 3)
    assert figures["min_face"] == 24


def test_the_better_detection_takes_the_face_and_the_second_is_an_alarm() -> None:
    tally = DetectionTally(24, 0.6)
    face = Box(0, 0, 40, 40)
    tally.add([(Box(2, 2, 40, 40), 0.7), (face, 0.9)], [face], [False])
    figures = tally.figures()
    assert (figures["recall"], figures["false_per_image"]) == (1.0, 1.0)


def test_the_overlap_that_counts_begins_at_0_4() -> None:
    face = Box(0, 0, 100, 100)
    for width, hit in ((41, 1.0), (39, 0.0)):
        tally = DetectionTally(24, 0.6)
        tally.add([(Box(0, 0, width, 100), 0.9)], [face], [False])
        assert tally.figures()["recall"] == hit


def test_ignored_and_small_faces_count_neither_way() -> None:
    tally = DetectionTally(24, 0.6)
    ignored, small, below = Box(0, 0, 60, 60), Box(100, 100, 20, 20), Box(300, 0, 10, 10)
    found = [(Box(20, 20, 30, 30), 0.9), (Box(99, 99, 26, 26), 0.9), (below, 0.9)]
    tally.add(found, [ignored, small], [True, False])
    figures = tally.figures()
    assert figures["faces"] == 0
    assert figures["false_per_image"] == 0
    assert "ap" not in figures


def test_on_a_picture_without_faces_every_detection_is_an_alarm() -> None:
    tally = DetectionTally(24, 0.6)
    tally.add([(Box(0, 0, 10, 10), 0.7), (Box(50, 0, 30, 30), 0.9)], [], [])
    tally.add([(Box(0, 0, 90, 90), 0.5)], [], [])
    figures = tally.figures()
    assert figures["false_per_image"] == pytest.approx(1.0)
    assert figures["pictures_with_alarm"] == pytest.approx(0.5)
    assert "recall" not in figures


def test_recall_at_01_allows_one_alarm_in_ten_pictures() -> None:
    tally = DetectionTally(24, 0.6)
    face = Box(0, 0, 40, 40)
    for index in range(10):
        alarms = [(Box(200, 200, 40, 40), confidence) for confidence in ([0.95, 0.3] if index == 0 else [])]
        tally.add([(face, 0.9 if index < 8 else 0.2), *alarms], [face], [False])
    assert tally.figures()["recall_at_01"] == pytest.approx(0.8)


# faces


def test_age_in_years_and_a_face_not_found() -> None:
    rows = [
        ({"age": 20}, make_face(23)),
        ({"age": 30}, make_face(30)),
        ({"age": 40}, None),
        ({"age": 30}, make_face(21)),
    ]
    figures = tallied(rows)
    assert (figures["rows"], figures["detected"]) == (4, 3)
    # the missed face counts as if the median age, 30, had been said
    assert figures["age_mae"] == pytest.approx((3 + 0 + 10 + 9) / 4)
    assert figures["found_only"]["age_mae"] == pytest.approx(4)
    assert figures["found_only"]["age_coverage"] == pytest.approx(2 / 3)
    assert figures["by_group"]["age"]["30-39"] == {
        "n": 2, "detected": 2, "age_mae": 4.5, "age_coverage": 0.5,
    }  # fmt: skip
    assert figures["by_group"]["age"]["40-49"]["detected"] == 0
    assert "gender_accuracy" not in figures


def test_age_buckets_go_by_the_largest_mass() -> None:
    spread = np.zeros(101)
    spread[[3, 9, 10]] = 0.3, 0.3, 0.4  # 0.6 in 3..9, the highest single year in 10..19
    rows = [
        ({"age_low": 3, "age_high": 9}, make_face(9, distribution=spread)),
        ({"age_low": 10, "age_high": 19}, make_face(5)),
        ({"age_low": 20, "age_high": 29}, make_face(5)),
        ({"age_low": 70, "age_high": 100}, None),
    ]
    figures = tallied(rows)
    assert figures["age_bucket_accuracy"] == pytest.approx(0.25)
    assert figures["age_bucket_one_off"] == pytest.approx(0.5)
    assert figures["found_only"]["age_bucket_accuracy"] == pytest.approx(1 / 3)
    assert set(figures["by_group"]["age"]) == {"03-09", "10-19", "20-29", "70-100"}


def test_gender_by_group() -> None:
    rows = [
        ({"gender": "female", "race": "A"}, make_face(gender="female")),
        ({"gender": "male", "race": "A"}, make_face(gender="female")),
        ({"gender": "male", "race": "B"}, make_face(gender="male")),
        ({"gender": "female", "race": "B"}, None),
        ({"gender": None, "race": "B"}, make_face(gender="male")),
    ]
    figures = tallied(rows)
    assert figures["gender_accuracy"] == pytest.approx(0.5)
    assert figures["found_only"]["gender_accuracy"] == pytest.approx(2 / 3)
    assert figures["by_group"]["race"]["A"] == {"n": 2, "detected": 2, "gender_accuracy": 0.5}
    assert figures["by_group"]["race"]["B"] == {"n": 3, "detected": 2, "gender_accuracy": 0.5}


def test_points_come_back_into_the_stored_picture() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(10, 90, (68, 2))
    fractions = ((truth + 0.5) / 100).ravel().tolist()
    labels = {"points68": fractions, "width": 100, "height": 100}
    tally = FaceTally(labels)
    # enlarged three times, with a border of 17 px
    tally.add(labels, make_face(points=(truth + 0.5) * 3 - 0.5 + 17), 3.0, (17.0, 17.0))
    assert tally.figures()["landmarks_nme"] == pytest.approx(0, abs=1e-5)
    tally.add(labels, None, 1.0, (0.0, 0.0))
    assert tally.figures()["landmarks_nme"] == pytest.approx(MISSED_NME / 2, abs=1e-5)
    assert tally.figures()["found_only"]["landmarks_nme"] == pytest.approx(0, abs=1e-5)


def test_five_points_of_people_against_those_that_68_give() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(10, 90, (68, 2))
    truth = np.stack([points[list(group)].mean(axis=0) for group in FIVE])
    eyes = float(np.linalg.norm(truth[0] - truth[1]))
    assert nme5(points, truth) == pytest.approx(0, abs=1e-6)
    assert nme5(points + np.array([3, 4]), truth) == pytest.approx(5 / eyes)
    labels = {"points5": ((truth + 0.5) / 100).ravel().tolist(), "width": 100, "height": 100}
    figures = tallied(
        [(labels, make_face(points=points + np.array([3, 4]))), (labels, None), (labels | {"points5": None}, None)]
    )
    assert figures["landmarks5_nme"] == pytest.approx((5 / eyes + MISSED_NME) / 2, rel=1e-5)


def test_scores_on_the_scale_of_the_network() -> None:
    rows = [({"score": score}, make_face(appearance=(score + 0.5 - 1) * 25)) for score in (1.5, 2.5, 4.0)]
    figures = tallied(rows)
    assert figures["score_pearson"] == pytest.approx(1)
    assert figures["score_mae"] == pytest.approx(0.5)
    assert figures["score_rmse"] == pytest.approx(0.5)


def test_scores_on_another_scale_are_brought_to_it() -> None:
    rows = [({"score": 2 * score}, make_face(appearance=10 * score)) for score in (1.0, 2.0, 4.5)]
    figures = tallied(rows)
    assert figures["score_pearson"] == pytest.approx(1)
    assert figures["score_mae"] == pytest.approx(0, abs=1e-9)


def test_smile_and_happiness() -> None:
    rows = [({"smile": s}, make_face(smile=p)) for s, p in ((True, 0.9), (False, 0.2), (True, 0.1), (False, 0.0))]
    assert tallied(rows)["smile_auc"] == pytest.approx(0.75)
    rows = [({"happiness": h}, make_face(smile=p)) for h, p in ((0.5, 0.9), (0.49, 0.2), (0.8, 0.1), (0.0, 0.0))]
    assert tallied(rows)["smile_auc"] == pytest.approx(0.75)


def test_glasses_by_hand() -> None:
    """Two pairs of four in order and one tied; a face not found is no answer, and a row without a label is left out."""
    rows = [({"glasses": g}, make_face(glasses=p)) for g, p in ((True, 0.9), (False, 0.6), (True, 0.55))]
    figures = tallied([*rows, ({"glasses": False}, None), ({"glasses": None}, make_face(glasses=0.1))])
    assert figures["glasses_auc"] == pytest.approx(3 / 4)
    assert figures["glasses_accuracy"] == pytest.approx(2 / 4)
    assert figures["found_only"]["glasses_accuracy"] == pytest.approx(2 / 3)


def test_buckets_are_covered_as_far_as_the_shown_band_reaches() -> None:
    """A band of 25 to 35: all of 30-34, none of 50-59; of 20-29 what the distribution holds of it from 25 on."""
    p = np.zeros(101)
    p[[22, 27, 30, 33]] = 0.1, 0.3, 0.3, 0.3
    buckets = [(30, 34, 1.0), (50, 59, 0.0), (20, 29, 0.75), (70, 130, 0.0)]
    for low, high, share in buckets:
        labels = {"age_low": low, "age_high": high}
        assert tallied([(labels, make_face(30, distribution=p))])["age_coverage"] == pytest.approx(share, abs=1e-6)
    figures = tallied([({"age_low": 30, "age_high": 34}, None), ({"age_low": None, "age_high": None}, make_face(30))])
    assert "age_coverage" not in figures


def shares(**given: float) -> dict[str, float]:
    return {name: given.get(name, 0.0) for name in EXPRESSIONS}


def test_expressions_by_hand() -> None:
    """Five labelled rows: two right, two wrong, one not found; a tie and a row without votes count neither way."""
    rows = [
        (shares(neutral=0.6, happiness=0.4), make_face(expression="neutral")),
        (shares(neutral=0.4, sadness=0.3, anger=0.3), make_face(expression="sadness")),
        (shares(happiness=1.0), make_face(expression="happiness")),
        (shares(happiness=0.9, surprise=0.1), None),
        (shares(contempt=0.5, neutral=0.3, anger=0.2), make_face(expression="neutral")),
        (shares(neutral=0.4, fear=0.4, surprise=0.2), make_face(expression="neutral")),
        (dict.fromkeys(EXPRESSIONS), make_face(expression="neutral")),
    ]
    figures = tallied(rows)
    assert (figures["rows"], figures["detected"]) == (7, 6)
    assert figures["expression_accuracy"] == pytest.approx(2 / 5)
    assert figures["found_only"]["expression_accuracy"] == pytest.approx(2 / 4)
    assert figures["by_group"] == {
        "expression": {
            "contempt": {"n": 1, "detected": 1, "expression_accuracy": 0.0},
            "happiness": {"n": 2, "detected": 1, "expression_accuracy": 0.5},
            "neutral": {"n": 2, "detected": 2, "expression_accuracy": 0.5},
        }
    }


def test_a_tie_for_a_lower_place_counts() -> None:
    rows = [(shares(anger=0.4, neutral=0.3, fear=0.3), make_face(expression="anger"))]
    assert tallied(rows)["expression_accuracy"] == 1.0


def test_a_network_without_expressions_gives_no_figure_of_them() -> None:
    rows = [(shares(happiness=1.0), make_face(smile=0.9)), (shares(neutral=1.0), make_face(smile=0.2))]
    figures = tallied(rows)
    assert figures["smile_auc"] == 1.0
    assert "expression_accuracy" not in figures
    assert figures["by_group"]["expression"]["neutral"] == {"n": 1, "detected": 1}


def test_a_pack_of_happiness_alone_has_no_expressions() -> None:
    figures = tallied([({"happiness": 1.0}, make_face(smile=0.9, expression="happiness"))])
    assert set(figures) == {"rows", "detected", "found_only"}


def test_a_part_that_was_not_run_gives_no_figure() -> None:
    assert set(tallied([({"age": 20, "smile": True}, make_face())])) == {"rows", "detected", "by_group", "found_only"}


def test_when_no_face_is_found_everything_is_wrong() -> None:
    figures = tallied([({"gender": "male", "age": 20}, None), ({"gender": "male", "age": 30}, None)])
    assert figures["gender_accuracy"] == 0
    assert figures["age_mae"] == 5
    assert figures["found_only"] == {}


def test_intervals_hold_the_figure_and_shrink_with_rows() -> None:
    def width(count: int) -> float:
        rows = [({"gender": "male"}, make_face(gender="male" if i % 5 else "female")) for i in range(count)]
        figures = tallied(rows, intervals=True)
        low, high = figures["intervals"]["gender_accuracy"]
        assert low <= figures["gender_accuracy"] <= high
        return high - low

    assert width(1000) < width(50) / 3
    assert bootstrap({"gender_right": np.ones(9)}, np.arange(9))["gender_accuracy"] == [1.0, 1.0]


def test_15_points_in_px_of_the_kaggle_crop() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(20, 80, (68, 2))
    shifted = truth + np.array([3, 4])
    side = 1.25 * np.ptp(SHARES["kaggle15"] @ truth, axis=0).max()
    assert points15_error(truth, truth) == 0
    # the mean square of 3 and 4, in crop pixels
    assert points15_error(shifted, truth) == pytest.approx(12.5 * (96 / side) ** 2)
    labels = {"points68": ((truth + 0.5) / 100).ravel().tolist(), "width": 100, "height": 100}
    figures = tallied([(labels, make_face(points=shifted)), (labels, None)])
    assert figures["points15_rmse"] == pytest.approx(np.sqrt(12.5) * 96 / side, rel=1e-5)


def test_groups_by_light_blur_and_size() -> None:
    rng = np.random.default_rng(0)
    pattern = rng.integers(0, 120, (96, 96, 3)).astype(np.uint8)
    smooth = np.asarray(cv2.GaussianBlur(pattern, (0, 0), 3), np.uint8)
    bright, dark = measure(pattern + 100, {}), measure(pattern // 3, {})
    assert bright["light"] > dark["light"] + 90
    assert measure(smooth, {})["sharpness"] < bright["sharpness"] / 3
    assert measure(pattern, {"det_box": [0.1, 0.1, 0.5, 0.25]})["face_size"] == 48
    rows = [{"light": float(i), "sharpness": 1.0, "face_size": float(i % 2)} for i in range(10)]
    found = groups([*rows, None])
    assert set(found) == {"light", "face_size"}
    assert [found["light"].count(name) for name in CONDITIONS["light"]] == [2, 6, 2]
    assert found["light"][-1] is None
    tally = FaceTally({"gender": None})
    for index, row in enumerate(rows):
        tally.add({"gender": "male"}, make_face(gender="male" if index > 1 else "female"), 1.0, (0.0, 0.0), row)
    by_light = tally.figures()["by_group"]["light"]
    assert by_light["darkest fifth"] == {"n": 2, "detected": 2, "gender_accuracy": 0.0}
    assert by_light["brightest fifth"]["gender_accuracy"] == 1.0


# packs


def picture(width: int = 40, height: int = 30, colour: int = 90) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("RGB", (width, height), (colour,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def pack(path: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_rows_of_a_split_in_order_up_to_the_limit(tmp_path: Path) -> None:
    split = ["train", "test", "test", "train", "test"]
    path = pack(tmp_path / "a.parquet", image=[picture(colour=i) for i in range(5)], split=split, age=[1, 2, 3, 4, 5])
    opened = open_pack(path, "test")
    assert (opened.rows, opened.kind, opened.parts) == (3, "faces", {"attributes"})
    rows = list(opened)
    assert [row.labels["age"] for row in rows] == [2, 3, 5]
    assert [int(row.image[0, 0, 0]) for row in rows if row.image is not None] == [1, 2, 4]
    assert [row.labels["age"] for row in open_pack(path, "test", limit=2)] == [2, 3]
    assert [row.labels["age"] for row in open_pack(path, "test", limit=1)] == [2]
    assert len(list(open_pack(path, "test", limit=99))) == 3


def test_more_rows_than_a_batch_holds(tmp_path: Path) -> None:
    count = 600
    split = ["train" if i % 2 else "test" for i in range(count)]
    path = pack(tmp_path / "a.parquet", image=[picture(2, 2)] * count, split=split, age=list(range(count)))
    assert [row.labels["age"] for row in open_pack(path, "test")] == list(range(0, 600, 2))
    # packs may be sorted by their labels: a part of one is spread over it
    assert [row.labels["age"] for row in open_pack(path, "test", 6)] == [0, 100, 200, 300, 400, 500]
    assert len(list(open_pack(path, "test", 290))) == 290


def test_split6040_and_no_split_at_all(tmp_path: Path) -> None:
    images = [picture()] * 3
    path = pack(tmp_path / "a.parquet", image=images, split6040=["train", "test", "test"], score=[1.0, 2.0, 3.0])
    assert (open_pack(path, "test").rows, open_pack(path, "test").parts) == (2, {"appearance"})
    points = {"points68": [[0.5] * 136] * 3, "width": [9] * 3, "height": [9] * 3}
    assert open_pack(pack(tmp_path / "b.parquet", image=images, **points), "test").rows == 3


def test_a_pack_without_a_test_part_is_measured_on_val(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.parquet", image=[picture()] * 3, split=["train", "val", "val"], age=[1, 2, 3])
    opened = open_pack(path)
    assert (opened.split, opened.rows) == ("val", 2)
    both = pack(tmp_path / "b.parquet", image=[picture()] * 2, split=["val", "test"], age=[1, 2])
    assert open_pack(both).split == "test"
    numbers = pack(tmp_path / "c.parquet", image=[picture()] * 2, split=[1, 2], age=[1, 2])
    assert [row.labels["age"] for row in open_pack(numbers, "2")] == [2]


def test_pictures_in_records_of_bytes_and_path(tmp_path: Path) -> None:
    files = [{"bytes": picture(), "path": None}, {"bytes": None, "path": "a.png"}]
    path = pack(tmp_path / "a.parquet", image=files, age=[1, 2])
    assert [row.image is None for row in open_pack(path)] == [False, True]


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"boxes": [[[1.0, 2.0, 3.0, 4.0]]]}, "scenes"),
        ({"grey": [True]}, "empty"),
        ({"happiness": [0.5]}, "faces"),
        ({"points5": [[0.5] * 10], "width": [9], "height": [9]}, "faces"),
    ],
)
def test_kinds(tmp_path: Path, columns: dict[str, list[Any]], kind: str) -> None:
    assert open_pack(pack(tmp_path / "a.parquet", image=[picture()], **columns)).kind == kind


def test_a_pack_of_expressions_asks_for_the_attributes(tmp_path: Path) -> None:
    columns = {name: [float(index == 3)] for index, name in enumerate(EXPRESSIONS)}
    opened = open_pack(pack(tmp_path / "a.parquet", image=[picture()], **columns))
    assert (opened.kind, opened.parts) == ("faces", {"attributes"})
    (row,) = opened
    assert row.labels["sadness"] == 1.0


def test_pictures_that_cannot_be_read_stay_rows(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.parquet", image=[picture(), b"nonsense", None], age=[1, 2, 3])
    assert [row.image is None for row in open_pack(path)] == [False, True, True]


def test_what_is_no_pack(tmp_path: Path) -> None:
    def refused(path: Path, words: str, split: str = "test") -> None:
        with pytest.raises(UsageError, match=words) as caught:
            open_pack(path, split)
        assert path.name in str(caught.value)

    refused(tmp_path / "none.parquet", "there is no such file")
    refused(tmp_path, "it is a folder")
    (tmp_path / "text.parquet").write_text("hello")
    refused(tmp_path / "text.parquet", "not a readable Parquet file")
    (tmp_path / "empty.parquet").touch()
    refused(tmp_path / "empty.parquet", "not a readable Parquet file")
    refused(pack(tmp_path / "c.parquet", age=[1]), "no column 'image'")
    refused(pack(tmp_path / "d.parquet", image=[picture()], age_low=[1]), "no column 'age_high'")
    seven = {name: [0.1] for name in EXPRESSIONS[:-1]}
    refused(pack(tmp_path / "f.parquet", image=[picture()], **seven), "'neutral' and no column 'contempt'")
    refused(pack(tmp_path / "g.parquet", image=pa.array([], pa.binary())), "it has no rows")
    whole = pack(tmp_path / "h.parquet", image=[picture(200, 200)] * 9, age=[1] * 9).read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.parquet", "its end is missing")
    refused(pack(tmp_path / "i.parquet", image=[picture()], points68=[[0.5] * 136]), "no column 'width'")
    with_splits = pack(tmp_path / "e.parquet", image=[picture()] * 2, split=["train", "val"], age=[1, 2])
    refused(with_splits, r"no row of split 'test' \(it has train, val\)")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"age": ["thirty"]}, "its column 'age' holds string, not numbers"),
        ({"age": [{"low": 3}]}, "its column 'age' holds struct"),
        ({"gender": [1]}, "its column 'gender' holds int64, not text"),
        ({"boxes": [7.0]}, "its column 'boxes' holds double, not lists"),
        ({"image": [17], "age": [3]}, "its column 'image' holds int64, not pictures"),
        ({"image": ["a.png"], "age": [3]}, "its column 'image' holds string, not pictures"),
    ],
)
def test_columns_that_hold_something_else(tmp_path: Path, columns: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_pack(pack(tmp_path / "a.parquet", **({"image": [picture()]} | columns)))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"points5": [[0.5] * 10, [0.5] * 8], "width": [9, 9], "height": [9, 9]}, "its points5 has 8 numbers"),
        ({"points68": [[0.5] * 136, [0.5] * 10], "width": [9, 9], "height": [9, 9]}, "its points68 has 10 numbers"),
        ({"boxes": [[], [[1.0, 2.0, 3.0]]]}, "one of its boxes has not the four numbers"),
        ({"boxes": [[], [[1.0, 2.0, 3.0, 4.0]]], "ignore": [[], []]}, "it has 1 boxes and 0 values of ignore"),
        ({"gender": ["male", "F"]}, "its gender is 'F', not female or male"),
        ({"age_low": [3, 30], "age_high": [9, 20]}, "its age_low and age_high are 30 and 20"),
        ({"age": [1, 2], "det_box": [None, [0.1, 0.2]]}, "its det_box has 2 numbers, not 4"),
    ],
)
def test_a_row_with_labels_of_another_form_is_named(tmp_path: Path, columns: dict[str, list[Any]], words: str) -> None:
    rows = iter(open_pack(pack(tmp_path / "a.parquet", image=[picture()] * 2, **columns)))
    next(rows)
    with pytest.raises(UsageError, match=f"row 2: {words}"):
        next(rows)


def test_a_pack_that_is_damaged_further_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.parquet"
    # two parts, the second of which is overwritten: the end of the file, where its form is told, is whole
    table = pa.table({"image": [rng.bytes(2000) for _ in range(600)], "age": [1] * 600})
    pq.write_table(table, path, row_group_size=300, compression="zstd")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle + 2000 : middle + 300_000] = bytes(298_000)
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"damaged after the first \d+ rows"):
        list(open_pack(path))


def test_padding_maps_pixel_centres() -> None:
    image = np.zeros((80, 60, 3), np.uint8)
    image[20:24, 30:34] = 255
    out, scale, (x, y) = padded(image)
    assert scale == 2
    assert (x, y) == (round(160 * PAD), round(160 * PAD))
    assert out.shape == (160 + 2 * y, 120 + 2 * x, 3)
    rows, columns = np.nonzero(out[:, :, 0] > 200)
    bright = np.array([columns.mean(), rows.mean()])
    assert np.allclose((bright - (x, y) + 0.5) / scale - 0.5, (31.5, 21.5), atol=0.1)


def test_large_crops_are_not_enlarged() -> None:
    assert padded(np.zeros((192, 150, 3), np.uint8))[1] == 1
    assert padded(np.zeros((48, 48, 3), np.uint8))[1] == 3
