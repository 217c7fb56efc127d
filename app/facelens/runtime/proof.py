"""What a network really runs on, with the times that show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

ROUNDS = 3
"""Runs that are timed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The provider that a network was asked to run on and the one it got.

    Attributes:
        network: the model's name.
        asked: "auto" or a short name of a provider.
        got: short name of the provider that the session really uses.
        ms: the quickest of a few runs with one face on ``got``; None where it was not timed.
        cpu_ms: the same on the CPU.
        reason: why it is not what was asked for, or not the best that this machine has; empty where it is.
        repair: the command or step that mends it; empty where nothing is to be mended.
    """

    network: str
    asked: str
    got: str
    ms: float | None = None
    cpu_ms: float | None = None
    reason: str = ""
    repair: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the CPU it is; None where that was not timed."""
        return self.cpu_ms / self.ms if self.ms and self.cpu_ms else None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON: times to a hundredth of a millisecond."""
        values = asdict(self) | {"ratio": self.ratio}
        return {name: round(value, 2) if isinstance(value, float) else value for name, value in values.items()}


def best_ms(run: Callable[[], object], rounds: int = ROUNDS, clock: Callable[[], float] = time.perf_counter) -> float:
    """The quickest of ``rounds`` calls, ms: what disturbs only ever adds, and a first call, which allocates, does too.

    Args:
        clock: seconds.
    """
    times = []
    for _ in range(rounds):
        start = clock()
        run()
        times.append((clock() - start) * 1000)
    return min(times)
