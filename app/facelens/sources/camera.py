"""Cameras attached to this machine, by number or by name."""

from __future__ import annotations

import errno
import os
import sys
import time

from facelens.errors import CameraBusyError, SourceError, SourceLostError
from facelens.sources.base import FrameSource
from facelens.sources.capture import MJPG, STALL_SECONDS, Door, cv2, give_jpegs, unpack
from facelens.sources.listing import CameraInfo, find_camera, list_cameras, missing, same_camera
from facelens.types import Frame, Image

OPEN_SECONDS = 10.0
"""Some drivers, Windows' above all, take several seconds to start a camera that works."""
RETRY_SECONDS = 0.01
"""Between two reads that failed at once."""
REPLUG = "Unplug it and plug it in again"


class CameraSource(FrameSource):
    """A camera.

    Args:
        which: number, name, or a part of a name that fits one camera only; None for the first. A name is looked up
            each time the camera is opened, so it outlasts unplugging and another order of the cameras. Once it was
            open, it is that very camera that is opened again, also where others have the same name.
        size, fps: what to ask the camera for; it answers with the nearest it has.
    """

    is_live = True

    def __init__(
        self, which: int | str | None = None, *, size: tuple[int, int] = (1280, 720), fps: float = 30.0
    ) -> None:
        self.which = which
        self.name = "camera" if which is None else f"camera {which}"
        self.asked_size, self.asked_fps = size, fps
        self._door = Door()
        self._capture: cv2.VideoCapture | None = None
        self._jpeg = self._came = False
        self._index = self._number = 0
        self._mine: CameraInfo | None = None
        self._others: frozenset[str] = frozenset()

    def open(self) -> None:
        self._release()
        info = self._find()
        what = f"{info.name} cannot be opened"
        try:
            capture = self._door.open(OPEN_SECONDS, lambda: self._start(info), what, REPLUG)
        except cv2.error as error:
            raise SourceError(what, f"its driver failed ({error.err})", REPLUG) from error
        if not capture.isOpened():
            capture.release()
            raise _refused(info, what)
        self._capture, self._index, self._number, self.name = capture, 0, info.index, info.name
        self._jpeg = give_jpegs(capture)
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 1.0 <= rate <= 1000.0 else None
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (width, height) if width > 0 and height > 0 else None

    def _find(self) -> CameraInfo:
        """The camera that is meant; the same as before where it was open before.

        Raises:
            CameraMissingError, SourceError: as ``find_camera`` does.
        """
        cameras = list_cameras()
        if self._mine is not None and self._mine.place:
            found = same_camera(self._mine, self._others, cameras)
            if found is None:
                raise missing(f"{self._mine.name} is not there", cameras)
            self._mine = found
            return found
        found = find_camera(self.which, cameras)
        self._mine, self._others = found, frozenset(c.place for c in cameras if c != found)
        return found

    def _start(self, info: CameraInfo) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(info.index, info.backend)
        if capture.isOpened():
            # compressed pictures first: most USB cameras give their full size at 30 frames/s in no other form
            capture.set(cv2.CAP_PROP_FOURCC, MJPG)
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self.asked_size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self.asked_size[1])
            capture.set(cv2.CAP_PROP_FPS, self.asked_fps)
        return capture

    def read(self) -> Frame | None:
        capture = self._capture
        if capture is None:
            return None
        began, failures = time.monotonic(), 0
        while (image := self._picture(capture)) is None:
            # a torn picture is passed over, for as long as one that does not come at all
            failures += 1
            waited, gone = time.monotonic() - began, not self._came and self._is_gone()
            if gone or waited >= 0.9 * STALL_SECONDS:
                raise self._lost(waited, gone, failures)
            if self._door.interrupted.wait(RETRY_SECONDS):
                return None
        frame = Frame(image, self._index, time.monotonic())
        self._index += 1
        self.size = (frame.width, frame.height)
        return frame

    def close(self) -> None:
        self._release()
        self._door.reset()

    def interrupt(self) -> None:
        self._door.interrupt()

    def _release(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _picture(self, capture: cv2.VideoCapture) -> Image | None:
        """The next picture, None where none came or it is torn; ``_came`` tells which."""
        self._came = capture.grab()
        try:
            good, image = capture.retrieve() if self._came else (False, None)
            return unpack(image, self._jpeg, self.size) if good else None
        except cv2.error:
            # a picture of a size or form that its header denies
            return None

    def _is_gone(self) -> bool:
        return _device_error(self._number) not in (None, errno.EBUSY)

    def _lost(self, seconds: float, gone: bool, failures: int) -> SourceLostError:
        what = f"{self.name} was lost"
        if self._mine is not None:
            # those that are there now, a moment after it went, are others; also those plugged in since it was opened
            self._others = frozenset(c.place for c in list_cameras()) - {self._mine.place}
        # a device that is there and silent takes the whole time to fail; one that is away fails again and again
        if gone or (failures > 3 and not self._came and not _tells_errors()):
            return SourceLostError(what, "it was unplugged or switched off", "Plug it in and choose it again")
        why = f"{'no picture could be decoded' if self._came else 'it stalled: no picture'} for {seconds:.0f} s"
        return SourceLostError(what, why, "Choose it again; if that does not help, unplug it and plug it in again")


def _tells_errors() -> bool:
    """Whether this system has device files that tell what is the matter."""
    return sys.platform.startswith("linux")


def _device_error(index: int) -> int | None:
    """The error number with which Linux refuses the device file of a camera; None where it opens, or elsewhere."""
    if not _tells_errors():
        return None
    try:
        os.close(os.open(f"/dev/video{index}", os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return error.errno
    return None


def _refused(info: CameraInfo, what: str) -> SourceError:
    """Why OpenCV did not get a camera, as far as the system tells."""
    number, cameras = _device_error(info.index), list_cameras()
    unlisted = all(camera.index != info.index for camera in cameras)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or (unlisted and not _tells_errors()):
        return missing(f"There is no camera number {info.index}", cameras)
    if number in (errno.EACCES, errno.EPERM):
        remedy = "Add yourself to the group 'video' (sudo usermod -aG video $USER) and log in again"
        return CameraBusyError(what, "you have no permission to use it", remedy)
    if number == errno.EBUSY:
        return CameraBusyError(what, "another program is using it", "Close that program and try again")
    why = "another program is using it, or it may not be used, or it gives no picture that can be decoded"
    remedy = "Close programs that may use it, allow camera access in the system's privacy settings, and try again"
    return CameraBusyError(what, why, remedy)
