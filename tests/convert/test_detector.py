"""The detector's training: targets, loss, composites, and the way from cells back to faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("keras", reason="training needs the 'train' extra (keras)")
pytest.importorskip("tensorflow", reason="training needs the 'train' extra (tensorflow)")

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from convert import (
    detector,
    detector_augment,
    detector_curves,
    detector_data,
    detector_loss,
    detector_measure,
    detector_mine,
)
from convert.detector_mix import Mixer, stream
from convert.detector_targets import assign, decode, grid
from convert.detector_told import told
from facelens.engine import open_engine
from facelens.resources import asset, models_dir
from facelens.vision.schemes import to_scheme

NONE = np.zeros((0, 4), np.float32)


def one_face(x: float, y: float, w: float, h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    points = (places * [w, h] + [x, y]).reshape(1, 10)
    return np.array([[x, y, w, h]], np.float32), points.astype(np.float32), np.ones(1, np.float32)


def perfect_rows(target: np.ndarray, height: int, width: int) -> np.ndarray:
    """What a network that has learned ``target`` would say (scores as probabilities)."""
    cells = grid(height, width)
    rows = np.zeros((len(cells), 16), np.float32)
    own = target[:, 0] > 0
    rows[own, 0:2] = 0.9
    place, stride, want = cells[own, :2], cells[own, 2:3], target[own]
    rows[own, 2:4] = (want[:, 2:4] + want[:, 4:6] / 2 - place) / stride
    rows[own, 4:6] = np.log(want[:, 4:6] / stride)
    rows[own, 6:16] = (want[:, 6:16] - np.tile(place, (1, 5))) / stride
    return rows


@pytest.mark.parametrize(
    ("side", "strides"), [(9, {8}), (14, {8}), (30, {8}), (50, {8, 16}), (80, {16}), (120, {16, 32}), (300, {32})]
)
def test_a_face_is_owned_by_the_strides_of_its_size(side: float, strides: set[int]) -> None:
    boxes, points, known = one_face(11, 13, side * 0.8, side)
    target = assign(320, 320, boxes, points, known, NONE)
    own = target[:, 0] > 0
    assert set(grid(320, 320)[own, 2].astype(int)) == strides
    assert (target[:, 1] == 1).all()
    assert np.allclose(target[own, 2:6], boxes[0])


@pytest.mark.parametrize("side", [9, 12, 20, 64, 128, 290])
def test_targets_come_back_as_the_same_face(side: float) -> None:
    boxes, points, known = one_face(17.5, 9.25, side * 0.75, side)
    faces = decode(perfect_rows(assign(320, 352, boxes, points, known, NONE), 320, 352), 320, 352)
    assert len(faces) == 1
    assert np.allclose(faces[0, :4], boxes[0], atol=1e-2)
    assert np.allclose(faces[0, 4:14], points[0], atol=1e-2)
    assert faces[0, 14] == pytest.approx(0.9, abs=1e-5)


def test_the_smallest_face_wins_a_cell() -> None:
    big, big_points, _ = one_face(100, 100, 56, 56)
    small, small_points, _ = one_face(112, 112, 30, 30)
    both = np.concatenate([small, big]), np.concatenate([small_points, big_points]), np.ones(2, np.float32)
    target = assign(320, 320, *both, NONE)
    cells = grid(320, 320)
    nearest = (cells[:, 2] == 8) & (cells[:, 0] == 128) & (cells[:, 1] == 128)
    assert np.allclose(target[nearest, 2:6], small)


def test_cells_inside_an_ignored_box_are_left_out_and_labelled_faces_there_stay() -> None:
    boxes, points, known = one_face(100, 100, 40, 40)
    target = assign(320, 320, boxes, points, known, np.array([[90, 90, 120, 120]], np.float32))
    cells = grid(320, 320)
    inside = (np.abs(cells[:, 0] - 150) <= 60) & (np.abs(cells[:, 1] - 150) <= 60)
    assert (target[inside & (target[:, 0] == 0), 1] == 0).all()
    assert (target[target[:, 0] > 0, 1] == 1).all()
    far = (cells[:, 0] < 60) | (cells[:, 1] > 250)
    assert (target[far, 1] == 1).all()


def loss_of(rows: np.ndarray, target: np.ndarray) -> dict[str, float]:
    parts = detector_loss.detector_loss(
        tf.constant(rows[None], tf.float32), tf.constant(target[None]), tf.constant(grid(128, 128))
    )
    return {key: float(value) for key, value in parts.items()}


def logits(rows: np.ndarray) -> np.ndarray:
    out = rows.copy()
    out[:, :2] = np.where(rows[:, :2] > 0.5, 9.0, -9.0)
    return out


def test_a_perfect_answer_costs_nothing_and_a_false_alarm_does() -> None:
    boxes, points, known = one_face(40, 40, 30, 36)
    target = assign(128, 128, boxes, points, known, NONE)
    rows = logits(perfect_rows(target, 128, 128))
    good = loss_of(rows, target)
    assert good["loss"] < 1e-3
    rows[0, :2] = 9.0
    assert loss_of(rows, target)["scores"] > good["scores"] + 0.5


def test_the_loss_is_blind_to_ignored_boxes() -> None:
    boxes, points, known = one_face(80, 80, 30, 36)
    target = assign(128, 128, boxes, points, known, np.array([[0, 0, 40, 40]], np.float32))
    rows = logits(perfect_rows(target, 128, 128))
    before = loss_of(rows, target)
    hidden = target[:, 1] == 0
    assert hidden.any()
    rows[hidden, :2] = 9.0
    assert loss_of(rows, target) == pytest.approx(before)


def test_faces_without_points_teach_no_points() -> None:
    boxes, points, known = one_face(40, 40, 30, 36)
    target = assign(128, 128, boxes, points, known * 0, NONE)
    rows = logits(perfect_rows(target, 128, 128))
    rows[:, 6:16] += 3
    assert loss_of(rows, target)["points"] == 0
    target[:, 16] = target[:, 0]
    assert loss_of(rows, target)["points"] > 0.1


def test_an_empty_batch_has_a_finite_loss() -> None:
    target = assign(128, 128, NONE, np.zeros((0, 10), np.float32), np.zeros(0, np.float32), NONE)
    parts = loss_of(np.zeros((len(target), 16), np.float32), target)
    assert np.isfinite(list(parts.values())).all()
    assert parts["box"] == 0


def marked_picture(size: int = 120) -> tuple[detector_data.Labelled, np.ndarray]:
    """A grey picture with a bright disc at each of the five points of its one face."""
    boxes, points, known = one_face(30, 28, 56, 64)
    image = np.full((size, size, 3), 90, np.uint8)
    y, x = np.mgrid[0:size, 0:size]
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)]
    for (px, py), colour in zip(points.reshape(5, 2), colours):
        image[np.hypot(x - px, y - py) < 3.2] = colour
    source = detector_data.Labelled([image], [boxes], [points], [known], [np.zeros(1, bool)], ["mtfl5"])
    return source, np.array(colours, float)


def colours_at(crop: detector_augment.Crop) -> np.ndarray:
    five = np.rint(crop.points[0].reshape(5, 2)).astype(int)
    return crop.image[five[:, 1], five[:, 0]].astype(float)


def test_points_that_are_not_known_stay_so_in_pasted_faces() -> None:
    source, _ = marked_picture()
    unsure = replace(source, known=[np.zeros(1, np.float32)])
    ground = np.full((256, 256, 3), 40, np.uint8)
    for given, known in ((source, 1), (unsure, 0)):
        crop = detector_augment.pasted_crop(np.random.default_rng(0), given, ground, [(0, 90.0)], [], 256)
        assert crop.known.tolist() == [known]


def test_pasted_faces_keep_their_points() -> None:
    source, colours = marked_picture()
    orders = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        ground = np.full((256, 256, 3), 40, np.uint8)
        crop = detector_augment.pasted_crop(rng, source, ground, [(0, 90.0)], [ground[:50, :60]], 256)
        assert crop.boxes.shape == (1, 4)
        assert crop.boxes[0, 2:].max() == pytest.approx(90, abs=1e-3)
        found = colours_at(crop)
        mirrored = bool(np.linalg.norm(found[0] - colours[1]) < np.linalg.norm(found[0] - colours[0]))
        orders.add(mirrored)
        want = colours[list(detector_augment.MIRRORED)] if mirrored else colours
        assert np.abs(found - want).max() < 80
        # the right eye stays on the viewer's left, mirrored or not
        assert crop.points[0, 0] < crop.points[0, 2]
    assert orders == {True, False}


def test_zoomed_scenes_keep_their_points_also_when_shrunk() -> None:
    source, colours = marked_picture(600)
    for span in (20.0, 110.0):
        crop = detector_augment.scene_crop(np.random.default_rng(3), source, 0, source.boxes[0][0], span, 256)
        assert crop.boxes[0, 2:].max() == pytest.approx(span, abs=1e-3)
        found = colours_at(crop)
        swapped = colours[list(detector_augment.MIRRORED)]
        assert min(np.abs(found - colours).mean(), np.abs(found - swapped).mean()) < 60


def test_cut_small_and_ignored_faces_are_left_out() -> None:
    boxes = np.array(
        [[10, 10, 40, 40], [-30, 60, 40, 40], [100, 100, 5, 5], [60, 60, 30, 30], [400, 0, 9, 9]], np.float32
    )
    ignore = np.array([False, False, False, True, False])
    crop = detector_augment.settle(np.zeros((128, 128, 3), np.uint8), boxes, np.zeros((5, 10)), np.ones(5), ignore)
    assert crop.boxes.tolist() == [[10, 10, 40, 40]]
    assert crop.ignored.tolist() == [[-30, 60, 40, 40], [100, 100, 5, 5], [60, 60, 30, 30]]


def mixer() -> Mixer:
    source, _ = marked_picture()
    empty = [np.random.default_rng(i).integers(0, 256, (90, 120, 3), np.uint8) for i in range(3)]
    return Mixer(source, source, empty, [(0, 40.0, 40.0, 20.0)], [(0, 100.0, 100.0, 14.0)])


def test_the_stream_is_the_same_for_the_same_seed() -> None:
    plan = [(3, 128), (2, 160)]
    first, second, other = (list(stream(mixer(), seed, plan)) for seed in (5, 5, 6))
    for (image, target), (again, target_again) in zip(first, second):
        assert np.array_equal(image, again)
        assert np.array_equal(target, target_again)
    assert first[1][0].shape == (2, 160, 160, 3)
    assert first[1][1].shape == (2, len(grid(160, 160)), 18)
    assert not np.array_equal(first[0][0], other[0][0])


def test_the_stream_passes_on_what_went_wrong() -> None:
    broken = mixer()
    broken.empty = []
    broken.scenes.pictures.clear()  # type: ignore[attr-defined]
    with pytest.raises((IndexError, ValueError)):
        list(stream(broken, 0, [(4, 128)]))


def test_the_learning_rate_rises_then_falls_to_nearly_nothing() -> None:
    assert detector.rate(0.0, 0) < detector.rate(0.02, detector.WARM_UP) == pytest.approx(detector.RATE, rel=0.01)
    assert detector.rate(0.5, 5000) == pytest.approx(detector.RATE / 2, rel=0.01)
    assert detector.rate(1.0, 9000) <= 0.011 * detector.RATE


def face(x: float, y: float, side: float, score: float) -> list[float]:
    return [x, y, side, side, *[0.0] * 10, score]


def test_judging_matches_once_and_excuses_ignored_and_small_ones() -> None:
    boxes = np.array([[0, 0, 40, 40], [100, 0, 40, 40], [200, 0, 10, 10]], np.float32)
    ignore = np.array([False, True, False])
    faces = np.array(
        [face(2, 2, 40, 0.9), face(0, 0, 38, 0.8), face(105, 5, 30, 0.7), face(200, 0, 10, 0.6), face(300, 0, 50, 0.5)],
        np.float32,
    )
    hits, alarms, count = detector_measure.judge(faces, boxes, ignore, 24)
    assert hits == pytest.approx([0.9])
    assert alarms == pytest.approx([0.8, 0.5])
    assert count == 1


def test_figures_of_a_known_case() -> None:
    boxes = [np.array([[0, 0, 40, 40], [100, 0, 40, 40]], np.float32)] * 10
    truth = detector_data.Labelled([], boxes, [], [], [np.zeros(2, bool)] * 10)
    found = [np.array([face(0, 0, 40, 0.9), face(100, 0, 40, 0.5)], np.float32)] * 9 + [
        np.array([face(300, 0, 40, 0.7), face(300, 90, 40, 0.65)], np.float32)
    ]
    part = detector_measure.figures(found, truth, range(10))
    assert part.faces == 20
    assert part.recall == pytest.approx(9 / 20)  # the second false alarm, at 0.65, is one too many
    assert part.recall_at_threshold == pytest.approx(9 / 20)
    assert part.alarms_at_threshold == pytest.approx(0.2)
    assert part.ap == pytest.approx(9 / 20 * 1 + 9 / 20 * 18 / 20)


def test_the_letterbox_says_how_to_go_back() -> None:
    canvas, scale = detector_mine.letterbox(np.full((50, 100, 3), 200, np.uint8), 640, 320, 640)
    assert canvas.shape == (320, 640, 3)
    assert scale == pytest.approx(6.4)
    assert canvas.min() == 200


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="curves need the 'train' extra (matplotlib)")
    entry = {"loss": 2.0, "scores": 1.0, "box": 0.5, "points": 0.1, "rate": 1e-3, "crops": 100}
    detector_curves.draw([entry, entry | {"loss": 1.0}], tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture is not None
    assert picture.shape[1] > 1000
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_points_of_close_faces_are_told_by_the_landmarks_network(tmp_path: Path) -> None:
    """From points that are off, as a detector's are, to those on which two looks agree; a grey picture has none."""
    picture = np.asarray(cv2.imread(str(asset("samples/astronaut.jpg"))), np.uint8)
    with open_engine(parts=frozenset({"landmarks"})) as engine:
        face = engine.analyze(picture).faces[0]
    assert face.landmarks is not None
    five = to_scheme(face.landmarks, "five")
    assert five is not None
    off = (face.detection.landmarks.points + np.array([4, 3])).reshape(1, 10)
    pictures = [picture] * 6 + [np.full_like(picture, 127)]
    fives = np.repeat(off, 7, 0).astype(np.float32)
    for _ in range(2):  # made, and read again
        points, known = told(pictures, fives, tmp_path, "few", models_dir())
        assert known.tolist() == [1] * 6 + [0]
        assert np.abs(points[0] - five.points.reshape(10)).mean() < 1.5
    assert np.abs(fives[0] - five.points.reshape(10)).mean() > 2.5


def test_told_points_replace_the_packs_but_not_those_of_people(tmp_path: Path) -> None:
    picture = cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))[1].tobytes()
    row = {"image": picture, "width": 40, "height": 40, "split": "train", "det_score": 0.9}
    row |= {"det_box": [0.1, 0.1, 0.8, 0.8], "landmarks5": [0.5] * 10, "points5": [0.25] * 10}
    for pack in ("fairface", "mtfl5"):
        pq.write_table(pa.Table.from_pylist([row] * 2), tmp_path / f"{pack}.parquet")
    asked = []

    def tell(pictures: Any, fives: Any, name: str) -> tuple[Any, Any]:
        asked.append((len(pictures), fives.tolist(), name))
        return np.full((2, 10), 7, np.float32), np.array([1, 0], np.float32)

    packs = {"mtfl5": 2, "fairface": 2}
    found = detector_data.faces(tmp_path, tmp_path, "train", packs, tell)
    assert asked == [(2, [[20.0] * 10] * 2, "fairface-train")]
    assert [p[0, 0] for p in found.points] == [10, 10, 7, 7]
    assert [k[0] for k in found.known] == [1, 1, 1, 0]
    plain = detector_data.faces(tmp_path, tmp_path, "train", packs)
    assert [p[0, 0] for p in plain.points] == [10, 10, 20, 20]
