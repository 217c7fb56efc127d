"""Head pose from the five points."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# An average face in mm, x to the viewer's right, y down, z away from the viewer, nose tip at the origin. Proportions
# in x and y are those of ArcFace's template (so that this template has pose zero), depths those of an average head.
MODEL = np.array([[-32, -36, 28], [32, -36, 28], [0, 0, 0], [-26.5, 37, 22], [26.5, 37, 22]], np.float64)


class Pose(NamedTuple):
    """Degrees; signs as in ``types.Quality``."""

    yaw: float
    pitch: float
    roll: float


_CENTRED = MODEL - MODEL.mean(0)
_INVERSE = np.linalg.pinv(_CENTRED)


def head_pose(five: npt.ArrayLike) -> Pose:
    """Scaled orthographic pose of a face from its five points (5 x 2 px).

    The linear step of D. DeMenthon and L. Davis, "Model-based object pose in 25 lines of code", IJCV 1995, then the
    nearest rotation. Good to about ten degrees for faces that look less than 50 degrees aside.
    """
    points = np.asarray(five, np.float64)
    if not np.isfinite(points).all():
        return Pose(0.0, 0.0, 0.0)
    (a, d), (b, e), (c, f) = (_INVERSE @ (points - points.mean(0))).tolist()
    # the nearest orthonormal rows are (A A')^-1/2 A; of a 2 x 2 matrix the root has a closed form
    p, q, r = a * a + b * b + c * c, a * d + b * e + c * f, d * d + e * e + f * f
    root = math.sqrt(max(p * r - q * q, 0.0))
    if root < 1e-12 * max(p + r, 1e-6):
        return Pose(0.0, 0.0, 0.0)
    scale = 1 / (root * math.sqrt(p + r + 2 * root))
    k, m, n = (r + root) * scale, -q * scale, (p + root) * scale
    first = (k * a + m * d, k * b + m * e, k * c + m * f)
    second = (m * a + n * d, m * b + n * e, m * c + n * f)
    ahead = first[0] * second[1] - first[1] * second[0]
    yaw = math.degrees(math.atan2(-first[2], ahead))
    pitch = math.degrees(math.asin(min(max(second[2], -1.0), 1.0)))
    roll = math.degrees(math.atan2(points[1, 1] - points[0, 1], points[1, 0] - points[0, 0]))
    return Pose(yaw, pitch, roll)
