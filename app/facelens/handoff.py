"""How one thread hands frames to another without a queue."""

from __future__ import annotations

import threading
from collections.abc import Callable

from facelens.types import Frame


class HandOff:
    """One slot between two threads. A frame that is not taken in time is replaced, or makes its giver wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._held = self._let_one = False
        self._complete = False
        self._dropped = False
        self.replaced = 0

    def put(self, frame: Frame, *, wait: bool, unless: Callable[[], bool] = lambda: False) -> bool:
        """Give a frame; with ``wait`` only once the slot is free. False where nobody takes frames any more.

        With ``wait`` a frame is given up, and counts as replaced, where ``unless`` is true: see ``flush``.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._frame is None or self._dropped or unless())
            if self._dropped:
                return False
            if wait and unless():
                self.replaced += 1
                return True
            self.replaced += self._frame is not None
            self._frame = frame
            self._changed.notify_all()
            return True

    def take(self) -> Frame | None:
        """Wait for a frame; None after the last one, or when all was dropped."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self._dropped or ((not self._held or self._let_one) and (self._frame is not None or self._complete))
                )
            )
            if self._dropped:
                return None
            frame, self._frame = self._frame, None
            self._let_one = False
            self._changed.notify_all()
            return frame

    def hold(self, held: bool) -> None:
        """While held, nothing is taken."""
        with self._changed:
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
