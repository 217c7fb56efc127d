"""Clips in files and streams on the network, decoded by the FFmpeg inside OpenCV."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from facelens.errors import SourceError, SourceLostError
from facelens.sources.base import FrameSource, Notice
from facelens.sources.capture import Door, cv2, give_jpegs, unpack
from facelens.sources.pace import Pace
from facelens.sources.timeline import Timeline
from facelens.types import Frame, Image

log = logging.getLogger(__name__)

NETWORK_SECONDS, READ_SECONDS, FILE_SECONDS = 3.0, 2.5, 10.0
"""Longest waits: for a stream to open, for its next picture, for a file to open."""
AGAIN_SECONDS, AGAIN_FACTOR, AGAIN_GROWTH = 1.5, 2.0, 1.02
"""A stream that was open answers within so many seconds, or so many times what it took at first, or is not back yet:
whoever waits for a server that accepts and says nothing is late for the one that comes in its place. In case it has
become slow, the wait grows with each attempt, in a minute and a half to that of the first."""
SCHEMES = ("http", "https", "rtsp", "rtsps")
SHORT_BY = 0.1
"""A clip whose container promises this much more than could be decoded is called broken; less is bookkeeping."""
GO_ON_SECONDS, GO_ON_FACTOR = 0.5, 1.6
"""Behind a part that cannot be decoded a picture is looked for so far on, and then in steps that grow."""
CONVERT = "Check that it plays elsewhere, or convert it to MP4 (H.264)"
CHECK_ADDRESS = "Check the address, that the camera or server is on, and that this machine reaches it"


def is_address(text: str) -> bool:
    """Whether ``text`` is the address of a stream rather than a path."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def without_password(address: str) -> str:
    """The address as it may be shown and logged."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@dataclass(slots=True)
class _Opened:
    """What an attempt to open found out: the first picture tells the true size, and whether there is one at all."""

    first: Image | None = None
    jpeg: bool = False


class ClipSource(FrameSource):
    """A clip (a path) or a stream (an address: http, https, rtsp).

    A stream that tells no length is live. Anything else is a clip: it ends, and none of its frames is skipped. A part
    in the middle of a file that cannot be decoded is left out, with a notice.

    Args:
        address: path or address.
        paced: hand a clip's frames out no faster than in their own time; a reader who is late delays the rest.
    """

    def __init__(self, address: str | Path, *, paced: bool = False) -> None:
        self.address = str(address)
        self._remote = isinstance(address, str) and is_address(address)
        self.name = without_password(self.address) if self._remote else Path(address).name
        self.is_live = self._remote
        self.frame_count: int | None = None
        """Frames of a clip as its container says; None for streams."""
        self._paced = paced
        self._door = Door()
        self._pace: Pace | None = None
        self._timeline = Timeline(None, None)
        self._capture: cv2.VideoCapture | None = None
        self._jpeg = False
        self._first: Image | None = None
        self._index = 0
        self._patience = NETWORK_SECONDS
        """For the server's answer, seconds."""

    def open(self) -> None:
        self._release()
        what = f"{self.name} cannot be opened"
        if not self._remote:
            self._check_file(what)
        seconds, remedy = (NETWORK_SECONDS, CHECK_ADDRESS) if self._remote else (FILE_SECONDS, CONVERT)
        began = time.monotonic()
        opened = _Opened()
        try:
            capture = self._door.open(seconds, lambda: self._start(opened), what, remedy)
        except cv2.error as error:
            raise SourceError(what, f"its form is not understood ({error.err})", remedy) from error
        if not capture.isOpened() or opened.first is None:
            decodable = capture.isOpened()
            capture.release()
            if not self._remote:
                why = "no picture in it can be decoded" if decodable else "it is not a clip, or it is damaged"
                raise SourceError(what, why, CONVERT)
            silent = time.monotonic() - began >= 0.9 * min(self._patience, READ_SECONDS)
            if silent:
                again = self._patience < NETWORK_SECONDS
                self._patience = min(AGAIN_GROWTH * self._patience, NETWORK_SECONDS)
                raise SourceError(what, "no answer" if again else f"no answer within {seconds:g} s", remedy)
            raise SourceError(what, "it was refused, or there is no video there", remedy)
        took = time.monotonic() - began
        self._capture, self._jpeg, self._index, self._first = capture, opened.jpeg, 0, opened.first
        self.size = (opened.first.shape[1], opened.first.shape[0])
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 0.1 <= rate <= 1000.0 else None
        self.frame_count = _length(capture)
        self.is_live = self._remote and self.frame_count is None
        self.notice = None
        if self.is_live:
            self._patience = min(max(AGAIN_SECONDS, AGAIN_FACTOR * took), NETWORK_SECONDS)
        self._timeline = Timeline(self.fps, self.frame_count)
        self.duration, self.position = self._timeline.duration, 0.0
        self._pace = Pace(self.fps) if self._paced and not self.is_live and self.fps is not None else None

    def read(self) -> Frame | None:
        if self._capture is None:
            return None
        image, self._first = self._first, None
        if image is None:
            image = _decode(self._capture, self._jpeg, self.size)
        if image is None:
            image = self._behind(self._capture)
        if image is None:
            if not self._door.interrupted.is_set():
                self._ended()
            return None
        if not self.is_live and not self._in_time(self._capture):
            return None
        frame = Frame(image, self._index, time.monotonic(), None if self.is_live else self.position)
        self._index += 1
        self.size = (frame.width, frame.height)
        return frame

    def seek(self, seconds: float) -> None:
        if self._capture is None or self.duration is None:
            super().seek(seconds)
            return
        at = min(max(seconds, 0.0), self.duration - self._timeline.period)
        self._first = self._take(self._capture, at)
        self._index, self.position = self._timeline.number, at

    def close(self) -> None:
        self._release()
        self._door.reset()

    def interrupt(self) -> None:
        self._door.interrupt()
        if self._pace is not None:
            self._pace.interrupt()

    def _release(self) -> None:
        capture, self._capture = self._capture, None
        self._first = None
        if capture is not None:
            capture.release()

    def _check_file(self, what: str) -> None:
        path = Path(self.address)
        try:
            with path.open("rb") as file:
                empty = os.fstat(file.fileno()).st_size == 0
        except FileNotFoundError as error:
            raise SourceError(what, "there is no such file", "Check the path") from error
        except IsADirectoryError as error:
            raise SourceError(what, "it is a folder", "Choose a clip inside it") from error
        except OSError as error:
            raise SourceError(what, (error.strerror or str(error)).lower(), "Check the file and its rights") from error
        if empty:
            raise SourceError(what, "the file is empty", "Copy it again from where it came")

    def _start(self, opened: _Opened, behind: float | None = None) -> cv2.VideoCapture:
        """Open, and decode the first picture, or one of those ``behind`` so many seconds."""
        if self._remote:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(self._patience * 1000)]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(READ_SECONDS * 1000)]
            capture = cv2.VideoCapture(self.address, cv2.CAP_FFMPEG, limits)
        else:
            # an absolute path is never taken for a protocol or a numbered series of pictures
            capture = cv2.VideoCapture(str(Path(self.address).absolute()), cv2.CAP_FFMPEG)
        if capture.isOpened():
            opened.jpeg = self._remote and _length(capture) is None and give_jpegs(capture)
            if behind is not None:
                capture.set(cv2.CAP_PROP_POS_MSEC, (behind + self._timeline.left / 2) * 1000)
            opened.first = _decode(capture, opened.jpeg, None)
            if behind is not None and capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 <= behind + self._timeline.period / 2:
                opened.first = None
        return capture

    def _in_time(self, capture: cv2.VideoCapture) -> bool:
        """Follow the time of the picture just decoded, and wait for it; False where it was interrupted."""
        line = self._timeline
        step = line.step(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        if line.missing:
            self._index = line.number
            self._skipped(line.position - line.missing)
        self.position = line.position
        return self._pace is None or self._pace.wait(step)

    def _take(self, capture: cv2.VideoCapture, at: float) -> Image | None:
        """The picture at ``at`` seconds."""
        capture.set(cv2.CAP_PROP_POS_MSEC, at * 1000)
        self._timeline.jump(at)
        return _decode(capture, self._jpeg, self.size)

    def _behind(self, capture: cv2.VideoCapture) -> Image | None:
        """The next picture behind a part that cannot be decoded; None where the clip is over."""
        line = self._timeline
        broke, left, step = line.position, line.left, GO_ON_SECONDS
        if self._remote or line.duration is None or not line.is_notable(left):
            return None
        at = broke + step
        while at < line.duration and not self._door.interrupted.is_set():
            image = self._take(capture, at)
            if image is not None and capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 > broke:
                self._index = line.number
                self._skipped(broke)
                return image
            step *= GO_ON_FACTOR
            at += step
        line.jump(broke)
        return None

    def _skipped(self, since: float) -> None:
        log.info("%s: a part from %.2f s on cannot be decoded", self.name, since)
        if self.notice is None:
            place = f"{int(since) // 60}:{int(since) % 60:02d}"
            text = f"{self.name} is damaged: a part from {place} on cannot be decoded and was left out"
            self._tell(Notice("skipped", text, CONVERT))

    def _ended(self) -> None:
        """Raise where the end came too early."""
        if self.is_live:
            why = f"the connection broke, or no picture came for {READ_SECONDS:g} s"
            raise SourceLostError(f"{self.name} was lost", why, CHECK_ADDRESS)
        if self._remote and self._is_cut_off():
            why = f"the connection broke, or no picture came for {READ_SECONDS:g} s"
            raise SourceLostError(f"{self.name} broke off", why, CHECK_ADDRESS)
        count = self.frame_count or 0
        if count - self._index > max(5.0, SHORT_BY * count):
            why = f"only {self._index} of {count} frames can be decoded"
            raise SourceLostError(f"{self.name} broke off", why, CONVERT)

    def _is_cut_off(self) -> bool:
        """Whether a clip on a server ended because the connection did, and not because it was over."""
        line = self._timeline
        if not line.is_notable(line.left):
            return False
        if line.left > SHORT_BY * (line.duration or 0.0):
            return True
        # lengths that containers tell are rough, so the server is asked whether there is more
        opened, began = _Opened(), time.monotonic()
        try:
            capture = self._door.open(
                NETWORK_SECONDS, lambda: self._start(opened, behind=line.position), self.name, CHECK_ADDRESS
            )
        except (SourceError, cv2.error):
            return not self._door.interrupted.is_set()
        answered = capture.isOpened()
        capture.release()
        silent = time.monotonic() - began >= 0.9 * READ_SECONDS
        return silent or not answered or opened.first is not None


def _length(capture: cv2.VideoCapture) -> int | None:
    """Frames as the container says; None where it does not."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else None


def _decode(capture: cv2.VideoCapture, jpeg: bool, usual: tuple[int, int] | None) -> Image | None:
    """The next whole picture; None where none comes, or only torn ones for as long as a read may take.

    ``usual``: width and height of those before, px.
    """
    began = time.monotonic()
    while time.monotonic() - began < READ_SECONDS:
        try:
            good, image = capture.read()
            picture = unpack(image, jpeg, usual) if good else None
        except cv2.error as error:
            log.info("a picture cannot be decoded: %s", error.err)
            if not jpeg:
                return None
            continue
        if not good or picture is not None:
            return picture
    return None
