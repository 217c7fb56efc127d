"""Stand-ins for the window's tests: an engine that answers at once, a source of numbered frames, drop events."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication

from facelens.errors import FacelensError, SourceError
from facelens.gui.services import Services
from facelens.gui.window import Window
from facelens.options import EngineOptions
from facelens.runtime import Proof
from facelens.sources import CameraInfo, FrameSource, Notice, Wishes
from facelens.types import (
    AgeEstimate,
    Box,
    Detection,
    Expression,
    Face,
    FaceScore,
    Frame,
    FrameReport,
    GenderEstimate,
    Landmarks,
    Quality,
    ScoreComponent,
)

SIZE = (320, 240)
WAIT = 8000
"""Longest wait for a signal, in ms; a signal that comes ends it."""


HAPPY = Expression(np.float32([0.11, 0.82, 0.04, 0.01, 0.01, 0.0, 0.0, 0.01]))
TORN = Expression(np.float32([0.44, 0.08, 0.03, 0.38, 0.05, 0.0, 0.0, 0.02]))
"""A face that clearly looks happy, and one between neutral and sad."""


def face(number: int = 1, x: float = 100, width: float = 80, probability: float = 0.97, years: float = 39) -> Face:
    """A face as networks read it that give no expression."""
    box = Box(x, 60, width, width * 1.2)
    spots = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    five = Landmarks(spots * [box.width, box.height] + [box.x, box.y], "five")
    turn = np.linspace(0, 2 * np.pi, 68)
    ring = np.stack([np.cos(turn), np.sin(turn)], 1) * [box.width / 2, box.height / 2] + box.centre
    ages = np.exp(-(((np.arange(101) - years) / 6.0) ** 2))
    parts = (
        ScoreComponent("appearance", 74, 0.5),
        ScoreComponent("expression", 96, 0.3),
        ScoreComponent("quality", 71, 0.2),
    )
    return Face(
        number,
        Detection(box, 0.9, five),
        AgeEstimate(years, years - 5.4, years + 5.4, ages / ages.sum()),
        GenderEstimate("female", probability),
        Landmarks(ring, "ibug68"),
        0.9,
        0.1,
        Quality(80, 80, 80, 90, 80, 2, 3, 1, 0.5, 0.1),
        FaceScore(80, parts, ("More light on the face", "Come closer")),
    )


def lost_references() -> int:
    """How many references to None 100 calls of Qt that return nothing have lost; should be about 0.

    PySide6 6.12.0 loses one a call. From Python 3.12 on, where None cannot die, that does no harm; before, the process
    is aborted after some thousand calls, seconds after the window has opened.
    """
    colour = QColor("#123456")
    before = sys.getrefcount(None)
    for _ in range(100):
        colour.setAlphaF(0.5)
    return before - sys.getrefcount(None)


class StandInEngine:
    """Finds the given faces in every frame; raises what it is told to."""

    def __init__(self, options: EngineOptions) -> None:
        self.options = options
        self.providers = {"attributes-2": "cpu"}
        self.networks: dict[str, Any] = {}
        self.notes: tuple[str, ...] = ("cuda is not usable on this machine",)
        self.proofs: tuple[Proof, ...] = (Proof("attributes-2", "auto", "cpu", 2.4, 2.4),)
        self.faces: tuple[Face, ...] = (face(),)
        self.seen: list[Frame] = []
        self.scores: list[tuple[str, Any]] = []
        self.closed = False

    def warm_up(self) -> None: ...

    def set_score(self, preset: str, weights: Any = None) -> None:
        self.scores.append((preset, weights))

    def analyze(self, frame: Frame, thorough: bool = True, gaze: Any = None) -> FrameReport:
        assert threading.current_thread() is not threading.main_thread(), "networks ran on the window's thread"
        self.seen = [*self.seen[-50:], frame]
        timings = {"total": 12.0}
        return FrameReport(
            frame.index, frame.captured_at, (frame.width, frame.height), self.faces, timings, self.providers
        )

    def close(self) -> None:
        self.closed = True


class NumberedSource(FrameSource):
    """Grey frames, each of the brightness of its number and white at the lower left; can be told to fail or to end.

    Where the world has a ``duration`` it is a clip of 20 frames a second.
    """

    def __init__(self, world: World, name: str = "Demo") -> None:
        self._world, self._name = world, name
        self._index = 0
        self._let_go = threading.Event()

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_live(self) -> bool:
        return self._world.duration is None

    @property
    def fps(self) -> float | None:
        return 60.0

    @property
    def size(self) -> tuple[int, int] | None:
        return self._world.size

    def open(self) -> None:
        assert threading.current_thread() is not threading.main_thread(), "a source was opened on the window's thread"
        if self._world.slow_opening:
            assert self._let_go.wait(WAIT / 1000), "an opening that nobody wants any more was not interrupted"
            raise SourceError("It cannot be opened", "it was interrupted", "Try again")
        if self._world.refuse is not None:
            raise self._world.refuse
        self.duration, self.rate = self._world.duration, 29.6

    def read(self) -> Frame | None:
        self._world.next_frame.wait(0.01)
        while True:
            self._tell(self._world.notice)
            if self._world.lose is not None:
                raise self._world.lose
            if self._world.ended or (self.duration is not None and self._index >= 20 * self.duration):
                return None
            if self.notice is None or self.notice.kind != "lost":
                break
            if self._let_go.wait(0.01):
                return None
        self._index += 1
        self.position = self._index / 20
        width, height = self._world.size
        image = np.full((height, width, 3), self._index % 200 + 20, np.uint8)
        image[-40:, :10] = 255
        return Frame(image, self._index, time.monotonic())

    def seek(self, seconds: float) -> None:
        assert self.duration is not None
        self.position = min(max(seconds, 0.0), self.duration)
        self._index = round(20 * self.position)
        self._world.sought.append(seconds)

    def interrupt(self) -> None:
        self._let_go.set()

    def close(self) -> None:
        self._world.closed_sources += 1


@dataclass
class World:
    """What the stand-ins do, and what was asked of them."""

    cameras: tuple[CameraInfo, ...] = ()
    refuse: FacelensError | None = None
    lose: FacelensError | None = None
    ended: bool = False
    slow_opening: bool = False
    notice: Notice | None = None
    size: tuple[int, int] = SIZE
    duration: float | None = None
    sought: list[float] = field(default_factory=list)
    engine_error: Exception | None = None
    opened: list[str] = field(default_factory=list)
    wishes: list[Wishes] = field(default_factory=list)
    closed_sources: int = 0
    engines: list[StandInEngine] = field(default_factory=list)
    next_frame: threading.Event = field(default_factory=threading.Event)

    @property
    def engine(self) -> StandInEngine:
        return self.engines[-1]

    def services(self) -> Services:
        def open_engine(options: EngineOptions) -> Any:
            if self.engine_error is not None:
                raise self.engine_error
            self.engines.append(StandInEngine(options))
            return self.engines[-1]

        def open_source(address: str, wishes: Wishes) -> FrameSource:
            self.opened.append(address)
            self.wishes.append(wishes)
            return NumberedSource(self, "Demo" if address == "demo" else address.removeprefix("camera:"))

        return Services(open_engine, open_source, lambda: self.cameras)


def drop(window: Window, paths: Sequence[Path]) -> None:
    """Send the events of a drag from a file manager straight to the window."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button, keys_ = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(window.rect().center(), action, data, button, keys_))
    QApplication.sendEvent(window, QDropEvent(QPointF(window.rect().center()), action, data, button, keys_))
