"""What a source of frames is, whoever reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from facelens.types import Box, Frame, Points, readonly


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is really in a drawn frame, in its pixels: a box and five points (order of scheme ``five``) per face."""

    boxes: tuple[Box, ...]
    points: tuple[Points, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(readonly(p) for p in self.points))


class FrameSource(ABC):
    """Frames one after another from a camera, a clip, a stream, pictures or the demo.

    A source is used by one thread at a time: ``open``, then ``read`` until it returns None or raises, then ``close``.
    Only ``interrupt`` may be called from another thread. After ``close`` a source can be opened again, and its frame
    numbers start again from 0.

    ``name`` is what a user calls the source. ``is_live`` tells that time does not wait: a reader who is late has lost
    what it missed. Where it is False every frame counts, and the source waits for its reader. ``fps`` (nominal) and
    ``size`` (width, height) are None where they are not known; all three may be settled by ``open`` only.
    """

    name: str = ""
    is_live: bool = False
    fps: float | None = None
    size: tuple[int, int] | None = None

    @abstractmethod
    def open(self) -> None:
        """Get ready to read; returns within a few seconds whatever the device or the network does.

        Raises:
            SourceError: it cannot be opened; the subclass tells missing from busy.
        """

    @abstractmethod
    def read(self) -> Frame | None:
        """The next frame, or None at the end. The picture is a buffer of its own that the reader may keep.

        Raises:
            SourceLostError: no further frame will come though more were due.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what ``open`` took; harmless when not open. Never raises for a device that is gone."""

    def interrupt(self) -> None:  # noqa: B027 - most sources never wait long
        """Ask a ``read`` that waits for its time to return at once (with None). From any thread, before ``close``."""

    def truth(self, index: int) -> Truth | None:  # noqa: ARG002 - only drawn sources know
        """What is really in frame ``index``; None where that is not known."""
        return None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
