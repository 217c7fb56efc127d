"""Waiting for the time of a frame, in a way that can be ended from another thread."""

from __future__ import annotations

import threading
import time


class Pace:
    """Ticks of a constant rate for one reader. The first ``wait`` returns at once and starts the clock.

    Args:
        fps: ticks a second, > 0.
    """

    def __init__(self, fps: float) -> None:
        self._period = 1.0 / fps
        self._due: float | None = None
        self._ended = threading.Event()

    def wait(self) -> bool:
        """Wait for the next tick; False where ``interrupt`` has ended it.

        Ticks that were missed are not made up for: after a late call the next one is due a whole period later.
        """
        now = time.monotonic()
        due = now if self._due is None else self._due
        if self._ended.wait(max(due - now, 0.0)):
            return False
        # a delay below one period is the reader's jitter: the rate holds over it
        self._due = due + self._period if now - due < self._period else now + self._period
        return True

    def interrupt(self) -> None:
        self._ended.set()
