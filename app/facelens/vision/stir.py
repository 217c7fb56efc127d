"""Where a picture changes: what tells a watcher that somebody new may have come."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from facelens.types import Box, Image
from facelens.vision.median import middle

GRID = (32, 18)
"""Blocks across and down."""
STEP = 10.0
"""Grey levels of 255 by which the mean of a block must change, beyond the plane through the changes of all."""
LEAST_BLOCKS = 3
"""So many blocks must change; a face of a tenth of the picture's height covers about three."""
REACH = (1.5, 3.0)
"""How far a person reaches to each side of the face, in its widths: beside it, and below it."""


class Stir:
    """Compares each picture with the one of the last ``settle``, block by block."""

    def __init__(self) -> None:
        self._known: npt.NDArray[np.float32] | None = None
        self._seen: npt.NDArray[np.float32] | None = None

    def step(self, image: Image, boxes: Sequence[Box]) -> tuple[bool, bool]:
        """Whether something has changed near the people of ``boxes``, and whether elsewhere.

        Near is ``REACH`` to each side of a face, its height above, and everything below, where the body is.
        A change of light that takes in the whole picture is none, nor one that comes from a side.

        Args:
            image: H x W x 3 BGR uint8.
            boxes: px of the picture.
        """
        height, width = image.shape[:2]
        # some pixels of each block are enough for its mean, and green is near to how bright they are
        across, down = max(width // (5 * GRID[0]), 1), max(height // (5 * GRID[1]), 1)
        coarse = np.ascontiguousarray(image[::down, ::across, 1])
        self._seen = np.asarray(cv2.resize(coarse, GRID, interpolation=cv2.INTER_AREA), np.float32)
        if self._known is None:
            return True, True
        changed = np.abs(_own(self._seen - self._known)) > STEP
        near = np.zeros(changed.shape, bool)
        for box in boxes:
            for reach, top in zip(REACH, (box.y - box.height, box.bottom)):
                left, right = box.x - reach * box.width, box.right + reach * box.width
                columns = slice(max(int(left * GRID[0] / width), 0), max(math.ceil(right * GRID[0] / width), 0))
                near[max(int(top * GRID[1] / height), 0) :, columns] = True
        return _enough(changed & near), _enough(changed & ~near)

    def settle(self) -> None:
        """What was seen last is known from now on."""
        self._known = self._seen


_ROWS, _COLUMNS = np.mgrid[-1 : 1 : GRID[1] * 1j, -1 : 1 : GRID[0] * 1j]
_PLANE = np.stack([np.ones(_ROWS.size), _ROWS.ravel(), _COLUMNS.ravel()], axis=1)
_LITTLE = 1e-6 * np.eye(3)


def _own(change: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """What is left of the change of each block without the plane through those of most blocks."""
    values = change.ravel() - middle(change.ravel())
    left = values
    for _ in range(2):
        # what moves itself must not bend the plane
        size = np.abs(left)
        inside = _PLANE * (size <= max(2 * middle(size), STEP / 2))[:, None]
        tilt = np.linalg.solve(inside.T @ inside + _LITTLE, inside.T @ values)
        left = values - _PLANE @ tilt
    return np.asarray(left.reshape(change.shape))


def _enough(changed: npt.NDArray[np.bool_]) -> bool:
    return int(np.count_nonzero(changed)) >= LEAST_BLOCKS
