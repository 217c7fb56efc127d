"""Opens windows on stand-ins. Offscreen by default; --headed uses the screen."""

# ruff: noqa: E402 - the platform must be named before Qt is imported
from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

HEADED = "--headed" in sys.argv
if not HEADED:
    # Qt's own offscreen screen is 800 px wide, less than the window
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={Path(__file__).with_name('screen.json')}"
# test modules are imported one by one, so what they share must be on the path
sys.path.insert(0, str(Path(__file__).parent))

import cv2
import numpy as np
import PySide6
import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication
from standins import WAIT, World, lost_references

from facelens.gui import settings as keys
from facelens.gui.settings import Settings
from facelens.gui.theme import Theme
from facelens.gui.window import Window
from facelens.options import EngineOptions


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--headed", action="store_true", help="open the window on the screen instead of offscreen")


FAILED = pytest.StashKey[list[BaseException]]()
HUNG: list[Window] = []
"""Windows with a thread that did not end: it may still reach for them."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None:
        item.stash.setdefault(FAILED, []).append(call.excinfo.value)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Empty the frames of a test that failed while its window still lives.

    They live on into the next test, and what lies in them would die there, after the window: with a painter of one of
    its widgets, whose painting had failed, the process died too, and the message of the failure with it.
    """
    for failed in item.stash.get(FAILED, []):
        error: BaseException | None = failed
        while error is not None:
            traceback.clear_frames(error.__traceback__)
            for frame, _ in traceback.walk_tb(error.__traceback__):
                # until Python 3.12 a copy, made for the message; to look at it empties it too
                len(frame.f_locals)
            error = error.__context__
    # where Python notes an error that Qt did not hand on, and with it all that the test held
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        vars(sys).pop(name, None)


@pytest.fixture
def sound_binding() -> None:
    """Fail instead of being aborted in the middle of the suite, see ``lost_references``."""
    if lost_references() > 50:
        pytest.fail(f"PySide6 {PySide6.__version__} loses references to None under this Python: install another one")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    made.set(keys.NOTICE_SEEN, True)
    made.set(keys.FOLDER, str(tmp_path / "shots"))
    return made


@pytest.fixture
def theme(qapp: QApplication, sound_binding: None) -> Iterator[Theme]:
    made = Theme(qapp, "dark")
    yield made
    qapp.styleHints().colorSchemeChanged.disconnect(made._follow_system)
    made.deleteLater()


@pytest.fixture
def make_window(world: World, settings: Settings, theme: Theme, qtbot: Any) -> Iterator[Callable[..., Window]]:
    """Opens windows, and checks after the test that closing them left no thread behind."""
    windows: list[Window] = []
    before = set(threading.enumerate())

    def make(options: EngineOptions | None = None) -> Window:
        window = Window(world.services(), settings, theme, options or EngineOptions())
        windows.append(window)
        window.show()
        qtbot.waitExposed(window)
        return window

    yield make
    for window in windows:
        window.close()
        if not window.stopped_cleanly:
            HUNG.append(window)
            continue
        window.deleteLater()
        # here and now, so that what still runs in it is found out in this test and not in a later one
        QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    assert not any(window in HUNG for window in windows), "a thread did not end when the window closed"
    left = [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert left == [], f"threads left behind: {left}"


@pytest.fixture
def window(make_window: Callable[..., Window], qtbot: Any) -> Window:
    """A window with the demo running and its first frame shown."""
    made = make_window()
    with qtbot.waitSignal(made.scope.pair_changed, timeout=WAIT):
        made.begin()
    qtbot.waitUntil(lambda: made.scope.state.phase == "running", timeout=WAIT)
    return made


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), np.full((300, 400, 3), 128, np.uint8))
    return path
