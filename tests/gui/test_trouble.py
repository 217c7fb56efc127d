"""What goes wrong with cameras, networks and displays, and what the window makes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from standins import WAIT, World

from facelens.errors import CameraBusyError, DisplayError, ModelCorruptError, ModelMissingError, SourceLostError
from facelens.gui import app
from facelens.gui import settings as keys
from facelens.gui.settings import Settings
from facelens.gui.window import Window

LOST = SourceLostError("Desk Camera stopped", "it was unplugged", "Plug it in and try again")
BUSY = CameraBusyError("Desk Camera cannot be opened", "another program holds it", "Close the other program")
MISSING = ModelMissingError("The model attributes-2 is missing", "there is no such file", "Install again")


def visible(window: Window, word: str) -> list[QPushButton]:
    return [item for item in window.findChildren(QPushButton) if item.text() == word and item.isVisible()]


def press(window: Window, word: str, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: len(visible(window, word)) == 1, timeout=WAIT)
    visible(window, word)[0].click()


def test_a_lost_camera_is_told_over_its_last_frame(window: Window, world: World, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        world.lose = LOST
    assert window.error.text == str(LOST)
    assert window.view.frame is not None
    assert window.empty.heading == ""
    assert window.scope.state.phase == "failed"
    world.lose = None
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        press(window, "Try again", qtbot)
    assert window.error.text == ""
    assert world.opened == ["demo", "demo"]


def test_a_busy_camera_offers_the_demo(window: Window, world: World, qtbot: Any) -> None:
    world.refuse = BUSY
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        window.scope.use("camera:Desk Camera")
    assert window.error.text == str(BUSY)
    world.refuse = None
    press(window, "Show the demo", qtbot)
    qtbot.waitUntil(lambda: window.scope.state.phase == "running", timeout=WAIT)
    assert world.opened[-1] == "demo"


def test_errors_replace_each_other(window: Window, world: World, qtbot: Any) -> None:
    world.refuse = BUSY
    for _ in range(3):
        with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
            window.scope.use("camera:Desk Camera")
    qtbot.waitUntil(lambda: len(visible(window, "Try again")) == 1, timeout=WAIT)
    assert QApplication.activeModalWidget() is None


def test_an_exception_of_a_thread_is_worded(window: Window, world: World, qtbot: Any) -> None:
    world.lose = ZeroDivisionError("division by zero")  # type: ignore[assignment]
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        pass
    assert "ZeroDivisionError: division by zero" in window.error.text
    assert "Try again" in window.error.text


def test_a_clip_that_is_over_can_be_started_again(window: Window, world: World, qtbot: Any) -> None:
    world.ended = True
    qtbot.waitUntil(lambda: window.scope.state.phase == "ended", timeout=WAIT)
    assert window.error.text == ""
    assert window.view.frame is not None
    world.ended = False
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.toggle_pause()


def test_networks_that_do_not_open_are_told_and_tried_again(
    make_window: Callable[..., Window], world: World, qtbot: Any
) -> None:
    world.engine_error = ModelCorruptError("The model attributes-2 is damaged", "its sha256 differs", "Install again")
    window = make_window()
    with qtbot.waitSignal(window.scope.room.failed, timeout=WAIT):
        window.begin()
    assert window.error.text == str(world.engine_error)
    assert window.empty.heading == "The networks did not open"
    # a source opens beside the networks; without them it is let go
    qtbot.waitUntil(lambda: world.closed_sources == len(world.opened), timeout=WAIT)
    assert window.scope.state.phase == "idle"
    world.engine_error = None
    window.error.dismiss()
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        press(window, "Try again", qtbot)
    assert window.empty.heading == ""


def test_what_was_chosen_without_networks_plays_once_they_open(
    make_window: Callable[..., Window], world: World, qtbot: Any
) -> None:
    world.engine_error = MISSING
    window = make_window()
    with qtbot.waitSignal(window.scope.room.failed, timeout=WAIT):
        window.begin("demo")
    qtbot.waitUntil(lambda: window.scope.state.phase == "idle", timeout=WAIT)
    window.scope.use("camera:Desk Camera")
    assert "camera:Desk Camera" not in world.opened
    world.engine_error = None
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.scope.open_networks()
    assert world.opened[-1] == "camera:Desk Camera"


def test_networks_that_cannot_be_changed_leave_a_window_that_listens(
    window: Window, world: World, settings: Settings, qtbot: Any
) -> None:
    world.engine_error = MISSING
    with qtbot.waitSignal(window.scope.room.failed, timeout=WAIT):
        settings.set(keys.PROVIDER, "cuda")
    assert window.error.text == str(MISSING)
    assert window.scope.state.phase == "running", "the old ones go on"
    window.scope.use("demo:2")
    qtbot.waitUntil(lambda: world.opened[-1] == "demo:2", timeout=WAIT)
    # Start and stop are those of the source, too
    window.scope.halt()
    qtbot.waitUntil(lambda: window.scope.state.phase == "idle", timeout=WAIT)
    assert window.empty.heading == "No picture"
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.toggle_pause()
    assert world.opened == ["demo", "demo:2", "demo:2"]
    world.engine_error = None
    with qtbot.waitSignal(window.scope.room.ready, timeout=WAIT):
        press(window, "Try again", qtbot)
    assert [engine.options.provider for engine in world.engines] == ["auto", "cuda"]
    assert len(world.opened) == 3, "what plays goes on"


def test_a_fault_of_the_window_itself_is_shown_once(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: told.append(str(error)))
    app._show_faults(window)

    def nested(error: Exception) -> None:
        Window.show_problem(window, error)
        sys.excepthook(ValueError, ValueError("again"), None)

    monkeypatch.setattr(window, "show_problem", nested)
    sys.excepthook(RuntimeError, RuntimeError("lost my way"), None)
    assert told == ["lost my way", "again"]
    assert "RuntimeError: lost my way" in window.error.text


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are checked on Linux only")


@linux
def test_without_a_display_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DisplayError, match="there is no display"):
        app.run()


@linux
def test_a_display_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(DisplayError, match=r":4711|library"), app.display():
        pytest.fail("it connected")


@linux
def test_offscreen_needs_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    with app.display():
        pass


def test_the_traps_that_opencv_sets_are_taken_away(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("QT_QPA_PLATFORM_PLUGIN_PATH", "/elsewhere")
    monkeypatch.setenv("QT_QPA_FONTDIR", "/elsewhere")
    assert app.application() is qapp
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" not in os.environ
    assert "QT_QPA_FONTDIR" not in os.environ
    assert not qapp.windowIcon().isNull()
