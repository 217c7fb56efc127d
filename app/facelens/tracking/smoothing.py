"""Steady boxes, points and figures: the One-Euro filter."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from facelens.types import Box, Detection, Face, Landmarks, readonly

Values = npt.NDArray[np.float64]

RESTART_SECONDS = 0.4
"""A face not seen for longer is shown where it is found, without a glide."""
SPEED_CUTOFF = 1.0
"""Hz; how fast the filter notices that something moves, as in the paper."""
SPEED_FLOOR = 0.1
"""Units a second that count as rest, or the noise itself would look like motion and open the filter to it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Cutoff:
    """The cutoff in Hz of a One-Euro filter: ``rest`` at rest, and ``per_speed`` more for each unit/s of speed above
    ``floor``."""

    rest: float
    per_speed: float
    floor: float = SPEED_FLOOR

    @classmethod
    def of(cls, smoothing: float) -> Cutoff:
        """For boxes and points (unit: a face size) from 0, smooth, to 1, quick."""
        return cls(0.15 * 16.0**smoothing, 2.5 * 8.0**smoothing)


class OneEuro:
    """The One-Euro filter (G. Casiez, N. Roussel and D. Vogel, "1 Euro Filter: A Simple Speed-based Low-pass Filter for
    Noisy Input in Interactive Systems", CHI 2012) over n rows at once, each with the speed of its own.

    A low-pass whose cutoff rises with the speed: at rest it takes out the jitter, in motion it follows. The first
    values count alike, as in a mean, so that a bad start does not last.

    Args:
        restart: a gap of more than so many seconds starts anew.
    """

    __slots__ = ("_raw", "_restart", "_speed", "_steps", "_value")

    def __init__(self, restart: float = RESTART_SECONDS) -> None:
        self._restart = restart
        self._steps = 0
        self._value: Values | None = None
        self._raw = self._speed = np.zeros((0, 0))

    def step(self, values: Values, seconds: float, unit: float, cutoff: Cutoff) -> Values:
        """The filtered ``values``.

        Args:
            values: n x k; rows that the last step did not have start anew.
            seconds: since the last step, > 0.
            unit: speeds count in this many of the values' units a second.
        """
        last = self._value
        if last is None or seconds > self._restart:
            self._value, self._raw, self._speed, self._steps = values, values, np.zeros_like(values), 1
            return values
        self._steps += 1
        if len(last) != len(values):
            last = np.concatenate([last[: len(values)], values[len(last) :]])
            self._raw = np.concatenate([self._raw[: len(values)], values[len(self._raw) :]])
            self._speed = np.concatenate([self._speed[: len(values)], np.zeros_like(values[len(self._speed) :])])
        share = 1 / (1 + 1 / (2 * math.pi * SPEED_CUTOFF * seconds))
        self._speed = self._speed + share * ((values - self._raw) / (seconds * unit) - self._speed)
        speed = np.sqrt(np.einsum("ij,ij->i", self._speed, self._speed))[:, None]
        speed = np.maximum(speed - cutoff.floor, 0.0)
        turn = (2 * math.pi * seconds) * (cutoff.rest + cutoff.per_speed * speed)
        self._value = last + np.maximum(turn / (1 + turn), 1 / self._steps) * (values - last)
        self._raw = values
        return self._value


class FaceSmoother:
    """Steadies box, five points and landmarks of one person; speeds count in sizes of the face."""

    __slots__ = ("_filter",)

    def __init__(self) -> None:
        self._filter = OneEuro()

    def step(self, face: Face, seconds: float, cutoff: Cutoff) -> tuple[Detection, Landmarks | None]:
        """Detection and landmarks of ``face`` as they are to be shown, px of the picture."""
        found, marks = face.detection, face.landmarks
        box, five = found.box, found.landmarks.points
        sides = np.array([box.centre, (box.width, box.height)])
        parts = (sides, five) if marks is None else (sides, five, marks.points)
        unit = math.sqrt(max(box.area, 1.0))
        rows = self._filter.step(np.concatenate(parts), seconds, unit, cutoff)
        (x, y), (width, height) = rows[:2].tolist()
        split = len(five)
        steady = readonly(rows[2:])
        where = Box(x - width / 2, y - height / 2, width, height)
        shown = Detection(where, found.confidence, Landmarks(steady[:split], found.landmarks.scheme))
        return shown, None if marks is None else Landmarks(steady[split:], marks.scheme, marks.spread)
