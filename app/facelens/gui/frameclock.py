"""Measures what reaches the eye: when each live frame was painted, and how old it was then. No widgets."""

from __future__ import annotations

from collections import deque

from facelens.runstats import Shown
from facelens.sources.rate import recent_rate
from facelens.timing import Durations, Rate, Spread

RECENT_SECONDS = 2.0
MOST_FPS = 240


class FrameClock:
    """Counts the frames that were painted since ``restart``. Times are ``time.monotonic()`` seconds."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin anew, with another source."""
        self._delays, self._rate = Durations(), Rate()
        self._recent: deque[tuple[float, float]] = deque(maxlen=round(MOST_FPS * RECENT_SECONDS))

    def painted(self, captured_at: float, now: float) -> None:
        """A frame that was captured then has just been painted for the first time."""
        delay = (now - captured_at) * 1000
        self._delays.add(delay)
        self._rate.add(now)
        self._recent.append((now, delay))

    def fps(self, now: float) -> float:
        """Frames a second of late, see ``recent_rate``: slow sources count too, and a source that is silent falls."""
        return recent_rate([at for at, _ in self._recent], now)

    def delay_ms(self, now: float) -> float:
        """Middle one of the delays from capture to paint over the last two seconds, ms; of the newest frame where none
        lies in them, 0 before the first."""
        delays = sorted(delay for at, delay in self._recent if now - at <= RECENT_SECONDS)
        if delays:
            return delays[len(delays) // 2]
        return self._recent[-1][1] if self._recent else 0.0

    def spread(self) -> Spread | None:
        """Of the delays since ``restart``."""
        return self._delays.spread()

    def shown(self) -> Shown:
        """Everything since ``restart``."""
        return Shown(self._rate.count, self._rate.fps, self._delays.latency())
