"""Points of crops and of their mirror images."""

from __future__ import annotations

import numpy as np
import pytest

from facelens.geometry import ARCFACE_TEMPLATE, CropSpec, alignment, invert, transform
from facelens.types import Landmarks
from facelens.vision.landmarks import placed, read_both_ways, refined
from facelens.vision.schemes import FIVE, FLIP68

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


def test_points_are_read_again_where_the_first_ones_say() -> None:
    """A picture whose colours tell places, and a network that reads them, wrong by a pixel to the right of each crop:
    mirrored and read back that is as much to the left."""
    x, y = np.meshgrid(np.arange(250), np.arange(250))
    image = np.stack([x, y, np.full_like(x, 255)], axis=-1).astype(np.uint8)
    spec = CropSpec(112, 0.62)
    straight = alignment(ARCFACE_TEMPLATE * 0.9 + 70, spec)
    rng = np.random.default_rng(3)
    there = rng.uniform(20, 90, (68, 2))
    for group, point in zip(FIVE, spec.template):
        there[list(group)] = point
    true = transform(invert(straight), there)
    seen: list[int] = []

    def run(crops: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(len(crops))
        out = []
        for crop in crops:
            rows, columns = np.nonzero(crop[..., 2] == 255)
            places = crop[rows, columns, :2]
            known = np.column_stack([places, np.ones(len(places))])
            there = np.linalg.lstsq(known, np.column_stack([columns, rows]), rcond=None)[0]
            found = np.column_stack([true, np.ones(68)]) @ there + (1, 0)
            # in a mirrored crop the network gives each point the name it has there
            out.append(found if there[0, 0] > 0 else found[list(FLIP68)])
        return {"points": np.float32(out), "spread": np.full((len(crops), 68), 2, np.float32)}

    first = Landmarks(true + np.float32([6, -4]), "ibug68", np.full(68, 9, np.float32))
    (found,) = refined(run, spec, image, [first])
    assert seen == [10]
    # the first reading counts as one of six
    np.testing.assert_allclose(found.points, true + np.float32([1, -4 / 6]), atol=0.2)
    assert found.spread is not None
    assert 2 < float(found.spread.mean()) < 9
