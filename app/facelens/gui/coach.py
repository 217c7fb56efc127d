"""The line of coaching, and the chips that lie on the picture. No widgets."""

from __future__ import annotations

from facelens.gui import paint_qt
from facelens.gui import theme as look
from facelens.overlay import CHIP, CHIP_TEXT, Disc, Panel, Primitive, Text

CHIP_HEIGHT = 38.0
"""Height of a chip in logical pixels."""


class Coach:
    """Chooses the line of coaching: a tip must last ``settle`` s to be shown, and then stays ``hold`` s or longer."""

    def __init__(self, hold: float = 2.0, settle: float = 0.5) -> None:
        self.hold, self.settle = hold, settle
        self.clear()

    def clear(self) -> None:
        self.line, self._since = "", float("-inf")
        self._candidate, self._candidate_since = "", float("-inf")

    def update(self, tip: str, now: float) -> str:
        """The line to show at ``now`` (seconds) where ``tip`` is the most useful one; "" for none."""
        if tip != self._candidate:
            self._candidate, self._candidate_since = tip, now
        held = not self.line or now - self._since >= self.hold
        if tip != self.line and held and now - self._candidate_since >= self.settle:
            self.line, self._since = tip, now
        return self.line


def chip(text: str, x: float, y: float, alpha: float) -> list[Primitive]:
    """A line of text on a dark ground whose upper left corner is at (x, y)."""
    width = paint_qt.measure(text, look.TEXT, False) + 32
    return [
        Panel(x, y, width, CHIP_HEIGHT, look.CONTROL_RADIUS, CHIP, 0.82 * alpha),
        Text(x + 16, y + CHIP_HEIGHT / 2, text, look.TEXT, CHIP_TEXT, alpha=alpha),
    ]


def recording_chip(length: str, right: float, y: float) -> list[Primitive]:
    """A red dot and the length of a recording, on a dark ground whose upper right corner is at (right, y)."""
    # as wide as its digits may become, so that it keeps still
    width = paint_qt.measure("0" * len(length), look.TEXT, False) + 50
    x, middle = right - width, y + CHIP_HEIGHT / 2
    return [
        Panel(x, y, width, CHIP_HEIGHT, look.CONTROL_RADIUS, CHIP, 0.82),
        Disc(x + 20, middle, 5, look.DARK.record),
        Text(x + 34, middle, length, look.TEXT, CHIP_TEXT),
    ]
