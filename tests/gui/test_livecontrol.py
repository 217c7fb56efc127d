"""The thread that opens and stops sources, without a window."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication
from standins import WAIT, NumberedSource, World

from facelens.gui import livecontrol
from facelens.gui.livecontrol import LiveControl
from facelens.gui.livestate import LiveState
from facelens.live import LiveSession
from facelens.sources import FrameSource, Notice, Wishes
from facelens.types import Frame, FrameReport


class Reader:
    """Reads nobody in every frame."""

    plan = None
    whole = False

    def analyze(self, frame: Frame) -> FrameReport:
        return FrameReport(frame.index, frame.captured_at, (frame.width, frame.height), ())


class Gated(NumberedSource):
    """A source that opens when it is let."""

    def __init__(self, world: World, gate: threading.Event) -> None:
        super().__init__(world)
        self.begun, self.gate, self.interrupted = threading.Event(), gate, False

    def open(self) -> None:
        self.begun.set()
        assert self.gate.wait(WAIT / 1000)
        super().open()

    def interrupt(self) -> None:
        self.interrupted = True
        super().interrupt()


@pytest.fixture
def gate() -> threading.Event:
    """Open sources are let open by it."""
    made = threading.Event()
    made.set()
    return made


@pytest.fixture
def made() -> list[Gated]:
    """The sources that were made."""
    return []


@pytest.fixture
def control(
    qapp: QApplication, world: World, gate: threading.Event, made: list[Gated]
) -> Iterator[Callable[[], LiveControl]]:
    """Makes controls that may read at once, and closes them."""
    controls: list[LiveControl] = []

    def open_source(_address: str, _wishes: Wishes) -> FrameSource:
        made.append(Gated(world, gate))
        return made[-1]

    def make() -> LiveControl:
        watch: Any = lambda _source: Reader()  # noqa: E731
        controls.append(LiveControl(open_source, watch))
        controls[-1].allow()
        return controls[-1]

    yield make
    gate.set()
    for control in controls:
        control.close(WAIT / 1000)


def test_a_request_does_not_interrupt_its_own_source(
    control: Callable[[], LiveControl], gate: threading.Event, made: list[Gated], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = threading.Event()

    class Late(threading.Condition):
        """The window's thread is put off just behind the lock, until the source that it asked for opens."""

        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)
            if late.is_set() and threading.current_thread() is threading.main_thread():
                late.clear()
                ends = time.monotonic() + WAIT / 1000
                while (not made or not made[-1].begun.wait(0.01)) and time.monotonic() < ends:
                    pass

    with monkeypatch.context() as patched:
        patched.setattr(threading, "Condition", Late)
        live = control()
    gate.clear()
    late.set()
    live.use("camera", Wishes())
    assert not late.is_set()
    assert not made[0].interrupted
    # the next one does interrupt it
    live.use("demo", Wishes())
    assert made[0].interrupted


def test_a_source_that_opens_into_a_pause_shows_its_first_frame(
    control: Callable[[], LiveControl], gate: threading.Event, qtbot: Any
) -> None:
    live = control()
    gate.clear()
    live.use("demo", Wishes())
    live.pause()
    gate.set()
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    assert live.state.phase == "paused"

    def captured() -> int:
        stats = live.stats()
        return 0 if stats is None else stats.frames_captured

    before = captured()
    qtbot.waitUntil(lambda: captured() > before + 5, timeout=WAIT)
    stats = live.stats()
    assert stats is not None
    assert stats.frames_analysed == 1, "it is held"
    live.resume()
    qtbot.waitUntil(lambda: live.stats().frames_analysed > 3, timeout=WAIT)
    assert live.state.phase == "running"


def test_a_source_may_be_opened_held_and_at_a_place(
    control: Callable[[], LiveControl], world: World, gate: threading.Event, qtbot: Any
) -> None:
    world.duration = 100.0
    live = control()
    gate.clear()
    live.use("clip.mp4", Wishes(), 40.0, hold=True)
    assert live.position == 40, "also while it opens"
    gate.set()
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    taken = live.take()
    assert taken is not None
    assert (taken.result.frame.index, taken.address, taken.turn) == (801, "clip.mp4", 1)
    assert live.state.phase == "paused"
    assert live.held


def test_listeners_are_never_called_under_the_lock(control: Callable[[], LiveControl], qtbot: Any) -> None:
    live = control()
    live.use("demo", Wishes())
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    locked: list[bool] = []
    live.changed.connect(lambda: locked.append(live._changing.locked()))
    live.pause()
    live.resume()
    qtbot.waitUntil(lambda: len(locked) >= 2, timeout=WAIT)
    assert not any(locked)


def test_sessions_that_nobody_wanted_any_more_are_counted(
    control: Callable[[], LiveControl], monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    live, start = control(), LiveSession.start
    asked: list[str] = []

    def started(session: LiveSession) -> None:
        start(session)
        if not asked:
            # just when the first one runs, and before anyone knows of it
            asked.append("demo")
            live.use("demo", Wishes())

    monkeypatch.setattr(LiveSession, "start", started)
    live.use("camera", Wishes())
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    assert live.turn == 1
    assert live.state.address == "demo"
    assert live.close(WAIT / 1000)
    # two of its own, and two of each session
    assert live.threads() == (6, 6)


def test_a_session_that_hangs_is_told_even_if_nobody_wanted_it(
    control: Callable[[], LiveControl], monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    live, start, stop = control(), LiveSession.start, LiveSession.stop
    first: list[LiveSession] = []

    def started(session: LiveSession) -> None:
        start(session)
        if not first:
            first.append(session)
            live.use("demo", Wishes())

    def stopped(session: LiveSession, timeout: float = 5.0) -> tuple[str, ...]:
        return stop(session, timeout) or (("facelens-capture",) if session in first else ())

    monkeypatch.setattr(LiveSession, "start", started)
    monkeypatch.setattr(LiveSession, "stop", stopped)
    live.use("camera", Wishes())
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    assert not live.close(WAIT / 1000)


def test_memory_is_given_back_with_each_source(
    control: Callable[[], LiveControl], monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    trimmed: list[str] = []
    monkeypatch.setattr(livecontrol, "trim_memory", lambda: trimmed.append(threading.current_thread().name))
    live = control()
    live.use("demo", Wishes())
    qtbot.waitUntil(lambda: live.take() is not None, timeout=WAIT)
    assert trimmed == []
    live.halt()
    qtbot.waitUntil(lambda: live.state.phase == "idle", timeout=WAIT)
    assert trimmed == ["facelens-live-control"]


def test_only_the_source_that_was_lost_comes_back() -> None:
    lost = LiveState("running", "camera:A", "A", notice=Notice("lost", "it is away", "Wait"))
    assert LiveState("running", "camera:A", "A").is_back_from(lost)
    assert LiveState("paused", "camera:A", "A").is_back_from(lost)
    assert not LiveState("running", "demo", "Demo").is_back_from(lost)
    assert not LiveState("opening", "camera:A", "A").is_back_from(lost)
    assert not LiveState("running", "camera:A", "A").is_back_from(LiveState("running", "camera:A", "A"))
    assert not lost.is_back_from(lost)
    assert not LiveState("running", "camera:A", "A").is_back_from(None)
