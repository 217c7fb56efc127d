"""How far readings are trusted, on signs made here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from facelens.types import EXPRESSIONS, Box, Detection, Landmarks
from facelens.vision import attributes
from facelens.vision.trust import CONFIDENT, FLAT, LEAST, SPREAD, flatness, sharpened, tempered, trust


def found(confidence: float = 0.9) -> Detection:
    return Detection(Box(0, 0, 100, 120), confidence, Landmarks(np.zeros((5, 2)), "five"))


def points(spread: float) -> Landmarks:
    return Landmarks(np.zeros((68, 2)), "ibug68", np.full(68, spread))


def crop(share: float) -> np.ndarray:
    """Rows of noise, with so large a share of them one grey."""
    rng = np.random.default_rng(0)
    out = rng.integers(0, 256, (72, 60)).astype(np.uint8)
    out[: round(72 * share)] = 90
    return out


def test_flatness_is_the_share_of_the_face_without_any_pattern() -> None:
    for share in (0.0, 0.25, 0.5, 1.0):
        assert flatness(crop(share)) == pytest.approx(share, abs=0.03)
    # a gentle shade, as of skin in soft light, is no flat colour
    shade = (np.arange(72) * 2)[:, None].repeat(60, 1)
    assert flatness(shade.astype(np.uint8)) < FLAT[1]


def test_each_sign_takes_trust_away_alone() -> None:
    assert trust(found()) == 1
    assert trust(found(), crop(0.1), points(1.5)) == 1
    assert trust(found(CONFIDENT[0]), crop(0.1), points(1.5)) == LEAST
    assert trust(found(), crop(0.9), points(1.5)) == LEAST
    assert trust(found(), crop(0.1), points(100 * SPREAD[0])) == LEAST
    assert trust(found(), crop(0.1), points(math.nan)) == LEAST
    assert trust(found(sum(CONFIDENT) / 2)) == pytest.approx(0.5)
    assert trust(found(), points=points(50 * sum(SPREAD))) == pytest.approx(0.5, abs=1e-6)
    # points without a spread say nothing against it
    assert trust(found(), points=Landmarks(np.zeros((68, 2)), "ibug68")) == 1


def test_temperature_keeps_the_label_and_takes_the_certainty() -> None:
    assert tempered(0.97, 1.0) == 0.97
    assert 0.5 < tempered(0.97, 0.1) < tempered(0.97, 0.5) < 0.97
    assert tempered(0.03, 0.1) == pytest.approx(1 - tempered(0.97, 0.1))
    assert all(math.isfinite(tempered(p, 0.1)) for p in (0.0, 1.0))


def test_untrusted_readings_are_wider_and_not_sure() -> None:
    years = np.exp(-0.5 * ((np.arange(101) - 30) / 4) ** 2)
    look = np.full(8, 0.02)
    look[EXPRESSIONS.index("surprise")] = 0.86
    outputs = {
        "age": np.float32([years / years.sum()]), "female": np.float32([[0.97]]), "smile": np.float32([[0.9]]),
        "glasses": np.float32([[0.01]]), "expression": np.float32([look]),
    }  # fmt: skip
    age, gender, smile, glasses, expression = attributes.read(outputs, 0)
    doubted = attributes.read(outputs, 0, LEAST)
    assert gender.sure
    assert expression is not None
    assert expression.sure
    assert doubted[0].high - doubted[0].low > 2 * (age.high - age.low)
    assert (doubted[1].label, doubted[1].sure) == (gender.label, False)
    assert smile is not None
    assert doubted[2] is not None
    assert 0.5 < doubted[2] < smile
    assert glasses is not None
    assert doubted[3] is not None
    assert glasses < doubted[3] < 0.5
    assert doubted[4] is not None
    assert (doubted[4].label, doubted[4].sure) == (expression.label, False)
    assert doubted[4].probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_no_power_turns_a_distribution_to_nothing() -> None:
    p = np.float32([[0.0, 0.3, 0.7], [1.0, 0.0, 0.0]])
    for power in (LEAST, 1.0, 50.0):
        out = sharpened(p, power)
        assert np.isfinite(out).all()
        np.testing.assert_allclose(out.sum(axis=1), 1, rtol=1e-6)
        assert out.argmax(axis=1).tolist() == [2, 0]
    np.testing.assert_allclose(sharpened(sharpened(p, 1.7), 1 / 1.7), p, atol=1e-5)
