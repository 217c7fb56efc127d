"""Pictures that were dropped or opened: found, read and scored off the window's thread, stepped through one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from facelens import images
from facelens.errors import FacelensError, PictureError
from facelens.gui.worker import Tasks, as_shown
from facelens.types import Frame, FrameReport


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A scored picture: the ``index``-th of ``count``."""

    path: Path
    frame: Frame
    report: FrameReport
    index: int
    count: int


class Photos(QObject):
    """A series of pictures. One is scored at a time; of several steps asked for meanwhile only the last counts."""

    shown = Signal(object)
    """Carries the Photo that is ready."""
    failed = Signal(object)
    """Carries the FacelensError of a picture that could not be read; the series stays where it is."""
    busy = Signal(bool)

    def __init__(self, analyze: Callable[[Frame], FrameReport], tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._analyze, self._tasks = analyze, tasks
        self._paths: tuple[Path, ...] = ()
        self._index = 0
        self._working = False
        self._next: int | None = None
        self._turn = 0

    @property
    def count(self) -> int:
        return len(self._paths)

    def open(self, paths: Sequence[Path]) -> None:
        """Score the first picture among ``paths``; folders are searched with their sub-folders."""
        self._turn += 1
        turn, wanted = self._turn, tuple(paths)

        def found(pictures: tuple[Path, ...]) -> None:
            if turn == self._turn:
                self._paths, self._next = pictures, None
                self._want(0)

        self._tasks.run(lambda: self._find(wanted), found, lambda error: self._fail(error, turn), "find-pictures")

    def step(self, by: int) -> None:
        """Go ``by`` pictures on, round the end."""
        if self._paths:
            self._index = (self._index + by) % len(self._paths)
            self._want(self._index)

    def again(self) -> None:
        """Score the picture that is shown once more, by the engine as it is now."""
        if self._paths:
            self._want(self._index)

    def leave(self) -> None:
        """Forget the series; a picture still being scored is not shown."""
        self._turn += 1
        self._paths, self._index, self._next = (), 0, None

    def _find(self, paths: tuple[Path, ...]) -> tuple[Path, ...]:
        # a single file is tried whatever its name: the reader says best what is wrong with it
        if len(paths) == 1 and not paths[0].is_dir():
            return paths
        pictures = tuple(images.find_pictures(paths, recursive=True))
        if not pictures:
            raise PictureError(
                self.tr("There is nothing to show in {name}").format(name=paths[0].name if paths else ""),
                self.tr("it holds no pictures"),
                self.tr("Drop a folder with pictures, or a picture"),
            )
        return pictures

    def _want(self, index: int) -> None:
        self._index = index
        if self._working:
            self._next = index
            return
        self._working = True
        turn, path, count = self._turn, self._paths[index], len(self._paths)

        def work() -> Photo:
            frame = images.load(path)
            return Photo(path, frame, self._analyze(frame), index, count)

        self.busy.emit(True)
        self._tasks.run(
            work, lambda photo: self._done(photo, turn), lambda e: self._fail(e, turn, True), "score-picture"
        )

    def _done(self, photo: Photo, turn: int) -> None:
        self._rest()
        if turn == self._turn:
            self.shown.emit(photo)

    def _fail(self, error: BaseException, turn: int, scored: bool = False) -> None:
        if scored:
            self._rest()
        if turn == self._turn:
            self.failed.emit(self._worded(error))

    def _rest(self) -> None:
        self._working = False
        self.busy.emit(False)
        following, self._next = self._next, None
        if following is not None and following < len(self._paths):
            self._want(following)

    def _worded(self, error: BaseException) -> FacelensError:
        return as_shown(error, self.tr("Could not read the picture"))
