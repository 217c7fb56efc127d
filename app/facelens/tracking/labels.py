"""Labels and figures that stay put: they change only when what they show has clearly changed."""

from __future__ import annotations

from collections.abc import Sequence


class Label:
    """One of several labels, or none: two thresholds instead of one, so that noise at either cannot flip it.

    A label appears where its probability reaches ``sure + slack``, and goes where it falls below ``sure - slack``, or
    where another label reaches ``sure + slack``. Where no label is sure, the leaning one stays until another is ahead
    by 2 ``slack``.

    Args:
        sure: the confidence that is asked of a label, 0..1; together with ``slack`` above one half where only one
            label can be right.
    """

    __slots__ = ("_high", "_lead", "_leaning", "_low", "_sure")

    def __init__(self, sure: float, slack: float) -> None:
        self._high, self._low, self._lead = sure + slack, sure - slack, 2 * slack
        self._sure = False
        self._leaning: int | None = None

    def step(self, probabilities: Sequence[float]) -> tuple[int, bool]:
        """The index of the label, and whether it is sure, from the newest fused ``probabilities``."""
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        leaning = best if self._leaning is None else self._leaning
        if probabilities[best] >= self._high:
            leaning, self._sure = best, True
        else:
            self._sure = self._sure and probabilities[leaning] >= self._low
            if not self._sure and probabilities[best] - probabilities[leaning] >= self._lead:
                leaning = best
        self._leaning = leaning
        return leaning, self._sure


class Steady:
    """Figures that are shown together: they stay until one of them has moved by a step, then all are taken anew."""

    __slots__ = ("_shown",)

    def __init__(self) -> None:
        self._shown: tuple[float, ...] = ()

    def step(self, values: tuple[float, ...], step: float) -> tuple[float, ...]:
        """What to show for the newest ``values``; another number of them is taken anew."""
        shown = self._shown
        if len(shown) != len(values) or any(abs(a - b) >= step for a, b in zip(shown, values)):
            self._shown = values
        return self._shown


class Settled:
    """Words that are shown together: others take their place once they have lasted for ``seconds``."""

    __slots__ = ("_seconds", "_shown", "_since", "_wanted")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._shown: tuple[str, ...] | None = None
        self._wanted: tuple[str, ...] = ()
        self._since = 0.0

    def step(self, words: tuple[str, ...], now: float) -> tuple[str, ...]:
        """What to show where ``words`` are the newest at ``now`` s."""
        if words != self._wanted:
            self._wanted, self._since = words, now
        if self._shown is None or now - self._since >= self._seconds:
            self._shown = self._wanted
        return self._shown
