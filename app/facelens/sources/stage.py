"""Draws the demo: figures, lit and placed, in front of a room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from facelens.geometry import Matrix, invert, transform
from facelens.sources.bands import bands
from facelens.sources.portrait import load_figure
from facelens.sources.room import draw_room
from facelens.types import Image

FINE = 2.0
"""Above this scale the figure is taken from its enlarged copy."""
GRAIN = 4.0
"""Grain only adds: its mean is taken off the room."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a figure is: portrait pixels to frame pixels, and the parts of the light from its left and right."""

    matrix: Matrix
    scale: float
    roll: float
    mirrored: bool
    light: tuple[float, float]
    blur: float


class Stage:
    """What a frame is drawn from. Everything that does not change is drawn once."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        width, height = size
        self._figures = (load_figure(1), load_figure(2))
        self._evening, self._morning = draw_room(size)
        rng = np.random.default_rng(3)
        # mostly brightness, a little colour, as from a sensor
        mix = np.full((3, 3), 0.7, np.float32) + 0.7 * np.eye(3, dtype=np.float32)
        self._grain = np.empty((height + 64, width + 64, 3), np.uint8)
        for rows in bands(height + 64):
            noise = rng.standard_normal(self._grain[rows].shape, np.float32)
            self._grain[rows] = cv2.convertScaleAbs(cv2.transform(noise, mix), alpha=1.0, beta=GRAIN)

    def draw(self, index: int, seconds: float, poses: tuple[Pose, ...]) -> Image:
        day = 0.5 + 0.42 * math.sin(2 * math.pi * seconds / 23.0)
        lamp = 1.0 + 0.12 * math.sin(2 * math.pi * seconds / 17.0)
        lit = cv2.addWeighted(self._evening, lamp * (1 - day), self._morning, lamp * day, -GRAIN)
        frame = cast(Image, lit)
        for pose in poses:
            self._place(frame, pose)
        width, height = self.size
        shift_x, shift_y = index * 37 % 64, index * 23 % 64
        cv2.add(frame, self._grain[shift_y : shift_y + height, shift_x : shift_x + width], dst=frame)
        return frame

    def _place(self, frame: Image, pose: Pose) -> None:
        figure = self._figures[1 if pose.scale > FINE else 0]
        matrix = _from_figure(pose.matrix, figure.scale)
        height, width = frame.shape[:2]
        rows, columns = figure.clear.shape
        left, top, right, bottom = _bounds(transform(matrix, _corners(0, 0, columns, rows)), width, height)
        if left >= right or top >= bottom:
            return
        # of the figure, only what will be seen is lit: little, where it is large
        seen = transform(invert(matrix), _corners(left, top, right, bottom))
        x0, y0, x1, y1 = _bounds(seen, columns, rows)
        lit = cv2.addWeighted(figure.left[y0:y1, x0:x1], pose.light[0], figure.right[y0:y1, x0:x1], pose.light[1], 0.0)
        # enlarged, it is soft enough
        if pose.blur > 0.4 and figure.scale == 1:
            lit = cv2.GaussianBlur(lit, (3, 3), pose.blur)
        cv2.insertChannel(figure.clear[y0:y1, x0:x1], lit, 3)
        shifted = matrix.copy()
        shifted[:, 2] += matrix[:, :2] @ np.array([x0, y0]) - np.array([left, top])
        drawn = cv2.warpAffine(
            lit, shifted, (right - left, bottom - top), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 255)
        )
        clear = cv2.extractChannel(drawn, 3)
        part = frame[top:bottom, left:right]
        cv2.multiply(part, cv2.merge([clear, clear, clear]), dst=part, scale=1 / 255)
        cv2.add(part, cv2.cvtColor(drawn, cv2.COLOR_BGRA2BGR), dst=part)


def _from_figure(matrix: Matrix, scale: int) -> Matrix:
    """The matrix for pixels of a figure that is ``scale`` times the portrait (pixel centres at whole numbers)."""
    linear = matrix[:, :2] / scale
    return np.concatenate([linear, (matrix[:, 2] + matrix[:, :2] @ np.full(2, 0.5 / scale - 0.5))[:, None]], axis=1)


def _corners(left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.float64]:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def _bounds(points: npt.NDArray[np.float32], width: int, height: int) -> tuple[int, int, int, int]:
    """Whole pixels around the points, two more on each side, inside width x height."""
    (x0, y0), (x1, y1) = np.floor(points.min(0)).astype(int), np.ceil(points.max(0)).astype(int)
    return (
        int(np.clip(x0 - 2, 0, width)),
        int(np.clip(y0 - 2, 0, height)),
        int(np.clip(x1 + 3, 0, width)),
        int(np.clip(y1 + 3, 0, height)),
    )
