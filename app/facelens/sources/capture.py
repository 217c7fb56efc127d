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

import cv2 as cv2  # noqa: E402 - after the settings above; the others take it from here

from facelens.errors import SourceError  # noqa: E402
from facelens.types import Image  # noqa: E402

Opener = Callable[[], cv2.VideoCapture]


def quiet() -> None:
    """OpenCV's own warnings go to stderr and say nothing that our errors do not."""
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def grab(capture: cv2.VideoCapture) -> Image | None:
    """The next picture in a buffer of its own, height x width x 3; None where none came.

    Raises:
        cv2.error: the decoder failed.
    """
    good, image = capture.read()
    # OpenCV turns every form into three channels of 8 bits, unless it is told not to
    return cast(Image, image) if good and image is not None else None


class _Opening:
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
            return self._given_up


def open_within(seconds: float, opener: Opener, what: str, remedy: str) -> cv2.VideoCapture:
    """Run ``opener`` in a thread of its own and wait for at most ``seconds``.

    A driver or a name server that does not answer cannot be interrupted. Its thread is then left to itself: a daemon
    that holds nothing of ours, and releases the device should it ever open.

    Raises:
        SourceError: nothing came in time. Also whatever ``opener`` raises.
    """
    quiet()
    opening = _Opening(opener)
    threading.Thread(target=opening.run, name="facelens-open", daemon=True).start()
    if not opening.done.wait(seconds) and opening.give_up():
        raise SourceError(what, f"no answer within {seconds:g} s", remedy)
    if opening.error is not None:
        raise opening.error
    assert opening.capture is not None
    return opening.capture
