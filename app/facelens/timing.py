"""Durations and rates, in a memory that does not grow however long a run is."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

STEP_MS, LONGEST_MS = 0.1, 5000.0
"""Durations are told to a tenth of a millisecond; of those above five seconds only the longest is known."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles over a whole run, ms; all 0 before the first event."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Where durations lie, ms: half, 95 % and 99 % of them are at most so long, and the longest."""

    p50: float
    p95: float
    p99: float
    max: float


class Durations:
    """Counts durations by tenths of a millisecond. Not thread-safe."""

    def __init__(self) -> None:
        self._bins = array("L", bytes(array("L").itemsize * (round(LONGEST_MS / STEP_MS) + 1)))
        self.count = 0
        self.greatest = 0.0

    def add(self, milliseconds: float) -> None:
        """Take in one duration; below 0 counts as 0."""
        value = max(milliseconds, 0.0)
        self._bins[min(round(value / STEP_MS), len(self._bins) - 1)] += 1
        self.count += 1
        self.greatest = max(self.greatest, value)

    def percentiles(self, *shares: float) -> tuple[float, ...]:
        """For each share the smallest duration, to a tenth of a millisecond, that so many % of all do not exceed.

        The nearest-rank definition, so that a value is one that was seen; all 0 without any.
        """
        if not self.count:
            return (0.0,) * len(shares)
        seen = np.cumsum(np.frombuffer(self._bins, dtype=np.dtype("L")))
        ranks = [max(math.ceil(share / 100 * self.count), 1) for share in shares]
        places = [int(place) for place in np.searchsorted(seen, ranks)]
        # what lies beyond the last step is not told apart
        last = len(self._bins) - 1
        return tuple(self.greatest if place == last else min(place * STEP_MS, self.greatest) for place in places)

    def latency(self) -> Latency:
        p50, p95, p99 = self.percentiles(50, 95, 99)
        return Latency(p50, p95, p99)

    def spread(self) -> Spread | None:
        """None without any."""
        p50, p95, p99 = self.percentiles(50, 95, 99)
        return Spread(p50, p95, p99, self.greatest) if self.count else None


class Rate:
    """Counts events and tells their mean rate from the first to the last."""

    def __init__(self) -> None:
        self.count = 0
        self._first = self._last = 0.0

    def add(self, now: float) -> None:
        """An event at ``now`` s."""
        self._first = now if self.count == 0 else self._first
        self.count, self._last = self.count + 1, now

    @property
    def fps(self) -> float:
        """Events a second; 0 before the second one."""
        span = self._last - self._first
        return (self.count - 1) / span if span > 0 else 0.0


class StageClock:
    """Collects the milliseconds of each stage."""

    def __init__(self) -> None:
        self.timings: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + (time.perf_counter() - start) * 1000
