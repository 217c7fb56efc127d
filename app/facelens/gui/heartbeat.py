"""Measures for how long the window's thread does not come round to anything else."""

from __future__ import annotations

import time

from PySide6.QtCore import QBasicTimer, QObject, Qt, QTimerEvent

from facelens.timing import Durations, Spread

BEAT_MS = 4
"""Fine enough for a limit of 16 ms; it takes about a fiftieth of a core while a source runs, else nothing."""


class Heartbeat(QObject):
    """A timer of the window's thread. A gap is the time from one beat to the next: 4 ms and whatever came between."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QBasicTimer()
        self.restart()

    def restart(self) -> None:
        """Forget what was measured."""
        self._gaps, self._last = Durations(), 0.0

    def beat(self, on: bool) -> None:
        """Beat or rest; a rest is no gap."""
        if on == self._timer.isActive():
            return
        self._last = 0.0
        if on:
            self._timer.start(BEAT_MS, Qt.TimerType.PreciseTimer, self)
        else:
            self._timer.stop()

    def spread(self) -> Spread | None:
        """Of the gaps since ``restart``."""
        return self._gaps.spread()

    def timerEvent(self, _event: QTimerEvent) -> None:
        now = time.monotonic()
        if self._last:
            self._gaps.add((now - self._last) * 1000)
        self._last = now
