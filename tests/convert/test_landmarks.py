"""The training of the landmarks network: points of people, told points and five points, in the right places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")
pytest.importorskip("tensorflow", reason="the training extra is not installed")

import cv2
import tensorflow as tf

from convert import landmarks
from convert.faces import augment, data
from facelens.engine import open_engine
from facelens.resources import asset, models_dir
from facelens.types import Landmarks
from facelens.vision.crop import align
from facelens.vision.schemes import SHARES, to_scheme


@pytest.fixture(scope="module")
def face() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """The stored crop of the bundled face, and its 68 points there."""
    picture = np.asarray(cv2.imread(str(asset("samples/astronaut.jpg"))), np.uint8)
    with open_engine(parts=frozenset({"landmarks"})) as engine:
        found = engine.analyze(picture).faces[0]
    assert found.landmarks is not None
    image, matrix = align(picture, found.detection.landmarks.points, data.STORED)
    return image, np.asarray(found.landmarks.points @ matrix[:, :2].T + matrix[:, 2])


def test_points_are_told_where_the_network_is_sure(
    face: tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]], tmp_path: Path
) -> None:
    image, points = face
    grey = np.full_like(image, 127)
    crops = data.Crops(np.stack([image, image[:, ::-1], image, image, grey]), {}, None, data.STORED)
    for _ in range(2):  # made, and read again
        told = landmarks.told(crops, "few", tmp_path, models_dir(), 5)
        assert np.isfinite(told[:4]).all()
        assert np.isnan(told[4]).all()
        assert np.abs(told[0] - points).mean() < 2
    two = landmarks.told(crops, "few", tmp_path, models_dir(), 2)
    # the first and the last: packs may be sorted
    assert np.isnan(two[1:4]).all()
    assert np.isfinite(two[[0, 4]]).all(1).all(1).any()


def test_points_follow_the_crops_of_a_batch(face: tuple[npt.NDArray[np.uint8], npt.NDArray[np.float64]]) -> None:
    """Whatever the alignment: the pupil's surroundings are found where the label says."""
    image, points = face
    # a bright dot on the tip of the nose, which no flip moves to another point
    nose = points[30]
    marked = np.full_like(image, 114)  # as what lies beyond the picture
    cv2.circle(marked, (round(nose[0]), round(nose[1])), 4, (255, 255, 255), -1)
    off = (data.STORED.template + np.array([5, 4])).astype(np.float32)
    calm = augment.Strength(degrade=0, grey=0, dark=0, erase=0)
    five = SHARES["five"] @ points

    def pack(by_people: bool, own_five: bool) -> landmarks.Labelled:
        crops = data.Crops(marked[None], {}, None, data.STORED, off[None])
        given = five if own_five else np.full((5, 2), np.nan)
        return landmarks.Labelled(crops, points[None], given[None], np.array([0]), by_people)

    every = {"landmarks68": pack(True, False), "mtfl5": pack(False, True)}
    every |= {name: pack(False, False) for name in ("fairface", "utkface")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landmarks, "STRENGTH", calm)
        images, found = landmarks.batch(every, np.random.default_rng(0), landmarks.CROP.size)
    assert sum(landmarks.SHARES.values()) == pytest.approx(1)
    for row, picture in enumerate(images):
        light = picture[..., 0].astype(float)
        light = np.maximum(light - (light.max() + light.min()) / 2, 0)
        x = (light.sum(0) * np.arange(light.shape[1])).sum() / light.sum()
        y = (light.sum(1) * np.arange(light.shape[0])).sum() / light.sum()
        label = found["points"][row].reshape(68, 2)[30] * landmarks.CROP.size
        assert np.hypot(x - label[0], y - label[1]) < 1.5
        # the right eye of the face stays on the viewer's left
        assert found["points"][row, 2 * 36] < found["points"][row, 2 * 45]
        assert found["whole"][row] + found["told"][row] == 1
        assert bool(found["five"][row].any()) == bool(found["partial"][row])
    assert 0.3 < found["whole"].mean() < 0.7
    assert 0 < found["partial"].mean() < 0.45


def test_five_hand_points_teach_what_the_68_give() -> None:
    rng = np.random.default_rng(0)
    shape = rng.uniform(0.2, 0.8, (68, 2)).astype(np.float32)
    five = to_scheme(Landmarks(shape, "ibug68"), "five")
    assert five is not None

    def parts(moved: float, spread: float, kind: str) -> dict[str, float]:
        targets = {
            "points": shape.reshape(1, -1), "five": five.points.reshape(1, -1),
        }  # fmt: skip
        targets |= {name: np.array([name == kind], np.float32) for name in ("whole", "told", "partial")}
        outputs = {"points": shape.reshape(1, -1) + moved, "spread": np.full((1, 68), spread, np.float32)}
        found = landmarks.loss({k: tf.constant(v) for k, v in targets.items()}, outputs)
        return {k: float(v) for k, v in found.items()}

    assert parts(0, 0.01, "partial")["five"] == pytest.approx(0, abs=1e-4)
    assert parts(0.02, 0.01, "partial")["five"] > parts(0.01, 0.01, "partial")["five"] > 0.5
    assert parts(0.02, 0.01, "partial")["wing"] == parts(0.02, 0.01, "whole")["five"] == 0
    # what a network told counts less than what people say, and says nothing of the spread
    told, whole = parts(0.02, 0.01, "told"), parts(0.02, 0.01, "whole")
    assert told["told"] == pytest.approx(landmarks.TOLD_WEIGHT * whole["wing"], rel=1e-5)
    assert told["wing"] == told["spread"] == whole["told"] == 0
    # each coordinate is off by 0.02, so that is the most likely spread
    spreads = [parts(0.02, spread, "whole")["spread"] for spread in (0.01, 0.02, 0.04)]
    assert min(spreads) == spreads[1]
