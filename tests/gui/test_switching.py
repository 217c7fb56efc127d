"""From one source to another, to pictures and back: whose picture is shown, saved, and told of."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standins import WAIT, World, drop, face

from facelens.errors import CameraBusyError
from facelens.gui import display
from facelens.gui.settings import Settings
from facelens.gui.window import Window

BUSY = CameraBusyError("Desk Camera cannot be opened", "another program holds it", "Close the other program")


def shows(window: Window, address: str, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.scope.pair is not None and window.scope.pair_source == address, timeout=WAIT)


def saved_source(window: Window, settings: Settings, qtbot: Any) -> str:
    with qtbot.waitSignal(window.scope.message, timeout=WAIT):
        window.snapshot()
    (written,) = Path(settings.snapshot_folder()).glob("*.json")
    return str(json.loads(written.read_text("utf-8"))["source"])


def test_people_of_another_source_begin_anew(window: Window, world: World, qtbot: Any) -> None:
    world.engine.faces = (face(1, x=20), face(2, x=150, width=40))
    qtbot.waitUntil(lambda: window.view.report is not None and len(window.view.report.faces) == 2, timeout=WAIT)
    window._choose(2)
    assert window.people.current == 2
    window.people._first = dict.fromkeys((1, 2), time.monotonic() - 1000)
    window.coach.line = "Come closer"
    window.scope.use("camera:Desk Camera")
    shows(window, "camera:Desk Camera", qtbot)
    assert window.people.current == 1, "the largest one, as nobody was chosen here"
    assert window.people.seconds(1, time.monotonic()) < 900
    assert window.people.seconds(2, time.monotonic()) < 900
    assert window.coach.line != "Come closer"
    assert window.panel.track_id == 1


def test_the_picture_of_the_source_before_is_veiled_and_saved_under_its_own_name(
    window: Window, world: World, settings: Settings, qtbot: Any
) -> None:
    assert not window.view.stale
    world.refuse = BUSY
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        window.scope.use("camera:Desk Camera")
    assert window.view.frame is not None
    assert window.view.stale
    assert window.view.coach_line == ""
    assert window.top.snapshot.isEnabled()
    assert saved_source(window, settings, qtbot) == "demo"
    # the veil is away with the first picture of a source that opens
    world.refuse = None
    window.scope.use("camera:Desk Camera")
    shows(window, "camera:Desk Camera", qtbot)
    assert not window.view.stale


def test_the_same_source_once_more_is_not_veiled(window: Window, world: World, qtbot: Any) -> None:
    veiled: list[bool] = []
    window.scope.changed.connect(lambda: veiled.append(window.view.stale))
    window.use_demo()
    qtbot.waitUntil(lambda: window.scope.pair_turn == 2, timeout=WAIT)
    assert not any(veiled)


def test_a_picture_does_not_stay_where_there_is_nothing_live(
    make_window: Callable[..., Window], world: World, picture: Path, qtbot: Any
) -> None:
    world.refuse = BUSY
    window = make_window()
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        window.begin("camera:Desk Camera")
    qtbot.waitUntil(lambda: window.scope.room.is_ready, timeout=WAIT)
    drop(window, [picture])
    qtbot.waitUntil(lambda: window.scope.photo is not None, timeout=WAIT)
    assert window.view.frame is not None
    window.back()
    assert window.view.frame is None
    assert window.scope.pair is None
    assert not window.top.snapshot.isEnabled()
    assert window.empty.heading == "No picture"
    assert window.panel.track_id is None


def test_back_from_pictures_the_live_picture_is_there_at_once(
    window: Window, picture: Path, settings: Settings, qtbot: Any
) -> None:
    drop(window, [picture])
    qtbot.waitUntil(lambda: window.scope.photo is not None, timeout=WAIT)
    assert window.scope.source_name == str(picture)
    window.back()
    assert window.view.live
    assert window.view.frame is not None
    assert window.scope.source_name == "demo"
    assert not window.view.stale


def test_a_picture_is_cleared_when_a_source_is_chosen(window: Window, world: World, picture: Path, qtbot: Any) -> None:
    drop(window, [picture])
    qtbot.waitUntil(lambda: window.scope.photo is not None, timeout=WAIT)
    world.slow_opening = True
    window.scope.use("rtsp://far/away")
    assert window.view.frame is None
    assert window.empty.heading == "Waiting for the first picture"


def test_memory_at_the_first_frame_is_that_of_the_newest_source(
    window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(display, "rss_mib", lambda: 4711.0)
    assert window.run_figures()["rss_mib"]["start"] != 4711
    window.scope.use("camera:Desk Camera")
    shows(window, "camera:Desk Camera", qtbot)
    assert window.run_figures()["rss_mib"]["start"] == 4711


def test_without_a_source_all_counts_are_zero(make_window: Callable[..., Window]) -> None:
    told = make_window().run_figures()
    assert told["frames"] == {"captured": 0, "analysed": 0, "shown": 0, "skipped": 0}
    assert told["latency_ms"] == {"p50": 0, "p95": 0, "p99": 0}
    assert told["heartbeat_gap_ms"] is None
    assert told["rss_mib"]["start"] is None
