"""Which cameras there are, and which of them is meant."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from facelens.errors import CameraMissingError, SourceError
from facelens.sources.capture import cv2

NO_CAMERA = "Plug a camera in, or choose the source demo"
BACKENDS = {"win32": cv2.CAP_MSMF, "darwin": cv2.CAP_AVFOUNDATION}
BACKEND = BACKENDS.get(sys.platform, cv2.CAP_V4L2 if sys.platform.startswith("linux") else cv2.CAP_ANY)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera.

    Attributes:
        index, backend: what opens it in OpenCV.
        name: what it is called here; of several with the same model the second is "MODEL (2)".
        model: what the system calls it; "" where that is the name.
        place: where it is plugged in, or what else tells it from another of its model; "" where that is not known.
    """

    index: int
    name: str
    backend: int
    model: str = ""
    place: str = ""


def list_cameras() -> tuple[CameraInfo, ...]:
    """The cameras of this machine, by number. May take a moment: call it off the window's thread."""
    from cv2_enumerate_cameras import enumerate_cameras

    found = {}
    for info in enumerate_cameras(BACKEND):
        model = str(info.name)
        found[int(info.index)] = CameraInfo(int(info.index), model, BACKEND, model, _place(info.index, info.path))
    return told_apart([found[index] for index in sorted(found)])


def _place(index: int, path: str | None) -> str:
    """The port of a camera: its number may change from one day to the next, its port does not by itself."""
    system = f"/sys/class/video4linux/video{index}/device"
    return os.path.realpath(system) if os.path.islink(system) else path or ""  # noqa: PTH114


def told_apart(cameras: Sequence[CameraInfo]) -> tuple[CameraInfo, ...]:
    """The same cameras, with names that differ: those of one model are counted in the order of their places."""
    models = defaultdict(list)
    for camera in sorted(cameras, key=lambda camera: (camera.place, camera.index)):
        models[camera.model or camera.name].append(camera.index)
    named = []
    for camera in cameras:
        model = camera.model or camera.name
        number = models[model].index(camera.index) + 1
        named.append(replace(camera, name=model if number == 1 else f"{model} ({number})"))
    return tuple(named)


def find_camera(which: int | str | None, cameras: Sequence[CameraInfo]) -> CameraInfo:
    """The one of ``cameras`` that ``which`` means (see ``CameraSource``).

    Raises:
        CameraMissingError: there is no camera, or none of that name; the message lists what there is.
        SourceError: a part of a name fits several cameras.
    """
    if which is None:
        # not every system can list its cameras: without a list, number 0 is tried
        return cameras[0] if cameras else _unlisted(0)
    if isinstance(which, int):
        return next((c for c in cameras if c.index == which), _unlisted(which))
    wanted = which.casefold()
    fits = [c for c in cameras if c.name.casefold() == wanted] or [c for c in cameras if wanted in c.name.casefold()]
    if not fits:
        raise missing(f"There is no camera {which!r}", cameras)
    if len(fits) > 1:
        raise SourceError(
            f"{which!r} is not one camera", f"it fits {', '.join(repr(c.name) for c in fits)}", "Give the whole name"
        )
    return fits[0]


def same_camera(camera: CameraInfo, others: Collection[str], cameras: Sequence[CameraInfo]) -> CameraInfo | None:
    """The camera that was ``camera`` before it was lost, among ``cameras``; None where it is not there.

    It is the one of its model in its place, or else in a new place: ``others`` are places of cameras that were there
    beside it, and that it therefore is not.
    """
    alike = [c for c in cameras if (c.model or c.name) == (camera.model or camera.name)]
    in_place = [c for c in alike if c.place == camera.place]
    back = [c for c in in_place if c.index == camera.index] or in_place or [c for c in alike if c.place not in others]
    # its name stays: another of its model may have come or gone meanwhile
    return replace(back[0], name=camera.name) if back else None


def _unlisted(index: int) -> CameraInfo:
    return CameraInfo(index, f"Camera {index}", BACKEND)


def missing(what: str, cameras: Sequence[CameraInfo]) -> CameraMissingError:
    """The error that there is no such camera, with those that there are."""
    if not cameras:
        return CameraMissingError("No camera was found", "none is connected to this machine", NO_CAMERA)
    there = ", ".join(f"{c.name!r} (camera:{c.index})" for c in cameras)
    return CameraMissingError(what, f"there is {there}", "Choose one of these, or choose the source demo")
