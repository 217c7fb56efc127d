"""Picture quality of a face: sharpness, exposure, contrast, pose and resolution, measured, not guessed by a network."""

from __future__ import annotations

import functools
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, Matrix, compose, invert, placed, transform
from facelens.types import Box, Quality
from facelens.vision.pose import head_pose

CROP = CropSpec(112, 0.8)
"""A crop of its own, so that quality means the same whatever the networks see."""

WINDOW = (60, 72)
"""Width and height of the part of CROP that is measured: skin, eyes and mouth, without hair and background."""
_CORNER = (26, 24)
NEAR = 0.03
"""How far a crop's scale may be from that of ``CROP`` for a part of it to do as well."""


def window(matrix: Matrix) -> Matrix:
    """The matrix from the picture to ``WINDOW``, from that to ``CROP``."""
    moved = matrix.copy()
    moved[:, 2] -= _CORNER
    return moved


@functools.cache
def inside(spec: CropSpec) -> tuple[slice, slice] | None:
    """Rows and columns of an aligned crop that show what ``WINDOW`` shows, at nearly its scale; None where the crop is
    of another scale or does not reach as far."""
    if not 1 - NEAR < spec.scale * spec.size / (CROP.scale * CROP.size) < 1 + NEAR:
        return None
    middle = np.array([_CORNER]) + (np.array([WINDOW]) - 1) / 2
    there = transform(compose(placed(np.eye(2, 3), spec), invert(placed(np.eye(2, 3), CROP))), middle)[0]
    left, top = (round(float(place) - (side - 1) / 2) for place, side in zip(there, WINDOW))
    right, bottom = left + WINDOW[0], top + WINDOW[1]
    if min(left, top) < 0 or max(right, bottom) > spec.size:
        return None
    return slice(top, bottom), slice(left, right)


def _ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 100 at ``high``, straight in between; also falling when high < low."""
    return min(max((value - low) / (high - low), 0.0), 1.0) * 100


def _spread(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean, deviation = cv2.meanStdDev(values)
    return float(mean[0, 0]), float(deviation[0, 0])


def measure(luma: npt.NDArray[np.uint8], five: npt.ArrayLike, box: Box) -> Quality:
    """Measure one face.

    Args:
        luma: the part ``WINDOW`` of the aligned crop ``CROP``, 72 x 60 grey levels.
        five: the five points in the picture, px.
        box: the face in the picture, px (its size is the resolution).
    """
    mean, deviation = (value / 255 for value in _spread(luma))
    # the energy of second differences against that of the whole pattern: blur lowers it, dim light does not
    detail = _spread(np.asarray(cv2.Laplacian(luma, cv2.CV_32F)))[1] / 255
    sharpness = _ramp(math.log2(max(detail, 1e-4) / max(deviation, 0.02)), -2.6, -0.6)
    clipped = 1 - cv2.countNonZero(cv2.inRange(luma, 12, 246)) / luma.size
    exposure = min(_ramp(mean, 0.06, 0.34), _ramp(mean, 0.95, 0.72)) * (1 - min(clipped * 2, 0.9))
    half = luma.shape[1] // 2
    left, right = cv2.mean(luma[:, :half])[0], cv2.mean(luma[:, -half:])[0]
    pose = head_pose(five)
    aside = math.hypot(pose.yaw, 0.8 * pose.pitch, 0.4 * pose.roll)
    side = max(min(box.width, box.height), 1.0)
    return Quality(
        sharpness=sharpness,
        exposure=exposure,
        contrast=_ramp(deviation, 0.03, 0.16),
        pose=_ramp(aside, 55.0, 8.0),
        resolution=_ramp(math.log2(side), 4.0, math.log2(160.0)),
        yaw=pose.yaw,
        pitch=pose.pitch,
        roll=pose.roll,
        brightness=mean,
        light_balance=(right - left) / max(right + left, 1.0),
    )
