"""A live source that outlasts its losses, and says when there is nothing to see on it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from facelens.errors import CameraMissingError, SourceError, SourceLostError
from facelens.sources.base import FrameSource, Notice
from facelens.sources.camera import CameraSource
from facelens.sources.capture import cv2
from facelens.sources.health import SECONDS, Ailment, Health
from facelens.sources.rate import recent_rate
from facelens.types import Frame

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 0.5
"""Seconds before the first attempt to open a lost source again, and before later ones, each twice as long."""
RATE_EVERY = 0.25
"""Seconds between two measurements of the rate."""
WAITING = "Waiting for it to come back"
SIGNS: Mapping[Ailment, tuple[str, str]] = {
    "frozen": ("has stood still", "If it froze, unplug it and plug it in again"),
    "black": ("has been black", "Look whether its lid is open, and make light"),
    "green": ("has been green", "If it stays so, unplug it and plug it in again"),
    "flat": ("has been of one colour", "If it stays so, unplug it and plug it in again"),
}
"""What is wrong with the picture, and what to do."""


class SteadySource(FrameSource):
    """A camera or stream that is opened again, with growing pauses, whenever it is lost.

    Meanwhile ``read`` waits and ``notice`` tells of the loss; frame numbers and ``name`` go on. What is not live passes
    unchanged. ``open`` raises where the source is not there: then there is nothing yet to come back.

    Args:
        source: what to read; not yet opened.
    """

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.name, self.is_live = source.name, source.is_live
        self._stopped = threading.Event()
        self._times: deque[float] = deque(maxlen=512)
        self._measured = 0.0
        self._health = Health()
        self._is_open = self._is_down = self._is_lost = False
        self._pause = FIRST_PAUSE
        self._index = 0

    def open(self) -> None:
        self.source.on_notice = lambda: self._tell(self.source.notice)
        self.source.open()
        self._is_open, self._is_down, self._is_lost = True, False, False
        self._index, self.losses, self.notice = 0, 0, None
        self._begin()
        self.name, self.duration = self.source.name, self.source.duration

    def read(self) -> Frame | None:
        while self._is_open:
            if self._is_down and not self._opened_again():
                return None
            try:
                frame = self.source.read()
            except SourceLostError as error:
                if not self.is_live:
                    raise
                self._lose(error)
                continue
            if frame is not None and self.is_live:
                frame = self._kept(frame)
            self.size, self.position = self.source.size, self.source.position
            return frame
        return None

    def seek(self, seconds: float) -> None:
        self.source.seek(seconds)
        self.position = self.source.position

    def close(self) -> None:
        self._is_open = False
        self.source.close()
        # else both hold each other, and a whole picture, until Python looks for circles: once in minutes
        self.source.on_notice = None
        self._stopped.clear()

    def interrupt(self) -> None:
        # this flag first: closing a lost source takes the other one back
        self._stopped.set()
        self.source.interrupt()

    def _begin(self) -> None:
        """Start over with what was opened."""
        self.is_live, self.fps, self.size = self.source.is_live, self.source.fps, self.source.size
        self._health = Health()
        self._times.clear()

    def _lose(self, error: SourceLostError) -> None:
        self.source.close()
        self._is_down, self.rate = True, 0.0
        if not self._is_lost:
            self._is_lost, self._pause = True, FIRST_PAUSE
            self.losses += 1
        log.info("%s", error)
        self._tell_lost(error.why)

    def _tell_lost(self, why: str) -> None:
        word = "Camera" if isinstance(self.source, CameraSource) else "Stream"
        self._tell(Notice("lost", f"{word} lost: {self.name} ({why})", WAITING))

    def _opened_again(self) -> bool:
        """Wait and try until it is open; False where that was interrupted."""
        while not self._stopped.wait(self._pause):
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            try:
                self.source.open()
            except (SourceError, OSError, cv2.error) as error:
                log.debug("%s", error)
                if self._stopped.is_set():
                    # that it was stopped is no news of the source
                    return False
                # that it is away is known; that another program has it now is news
                if isinstance(error, SourceError) and not isinstance(error, CameraMissingError):
                    self._tell_lost(error.why)
            else:
                self._is_down = False
                self._begin()
                return True
        return False

    def _kept(self, frame: Frame) -> Frame:
        """The frame in the order of all that came, measured and looked at."""
        now = frame.captured_at
        # only now: a source may open and still give nothing
        self._is_lost = False
        self._times.append(now)
        if now - self._measured >= RATE_EVERY:
            self.rate, self._measured = recent_rate(self._times, now) or None, now
        ailment = self._health.check(frame.image, now)
        if ailment is None:
            self._tell(None)
        else:
            sign, remedy = SIGNS[ailment]
            text = f"The picture of {self.name} {sign} for {SECONDS:.0f} s"
            self._tell(Notice("frozen" if ailment == "frozen" else "dead", text, remedy))
        kept = replace(frame, index=self._index)
        self._index += 1
        return kept
