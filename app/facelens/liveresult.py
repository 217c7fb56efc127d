"""What a live session gives, and what may stand between it and the analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from facelens.types import Frame, FrameReport


class Follows(Protocol):
    """What puts the reports of one frame after another into order, such as ``Tracker``."""

    def update(self, report: FrameReport) -> FrameReport: ...


@dataclass(frozen=True, slots=True, eq=False)
class LiveResult:
    """A frame with exactly its report; ``published_at`` is ``time.monotonic()`` seconds."""

    frame: Frame
    report: FrameReport
    published_at: float

    @property
    def latency_ms(self) -> float:
        """From the capture of the frame to the moment its report was there, without the pauses in which it was held."""
        return (self.published_at - self.frame.captured_at) * 1000
