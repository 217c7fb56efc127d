"""Aligned crops: the one function that cuts a face out of a picture, for training and at run time alike."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, Matrix, alignment, compose
from facelens.types import Image

BORDER = (114, 114, 114)
"""What lies beyond the picture in a crop: mid grey, so that no border looks like hair or a dark room."""


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
