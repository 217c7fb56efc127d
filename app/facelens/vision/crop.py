"""Aligned crops: the one function that cuts a face out of a picture, for training and at run time alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, Matrix, alignment, compose
from facelens.types import Image

BORDER = (114, 114, 114)
"""What lies beyond the picture in a crop: mid grey, so that no border looks like hair or a dark room."""


@dataclass(frozen=True, slots=True)
class View:
    """A crop that is a little off: its content shifted to the ``right`` and ``down`` by shares of its side, then
    mirrored."""

    right: float = 0.0
    down: float = 0.0
    mirror: bool = False

    def shifted(self, matrix: Matrix, size: int) -> Matrix:
        """``matrix`` (picture to crop) with the shift, for a crop of ``size`` px."""
        out = np.array(matrix, np.float64)
        out[:, 2] += np.array([self.right, self.down]) * size
        return out


_OFF = 0.025
"""As far as the networks saw faces shifted in training, and no further."""
TEN_CROPS = tuple(
    View(right, down, mirror)
    for (right, down), first in zip(
        ((0.0, 0.0), (-_OFF, -_OFF), (_OFF, _OFF), (_OFF, -_OFF), (-_OFF, _OFF)), (False, True, False, True, False)
    )
    for mirror in (first, not first)
)
"""Centre and four corners, each as it is and mirrored: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012, who averaged over them, and Levi and Hassner after
them. Any few in a row hold about as many mirrored as not, on all sides."""


def cut(image: Image, matrix: Matrix, size: int) -> Image:
    """Resample ``image`` by ``matrix`` (picture to crop, 2 x 3) into a ``size`` x ``size`` crop, BGR uint8.

    Where the crop shrinks the picture to less than half, the region is first averaged down by a whole factor: a
    bilinear warp alone would skip pixels, and a face near a 12-megapixel camera would turn to noise.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if 0 < scale < 0.5:
        factor = int(1 / scale)
        linear = np.linalg.inv(matrix[:, :2])
        corners = (np.array([[0, 0], [size, 0], [size, size], [0, size]]) - matrix[:, 2]) @ linear.T
        height, width = image.shape[:2]
        left, top = np.clip(np.floor(corners.min(0)) - factor, 0, [width, height]).astype(int)
        right, bottom = np.clip(np.ceil(corners.max(0)) + factor, 0, [width, height]).astype(int)
        columns, rows = (right - left) // factor, (bottom - top) // factor
        if columns > 0 and rows > 0:
            part = image[top : top + rows * factor, left : left + columns * factor]
            image = np.asarray(cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
            # centre of small pixel i is the mean of factor pixels: left + factor * i + (factor - 1) / 2
            half = (factor - 1) / 2
            back = np.array([[factor, 0, left + half], [0, factor, top + half]], np.float64)
            matrix = compose(matrix, back)
    crop = cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderValue=BORDER)
    return np.asarray(crop, np.uint8)


def align(image: Image, five: npt.ArrayLike, spec: CropSpec) -> tuple[Image, Matrix]:
    """The aligned crop of a face and the matrix that made it (picture to crop).

    Args:
        image: H x W x 3 BGR uint8.
        five: 5 x 2 points in pixels of ``image``.
    """
    matrix = alignment(five, spec)
    return cut(image, matrix, spec.size), matrix


def cut_all(
    image: Image, matrices: Sequence[Matrix], size: int, views: Sequence[View] | None = None
) -> npt.NDArray[np.uint8]:
    """Crops of several faces, as ``views`` have them: N x ``size`` x ``size`` x 3 BGR uint8."""
    if views is None:
        return np.stack([cut(image, matrix, size) for matrix in matrices])
    crops = [cut(image, view.shifted(matrix, size), size) for matrix, view in zip(matrices, views)]
    return np.stack([crop[:, ::-1] if view.mirror else crop for crop, view in zip(crops, views)])
