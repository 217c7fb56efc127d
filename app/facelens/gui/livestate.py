"""What a live source is doing, as the window shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from facelens.errors import FacelensError
from facelens.sources import Notice, is_camera

Phase = Literal["idle", "opening", "running", "paused", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class LiveState:
    """What the live source is doing. ``address`` is what was asked for, ``name`` what the source calls itself.

    ``duration`` (s) is that of a clip, in which one can move; ``notice`` what is wrong with a source that goes on.
    """

    phase: Phase = "idle"
    address: str = ""
    name: str = ""
    size: tuple[int, int] | None = None
    error: FacelensError | None = None
    duration: float | None = None
    notice: Notice | None = None

    @property
    def is_camera(self) -> bool:
        return is_camera(self.address)

    @property
    def is_lost(self) -> bool:
        """The picture shown is an old one: its camera or stream is being opened again."""
        return self.notice is not None and self.notice.kind == "lost" and self.phase in ("running", "paused")

    def is_back_from(self, before: LiveState | None) -> bool:
        """The source that was lost in the state ``before`` gives pictures again."""
        was_lost = before is not None and before.is_lost and before.address == self.address
        return was_lost and not self.is_lost and self.phase in ("running", "paused")
