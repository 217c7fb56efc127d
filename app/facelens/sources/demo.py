"""The demo: a virtual camera in a drawn room, with one or more people whose faces' places are known exactly.

Every frame is a pure function of its number, the size, the number of faces and the seed.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from facelens.errors import UsageError
from facelens.geometry import transform
from facelens.sources.base import FrameSource, Truth
from facelens.sources.portrait import (
    BOTTOM,
    FACE_CENTRE,
    FACE_HEIGHT,
    FACE_RADII,
    FIVE,
    HEAD_CENTRE,
    HEAD_RADIUS,
    HEADROOM,
)
from facelens.sources.stage import Pose, Stage
from facelens.types import Box, Frame, Image

MOST_FACES = 20
LEAST_SIDE, MOST_SIDE = 64, 4096
SMALLEST, LARGEST = 0.15, 0.60
"""Height of a single face, as a part of the frame's height."""
ROLL = 20.0
GROUP_ROLL = 12.0
"""A head tips this far to each side, degrees; with several people less, so that no shoulder hides a face."""
SWAP = [1, 0, 2, 4, 3]
"""The five points of a mirrored face: what was the right eye is the left one."""


@dataclass(frozen=True, slots=True)
class _Waves:
    """Smooth motion of one person: periods in seconds and phases, drawn once from the seed."""

    periods: npt.NDArray[np.float64]
    phases: npt.NDArray[np.float64]

    def at(self, which: int, seconds: float) -> float:
        """Wave number ``which``, -1..1."""
        return math.sin(2 * math.pi * seconds / self.periods[which] + self.phases[which])


PERIODS = (9.0, 11.0, 13.0, 7.0, 10.0, 17.0, 12.0)
"""Seconds: across, up and down, to and fro, roll, side of the light, brightness, blur."""


class DemoSource(FrameSource):
    """People in a room, without a camera.

    Args:
        size: width and height, each 64..4096 px.
        fps: frames a second, > 0.
        faces: 1..20. One face comes near and goes far (15 to 60 % of the frame's height); several keep to places of
            their own, so that no face covers another.
        seed: another seed gives other paths.
        paced: True: in real time, as a camera; a reader who comes late gets the frame of that moment, and the numbers
            jump over what it missed. False: as fast as it is read, every frame, without an end.

    Raises:
        UsageError: a value is out of its range.
    """

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        fps: float = 30.0,
        faces: int = 1,
        seed: int = 0,
        paced: bool = True,
    ) -> None:
        if not 1 <= faces <= MOST_FACES:
            raise UsageError(f"The demo cannot show {faces} faces", f"it has 1 to {MOST_FACES}", "Ask for fewer")
        if not all(LEAST_SIDE <= side <= MOST_SIDE for side in size) or not 0 < fps <= 1000:
            why = f"each side must be {LEAST_SIDE} to {MOST_SIDE} pixels, and the rate 0 to 1000 frames/s"
            raise UsageError(f"The demo has no {size[0]}x{size[1]} at {fps:g} frames/s", why, "Choose other values")
        self.name = "Demo"
        self.is_live = paced
        self.fps: float = fps
        self.size: tuple[int, int] = size
        self.faces = faces
        self._paced = paced
        rng = np.random.default_rng(seed)
        # a single person starts in the middle of everything, so that the first look is a good one
        start = 0.0 if faces == 1 else 2 * math.pi
        self._people = tuple(
            _Waves(np.array(PERIODS) * rng.uniform(0.85, 1.2, len(PERIODS)), rng.random(len(PERIODS)) * start)
            for _ in range(faces)
        )
        self._cells = _cells(faces, size) if faces > 1 else ()
        self._ended = threading.Event()
        self._started: float | None = None
        self._next = 0
        self._stage: Stage | None = None

    def open(self) -> None:
        self._stage = Stage(self.size)
        self._ended.clear()
        self._started, self._next = None, 0

    def read(self) -> Frame | None:
        if self._stage is None:
            return None
        now = time.monotonic()
        if self._started is None:
            self._started = now
        if self._paced:
            self._next = max(self._next, math.floor((now - self._started) * self.fps))
            self._ended.wait(max(self._started + self._next / self.fps - now, 0.0))
        if self._ended.is_set():
            return None
        index, self._next = self._next, self._next + 1
        return Frame(self.draw(index), index, time.monotonic(), index / self.fps)

    def close(self) -> None:
        self._stage = None

    def interrupt(self) -> None:
        self._ended.set()

    def draw(self, index: int) -> Image:
        """Frame ``index`` as a new height x width x 3 picture; the source need not be open."""
        if self._stage is None:
            self._stage = Stage(self.size)
        return self._stage.draw(index, index / self.fps, self.poses(index))

    def truth(self, index: int) -> Truth:
        boxes, points = [], []
        for pose in self.poses(index):
            x, y = transform(pose.matrix, FACE_CENTRE[None])[0]
            # the upright box around a turned ellipse
            across, up = FACE_RADII * pose.scale
            cos, sin = math.cos(pose.roll), math.sin(pose.roll)
            half_width, half_height = math.hypot(across * cos, up * sin), math.hypot(across * sin, up * cos)
            boxes.append(Box(float(x) - half_width, float(y) - half_height, 2 * half_width, 2 * half_height))
            five = transform(pose.matrix, FIVE)
            points.append(five[SWAP] if pose.mirrored else five)
        return Truth(tuple(boxes), tuple(points))

    def poses(self, index: int) -> tuple[Pose, ...]:
        """The figures of frame ``index``, from back to front."""
        seconds = index / self.fps
        return tuple(self._pose(number, waves, seconds) for number, waves in enumerate(self._people))

    def _pose(self, number: int, waves: _Waves, seconds: float) -> Pose:
        across, up, near, roll, side, bright, soft = (waves.at(k, seconds) for k in range(len(PERIODS)))
        mirrored = number % 2 == 1
        if self._cells:
            x, y, most_scale, room_x, room_y = self._cells[number]
            scale = most_scale * (0.86 + 0.14 * near)
            angle = math.radians(GROUP_ROLL) * roll
            x, y = x + room_x * across, y + room_y * up
            anchor = HEAD_CENTRE
        else:
            scale, x, y = self._alone(across, up, near)
            angle = math.radians(ROLL) * roll
            anchor = FACE_CENTRE
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        linear = np.array([[-cos if mirrored else cos, -sin], [-sin if mirrored else sin, cos]])
        matrix = np.concatenate([linear, (np.array([x, y]) - linear @ anchor)[:, None]], axis=1)
        gain = (1.0 + 0.12 * bright) * (1.0 if number == 0 else 0.88 + 0.06 * (number % 4))
        share = 0.5 + 0.32 * side
        light = (gain * share / HEADROOM, gain * (1 - share) / HEADROOM)
        return Pose(matrix, scale, angle, mirrored, light, 0.45 + 0.45 * soft)

    def _alone(self, across: float, up: float, near: float) -> tuple[float, float, float]:
        """Scale and place of the only face; the face stays inside the frame, the figure reaches its lower edge."""
        width, height = self.size
        unit = min(height, 0.8 * width)
        middle, span = math.sqrt(SMALLEST * LARGEST), math.sqrt(LARGEST / SMALLEST)
        scale = middle * span**near * unit / FACE_HEIGHT
        radius = float(np.hypot(*FACE_RADII)) * scale
        reach = max(width / 2 - radius - 0.02 * width, 0.0)
        lowest = height - radius - 0.02 * height
        # how far below the face the figure still covers the frame when it leans furthest
        lean = math.radians(ROLL)
        covered = ((BOTTOM - FACE_CENTRE[1]) * math.cos(lean) - 250.0 * math.sin(lean)) * scale
        inside, seated = radius + 0.02 * height, height - covered
        # the larger of the two, rounded off where they meet, so that the motion has no corner
        highest = (inside + seated + math.hypot(inside - seated, 0.1 * height)) / 2
        y = (highest + lowest) / 2 + max(lowest - highest, 0.0) / 2 * up
        return scale, width / 2 + 0.7 * reach * across, y


def _cells(faces: int, size: tuple[int, int]) -> tuple[tuple[float, float, float, float, float], ...]:
    """Places for several people, back rows first: head's x, y, largest scale, room to move across and up, in px.

    A cell is at least 250 figure pixels wide and 200 high: a head that moves within it covers no face of another
    cell, nor does a shoulder, which lies 112 figure pixels below the middle of the head even when it tips 12 degrees.
    """
    width, height = size

    def largest(columns: int) -> float:
        rows = math.ceil(faces / columns)
        return min(width / columns / 250, height / (rows + 0.6) / 200)

    columns = max(range(1, faces + 1), key=largest)
    rows = math.ceil(faces / columns)
    scale = min(largest(columns), 0.4 * height / FACE_HEIGHT)
    cell_height = height / (rows + 0.6)
    room_x = width / columns / 2 - HEAD_RADIUS * scale
    room_y = min(cell_height / 2 - HEAD_RADIUS * scale, 15 * scale)
    # the back row holds what does not fill the others
    counts = [faces - columns * (rows - 1)] + [columns] * (rows - 1)
    return tuple(
        (
            width / 2 + (column - (count - 1) / 2) * width / columns,
            cell_height * (row + 0.5) + 0.1 * cell_height,
            scale,
            0.9 * min(room_x, 0.5 * cell_height),
            room_y,
        )
        for row, count in enumerate(counts)
        for column in range(count)
    )
