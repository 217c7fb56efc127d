"""Where the pictures of a clip lie in time, and whether some are missing between them."""

from __future__ import annotations

STEADY = 8
"""So many even steps show that a clip has one rate all through."""
NOTABLE_SECONDS, NOTABLE_FRAMES = 0.2, 5.0
"""What is missing counts from both on: recorders drop a few frames, and the lengths that containers tell are rough."""


class Timeline:
    """Follows the times of one clip's pictures.

    Args:
        fps: the clip's mean rate; None where it is not known.
        count: its frames as the container tells; None where it does not.
    """

    def __init__(self, fps: float | None, count: int | None) -> None:
        self.period = 1.0 / fps if fps else 0.04
        self.duration = count * self.period if fps and count else None
        """Seconds; None where it is not known."""
        self.position = 0.0
        """Of the newest picture, seconds from the start."""
        self.missing = 0.0
        """Seconds left out before the newest picture, where that can be told."""
        self._even, self._uneven, self._fresh = 0, False, True

    def step(self, stamp: float) -> float:
        """Take in the next picture, which tells its time as ``stamp`` s; returns the seconds by which it follows."""
        self.missing = 0.0
        step = stamp - self.position
        if self._fresh:
            self._fresh = False
            self.position = stamp
            return 0.0
        if step <= 0 or (self.duration is not None and stamp > self.duration + 1.0):
            # no time, or nonsense
            step = self.period
        elif abs(step - self.period) <= 0.02 * self.period + 0.001:
            self._even += 1
        elif self.is_notable(step - self.period) and self._even >= STEADY and not self._uneven:
            # a clip of one rate all through, and whose mean rate that is, has no gaps of its own
            self.missing, self.position = step - self.period, self.position + step
            return self.period
        else:
            self._uneven = True
        self.position += step
        return step

    def jump(self, seconds: float) -> None:
        """The next picture is taken from another place, near ``seconds``."""
        self.position, self._fresh = seconds, True

    def is_notable(self, seconds: float) -> bool:
        """Whether so much is worth a word."""
        return seconds >= NOTABLE_SECONDS and seconds >= NOTABLE_FRAMES * self.period

    @property
    def left(self) -> float:
        """Seconds that should come after the newest picture; 0 where the length is not known."""
        return 0.0 if self.duration is None else max(self.duration - self.position - self.period, 0.0)

    @property
    def number(self) -> int:
        """Of the newest picture, counted from 0."""
        return round(self.position / self.period)
