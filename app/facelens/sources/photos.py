"""Photos as a source: one frame each."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from pathlib import Path

from facelens.errors import FacelensError, SourceError
from facelens.sources.base import FrameSource
from facelens.sources.pace import Pace
from facelens.types import Frame

log = logging.getLogger(__name__)

APART_SECONDS = 3600.0
"""Between two photos in their own time: whoever is on the next one is somebody else, until that is known better."""


class PhotosSource(FrameSource):
    """Pictures in the order given; a folder stands for the pictures in it, by name.

    A picture that cannot be read is left out: logged, and kept with its error in ``failures``. Frame numbers count
    the pictures that were read.

    Args:
        paths: files and folders.
        seconds_each: the least time between two pictures; 0 for as fast as they are read.
        recursive: also the folders inside a folder.
    """

    def __init__(self, paths: Iterable[str | Path], *, seconds_each: float = 0.0, recursive: bool = False) -> None:
        self.paths = tuple(Path(path) for path in paths)
        self.name = self.paths[0].name if len(self.paths) == 1 else f"{len(self.paths)} pictures"
        self.failures: list[tuple[Path, FacelensError]] = []
        self._seconds, self._recursive = seconds_each, recursive
        self._waiting: list[Path] = []
        self._pace: Pace | None = None
        self._first: Frame | None = None
        self._index = 0

    def open(self) -> None:
        from facelens.images import find_pictures

        self.close()
        self._waiting = list(reversed(find_pictures(self.paths, recursive=self._recursive)))
        if not self._waiting:
            raise SourceError(f"{self.name} cannot be opened", "there is no picture", "Choose a folder of pictures")
        self._index, self.failures = 0, []
        self._first = self._load()
        if self._first is None:
            path, error = self.failures[0]
            more = f", and {len(self.failures) - 1} more" if len(self.failures) > 1 else ""
            raise SourceError(f"{self.name} cannot be opened", f"{path.name}{more}: {error.why}", error.remedy)
        self.size = (self._first.width, self._first.height)
        self._pace = Pace(1.0 / self._seconds) if self._seconds > 0 else None

    def read(self) -> Frame | None:
        if self._pace is not None and not self._pace.wait():
            return None
        frame, self._first = self._first or self._load(), None
        if frame is None:
            return None
        return Frame(frame.image, frame.index, time.monotonic(), frame.index * APART_SECONDS)

    def close(self) -> None:
        self._waiting.clear()
        self._first = None

    def interrupt(self) -> None:
        if self._pace is not None:
            self._pace.interrupt()

    def _load(self) -> Frame | None:
        from facelens.images import load

        while self._waiting:
            path = self._waiting.pop()
            try:
                image = load(path).image
            except FacelensError as error:
                log.warning("%s", error)
                self.failures.append((path, error))
                continue
            frame = Frame(image, self._index)
            self._index += 1
            return frame
        return None
