"""What is no living face, shown to the whole pipeline: nothing breaks, and nothing is told as if it were one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convert import kinds
from convert.changes import DOUBT
from facelens import Engine, images, open_engine
from facelens.evaluation import central
from facelens.report import to_dict
from facelens.resources import asset
from facelens.types import Face, Image


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(provider="cpu")


@pytest.fixture(scope="module")
def portrait() -> Image:
    return images.load(asset("samples/astronaut.jpg")).image[0:300, 60:380]


@pytest.fixture(scope="module")
def face(engine: Engine, portrait: Image) -> Face:
    found = central(engine.analyze(portrait).faces, portrait)
    assert found is not None
    return found


def band(face: Face) -> float:
    assert face.age is not None
    return face.age.high - face.age.low


def test_a_photograph_is_told_with_confidence(face: Face) -> None:
    assert face.gender is not None
    assert face.gender.sure
    assert face.expression is not None
    assert face.expression.sure
    assert band(face) < 25


def test_every_kind_changes_the_picture_and_keeps_its_form(portrait: Image, face: Face) -> None:
    assert face.landmarks is not None
    points = face.landmarks.points.astype(np.float64)
    seen = []
    for name, kind in kinds.KINDS.items():
        before = portrait.copy()
        out = kind(portrait, points)
        assert (out.shape, out.dtype) == (portrait.shape, np.uint8), name
        assert (out != portrait).mean() > 0.05, name
        assert (portrait == before).all(), name
        # twice the same, and no two kinds alike
        assert (kind(portrait, points) == out).all(), name
        assert all((out != other).any() for other in seen), name
        seen.append(out)
    # points outside the picture, as of a face that is cut by its border
    for kind in kinds.KINDS.values():
        assert kind(portrait, points - 140).shape == portrait.shape


@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_face_is_not_told_as_a_person(engine: Engine, face: Face, seed: int) -> None:
    picture = kinds.drawn_face(seed)
    found = central(engine.analyze(picture).faces, picture)
    # it has all that a face has, and the detector finds it
    assert found is not None
    assert found.gender is not None
    assert found.expression is not None
    assert not found.gender.sure
    assert not found.expression.sure
    assert band(found) > 2 * band(face)


def test_a_white_mask_is_not_told_as_a_person(engine: Engine, portrait: Image, face: Face) -> None:
    assert face.landmarks is not None
    picture = kinds.full_mask(portrait, face.landmarks.points.astype(np.float64))
    found = central(engine.analyze(picture).faces, picture)
    assert found is not None
    assert found.gender is not None
    assert not found.gender.sure
    assert band(found) > 2 * band(face)


def test_no_smiley_and_no_back_of_a_head_is_told_as_a_person(engine: Engine, portrait: Image, face: Face) -> None:
    assert face.landmarks is not None
    back = kinds.back_of_head(portrait, face.landmarks.points.astype(np.float64))
    for picture in (back, *(kinds.emoji(seed) for seed in range(12))):
        assert all(f.gender is not None and not f.gender.sure for f in engine.analyze(picture).faces)


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [n for part in value.values() for n in numbers(part)]
    if isinstance(value, (list, tuple)):
        return [n for part in value for n in numbers(part)]
    return [float(value)] if isinstance(value, (int, float)) else []


def test_no_picture_breaks_it_and_every_number_is_one(engine: Engine, portrait: Image, face: Face) -> None:
    assert face.landmarks is not None
    points = face.landmarks.points.astype(np.float64)
    rng = np.random.default_rng(0)
    odd = [np.full((90, 120, 3), colour, np.uint8) for colour in (0, 255, (0, 255, 0))]
    odd += [portrait[:1, :1], portrait[:2, :2], np.tile(portrait[100:120], (1, 70, 1))[:, :20000]]
    odd += [rng.integers(0, 256, (120, 160, 3)).astype(np.uint8)]
    made = [kind(portrait, points) for kind in kinds.KINDS.values()]
    for picture in [*odd, *made, *(change(portrait) for change in DOUBT.values())]:
        report = engine.analyze(picture)
        assert all(math.isfinite(n) for n in numbers(to_dict(report, "picture")))
