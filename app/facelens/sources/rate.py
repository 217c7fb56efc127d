"""How many frames a second came of late."""

from __future__ import annotations

from collections.abc import Sequence

WINDOW, LEAST = 2.0, 4
"""Seconds that count; where fewer frames than this lie in them, so many count however old they are."""


def recent_rate(times: Sequence[float], now: float) -> float:
    """Events a second of late at ``now``, from their ``times`` (s) in order; 0 where nothing can be said.

    Slow sources count with their newest few events, and silence counts: after the last event the rate falls.
    """
    newest = [moment for moment in times if now - moment <= WINDOW]
    if len(newest) < LEAST:
        newest = [*times][-LEAST:]
    if len(newest) < 2:
        return 0.0
    span, steps = newest[-1] - newest[0], len(newest) - 1
    silence = now - newest[-1]
    if silence > 2 * span / steps:
        span += silence
    return steps / span if span > 0 else 0.0
