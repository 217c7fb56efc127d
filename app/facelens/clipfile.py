"""Files that clips are written to: one form that browsers play, and those that OpenCV writes."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

import cv2
import numpy as np

from facelens.errors import OutputError
from facelens.types import Image
from facelens.webm import WebmWriter, key_frame

BROWSER = ".webm"
CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
"""What OpenCV's wheel writes; players and editors read it, browsers do not."""
ROOM = 4_000_000
"""Bytes that must be free to go on with a form that is only complete at its end."""


class ClipFile(Protocol):
    """A clip that is being written, picture by picture."""

    def write(self, image: Image) -> None:
        """The next picture."""

    def again(self) -> None:
        """The picture before once more."""

    def close(self) -> None: ...


class BrowserClip:
    """WebM, written under its own name from the first picture on: what is there plays, whatever happens."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int], _what: str) -> None:
        self._stream: BinaryIO = path.open("wb", buffering=0)
        try:
            self._webm = WebmWriter(self._stream, size, fps)
        except OSError:
            self._stream.close()
            path.unlink(missing_ok=True)
            raise
        self._frame = b""

    def write(self, image: Image) -> None:
        self._frame = key_frame(image)
        self._webm.add(self._frame)

    def again(self) -> None:
        self._webm.add(self._frame)

    def close(self) -> None:
        self._webm.close()
        self._stream.close()


class OpenCvClip:
    """A form that OpenCV writes. It does not say when the disk is full, so that is looked for."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int], what: str) -> None:
        self._folder, self._left, self._every = path.parent, 0, max(1, round(fps))
        code = cv2.VideoWriter.fourcc(*CODECS[path.suffix.lower()])
        self._video = cv2.VideoWriter(str(path), code, fps, size)
        if not self._video.isOpened():
            path.unlink(missing_ok=True)
            raise OutputError(what, "no encoder of this computer writes that form", f"Use the ending {BROWSER}")
        self._image: Image | None = None

    def write(self, image: Image) -> None:
        self._image = image
        self.again()

    def again(self) -> None:
        if self._left == 0:
            self._left = self._every
            if shutil.disk_usage(self._folder).free < ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._left -= 1
        assert self._image is not None
        self._video.write(self._image)

    def close(self) -> None:
        self._video.release()


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """``image`` as large as it goes in ``size`` (width, height), in the middle of black; itself where it has that size.

    Args:
        image: H x W x 3 BGR uint8.
    """
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    inner = min(size[0], max(1, round(width * scale))), min(size[1], max(1, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    out = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    out[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=way)
    return out
