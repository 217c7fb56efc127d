"""Recordings and best shots from the window: begun and ended by the user, complete whatever happens."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from standins import WAIT, World, drop, face

from facelens.errors import OutputError, SourceLostError
from facelens.gui import settings as keys
from facelens.gui.settings import Settings
from facelens.gui.window import Window
from facelens.recorder import Recorder
from facelens.sources import Notice


def folder(settings: Settings) -> Path:
    return Path(settings.snapshot_folder())


def record(window: Window, qtbot: Any, pictures: int = 5) -> None:
    """Record until so many pictures are in the clip."""
    qtbot.waitUntil(window.top.record.isEnabled, timeout=WAIT)
    QTest.mouseClick(window.top.record, Qt.MouseButton.LeftButton)
    saving = window.scope.saving
    assert saving.is_recording
    qtbot.waitUntil(lambda: saving.recording is None or saving.recording.written >= pictures, timeout=WAIT)
    assert saving.is_recording


def complete(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.scope.saving.recording is None, timeout=WAIT)


def clip(settings: Settings) -> tuple[Path, list[Any]]:
    """The only clip there is, with its pictures; its lines are checked."""
    assert sorted(path.suffix for path in folder(settings).iterdir()) == [".jsonl", ".webm"]
    (path,) = folder(settings).glob("*.webm")
    video, pictures = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) > 0, "its length is known, so it was completed"
    while (read := video.read())[0]:
        pictures.append(read[1])
    video.release()
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]
    assert lines
    assert all(line["schema"] == "facelens/1" and line["faces"][0]["id"] == 1 for line in lines)
    assert [line["frame"] for line in lines] == sorted({line["frame"] for line in lines})
    return path, pictures


def actions(window: Window, word: str) -> list[QPushButton]:
    return [item for item in window.findChildren(QPushButton) if item.text() == word and item.isVisible()]


def test_r_records_and_ends_the_recording(
    window: Window, settings: Settings, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = window.top.record
    assert (button.text(), button.toolTip()) == ("Record", "Record the view (R)")
    window.activateWindow()
    window.setFocus()
    qtbot.waitUntil(button.isEnabled, timeout=WAIT)
    QTest.keyClick(window, "R")
    recording = window.scope.saving.recording
    assert recording is not None
    assert (button.text(), button.toolTip(), button.property("recording")) == ("0:00", "Stop recording (R)", True)
    qtbot.waitUntil(lambda: button.text() == "0:01", timeout=WAIT)
    QTest.keyClick(window, "R")
    complete(window, qtbot)
    assert (button.text(), button.property("recording")) == ("Record", False)
    path, pictures = clip(settings)
    assert len(pictures) == recording.written >= 30
    assert pictures[0].shape == (240, 320, 3)
    assert path.name in window.saved.text
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    actions(window, "Show folder")[0].click()
    assert opened == [str(folder(settings))]
    assert window.saved.text == ""


@pytest.mark.parametrize("overlay", [True, False])
def test_with_the_overlay_or_without(window: Window, settings: Settings, qtbot: Any, overlay: bool) -> None:
    settings.set(keys.RECORD_OVERLAY, overlay)
    settings.set(keys.LABELS, False)
    record(window, qtbot)
    window.toggle_recording()
    complete(window, qtbot)
    top = clip(settings)[1][-1][:190]
    # without, the upper part of a frame is of one grey
    assert (top.std() > 3) == overlay


def test_a_recording_goes_on_in_a_pause_and_can_begin_in_one(window: Window, settings: Settings, qtbot: Any) -> None:
    window.toggle_pause()
    qtbot.waitUntil(lambda: window.view.paused, timeout=WAIT)
    record(window, qtbot, pictures=1)
    window.toggle_pause()
    saving = window.scope.saving
    qtbot.waitUntil(lambda: saving.recording is not None and saving.recording.written > 5, timeout=WAIT)
    window.toggle_recording()
    complete(window, qtbot)
    clip(settings)


def end_by_change(window: Window, world: World) -> None:
    window.scope.use("camera:Desk Camera")


def end_by_stop(window: Window, world: World) -> None:
    window.scope.halt()


def end_by_end(window: Window, world: World) -> None:
    world.ended = True


def end_by_error(window: Window, world: World) -> None:
    world.lose = SourceLostError("Desk Camera stopped", "it was unplugged", "Plug it in and try again")


def end_by_loss(window: Window, world: World) -> None:
    world.notice = Notice("lost", "Desk Camera is away", "It is waited for")


def end_by_restart(window: Window, world: World) -> None:
    window.scope.use("demo")


@pytest.mark.parametrize(
    "end", [end_by_change, end_by_stop, end_by_end, end_by_error, end_by_loss, end_by_restart], ids=lambda f: f.__name__
)
def test_a_recording_ends_with_what_it_records(
    window: Window, world: World, settings: Settings, qtbot: Any, end: Any
) -> None:
    record(window, qtbot)
    with qtbot.waitSignal(window.scope.saving.recorded, timeout=WAIT):
        end(window, world)
    complete(window, qtbot)
    path, pictures = clip(settings)
    assert len(pictures) >= 5
    assert path.name in window.saved.text


def test_a_photo_ends_the_recording(window: Window, settings: Settings, picture: Path, qtbot: Any) -> None:
    record(window, qtbot)
    with qtbot.waitSignal(window.scope.saving.recorded, timeout=WAIT):
        drop(window, [picture])
    clip(settings)
    assert not window.top.record.isEnabled(), "a photo is not recorded"
    window.toggle_recording()
    assert window.scope.saving.recording is None


def test_closing_the_window_completes_the_recording(window: Window, settings: Settings, qtbot: Any) -> None:
    record(window, qtbot)
    window.close()
    assert window.stopped_cleanly
    assert len(clip(settings)[1]) >= 5
    started, ended = window.scope.threads()
    assert started == ended


def test_on_a_full_disk_the_view_goes_on(
    window: Window, settings: Settings, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OutputError("Cannot record to the clip", "the disk is full", "Free some space, or choose another disk")
    add = Recorder.add

    def until_full(recorder: Recorder, *arguments: Any) -> None:
        if recorder.written >= 5:
            raise full
        add(recorder, *arguments)

    monkeypatch.setattr(Recorder, "add", until_full)
    with qtbot.waitSignal(window.scope.saving.recorded, timeout=WAIT):
        window.toggle_recording()
    path, pictures = clip(settings)
    assert len(pictures) >= 5
    assert window.error.text.startswith(str(full))
    assert path.name in window.error.text, "it says where the rest is"
    assert window.saved.text == ""
    assert len(actions(window, "Show folder")) == 1
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        pass
    assert window.scope.state.phase == "running"
    assert window.top.record.isEnabled()


def test_a_folder_that_cannot_be_made_is_told_at_once(
    window: Window, settings: Settings, tmp_path: Path, qtbot: Any
) -> None:
    (tmp_path / "file").touch()
    settings.set(keys.FOLDER, str(tmp_path / "file" / "clips"))
    qtbot.waitUntil(window.top.record.isEnabled, timeout=WAIT)
    window.toggle_recording()
    assert "cannot be made" in window.error.text
    assert window.scope.saving.recording is None


def test_frames_that_were_left_out_are_told(window: Window, qtbot: Any, tmp_path: Path) -> None:
    from facelens.recorder import Recording

    for dropped, words in ((1, "; 1 frame was left out"), (7, "; 7 frames were left out"), (0, "")):
        recording = Recording(Recorder(tmp_path / "a.webm", 30, live=True), "test")
        recording.stop()
        assert recording.join(WAIT / 1000)
        recording.dropped = dropped
        window._recorded(recording)
        assert window.saved.text == f"Recorded 0:00 to a.webm{words}"


def test_in_full_screen_the_recording_shows_over_the_view(window: Window, qtbot: Any) -> None:
    record(window, qtbot)
    assert window.view.recording == "", "the top bar says so"
    window.toggle_full_screen()
    qtbot.waitUntil(lambda: window.view.recording != "", timeout=WAIT)
    window.toggle_full_screen()
    qtbot.waitUntil(lambda: window.view.recording == "", timeout=WAIT)


def test_best_shots_of_everybody_seen(window: Window, world: World, settings: Settings, qtbot: Any) -> None:
    world.engine.faces = (face(1, x=20, width=90), face(2, x=200, width=60))
    button = window.top.shots
    saving = window.scope.saving
    qtbot.waitUntil(lambda: saving.people >= 2, timeout=WAIT)
    world.engine.faces = ()
    qtbot.waitUntil(lambda: window.view.report is not None and not window.view.report.faces, timeout=WAIT)
    assert saving._best.wait(WAIT / 1000)
    # the one who was there at first may count apart
    people = saving.people
    qtbot.waitUntil(lambda: button.toolTip() == f"Save the best shots of {people} people (Shift+B)", timeout=WAIT)
    window.activateWindow()
    window.setFocus()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT)
    assert not folder(settings).exists(), "nothing is written unasked"
    with qtbot.waitSignal(window.scope.saving.shots_saved, timeout=WAIT) as saved:
        QTest.keyClick(window, "B", Qt.KeyboardModifier.ShiftModifier)
    (paths,) = saved.args
    assert len(paths) == people
    for path in paths:
        image = cv2.imread(str(path))
        assert image.shape == (240, 320, 3)
        assert image[:190].std() < 2, "the frame alone"
    (listed,) = folder(settings).glob("*.jsonl")
    lines = [json.loads(line) for line in listed.read_text("utf-8").splitlines()]
    assert [line["picture"] for line in lines] == [path.name for path in paths]
    assert {len(line["faces"]) for line in lines} == {1}
    assert [line["faces"][0]["score"]["value"] for line in lines] == pytest.approx([80] * people, abs=1)
    assert window.saved.text == f"Saved the best shots of {people} people"


def test_without_anybody_there_is_no_best_shot(window: Window, world: World, settings: Settings, qtbot: Any) -> None:
    world.engine.faces = ()
    window.scope.use("camera:Desk Camera")
    qtbot.waitUntil(lambda: window.scope.saving.people == 0 and window.scope.state.phase == "running", timeout=WAIT)
    window.show_saving()
    assert not window.top.shots.isEnabled()
    window.save_best_shots()
    assert not folder(settings).exists()
    world.engine.faces = (replace(face(), score=None, quality=None),)
    for _ in range(5):
        with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
            pass
    assert window.scope.saving.people == 0, "a face that was not read is no shot"
    world.engine.faces = (face(),)
    qtbot.waitUntil(window.top.shots.isEnabled, timeout=WAIT)
    assert window.top.shots.toolTip() == "Save the best shot of 1 person (Shift+B)"


def test_best_shots_that_cannot_be_written_are_told(
    window: Window, settings: Settings, tmp_path: Path, qtbot: Any
) -> None:
    (tmp_path / "file").touch()
    settings.set(keys.FOLDER, str(tmp_path / "file" / "shots"))
    qtbot.waitUntil(window.top.shots.isEnabled, timeout=WAIT)
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        window.save_best_shots()
    assert "cannot be made" in window.error.text


def test_the_top_bar_gives_words_and_name_up_for_room(window: Window, qtbot: Any) -> None:
    top = window.top
    assert (top.snapshot.text(), top.shots.text(), top.name.isVisible()) == ("", "", True)
    assert not top.snapshot.icon().isNull()
    window.resize(1500, 800)
    qtbot.waitUntil(lambda: top.snapshot.text() == "Snapshot", timeout=WAIT)
    assert top.shots.text() == "Best shots"
    window.resize(window.minimumWidth(), 700)
    qtbot.waitUntil(lambda: not top.name.isVisible(), timeout=WAIT)
    assert top.snapshot.accessibleName() == "Save picture and JSON (S)"
