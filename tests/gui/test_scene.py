"""Scenes that are painted off the window's thread: they look the same, come once, and their buffers are used again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from standins import WAIT, World, face

from facelens.gui import paint_qt
from facelens.gui.picture import Buffer, Buffers, Scaler
from facelens.gui.renderer import Renderer
from facelens.gui.scene import Look, Painter, Scene
from facelens.gui.theme import Theme
from facelens.gui.view import LiveView
from facelens.gui.window import Window
from facelens.live import LiveResult
from facelens.overlay import Dots, OverlayOptions, Stroke
from facelens.types import Frame, FrameReport

LOOK = Look(640, 480, 1.0, OverlayOptions(), None)


def result(index: int, *faces: Any) -> LiveResult:
    picture = np.random.default_rng(index).integers(0, 256, (240, 320, 3), np.uint8)
    return LiveResult(Frame(picture, index, 0.0), FrameReport(index, 0.0, (320, 240), faces or (face(),)), 0.0)


def pixels(image: QImage) -> np.ndarray:
    whole = image.convertToFormat(QImage.Format.Format_RGB32)
    # a copy, as the image dies with this function
    return np.frombuffer(whole.constBits(), np.uint8).reshape(whole.height(), -1, 4)[..., :3].copy()


@pytest.fixture
def view(theme: Theme, qtbot: Any) -> LiveView:
    made = LiveView(theme)
    qtbot.addWidget(made)
    made.resize(640, 500)
    made.show()
    return made


def test_a_scene_looks_like_what_the_view_paints(view: LiveView, qtbot: Any) -> None:
    one = result(1, face(), face(2, x=210, width=60))
    view.show_pair(one.frame, one.report, live=True)
    qtbot.waitUntil(lambda: view._before is None, timeout=WAIT)
    by_hand = pixels(view.grab().toImage()).astype(int)
    kinds = [type(item) for item in view.primitives]
    scene = view.paint_scene(one)
    view.show_pair(one.frame, one.report, live=True, scene=scene)
    assert view._current() is scene
    by_scene = pixels(view.grab().toImage()).astype(int)
    assert np.abs(by_hand - by_scene).max() <= 2
    assert [type(item) for item in view.primitives] == kinds
    # what is clicked lies where it is seen
    where = view.view_map().box(scene.report.faces[0].detection.box).centre
    assert view.face_at(QPointF(*where)) is scene.report.faces[0]


def test_a_scene_of_another_look_is_not_shown(view: LiveView, qtbot: Any) -> None:
    one = result(1)
    scene = view.paint_scene(one)
    view.show_pair(one.frame, one.report, live=True, scene=scene)
    assert view._current() is scene
    view.resize(700, 500)
    assert view._current() is None, "it has the old size"
    view.grab()
    two = result(2)
    late = view.paint_scene(two)
    view.set_options(replace(view.options, points="none"))
    view.show_pair(two.frame, two.report, live=True, scene=late)
    assert view._current() is None
    view.grab()
    assert not any(isinstance(item, Dots) for item in view.primitives), "the overlay is the one that was chosen"


def test_a_choice_waits_for_the_next_frame_only_where_one_comes(view: LiveView) -> None:
    one = result(1)
    view.set_flags(running=True)
    view.show_pair(one.frame, one.report, live=True, scene=view.paint_scene(one))
    view.choose(1)
    assert view._current() is not None
    view.set_flags(running=False)
    assert view._current() is None
    view.grab()
    assert max(item.width for item in view.primitives if isinstance(item, Stroke) and item.alpha == 1) == 3.5


def test_each_frame_counts_once(view: LiveView) -> None:
    one = result(1)
    view.show_pair(one.frame, one.report, live=True, scene=view.paint_scene(one))
    view.grab()
    view.show_pair(one.frame, one.report, live=True)
    view.grab()
    view.grab()
    assert view.clock.shown().frames == 1


def test_buffers_come_back(view: LiveView) -> None:
    used = set()
    for index in range(10):
        one = result(index)
        scene = view.paint_scene(one)
        used.add(id(scene.buffer))
        if index % 3 == 2:
            view.drop_scene(scene)
        else:
            view.show_pair(one.frame, one.report, live=True, scene=scene)
        view.grab()
    assert len(used) == 2, "one is shown while the other is painted"


def test_buffers_of_another_size_are_let_go() -> None:
    pool = Buffers()
    first = pool.take((40, 30))
    assert pool.take((40, 30)) is not first
    pool.give(first)
    assert pool.take((40, 30)) is first
    pool.give(first)
    assert pool.take((50, 30)).size == (50, 30)
    assert pool.take((40, 30)) is not first
    for _ in range(9):
        pool.give(Buffer((40, 30)))
    assert len(pool._free) == Buffers.MOST


def test_a_frame_is_scaled_into_memory_that_was_there() -> None:
    scaler, buffer = Scaler(), Buffer((64, 48))
    frame = Frame(np.zeros((96, 128, 3), np.uint8))
    frame.image[:, :64] = (10, 20, 30)
    scaler.fill(buffer, frame, live=True)
    assert tuple(buffer.pixels[24, 5, :3]) == (10, 20, 30)
    assert tuple(buffer.pixels[24, 60, :3]) == (0, 0, 0)
    small = scaler._small
    scaler.fill(buffer, frame, live=True)
    assert scaler._small is small
    colour = buffer.image.pixelColor(5, 24)
    assert (colour.blue(), colour.green(), colour.red()) == (10, 20, 30)


def test_who_is_new_fades_in_and_nobody_else(qapp: QApplication) -> None:
    painter, seen = Painter(), []

    def shown(now: float, *faces: Any) -> list[float]:
        one = result(0, *faces)
        scene = painter.paint(one.frame, one.report, LOOK, now)
        seen.append(scene)
        painter.buffers.give(scene.buffer)
        return pixels(scene.buffer.image).astype(float)

    old, new = face(), face(2, x=220, width=60)
    plain = shown(0.0, old)
    assert (shown(0.03, old) == plain).all()
    first = shown(0.06, old, new)
    half = shown(0.12, old, new)
    full = shown(0.21, old, new)
    # at the right, where the new one is, ever more; at the left, where the old one is, nothing changes
    steps = [np.abs(picture - plain)[:, 420:].sum() for picture in (first, half, full)]
    assert steps[0] < 0.2 * steps[2]
    assert steps[0] < steps[1] < steps[2]
    assert np.abs(full - plain)[200:, :200].max() == 0
    assert (shown(0.24, old, new) == full).all()
    # the draw list is always the whole one
    assert sum(isinstance(item, Stroke) for item in seen[2].primitives) == 4


def test_with_few_frames_what_is_new_is_there_at_once(qapp: QApplication) -> None:
    painter = Painter()

    def shown(now: float, *faces: Any) -> Any:
        one = result(0, *faces)
        return pixels(painter.paint(one.frame, one.report, LOOK, now).buffer.image)

    shown(0.0, face())
    both = shown(0.4, face(), face(2, x=220, width=60))
    assert (shown(0.8, face(), face(2, x=220, width=60)) == both).all()


class Session:
    def __init__(self) -> None:
        self.result: LiveResult | None = None

    def latest(self) -> LiveResult | None:
        return self.result


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def renderer(session: Session) -> Iterator[Renderer]:
    made = Renderer(lambda: session, lambda: None)  # type: ignore[arg-type, return-value]
    yield made
    assert made.close(5)


def scene_of(one: LiveResult) -> Scene:
    return Scene(one.frame, one.report, LOOK, Buffer((4, 3)), ())


def until(true: Callable[[], bool]) -> None:
    waits = threading.Event()
    for _ in range(2000):
        if true():
            return
        waits.wait(0.005)
    pytest.fail("it did not happen")


def test_the_newest_result_is_painted_and_the_others_are_dropped(session: Session, renderer: Renderer) -> None:
    painted: list[int] = []
    dropped: list[int] = []
    inside, gate = threading.Event(), threading.Event()

    def paint(one: LiveResult) -> Scene:
        assert threading.current_thread().name == "facelens-render"
        painted.append(one.frame.index)
        inside.set()
        assert gate.wait(5)
        return scene_of(one)

    renderer.paint, renderer.drop = paint, lambda scene: dropped.append(scene.frame.index)
    assert renderer.take(session) is None  # type: ignore[arg-type]
    for index in range(5):
        session.result = result(index)
        renderer.wake()
        if index == 0:
            assert inside.wait(5)
    gate.set()
    until(lambda: painted == [0, 4] and dropped == [0])


def test_a_scene_is_given_out_once(session: Session, renderer: Renderer) -> None:
    news = threading.Semaphore(0)
    renderer._on_news = news.release
    renderer.paint = scene_of
    session.result = result(7)
    renderer.wake()
    assert news.acquire(timeout=5)
    one, scene = renderer.take(session)  # type: ignore[arg-type, misc]
    assert one is session.result
    assert scene is not None
    assert renderer.take(session) == (one, None)  # type: ignore[arg-type]
    # nothing new: nothing is painted again, and whoever waits is told all the same
    renderer.wake()
    assert news.acquire(timeout=5)
    assert renderer.take(session) == (one, None)  # type: ignore[arg-type]
    assert renderer.take(Session()) is None, "another session has nothing yet"  # type: ignore[arg-type]


def test_what_cannot_be_painted_is_left_to_the_view(session: Session, renderer: Renderer, caplog: Any) -> None:
    news = threading.Semaphore(0)
    renderer._on_news = news.release

    def paint(one: LiveResult) -> Scene:
        raise ZeroDivisionError("paint")

    renderer.paint = paint
    session.result = result(7)
    renderer.wake()
    assert news.acquire(timeout=5)
    assert renderer.take(session) == (session.result, None)  # type: ignore[arg-type]
    assert "ZeroDivisionError" in caplog.text


def test_live_frames_are_painted_in_the_renderers_thread(window: Window, world: World, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.view._current() is not None, timeout=WAIT)
    scene = window.view._current()
    assert scene is not None
    assert scene.frame.index == scene.report.frame_index
    window.toggle_pause()
    qtbot.waitUntil(lambda: window.view.paused, timeout=WAIT)


def test_what_fails_is_kept_and_given_out_once_and_frames_go_on(session: Session, renderer: Renderer) -> None:
    news = threading.Semaphore(0)
    renderer._on_news = news.release

    def broken(*_: object) -> Scene:
        raise ValueError("no ink")

    renderer.paint = broken
    for index in (1, 2):
        session.result = result(index)
        renderer.wake()
        assert news.acquire(timeout=10)
        taken = renderer.take(session)  # type: ignore[arg-type]
        assert taken is not None
        assert (taken[0].frame.index, taken[1]) == (index, None), "the view paints by itself"
    fault = renderer.fault()
    assert str(fault) == "no ink"
    assert renderer.fault() is None


def test_a_painting_that_fails_lets_go_of_what_it_was_on(view: LiveView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error keeps the painter, which would else outlive the widget, and take the process with it."""
    painters: list[QPainter] = []

    def broken(painter: QPainter, _items: object) -> None:
        painters.append(painter)
        raise ValueError("no ink")

    one = result(1)
    view.show_pair(one.frame, one.report, live=True)
    with monkeypatch.context() as patched:
        patched.setattr(paint_qt, "paint", broken)
        with pytest.raises(ValueError, match="no ink"):
            view.paint_scene(one)
        with pytest.raises(ValueError, match="no ink"):
            view.grab()
    assert len(painters) == 2
    assert not any(painter.isActive() for painter in painters)


def test_a_picture_that_cannot_be_painted_is_said_in_the_window_once(window: Window, qtbot: Any) -> None:
    def broken(*_: object) -> Scene:
        raise ValueError("no ink")

    with qtbot.waitSignal(window.scope.problem, timeout=WAIT) as told:
        window.scope.live.renderer.paint = broken
    assert "Could not show a frame" in str(told.args[0])
    assert "no ink" in str(told.args[0])
