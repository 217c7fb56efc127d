"""OpenCV's capture devices, opened so that neither opening nor reading can wait for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
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
from facelens.sources.jpeg import is_torn  # noqa: E402
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


def unpack(handed_out: object, jpeg: bool, usual: tuple[int, int] | None = None) -> Image | None:
    """What a capture handed out as a picture, height x width x 3; None where there is none, or a torn one.

    Args:
        jpeg: what was handed out are the bytes of a JPEG picture.
        usual: width and height of the pictures so far, px; None before the first.

    Raises:
        cv2.error: a JPEG picture is torn in a way that its decoder does not bear.
    """
    if handed_out is None:
        return None
    # OpenCV turns every form into three channels of 8 bits, unless it is told not to
    image = cast(Image, handed_out)
    if not jpeg:
        return image
    data = image.ravel()
    if not data.size or is_torn(data, usual):
        return None
    return cast("Image | None", cv2.imdecode(data, cv2.IMREAD_COLOR))


def mirrored(frame: Frame) -> Frame:
    """The same frame, turned left to right."""
    return replace(frame, image=cast(Image, cv2.flip(frame.image, 1)))


class Attempt:
    """One attempt to open; whoever comes second, the result or the end of patience, cleans up."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._given_up = False
        self.done = threading.Event()
        self.ended, self.stirred = threading.Event(), threading.Event()
        """``ended``: the opener has returned. ``stirred``: it has, or whoever waits for that should look up."""
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
        self.ended.set()
        self.stirred.set()
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
    that holds nothing of ours, and releases the device should it ever open. Until then no other is started: whoever
    opens again and again would leave a thread each time.
    """

    def __init__(self) -> None:
        self.interrupted = threading.Event()
        self._attempt: Attempt | None = None
        self._left: Attempt | None = None

    def open(self, seconds: float, opener: Opener, what: str, remedy: str) -> cv2.VideoCapture:
        """What ``opener`` opens within ``seconds``; before that, as long for one that was left to itself to return.

        Raises:
            SourceError: nothing came in time, or it was interrupted. Also whatever ``opener`` raises.
        """
        quiet()
        silence = SourceError(what, f"no answer within {seconds:g} s", remedy)
        if not self._nobody_hangs(seconds):
            self.check(what)
            raise silence
        attempt = self._attempt = Attempt(opener)
        # after the attempt is known to ``interrupt``: one of both sees the other
        self.check(what)
        threading.Thread(target=attempt.run, name="facelens-open", daemon=True).start()
        in_time = attempt.done.wait(seconds)
        self._attempt = None
        if attempt.error is not None:
            raise attempt.error
        if attempt.capture is None and (in_time or attempt.give_up()):
            self._left = attempt
            self.check(what)
            raise silence
        assert attempt.capture is not None
        return attempt.capture

    def _nobody_hangs(self, seconds: float) -> bool:
        """Wait for an opener that was left to itself; False where it has not returned within ``seconds``."""
        left = self._left
        if left is None:
            return True
        left.stirred.clear()
        # what happened before that would be missed
        if not left.ended.is_set() and not self.interrupted.is_set():
            left.stirred.wait(seconds)
        if not left.ended.is_set():
            return False
        self._left = None
        return True

    def check(self, what: str) -> None:
        """Raise SourceError where it was interrupted."""
        if self.interrupted.is_set():
            raise SourceError(what, "it was stopped before it was open", "Start it again")

    def interrupt(self) -> None:
        """Have ``open`` give up, now and until ``reset``; from any thread."""
        self.interrupted.set()
        attempt, left = self._attempt, self._left
        if attempt is not None:
            attempt.give_up()
        if left is not None:
            left.stirred.set()

    def reset(self) -> None:
        self.interrupted.clear()
