"""Cameras attached to this machine, by number or by name."""

from __future__ import annotations

import errno
import os
import sys
import time
from dataclasses import dataclass

from facelens.errors import CameraBusyError, CameraMissingError, SourceError, SourceLostError
from facelens.sources.base import FrameSource
from facelens.sources.capture import STALL_SECONDS, cv2, grab, open_within
from facelens.types import Frame

OPEN_SECONDS = 10.0
"""Some drivers, Windows' above all, take several seconds to start a camera that works."""
NO_CAMERA = "Plug a camera in, or choose the source demo"
BACKENDS = {"win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}
BACKEND = BACKENDS.get(sys.platform, cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera: the ``index`` and OpenCV ``backend`` that open it, and its ``name``."""

    index: int
    name: str
    backend: int


def list_cameras() -> tuple[CameraInfo, ...]:
    """The cameras of this machine, by number. May take a moment: call it off the window's thread."""
    from cv2_enumerate_cameras import enumerate_cameras

    found = {info.index: CameraInfo(int(info.index), str(info.name), BACKEND) for info in enumerate_cameras(BACKEND)}
    return tuple(found[index] for index in sorted(found))


class CameraSource(FrameSource):
    """A camera.

    Args:
        which: number, name, or a part of a name that fits one camera only; None for the first. A name is looked up
            each time the camera is opened, so it outlasts unplugging and another order of the cameras.
        size, fps: what to ask the camera for; it answers with the nearest it has.
    """

    is_live = True

    def __init__(
        self, which: int | str | None = None, *, size: tuple[int, int] = (1280, 720), fps: float = 30.0
    ) -> None:
        self.which = which
        self.name = "camera" if which is None else f"camera {which}"
        self._asked_size, self._asked_fps = size, fps
        self._capture: cv2.VideoCapture | None = None
        self._index = 0
        self._number = 0

    def open(self) -> None:
        self.close()
        info = find_camera(self.which)
        what = f"{info.name} cannot be opened"
        capture = open_within(OPEN_SECONDS, lambda: self._start(info), what, "Unplug it and plug it in again")
        if not capture.isOpened():
            capture.release()
            raise _refused(info, what)
        self._capture, self._index, self._number, self.name = capture, 0, info.index, info.name
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = rate if 1.0 <= rate <= 1000.0 else None
        width, height = (int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.size = (width, height) if width > 0 and height > 0 else None

    def _start(self, info: CameraInfo) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(info.index, info.backend)
        if capture.isOpened():
            # compressed pictures first: most USB cameras give their full size at 30 frames/s in no other form
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._asked_size[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._asked_size[1])
            capture.set(cv2.CAP_PROP_FPS, self._asked_fps)
        return capture

    def read(self) -> Frame | None:
        capture = self._capture
        if capture is None:
            return None
        began = time.monotonic()
        try:
            image = grab(capture)
        except cv2.error as error:
            why = f"its picture cannot be read ({error.err})"
            raise SourceLostError(f"{self.name} was lost", why, "Unplug it and plug it in again") from error
        now = time.monotonic()
        if image is None:
            raise self._lost(now - began)
        frame = Frame(image, self._index, now)
        self._index += 1
        self.size = (frame.width, frame.height)
        return frame

    def close(self) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _lost(self, seconds: float) -> SourceLostError:
        what = f"{self.name} was lost"
        # a read that took the whole time-out found the device there and silent; one that failed at once did not
        if seconds >= 0.9 * STALL_SECONDS and _device_error(self._number) in (None, errno.EBUSY):
            why = f"it stalled: no picture for {seconds:.0f} s"
            return SourceLostError(what, why, "Choose it again; if that does not help, unplug it and plug it in again")
        return SourceLostError(what, "it was unplugged or switched off", "Plug it in and choose it again")


def find_camera(which: int | str | None) -> CameraInfo:
    """The camera that ``which`` means (see ``CameraSource``).

    Raises:
        CameraMissingError: there is no camera, or none of that name; the message lists what there is.
        SourceError: a part of a name fits several cameras.
    """
    cameras = list_cameras()
    if which is None:
        # not every system can list its cameras: without a list, number 0 is tried
        return cameras[0] if cameras else _unlisted(0)
    if isinstance(which, int):
        return next((c for c in cameras if c.index == which), _unlisted(which))
    wanted = which.casefold()
    fits = [c for c in cameras if c.name.casefold() == wanted] or [c for c in cameras if wanted in c.name.casefold()]
    if not fits:
        raise _missing(f"There is no camera {which!r}", cameras)
    if len({c.name for c in fits}) > 1:
        raise SourceError(
            f"{which!r} is not one camera", f"it fits {', '.join(repr(c.name) for c in fits)}", "Give the whole name"
        )
    return fits[0]


def _unlisted(index: int) -> CameraInfo:
    return CameraInfo(index, f"Camera {index}", BACKEND)


def _missing(what: str, cameras: tuple[CameraInfo, ...]) -> CameraMissingError:
    if not cameras:
        return CameraMissingError("No camera was found", "none is connected to this machine", NO_CAMERA)
    there = ", ".join(f"{c.name!r} (camera:{c.index})" for c in cameras)
    return CameraMissingError(what, f"there is {there}", "Choose one of these, or choose the source demo")


def _device_error(index: int) -> int | None:
    """The error number with which Linux refuses the device file of a camera; None where it opens, or elsewhere."""
    if not sys.platform.startswith("linux"):
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
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or (unlisted and not sys.platform.startswith("linux")):
        return _missing(f"There is no camera number {info.index}", cameras)
    if number in (errno.EACCES, errno.EPERM):
        remedy = "Add yourself to the group 'video' (sudo usermod -aG video $USER) and log in again"
        return CameraBusyError(what, "you have no permission to use it", remedy)
    if number == errno.EBUSY:
        return CameraBusyError(what, "another program is using it", "Close that program and try again")
    why = "another program is using it, or it may not be used, or it gives no picture that can be decoded"
    remedy = "Close programs that may use it, allow camera access in the system's privacy settings, and try again"
    return CameraBusyError(what, why, remedy)
