"""Waiting for the time of a frame, in a way that can be ended from another thread."""

from __future__ import annotations

import threading
import time


class Pace:
    """Ticks for one reader. The first ``wait`` returns at once and starts the clock.

    Args:
        fps: ticks a second, > 0.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1.0 / fps
        self._last: float | None = None
        self._ended = threading.Event()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the next tick; False where ``interrupt`` has ended it.

        Args:
            seconds: from the tick before to this one; by default the constant rate.

        Ticks that were missed are not made up for: after a late call the next one is due a whole period later.
        """
        now = time.monotonic()
        due = now if self._last is None else self._last + (self._period if seconds is None else seconds)
        if self._ended.wait(max(due - now, 0.0)):
            return False
        # a delay below one period is the reader's jitter: the rate holds over it
        self._last = due if now - due < self._period else now
        return True

    def interrupt(self) -> None:
        self._ended.set()
