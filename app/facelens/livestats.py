"""How a live session goes, counted while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from facelens.timing import Durations, Latency, Rate


@dataclass(frozen=True, slots=True)
class LiveStats:
    """How a session goes. Rates are frames/s from the first frame to the last, over the whole session, as are the
    percentiles of the time from the capture of a frame to its report.

    Of a live source, captured = analysed + skipped + at most two that are waiting or in work; what came in during a
    pause counts as skipped. Of other sources nothing is ever skipped but what waits at a ``seek``. ``threads_joined``
    equals ``threads_started`` after a clean stop.
    """

    fps_captured: float
    fps_analysed: float
    frames_captured: int
    frames_analysed: int
    frames_skipped: int
    latency_ms: Latency
    threads_started: int
    threads_joined: int
    seconds: float


class Tally:
    """Counts frames and times of one session; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._captured, self._analysed = Rate(), Rate()
        self._latencies = Durations()
        self._began = self._ended = 0.0

    def begin(self) -> None:
        """Frames are read from now on."""
        self._began = time.monotonic()

    def end(self) -> None:
        """No more will come; what is said of a later time does not count."""
        with self._lock:
            self._ended = self._ended or time.monotonic()

    def captured(self) -> None:
        """A frame has just come in."""
        with self._lock:
            if not self._ended:
                self._captured.add(time.monotonic())

    def analysed(self, now: float, latency_ms: float) -> None:
        """A report was there at ``now`` s, so long after its frame was captured."""
        with self._lock:
            if not self._ended:
                self._analysed.add(now)
                self._latencies.add(latency_ms)

    def stats(self, skipped: int, threads: Sequence[threading.Thread]) -> LiveStats:
        """All of it, with the frames that were skipped and the threads that were started."""
        with self._lock:
            until = self._ended or time.monotonic()
            return LiveStats(
                fps_captured=self._captured.fps,
                fps_analysed=self._analysed.fps,
                frames_captured=self._captured.count,
                frames_analysed=self._analysed.count,
                frames_skipped=skipped,
                latency_ms=self._latencies.latency(),
                threads_started=len(threads),
                threads_joined=sum(not thread.is_alive() for thread in threads),
                seconds=until - self._began if self._began else 0.0,
            )
