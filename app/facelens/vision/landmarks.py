"""The 68 points of a face from the landmarks network's outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from facelens.geometry import Matrix, invert, transform
from facelens.types import Landmarks
from facelens.vision.schemes import FLIP68

TASK = "landmarks"
Outputs = Mapping[str, npt.NDArray[np.float32]]
_FLIP = np.array(FLIP68)


def read_both_ways(run: Callable[[npt.NDArray[np.uint8]], Outputs], crops: npt.NDArray[np.uint8]) -> Outputs:
    """The mean of what a network says of each crop (N x S x S x 3) and of its mirror image, for the crops."""
    out = run(np.concatenate([crops, crops[:, :, ::-1]]))
    count, side = len(crops), crops.shape[2]
    turned = out["points"][count:][:, _FLIP]
    turned = np.stack([side - 1 - turned[..., 0], turned[..., 1]], axis=-1)
    mean = {"points": np.asarray((out["points"][:count] + turned) / 2, np.float32)}
    if "spread" in out:
        mean["spread"] = np.asarray((out["spread"][:count] + out["spread"][count:][:, _FLIP]) / 2, np.float32)
    return mean


def placed(outputs: Outputs, row: int, matrix: Matrix) -> Landmarks:
    """The points of one row in px of the picture; ``matrix`` leads from there to the crop (2 x 3)."""
    back = invert(matrix)
    spread = outputs.get("spread")
    scale = float(np.hypot(back[0, 0], back[1, 0]))
    return Landmarks(transform(back, outputs["points"][row]), "ibug68", None if spread is None else spread[row] * scale)
