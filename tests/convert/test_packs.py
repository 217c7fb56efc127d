"""Batches drawn from several packs: faces are aligned as at run time, and mixed pictures have mixed losses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")
pytest.importorskip("tensorflow", reason="the training extra is not installed")

import cv2
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from convert import attributes
from convert.faces import augment, data, packs, teach
from facelens.engine import open_engine
from facelens.registry import load_registry
from facelens.resources import asset, models_dir
from facelens.types import Box, Detection, Landmarks

CALM = augment.Strength(rotation=0, scale=0, shift=0, degrade=0, grey=0, dark=0, erase=0)
SPEC = attributes.CROP


def pack(image: npt.NDArray[np.uint8], found: npt.NDArray[np.float32] | None) -> packs.Pack:
    crops = data.Crops(image[None], {}, None, attributes.STORED, found)
    return packs.Pack(crops, {"female": np.ones(1, np.float32)}, {}, np.ones(1))


def spot(place: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """A dark stored crop with a bright spot at ``place``."""
    image = np.zeros((attributes.STORED.size, attributes.STORED.size, 3), np.uint8)
    x, y = np.round(place).astype(int)
    return np.asarray(cv2.circle(image, (int(x), int(y)), 5, (255, 255, 255), -1), np.uint8)


def middle(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Where the light is, without mirroring: the spot lies on the left."""
    light = image[..., 0].astype(float)
    light = np.maximum(light - (light.max() + light.min()) / 2, 0)  # whatever the light of the picture
    x = float((light * np.arange(light.shape[1])).sum() / light.sum())
    return np.array([min(x, SPEC.size - 1 - x), (light * np.arange(light.shape[0])[:, None]).sum() / light.sum()])


def test_faces_are_aligned_by_the_points_that_are_met_at_run_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our detector says that the face lies 12 px lower: its eye must be where the template has it, as at run time."""
    lower = (attributes.STORED.template + np.array([0, 12])).astype(np.float32)
    image, eye = spot(lower[0]), SPEC.template[0]
    for own, moved in ((1.0, False), (0.0, True)):
        monkeypatch.setattr(packs, "OWN", own)
        found, _ = packs.draw({"a": pack(image, lower[None])}, {"a": 1.0}, 8, np.random.default_rng(0), SPEC, CALM)
        places = np.array([middle(picture) for picture in found])
        scale = np.ptp(SPEC.template[:, 0]) / np.ptp(attributes.STORED.template[:, 0])
        expected = eye + np.array([0, 12 * scale if moved else 0])
        assert np.abs(places - expected).max() < 1.0


def test_faces_that_our_detector_misses_are_aligned_as_the_pack_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "OWN", 1.0)
    image = spot(attributes.STORED.template[0])
    for found in (None, np.full((1, 5, 2), np.nan, np.float32)):
        batch, _ = packs.draw({"a": pack(image, found)}, {"a": 1.0}, 4, np.random.default_rng(0), SPEC, CALM)
        assert np.abs(np.array([middle(picture) for picture in batch]) - SPEC.template[0]).max() < 1.0


def test_a_detection_elsewhere_is_not_this_face() -> None:
    known = attributes.STORED.template
    near, far = at(known + 3), at(known + 90)
    assert np.allclose(data._nearest([far, near], known), known + 3)
    assert np.isnan(data._nearest([far], known)).all()
    assert np.isnan(data._nearest([], known)).all()


def at(points: npt.NDArray[Any]) -> Detection:
    return Detection(Box(0, 0, 10, 10), 0.9, Landmarks(points.astype(np.float32), "five"))


def test_mixed_pictures_are_taught_by_both_labels() -> None:
    rng = np.random.default_rng(3)
    images = np.repeat(np.array([0, 100, 200], np.uint8), 8 * 8 * 3).reshape(3, 8, 8, 3)
    batch = images, {"female": np.array([0.0, 1.0, 1.0], np.float32)}
    same, known = packs.mix(rng, batch, 0.0)
    assert (same == images).all()
    assert (known["share"] == 1).all()
    faded, known = packs.mix(rng, batch, 1.0)
    part = known["share"][0]
    assert 0.5 <= part < 1
    # each with the one before it, the first with the last
    expected = part * np.array([0, 100, 200]) + (1 - part) * np.array([200, 0, 100])
    assert np.abs(faded[:, 0, 0, 0] - expected).max() <= 1

    def error(targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        each = tf.constant([1.0, 10.0, 100.0])  # so that it tells which label a picture got
        return {"female": tf.reduce_sum(each * tf.abs(targets["female"] - outputs["female"]))}

    answer = {"female": tf.constant([0.0, 1.0, 1.0])}
    value = packs.mixed(error)({k: tf.constant(v) for k, v in known.items()}, answer)["female"]
    assert float(value) == pytest.approx((1 - part) * 11, rel=1e-5)


def test_what_the_teacher_says_is_missed_least_by_saying_the_same() -> None:
    soft = {"soft_female": 0.8, "soft_smile": 0.1, "soft_glasses": 0.3}
    targets = {k: tf.constant([v], tf.float32) for k, v in soft.items()}
    age, expression = np.eye(101, dtype=np.float32)[[40]], np.eye(8, dtype=np.float32)[[2]]
    targets |= {"soft_age": tf.constant(age), "soft_expression": tf.constant(expression)}

    def value(**moved: float) -> float:
        outputs = {n: np.log(soft[f"soft_{n}"] / (1 - soft[f"soft_{n}"])) + moved.get(n, 0.0) for n in
                   ("female", "smile", "glasses")}  # fmt: skip
        logits = {n: tf.constant([[v]], tf.float32) for n, v in outputs.items()}
        logits |= {"age": tf.constant(9 * np.roll(age, int(moved.get("age", 0)), 1))}
        logits |= {"expression": tf.constant(9 * np.roll(expression, int(moved.get("expression", 0)), 1))}
        return float(packs.soft_loss(targets, logits)[0])

    for name in ("female", "smile", "glasses", "age", "expression"):
        assert value() < value(**{name: 1.0})


def test_our_detector_finds_the_bundled_face_where_its_label_is(tmp_path: Path) -> None:
    """``data.load`` with ``models``: points in pixels of the stored crop, near where the pack's lie in it."""
    picture = cv2.imread(str(asset("samples/astronaut.jpg")))
    assert picture is not None
    with open_engine(parts=frozenset()) as engine:
        face = engine.analyze(np.asarray(picture, np.uint8)).faces[0]
    height, width = picture.shape[:2]
    flat = ((face.detection.landmarks.points + 0.5) / (width, height)).ravel().tolist()
    row = {"image": [cv2.imencode(".png", picture)[1].tobytes()], "split": ["train"], "det_score": [0.9]}
    row |= {"landmarks5": [flat], "width": [width], "height": [height]}
    pq.write_table(pa.table(row), tmp_path / "one.parquet")
    for _ in range(2):  # made, and read again
        crops = data.load(tmp_path, tmp_path / "cache", "one", "train", stored=attributes.STORED, models=models_dir())
        assert crops.found is not None
        assert np.abs(crops.found[0] - attributes.STORED.template).max() < 6
    assert data.load(tmp_path, tmp_path / "cache", "one", "train", stored=attributes.STORED).found is None


def test_the_teacher_is_the_network_that_counts_most() -> None:
    """Not the first of its task, which is the one that live views ask."""
    specs = load_registry(models_dir())
    found = teach.teachers_of(specs, ("attributes",))["attributes"]
    others = [spec for spec in specs if spec.task == "attributes" and spec is not found]
    assert others, "there is more than one to choose from"
    assert all(found.weight > spec.weight for spec in others)
    light = replace(found, weight=0.1)
    assert teach.teachers_of([light, *others], ("attributes",))["attributes"] is not light


def test_groups_that_are_read_worst_are_drawn_more_often() -> None:
    rows = ["Black", "White", "White", "Indian"]
    table = {"age_low": [20] * 4, "age_high": [29] * 4, "gender": ["female"] * 4, "race": rows}
    crops = data.Crops(np.zeros((4, 8, 8, 3), np.uint8), table, None, attributes.STORED)
    chances = attributes.chances(attributes.labels(crops))
    assert chances.sum() == pytest.approx(1)
    assert chances[0] / chances[1] == pytest.approx(attributes.HARD_GROUPS["Black"])
    assert chances[1] == chances[2] == chances[3]
