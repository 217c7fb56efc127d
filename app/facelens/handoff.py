"""How one thread hands frames to another without a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from facelens.types import Frame


class HandOff:
    """One slot between two threads. A frame that is not taken in time is replaced, or makes its giver wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._held = self._let_one = self._taking = False
        self._held_seconds = self._held_since = self._held_before = 0.0
        self._complete = False
        self._dropped = False
        self.replaced = 0

    def put(self, frame: Frame, *, wait: bool, unless: Callable[[], bool] = lambda: False) -> bool:
        """Give a frame; with ``wait`` only once the slot is free. False where nobody takes frames any more.

        With ``wait`` a frame is given up, and counts as replaced, where ``unless`` is true: see ``flush``.
        """
        with self._changed:
            held_before = self._held_for()
            if wait:
                self._changed.wait_for(lambda: self._frame is None or self._dropped or unless())
            if self._dropped:
                return False
            if wait and unless():
                self.replaced += 1
                return True
            self.replaced += self._frame is not None
            self._frame, self._held_before = frame, held_before
            self._changed.notify_all()
            return True

    def take(self) -> Frame | None:
        """Wait for a frame; None after the last one, or when all was dropped.

        A frame that waited while this was held counts as captured so much later.
        """
        with self._changed:
            self._taking = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: (
                    self._dropped or ((not self._held or self._let_one) and (self._frame is not None or self._complete))
                )
            )
            self._taking = False
            if self._dropped:
                return None
            frame, self._frame = self._frame, None
            self._let_one = False
            self._changed.notify_all()
            held = self._held_for() - self._held_before
            return frame if frame is None or held == 0 else replace(frame, captured_at=frame.captured_at + held)

    def drained(self, unless: Callable[[], bool]) -> None:
        """Wait until nothing is held back any more and the taker is done with all it took, or ``unless`` is true."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._dropped or unless() or (self._frame is None and self._taking and not self._held)
            )

    def _held_for(self) -> float:
        """Seconds for which this was held so far, all pauses together."""
        return self._held_seconds + (time.monotonic() - self._held_since if self._held else 0.0)

    def hold(self, held: bool) -> None:
        """While held, nothing is taken."""
        with self._changed:
            self._held_seconds, self._held_since = self._held_for(), time.monotonic()
            self._held = held
            self._changed.notify_all()

    def flush(self) -> None:
        """Drop what waits, here and with a giver whose ``unless`` has become true."""
        with self._changed:
            self.replaced += self._frame is not None
            self._frame = None
            self._changed.notify_all()

    def let_one(self) -> None:
        """Let the next frame through even while held."""
        with self._changed:
            self._let_one = True
            self._changed.notify_all()

    def complete(self) -> None:
        """No more frames will come; the one in the slot can still be taken."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def drop(self) -> None:
        """End at once, for both sides."""
        with self._changed:
            self._dropped, self._frame = True, None
            self._changed.notify_all()
