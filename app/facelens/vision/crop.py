"""Aligned crops: the one function that cuts a face out of a picture, for training and at run time alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import CropSpec, Matrix, alignment, invert
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
FIVE_CROPS = tuple(View(x, y) for x, y in ((0.0, 0.0), (-_OFF, -_OFF), (_OFF, _OFF), (_OFF, -_OFF), (-_OFF, _OFF)))
"""Centre and four corners."""
TEN_CROPS = tuple(
    View(view.right, view.down, mirror)
    for view, first in zip(FIVE_CROPS, (False, True, False, True, False))
    for mirror in (first, not first)
)
"""Centre and four corners, each as it is and mirrored: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet
Classification with Deep Convolutional Neural Networks", NIPS 2012, who averaged over them, and Levi and Hassner after
them. Any few in a row hold about as many mirrored as not, on all sides."""


Wanted = tuple[Matrix, tuple[int, int]]
"""A crop to be cut: the matrix from the picture to it (2 x 3), its width and height in px."""


class Cutter:
    """Cuts many crops out of one picture, and makes the picture smaller once for all of them.

    Where a crop shrinks the picture to less than half, the picture is first averaged down by 2, 4, 8 ...: a bilinear
    warp alone would skip pixels, and a face near a 12-megapixel camera would turn to noise. Halving is what OpenCV does
    fastest: a quarter of the time of averaging by the nearest whole factor. Only the part that crops look at is halved.

    Args:
        image: H x W x 3 BGR uint8.
        wanted: the crops that will be cut.
    """

    def __init__(self, image: Image, wanted: Sequence[Wanted]) -> None:
        self._levels = [image]
        self._left = self._top = 0
        small = [(matrix, size, level) for matrix, size in wanted if (level := _level(matrix))]
        if not small:
            return
        corners = np.concatenate([_corners(matrix, size) for matrix, size, _ in small])
        # on a grid of its own, so that a crop is the same whatever else is cut
        grid = 2 ** max(level for *_, level in small)
        height, width = image.shape[:2]
        self._left, self._top = (max(int(low // grid - 1) * grid, 0) for low in corners.min(0))
        right, bottom = (int(high // grid + 2) * grid for high in corners.max(0))
        part = image[self._top : min(bottom, height), self._left : min(right, width)]
        for _ in range(max(level for *_, level in small)):
            down, across = part.shape[0] // 2, part.shape[1] // 2
            if not down or not across:
                break
            halved = cv2.resize(part[: 2 * down, : 2 * across], (across, down), interpolation=cv2.INTER_AREA)
            part = np.asarray(halved, np.uint8)
            self._levels.append(part)

    def cut(self, matrix: Matrix, size: tuple[int, int]) -> Image:
        """One of the crops: height x width x 3 BGR uint8."""
        level = min(_level(matrix), len(self._levels) - 1)
        if level:
            # the centre of pixel i of the small picture is the mean of step pixels
            step = 2**level
            half = (step - 1) / 2
            shift = matrix[:, :2] @ (self._left + half, self._top + half) + matrix[:, 2]
            matrix = np.column_stack([matrix[:, :2] * step, shift])
        crop = cv2.warpAffine(self._levels[level], matrix, size, flags=cv2.INTER_LINEAR, borderValue=BORDER)
        return np.asarray(crop, np.uint8)


def _level(matrix: Matrix) -> int:
    """How often the picture is to be halved."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    return max(math.floor(-math.log2(scale)), 0) if 0 < scale < math.inf else 0


def _corners(matrix: Matrix, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The corners of a crop in the picture, 4 x 2 px."""
    width, height = size
    back = invert(matrix)
    return np.asarray(np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ back[:, :2].T + back[:, 2])


def cut(image: Image, matrix: Matrix, size: int) -> Image:
    """Resample ``image`` by ``matrix`` (picture to crop, 2 x 3) into a ``size`` x ``size`` crop, BGR uint8; see
    ``Cutter``."""
    return Cutter(image, [(matrix, (size, size))]).cut(matrix, (size, size))


def align(image: Image, five: npt.ArrayLike, spec: CropSpec) -> tuple[Image, Matrix]:
    """The aligned crop of a face and the matrix that made it (picture to crop).

    Args:
        image: H x W x 3 BGR uint8.
        five: 5 x 2 points in pixels of ``image``.
    """
    matrix = alignment(five, spec)
    return cut(image, matrix, spec.size), matrix
