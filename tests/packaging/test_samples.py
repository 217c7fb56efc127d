"""The bundled pictures: free, made from the portrait alone, and read as what they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from facelens import open_engine
from facelens.engine import Engine


@pytest.fixture(scope="module")
def samples(root: Path) -> Path:
    return root / "assets" / "samples"


@pytest.fixture(scope="module")
def composer(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("compose_group")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine(provider="cpu") as opened:
        yield opened


def test_every_sample_has_its_licence(samples: Path) -> None:
    terms = (samples / "LICENSE").read_text(encoding="utf-8")
    pictures = sorted(path.name for path in samples.glob("*.*"))
    assert "astronaut.jpg" in pictures
    for name in pictures:
        assert name in terms
    assert "Public domain" in terms


def test_the_group_is_composed_from_the_portrait(samples: Path, composer: ModuleType) -> None:
    portrait = cv2.imread(str(samples / "astronaut.jpg"), cv2.IMREAD_COLOR)
    group = cv2.imread(str(samples / "group.jpg"), cv2.IMREAD_COLOR)
    assert portrait is not None
    assert group is not None
    composed, _ = composer.compose(portrait)
    assert group.shape == composed.shape == (720, 1280, 3)
    assert np.abs(group.astype(np.float32) - composed).mean() < 3.0  # what JPEG loses


def test_the_portrait_has_one_face(samples: Path, engine: Engine) -> None:
    report = engine.analyze(samples / "astronaut.jpg")
    (face,) = report.faces
    assert face.landmarks is not None
    points = face.landmarks.points
    assert points.shape == (68, 2)
    assert (points >= 0).all()
    assert (points < 512).all()
    assert face.age is not None
    assert face.age.low <= face.age.years <= face.age.high
    assert abs(face.detection.box.x + face.detection.box.width / 2 - 227) < 25
    assert abs(face.detection.box.y + face.detection.box.height / 2 - 115) < 30


def test_every_face_of_the_group_is_found_where_it_hangs(samples: Path, composer: ModuleType, engine: Engine) -> None:
    matrices = [composer.placement(item) for item in composer.PRINTS]
    expected = np.array([matrix[:, :2] @ np.array(composer.FACE) + matrix[:, 2] for matrix in matrices])
    boxes = [face.detection.box for face in engine.analyze(samples / "group.jpg").faces]
    assert len(boxes) == len(expected)
    middles = np.array([(box.x + box.width / 2, box.y + box.height / 2) for box in boxes])
    distances = np.linalg.norm(expected[:, None] - middles[None], axis=2)
    assert sorted(distances.argmin(axis=1)) == list(range(len(boxes)))
    scales = np.array([item.scale for item in composer.PRINTS])
    assert (distances.min(axis=1) < 35 * scales).all()
