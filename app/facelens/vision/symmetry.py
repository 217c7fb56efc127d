"""How alike the two halves of a face are, from 68 points, with the head's pose taken out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from facelens.types import Points
from facelens.vision.schemes import FLIP68
from facelens.vision.turn import TURN

HALF = 0.029
"""Residual at which the score is 50; half of the portraits of MEBeauty's val part lie under 0.015. Between the residual
and the turn of the head (0 to 45 degrees) there is a correlation of 0.31 left, 0.67 without ``TURN``."""

_FLIP = np.array(FLIP68)
_MIRROR = np.array([-1.0, 1.0])
_INNER = slice(17, 68)
"""The jaw is left out: its points are where the outline is seen, which slides over the cheek as the head turns."""

Shape = npt.NDArray[np.float64]


def upright(points: npt.ArrayLike) -> Shape:
    """68 points moved to their centroid, scaled to a root mean square radius of 1, and turned so that the face lies as
    near as it can to its own mirror image: the roll of the head is gone. Zeros where all points coincide."""
    p = np.asarray(points, np.float64)
    p = p - p.mean(0)
    size = float(np.sqrt((p**2).sum() / len(p)))
    if size < 1e-6:
        return np.zeros_like(p)
    p = p / size
    mirrored = p[_FLIP] * _MIRROR
    along = float((p * mirrored).sum())
    across = float((p[:, 0] * mirrored[:, 1] - p[:, 1] * mirrored[:, 0]).sum())
    half = np.arctan2(across, along) / 2
    cos, sin = np.cos(half), np.sin(half)
    return np.asarray(p @ np.array([[cos, sin], [-sin, cos]]))


def halves(shape: Shape) -> Shape:
    """Half of the difference of a shape and its mirror image, 68 x 2; zero for two equal halves."""
    return np.asarray((shape - shape[_FLIP] * _MIRROR) / 2)


def residual(points: Points) -> float:
    """Root mean square distance between a face and its mirror image, as a share of the face's radius.

    A turn of the head moves the points along one direction of shape space, found from faces that turn
    (``turn.TURN``): what lies along it says nothing of the face, and is taken out.
    """
    shape = upright(points)
    if not shape.any():
        return 1.0
    difference = halves(shape)
    difference = difference - TURN * float((TURN * difference).sum())
    return float(np.sqrt((difference[_INNER] ** 2).sum(axis=1).mean()))


def symmetry(points: Points) -> float:
    """Symmetry 0..100 of 68 points (68 x 2 px): 100 for two equal halves."""
    return float(100 * 0.5 ** (residual(points) / HALF))
