"""How alike the two halves of a face are, from 68 points, with the head's pose taken out."""

from __future__ import annotations

import numpy as np

from facelens.types import Points
from facelens.vision.schemes import FLIP68

HALF = 0.02
"""Residual (share of the eye distance) at which the score is 50; half of 212 portraits of MEBeauty lie under 0.0103."""

_FLIP = np.array(FLIP68)
_NOSE = np.zeros(68)
_NOSE[27:31] = [0.4, 0.6, 0.8, 1.0]
_NOSE[31:36] = [0.45, 0.6, 0.7, 0.6, 0.45]
"""How far each point stands out of the face, 1 for the tip of the nose."""

_INNER = slice(17, 68)
"""The jaw is left out: its points are where the outline is seen, which slides over the cheek as the head turns."""


def residual(points: Points) -> float:
    """Root mean square distance between a face and its mirror image, as a share of the outer eye distance.

    A turn of the head shifts the middle of each left-right pair sideways by the pair's depth, and a roll or a shear
    shifts it by its height. Depth is modelled as a bowl (half width and its square) plus the nose, so both
    are removed by least squares before anything is called asymmetry.
    """
    p = points.astype(np.float64)
    across = p[45] - p[36]
    eyes = float(np.hypot(*across))
    if eyes < 1e-6:
        return 1.0
    cos, sin = across / eyes
    p = (p - p.mean(0)) @ np.array([[cos, -sin], [sin, cos]]) / eyes
    mirrored = p[_FLIP]
    middle = (p[:, 0] + mirrored[:, 0]) / 2
    half = np.abs(p[:, 0] - mirrored[:, 0]) / 2
    height = (p[:, 1] + mirrored[:, 1]) / 2
    ones = np.ones(68)
    sideways = np.stack([ones, height, half, half**2, _NOSE], axis=1)[_INNER]
    middle = middle[_INNER] - sideways @ np.linalg.lstsq(sideways, middle[_INNER], rcond=None)[0]
    drop = (p[:, 1] - mirrored[:, 1]) / 2
    side = (p[:, 0] - mirrored[:, 0]) / 2
    drop = drop[_INNER] - side[_INNER] * float(side @ drop) / max(float(side @ side), 1e-9)
    return float(np.sqrt(np.mean(middle**2 + drop**2)))


def symmetry(points: Points) -> float:
    """Symmetry 0..100 of 68 points (68 x 2 px): 100 for two equal halves."""
    return float(100 * 0.5 ** (residual(points) / HALF))
