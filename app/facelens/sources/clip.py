"""Clips in files and streams on the network, decoded by the FFmpeg inside OpenCV."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from facelens.errors import SourceError, SourceLostError
from facelens.sources.base import FrameSource
from facelens.sources.capture import cv2, grab, open_within
from facelens.sources.pace import Pace
from facelens.types import Frame

NETWORK_SECONDS = 3.0
FILE_SECONDS = 10.0
SCHEMES = ("http", "https", "rtsp", "rtsps")
SHORT_BY = 0.1
"""A clip whose container promises this much more than could be decoded is called broken; less is bookkeeping."""
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


class ClipSource(FrameSource):
    """A clip (a path) or a stream (an address: http, https, rtsp).

    A stream that tells no length is live. Anything else is a clip: it ends, and none of its frames is skipped.

    Args:
        address: path or address.
        paced: hand a clip's frames out no faster than its own rate; a reader who is late delays the rest.
    """

    def __init__(self, address: str | Path, *, paced: bool = False) -> None:
        self.address = str(address)
        self._remote = isinstance(address, str) and is_address(address)
        self.name = without_password(self.address) if self._remote else Path(address).name
        self.is_live = self._remote
        self.frame_count: int | None = None
        """Frames of a clip as its container says; None for streams."""
        self._paced = paced
        self._pace: Pace | None = None
        self._capture: cv2.VideoCapture | None = None
        self._first: Frame | None = None
        self._index = 0

    def open(self) -> None:
        self.close()
        what = f"{self.name} cannot be opened"
        if not self._remote:
            self._check_file(what)
        seconds, remedy = (NETWORK_SECONDS, CHECK_ADDRESS) if self._remote else (FILE_SECONDS, CONVERT)
        began = time.monotonic()
        # the first picture tells the true size, and whether anything can be decoded at all
        pictures: list[Frame] = []
        capture = open_within(seconds, lambda: self._start(pictures), what, remedy)
        if not capture.isOpened() or not pictures:
            decodable = capture.isOpened()
            capture.release()
            if not self._remote:
                why = "no picture in it can be decoded" if decodable else "it is not a clip, or it is damaged"
                raise SourceError(what, why, CONVERT)
            silent = time.monotonic() - began >= 0.9 * NETWORK_SECONDS
            why = f"no answer within {seconds:g} s" if silent else "it was refused, or there is no video there"
            raise SourceError(what, why, remedy)
        self._capture, self._index, self._first = capture, 1, pictures[0]
        self.size = (pictures[0].width, pictures[0].height)
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_count = int(count) if 0 < count < 1e9 else None
        self.is_live = self._remote and self.frame_count is None
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 0.1 <= rate <= 1000.0 else None
        self._pace = Pace(self.fps) if self._paced and not self.is_live and self.fps is not None else None

    def read(self) -> Frame | None:
        if self._pace is not None and not self._pace.wait():
            return None
        frame, self._first = self._first, None
        if frame is None:
            frame = self._decode()
        elif not self.is_live:
            frame = Frame(frame.image, frame.index, time.monotonic())
        if frame is None and self._capture is not None:
            self._ended()
        return frame

    def close(self) -> None:
        capture, self._capture = self._capture, None
        self._first = None
        if capture is not None:
            capture.release()

    def interrupt(self) -> None:
        if self._pace is not None:
            self._pace.interrupt()

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

    def _start(self, pictures: list[Frame]) -> cv2.VideoCapture:
        if self._remote:
            limit = int(NETWORK_SECONDS * 1000)
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
            capture = cv2.VideoCapture(self.address, cv2.CAP_FFMPEG, limits)
        else:
            # an absolute path is never taken for a protocol or a numbered series of pictures
            capture = cv2.VideoCapture(str(Path(self.address).absolute()), cv2.CAP_FFMPEG)
        if capture.isOpened():
            image = grab(capture)
            if image is not None:
                pictures.append(Frame(image, 0, time.monotonic()))
        return capture

    def _decode(self) -> Frame | None:
        if self._capture is None:
            return None
        try:
            image = grab(self._capture)
        except cv2.error as error:
            why = f"its picture cannot be read ({error.err})"
            raise SourceLostError(f"{self.name} broke off", why, CONVERT) from error
        if image is None:
            return None
        frame = Frame(image, self._index, time.monotonic())
        self._index += 1
        return frame

    def _ended(self) -> None:
        """Raise where the end came too early."""
        if self.is_live:
            why = f"the connection broke, or no picture came for {NETWORK_SECONDS:g} s"
            raise SourceLostError(f"{self.name} was lost", why, CHECK_ADDRESS)
        count = self.frame_count or 0
        if count - self._index > max(5.0, SHORT_BY * count):
            why = f"only {self._index} of {count} frames can be decoded"
            raise SourceLostError(f"{self.name} broke off", why, CONVERT)
