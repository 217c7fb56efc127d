"""Plane geometry of faces: the alignment template, similarity transforms, boxes. numpy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facelens.types import Box, Points

Matrix = npt.NDArray[np.float64]
"""A 2 x 3 affine matrix that maps (x, y, 1) to (x', y')."""

ARCFACE_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where the five points lie in a 112 px crop (Deng et al., "ArcFace", CVPR 2019; order as ``Landmarks`` 'five')."""


@dataclass(frozen=True, slots=True)
class CropSpec:
    """An aligned crop: ``size`` px square, the ArcFace template shrunk about the centre to ``scale``."""

    size: int
    scale: float

    @property
    def template(self) -> npt.NDArray[np.float64]:
        """The five points' places in the crop, 5 x 2 px."""
        shrunk = (ARCFACE_TEMPLATE - 56.0) * self.scale + 56.0
        return shrunk * (self.size / 112.0)


def similarity(source: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """The similarity transform (rotation, uniform scale, shift; no mirror) that best maps source to target points.

    Least squares after S. Umeyama, "Least-squares estimation of transformation parameters between two point
    patterns", TPAMI 1991, restricted to two dimensions, where it has a closed form.

    Args:
        source, target: N x 2 points, N >= 2.

    Returns:
        2 x 3 matrix. Where all source points coincide, or a value is not finite, a pure shift between the centroids
        of the finite values, so that a broken detection gives a useless crop and never a crash.
    """
    src, dst = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if not np.isfinite(src).all():
        src = np.nan_to_num(src, nan=0.0, posinf=0.0, neginf=0.0)
    mean_src, mean_dst = src.mean(0), dst.mean(0)
    a, b = src - mean_src, dst - mean_dst
    variance = float((a * a).sum())
    if variance < 1e-9:
        cos, sin = 1.0, 0.0
    else:
        cos = float((a * b).sum()) / variance
        sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / variance
    linear = np.array([[cos, -sin], [sin, cos]])
    shift = mean_dst - linear @ mean_src
    return np.concatenate([linear, shift[:, None]], axis=1)


def invert(matrix: Matrix) -> Matrix:
    """The inverse of a 2 x 3 affine matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.concatenate([linear, (-linear @ matrix[:, 2])[:, None]], axis=1)


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The matrix that applies ``inner`` first, then ``outer``."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


def transform(matrix: Matrix, points: npt.ArrayLike) -> Points:
    """N x 2 points mapped by a 2 x 3 matrix."""
    p = np.asarray(points, np.float64)
    return (p @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def alignment(five: npt.ArrayLike, crop: CropSpec) -> Matrix:
    """The matrix from the picture to the aligned crop, from the five points (5 x 2 px of the picture)."""
    return similarity(five, crop.template)


def bounding_box(points: npt.ArrayLike) -> Box:
    """The smallest box around N x 2 points."""
    p = np.asarray(points, np.float64)
    (left, top), (right, bottom) = p.min(0), p.max(0)
    return Box(float(left), float(top), float(right - left), float(bottom - top))


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a.right, b.right) - max(a.x, b.x)
    height = min(a.bottom, b.bottom) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    inter = width * height
    return float(inter / (a.area + b.area - inter))


def iou_matrix(first: Sequence[Box], second: Sequence[Box]) -> npt.NDArray[np.float64]:
    """len(first) x len(second) matrix of IoU."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    a = np.array([(b.x, b.y, b.right, b.bottom) for b in first])[:, None]
    b = np.array([(b.x, b.y, b.right, b.bottom) for b in second])[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    inter = np.prod(np.maximum(high - low, 0), axis=-1)
    area_a = np.prod(a[..., 2:] - a[..., :2], axis=-1)
    area_b = np.prod(b[..., 2:] - b[..., :2], axis=-1)
    return np.asarray(inter / np.maximum(area_a + area_b - inter, 1e-9))
