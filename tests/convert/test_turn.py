"""The turn of the head is found among shapes that turn."""

from __future__ import annotations

import numpy as np
import pytest

from convert.turn import component
from facelens.vision.schemes import FLIP68
from facelens.vision.symmetry import halves, residual, upright
from facelens.vision.turn import TURN


def test_the_component_is_the_direction_along_which_the_shapes_differ() -> None:
    rng = np.random.default_rng(0)
    even = rng.normal(0, 50, (68, 2))
    even = (even + even[list(FLIP68)] * [-1, 1]) / 2
    way = np.zeros((68, 2))
    way[27:36, 0] = 6  # the nose moves sideways
    shapes = np.array([even + way * amount + rng.normal(0, 0.2, (68, 2)) for amount in rng.normal(0, 1, 60)])
    found, share = component(shapes)
    assert share > 0.9
    assert np.linalg.norm(found) == pytest.approx(1)
    moved = np.abs(found[:, 0])
    # the rest moves a little the other way: the centroid stays
    assert moved[27:36].min() > 4 * np.delete(moved, slice(27, 36)).max()


def test_what_ships_is_a_direction_between_the_halves() -> None:
    assert TURN.shape == (68, 2)
    assert np.linalg.norm(TURN) == pytest.approx(1, abs=1e-3)
    assert np.allclose(halves(TURN), TURN, atol=2e-3)
    rng = np.random.default_rng(1)
    shape = rng.normal(0, 50, (68, 2))
    shape = (shape + shape[list(FLIP68)] * [-1, 1]) / 2
    size = np.sqrt((shape**2).sum() / 68)
    assert residual((shape + 0.1 * size * TURN).astype(np.float32)) < 0.01
    assert np.abs(halves(upright(shape + 0.1 * size * TURN))).max() > 0.01
