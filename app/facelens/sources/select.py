"""One text that names any source, as on the command line and in the window's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facelens.errors import SourceError
from facelens.sources.base import FrameSource
from facelens.sources.camera import CameraSource
from facelens.sources.clip import SCHEMES, ClipSource, is_address
from facelens.sources.demo import DemoSource
from facelens.sources.photos import PhotosSource
from facelens.sources.steady import SteadySource

SECONDS_A_PHOTO = 1.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wished of a source, as far as its kind can do it.

    Attributes:
        size, fps: what a camera is asked for, and what the demo has: pixels and frames/s.
        mirror: turn pictures left to right; None: those of cameras, and no others.
        paced: demo, clips and photos in their own time; else as fast as they are read.
    """

    size: tuple[int, int] = (1280, 720)
    fps: float = 30.0
    mirror: bool | None = None
    paced: bool = True

    def mirrors(self, text: str) -> bool:
        """Whether the source that ``text`` names is mirrored."""
        return is_camera(text) if self.mirror is None else self.mirror


def is_camera(text: str) -> bool:
    """Whether ``text`` names a camera of this machine."""
    return text.strip().partition(":")[0] == "camera"


def open_source(text: str, wishes: Wishes | None = None) -> FrameSource:
    """The source that ``text`` names, not yet opened; cameras and streams come back by themselves after a loss.

    Args:
        text: ``demo``, ``demo:5`` (faces), ``camera``, ``camera:NAME``, ``camera:2``, a clip, a picture, a folder of
            pictures, or an address (http, https, rtsp).
        wishes: how it should be, by default as in a window.

    Raises:
        SourceError: the text names nothing.
    """
    from facelens.images import PICTURE_SUFFIXES

    wishes = wishes or Wishes()
    size, fps, paced = wishes.size, wishes.fps, wishes.paced
    kind, _, rest = text.strip().partition(":")
    if kind == "demo" and (not rest or rest.isdecimal()):
        return DemoSource(size=size, fps=fps, faces=int(rest or 1), paced=paced)
    if kind == "camera":
        return SteadySource(CameraSource(_camera(rest.strip()), size=size, fps=fps))
    if is_address(text.strip()):
        return SteadySource(ClipSource(text.strip(), paced=paced))
    if "://" in text:
        raise SourceError(f"{text} cannot be opened", f"{kind} is not supported", f"Use one of {', '.join(SCHEMES)}")
    path = Path(text).expanduser()
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return PhotosSource([path], seconds_each=SECONDS_A_PHOTO if paced else 0.0)
    if not path.exists():
        what = f"There is no source {text!r}"
        raise SourceError(what, "there is no such file", "Use demo, camera, a file, a folder or an address")
    return ClipSource(path, paced=paced)


def _camera(rest: str) -> int | str | None:
    if not rest:
        return None
    return int(rest) if rest.isdecimal() else rest
