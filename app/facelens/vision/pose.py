"""Head pose from the five points."""

from __future__ import annotations

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
    rows = (_INVERSE @ (points - points.mean(0))).T
    if np.linalg.norm(rows) < 1e-9:
        return Pose(0.0, 0.0, 0.0)
    u, _, vt = np.linalg.svd(rows, full_matrices=False)
    first, second = u @ vt
    rotation = np.stack([first, second, np.cross(first, second)])
    forward = -rotation[:, 2]
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(np.clip(-forward[1], -1, 1)))
    roll = np.degrees(np.arctan2(points[1, 1] - points[0, 1], points[1, 0] - points[0, 0]))
    return Pose(float(yaw), float(pitch), float(roll))
