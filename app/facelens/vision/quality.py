"""Picture quality of a face: sharpness, exposure, contrast, pose and resolution, measured, not guessed by a network."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec
from facelens.types import Box, Image, Quality
from facelens.vision.pose import head_pose

CROP = CropSpec(112, 0.8)
"""A crop of its own, so that quality means the same whatever the networks see."""

FACE = (slice(24, 96), slice(26, 86))
"""Rows and columns of CROP that hold skin, eyes and mouth, without hair and background."""


def _ramp(value: float, low: float, high: float) -> float:
    """0 at ``low``, 100 at ``high``, straight in between; also falling when high < low."""
    return float(np.clip((value - low) / (high - low), 0, 1) * 100)


def measure(crop: Image, five: npt.ArrayLike, box: Box) -> Quality:
    """Measure one face.

    Args:
        crop: the aligned crop ``CROP``, 112 x 112 x 3 BGR uint8.
        five: the five points in the picture, px.
        box: the face in the picture, px (its size is the resolution).
    """
    luma = np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY))[FACE]
    mean, deviation = float(luma.mean()) / 255, float(luma.std()) / 255
    # the energy of second differences against that of the whole pattern: blur lowers it, dim light does not
    detail = float(np.asarray(cv2.Laplacian(luma, cv2.CV_32F)).std()) / 255
    sharpness = _ramp(np.log2(max(detail, 1e-4) / max(deviation, 0.02)), -2.6, -0.6)
    clipped = float(((luma < 12) | (luma > 246)).mean())
    exposure = min(_ramp(mean, 0.06, 0.34), _ramp(mean, 0.95, 0.72)) * (1 - min(clipped * 2, 0.9))
    half = luma.shape[1] // 2
    left, right = float(luma[:, :half].mean()), float(luma[:, -half:].mean())
    pose = head_pose(five)
    aside = float(np.hypot(np.hypot(pose.yaw, 0.8 * pose.pitch), 0.4 * pose.roll))
    side = max(min(box.width, box.height), 1.0)
    return Quality(
        sharpness=sharpness,
        exposure=exposure,
        contrast=_ramp(deviation, 0.03, 0.16),
        pose=_ramp(aside, 55.0, 8.0),
        resolution=_ramp(np.log2(side), np.log2(16.0), np.log2(160.0)),
        yaw=pose.yaw,
        pitch=pose.pitch,
        roll=pose.roll,
        brightness=mean,
        light_balance=(right - left) / max(right + left, 1.0),
    )
