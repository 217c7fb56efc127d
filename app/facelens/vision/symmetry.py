"""How alike the two halves of a face are, from 68 points, with the head's pose taken out."""

from __future__ import annotations

import cmath
import math

import numpy as np
import numpy.typing as npt

from facelens.types import Points
from facelens.vision.schemes import FLIP68
from facelens.vision.turn import TURN

HALF = 0.0175
"""Residual at which the score is 50; with landmarks-1 half of the portraits of MEBeauty's val part lie under 0.0090.
Between residual and turn of the head (0 to 50 degrees) a correlation of 0.35 is left, 0.67 without ``TURN``."""

_FLIP = np.array(FLIP68)
_MIRROR = np.array([-1.0, 1.0])
_TURN = TURN.reshape(len(TURN), -1)
_INNER = slice(2 * 17, 2 * 68)
"""The jaw is left out: its points are where the outline is seen, which slides over the cheek as the head turns."""

Shape = npt.NDArray[np.float64]


def upright(points: npt.ArrayLike) -> Shape:
    """68 points moved to their centroid, scaled to a root mean square radius of 1, and turned so that the face lies as
    near as it can to its own mirror image: the roll of the head is gone. Zeros where all points coincide."""
    p = np.asarray(points, np.float64)
    # as complex numbers: turning is a factor, and the mirror image the negative conjugate
    z = np.ascontiguousarray(p).view(np.complex128)[:, 0]
    z = z - complex(z.mean())
    size = math.sqrt(float(np.vdot(z, z).real) / len(z))
    if size < 1e-6:
        return np.zeros_like(p)
    turn = complex(np.dot(z, z[_FLIP]))
    z = z * (cmath.exp(0.5j * cmath.phase(-turn.conjugate())) / size)
    return z.view(np.float64).reshape(p.shape)


def halves(shape: Shape) -> Shape:
    """Half of the difference of a shape and its mirror image, 68 x 2; zero for two equal halves."""
    return np.asarray((shape - shape[_FLIP] * _MIRROR) / 2)


def residual(points: Points) -> float:
    """Root mean square distance between a face and its mirror image, as a share of the face's radius.

    A turn of the head, level or tilted, moves the points along two directions of shape space, found from faces that
    turn (``turn.TURN``): what lies along them says nothing of the face, and is taken out.
    """
    shape = upright(points)
    if not shape.any():
        return 1.0
    difference = halves(shape).ravel()
    difference -= (_TURN @ difference) @ _TURN
    inner = difference[_INNER]
    return math.sqrt(float(inner @ inner) / (len(inner) / 2))


def symmetry(points: Points) -> float:
    """Symmetry 0..100 of 68 points (68 x 2 px): 100 for two equal halves."""
    return float(100 * 0.5 ** (residual(points) / HALF))
