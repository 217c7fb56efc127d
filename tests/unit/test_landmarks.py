"""Points of crops and of their mirror images."""

from __future__ import annotations

import numpy as np
import pytest

from facelens.vision.landmarks import placed, read_both_ways
from facelens.vision.schemes import FLIP68

SIDE = 112
POINTS = np.random.default_rng(0).uniform(10, 100, (2, 68, 2)).astype(np.float32)
SPREAD = np.random.default_rng(1).uniform(0.5, 3, (2, 68)).astype(np.float32)


def turned(points: np.ndarray) -> np.ndarray:
    """Where a network sees the points in mirrored crops: at the other side, and each as its opposite."""
    out = points[:, list(FLIP68)].copy()
    out[..., 0] = SIDE - 1 - out[..., 0]
    return out


@pytest.mark.parametrize("wrong", [0.0, 3.0])
def test_the_mirrored_points_come_back_to_their_places(wrong: float) -> None:
    def run(batch: np.ndarray) -> dict[str, np.ndarray]:
        assert (batch[2:] == batch[:2, :, ::-1]).all()
        both = np.concatenate([POINTS, turned(POINTS)])
        # a network that always errs to the right errs to both sides in turn
        both[..., 0] += wrong
        return {"points": both, "spread": np.concatenate([SPREAD, SPREAD[:, list(FLIP68)]])}

    crops = np.random.default_rng(2).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.uint8)
    out = read_both_ways(run, crops)
    assert np.allclose(out["points"], POINTS, atol=1e-4)
    assert np.allclose(out["spread"], SPREAD)


def test_points_and_spreads_go_to_the_picture() -> None:
    # the crop shows the picture from (30, 40) on at half its size
    matrix = np.array([[0.5, 0, -15], [0, 0.5, -20]])
    found = placed({"points": POINTS, "spread": SPREAD}, 1, matrix)
    assert np.allclose(found.points, POINTS[1] * 2 + (30, 40), atol=1e-3)
    assert found.spread is not None
    assert np.allclose(found.spread, SPREAD[1] * 2)
    assert placed({"points": POINTS}, 0, matrix).spread is None
