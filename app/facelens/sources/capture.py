"""OpenCV's capture devices, opened so that neither opening nor reading can wait for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import cast

STALL_SECONDS = 2
# OpenCV reads these once, when the first device is opened: left alone, a camera that stalls blocks a read for 10 s
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(STALL_SECONDS))
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# RTSP over TCP is what OpenCV asks for by itself; without the other, no clip whose index stands at its end can be read
# from a server that keeps its connections
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|multiple_requests;1")

import cv2 as cv2  # noqa: E402 - after the settings above; the others take it from here

from facelens.errors import SourceError  # noqa: E402
from facelens.types import Frame, Image  # noqa: E402

Opener = Callable[[], cv2.VideoCapture]
MJPG = cv2.VideoWriter.fourcc(*"MJPG")


def quiet() -> None:
    """OpenCV's own warnings go to stderr and say nothing that our errors do not."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def give_jpegs(capture: cv2.VideoCapture) -> bool:
    """Have a capture hand out its JPEG pictures as they come, for ``unpack``; False where it has none.

    OpenCV itself makes a black picture of a torn one, and scales every picture of a stream to the size of the first.
    """
    if int(capture.get(cv2.CAP_PROP_FOURCC)) != MJPG:
        return False
    if capture.getBackendName() == "FFMPEG":
        return bool(capture.set(cv2.CAP_PROP_FORMAT, -1))
    return capture.getBackendName() == "V4L2" and bool(capture.set(cv2.CAP_PROP_CONVERT_RGB, 0))


def unpack(handed_out: object, jpeg: bool) -> Image | None:
    """What a capture handed out as a picture, height x width x 3; None where there is none, or a torn one."""
    if handed_out is None:
        return None
    # OpenCV turns every form into three channels of 8 bits, unless it is told not to
    image = cast(Image, handed_out)
    if not jpeg:
        return image
    return cast("Image | None", cv2.imdecode(image.ravel(), cv2.IMREAD_COLOR)) if image.size else None


def mirrored(frame: Frame) -> Frame:
    """The same frame, turned left to right."""
    return Frame(cast(Image, cv2.flip(frame.image, 1)), frame.index, frame.captured_at)


class Attempt:
    """One attempt to open; whoever comes second, the result or the end of patience, cleans up."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._given_up = False
        self.done = threading.Event()
        self.capture: cv2.VideoCapture | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            capture = self._opener()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self.error = error
        else:
            with self._lock:
                if not self._given_up:
                    self.capture = capture
            if self.capture is None:
                capture.release()
        self.done.set()

    def give_up(self) -> bool:
        """False where the result came in the meantime after all."""
        with self._lock:
            self._given_up = self.capture is None
        if self._given_up:
            self.done.set()
        return self._given_up


class Door:
    """Opens the captures of one source, each in a thread of its own, and waits no longer than it may.

    A driver or a name server that does not answer cannot be interrupted. Its thread is then left to itself: a daemon
    that holds nothing of ours, and releases the device should it ever open.
    """

    def __init__(self) -> None:
        self.interrupted = threading.Event()
        self._attempt: Attempt | None = None

    def open(self, seconds: float, opener: Opener, what: str, remedy: str) -> cv2.VideoCapture:
        """What ``opener`` opens within ``seconds``.

        Raises:
            SourceError: nothing came in time, or it was interrupted. Also whatever ``opener`` raises.
        """
        quiet()
        attempt = self._attempt = Attempt(opener)
        # after the attempt is known to ``interrupt``: one of both sees the other
        self.check(what)
        threading.Thread(target=attempt.run, name="facelens-open", daemon=True).start()
        in_time = attempt.done.wait(seconds)
        self._attempt = None
        if attempt.error is not None:
            raise attempt.error
        if attempt.capture is None and (in_time or attempt.give_up()):
            self.check(what)
            raise SourceError(what, f"no answer within {seconds:g} s", remedy)
        assert attempt.capture is not None
        return attempt.capture

    def check(self, what: str) -> None:
        """Raise SourceError where it was interrupted."""
        if self.interrupted.is_set():
            raise SourceError(what, "it was stopped before it was open", "Start it again")

    def interrupt(self) -> None:
        """Have ``open`` give up, now and until ``reset``; from any thread."""
        self.interrupted.set()
        attempt = self._attempt
        if attempt is not None:
            attempt.give_up()

    def reset(self) -> None:
        self.interrupted.clear()
