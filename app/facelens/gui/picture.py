"""Brings frames to the size and form in which Qt draws them, in buffers that are used again."""

from __future__ import annotations

import threading

import cv2
import numpy as np
from PySide6.QtGui import QImage

from facelens.types import Frame, Image

Size = tuple[int, int]
"""Width and height in device pixels."""


class Buffer:
    """Pixels in Qt's own form, and the image on them. BGRA in memory is its RGB32, drawn without converting."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.pixels = np.empty((size[1], size[0], 4), np.uint8)
        # the image borrows the memory of the array
        self.image = QImage(self.pixels.data, size[0], size[1], 4 * size[0], QImage.Format.Format_RGB32)


class Buffers:
    """Buffers that go from one thread to another and come back. A buffer belongs to whoever took it until it is given
    back, so that nobody reads what somebody else writes."""

    MOST = 3
    """One is shown, one waits to be shown, one is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[Buffer] = []

    def take(self, size: Size) -> Buffer:
        """A buffer of that size; what is in it does not matter."""
        with self._lock:
            self._free = [buffer for buffer in self._free if buffer.size == size]
            if self._free:
                return self._free.pop()
        return Buffer(size)

    def give(self, buffer: Buffer) -> None:
        """Take a buffer back that is not needed any more."""
        with self._lock:
            if len(self._free) < self.MOST:
                self._free.append(buffer)


class Scaler:
    """Scales frames into buffers. The frame is copied twice, once when it is scaled and once into Qt's form, each time
    into memory that was there before. Used by one thread."""

    def __init__(self) -> None:
        self._small: Image = np.empty((0, 0, 3), np.uint8)

    def fill(self, buffer: Buffer, frame: Frame, *, live: bool) -> None:
        """Write ``frame`` into ``buffer`` at its size.

        Args:
            live: speed goes before smoothness.
        """
        if self._small.shape[:2] != (buffer.size[1], buffer.size[0]):
            self._small = np.empty((buffer.size[1], buffer.size[0], 3), np.uint8)
        # averaging is slower, and shows in stills or where much is taken away
        averaged = buffer.size[0] < frame.width * (0.6 if live else 1.0)
        way = cv2.INTER_AREA if averaged else cv2.INTER_LINEAR
        shown: Image = np.asarray(cv2.resize(frame.image, buffer.size, dst=self._small, interpolation=way), np.uint8)
        cv2.cvtColor(shown, cv2.COLOR_BGR2BGRA, dst=buffer.pixels)
