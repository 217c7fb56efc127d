"""What a source of frames is, whoever reads it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from facelens.errors import UsageError
from facelens.types import Box, Frame, Points, readonly


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is really in a drawn frame, in its pixels: a box and five points (order of scheme ``five``) per face."""

    boxes: tuple[Box, ...]
    points: tuple[Points, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(readonly(p) for p in self.points))


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that is not as it should be with a source that goes on all the same.

    Attributes:
        kind: ``lost`` (no pictures come, and it is being opened again), ``frozen`` (the same picture again and again),
            ``dead`` (one flat colour), ``skipped`` (a part that cannot be decoded was left out).
        text: what is wrong, with the name of the source.
        remedy: what the user can do about it, or what is being done.
    """

    kind: Literal["lost", "frozen", "dead", "skipped"]
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text}. {self.remedy}."


class FrameSource(ABC):
    """Frames one after another from a camera, a clip, a stream, pictures or the demo.

    A source is used by one thread at a time: ``open``, then ``read`` until it returns None or raises, then ``close``.
    Only ``interrupt`` may be called from another thread. After ``close`` a source can be opened again, and its frame
    numbers start again from 0.

    ``name`` is what a user calls the source. ``is_live`` tells that time does not wait: a reader who is late has lost
    what it missed. Where it is False every frame counts, and the source waits for its reader. ``fps`` (nominal) and
    ``size`` (width, height) are None where they are not known; ``size`` follows the frames. All three may be settled
    by ``open`` only.

    These may be looked at from any thread: ``rate``, the frames/s that really came of late (None where the source does
    not measure); ``notice``, what is wrong just now (the last one stays after ``close``); ``losses``, how often it was
    lost since ``open``; ``position``, seconds from the start of a source that has a ``duration``.
    """

    name: str = ""
    is_live: bool = False
    fps: float | None = None
    size: tuple[int, int] | None = None
    rate: float | None = None
    notice: Notice | None = None
    losses: int = 0
    position: float = 0.0
    duration: float | None = None
    """Length in seconds of what ``seek`` can move in, from ``open`` on; None where it cannot."""
    on_notice: Callable[[], None] | None = None
    """Called by the reading thread after ``notice`` changed; should return at once."""

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
        """Ask a ``read`` that waits for its time to return at once (with None), and an ``open`` to give up.

        From any thread, before ``close``; it holds until then. What a driver is busy with it cannot cut short: a camera
        may take 2 s and a network stream 2.5 s.
        """

    def seek(self, seconds: float) -> None:  # noqa: ARG002 - see the kinds that have a duration
        """Go on with the frame at ``seconds`` from the start, of which the nearest within ``duration`` is taken.

        The frame's number is that of its place. Called by the reading thread, while open.

        Raises:
            UsageError: there is nothing to move in: ``duration`` is None.
        """
        raise UsageError(f"{self.name} has no other place to go to", "it is not a clip", "Use a clip in a file")

    def truth(self, index: int) -> Truth | None:  # noqa: ARG002 - only drawn sources know
        """What is really in frame ``index``; None where that is not known."""
        return None

    def _tell(self, notice: Notice | None) -> None:
        """Set ``notice``, and say so where it is new."""
        if notice != self.notice:
            self.notice = notice
            if self.on_notice is not None:
                self.on_notice()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
