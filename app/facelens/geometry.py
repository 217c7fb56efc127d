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
    src, dst = _complex(source), _complex(target)
    if not np.isfinite(src).all():
        src = np.nan_to_num(src, nan=0.0, posinf=0.0, neginf=0.0)
    mean_src, mean_dst = complex(src.sum()) / len(src), complex(dst.sum()) / len(dst)
    src, dst = src - mean_src, dst - mean_dst
    variance = float(np.vdot(src, src).real)
    # in the plane, turning and scaling is one complex factor
    turn = complex(np.vdot(src, dst)) / variance if variance >= 1e-9 else 1 + 0j
    shift = mean_dst - turn * mean_src
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _complex(points: npt.ArrayLike) -> npt.NDArray[np.complex128]:
    """N x 2 points as N complex numbers."""
    return np.ascontiguousarray(points, np.float64).view(np.complex128)[:, 0]


def invert(matrix: Matrix) -> Matrix:
    """The inverse of a 2 x 3 affine matrix.

    Raises:
        numpy.linalg.LinAlgError: it has none.
    """
    (a, b, x), (c, d, y) = matrix.tolist()
    area = a * d - b * c
    if area == 0:
        raise np.linalg.LinAlgError("Singular matrix")
    a, b, c, d = d / area, -b / area, -c / area, a / area
    return np.array([[a, b, -(a * x + b * y)], [c, d, -(c * x + d * y)]])


def compose(outer: Matrix, inner: Matrix) -> Matrix:
    """The matrix that applies ``inner`` first, then ``outer``."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (outer[:, :2] @ inner[:, 2] + outer[:, 2])[:, None]], axis=1)


def transform(matrix: Matrix, points: npt.ArrayLike) -> Points:
    """N x 2 points mapped by a 2 x 3 matrix."""
    p = np.asarray(points, np.float64)
    return (p @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def to_template(five: npt.ArrayLike) -> Matrix:
    """The matrix from the picture to ``ARCFACE_TEMPLATE``, from the five points (5 x 2 px of the picture)."""
    return similarity(five, ARCFACE_TEMPLATE)


def placed(straight: Matrix, crop: CropSpec) -> Matrix:
    """The matrix from the picture to an aligned crop, from that of ``to_template``."""
    scale = crop.scale * crop.size / 112
    matrix = straight * scale
    matrix[:, 2] += 56 * (1 - crop.scale) * crop.size / 112
    return matrix


def alignment(five: npt.ArrayLike, crop: CropSpec) -> Matrix:
    """The matrix from the picture to the aligned crop, from the five points (5 x 2 px of the picture)."""
    return placed(to_template(five), crop)


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
