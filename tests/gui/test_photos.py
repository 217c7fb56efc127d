"""Pictures dropped on the window: read in a thread, shown with their overlay, stepped through; broken ones told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from standins import WAIT, World, drop, face

from facelens.gui import settings as keys
from facelens.gui.settings import Settings
from facelens.gui.window import Window


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of different sizes, one in a sub-folder, and a file that is none."""
    made = tmp_path / "Ferien ä 写真"
    (made / "more").mkdir(parents=True)
    for name, width in (("a.png", 200), ("b.png", 240), ("more/c.png", 280)):
        ok, data = cv2.imencode(".png", np.full((200, width, 3), 90, np.uint8))
        assert ok
        (made / name).write_bytes(data.tobytes())
    (made / "notes.txt").write_text("no picture", encoding="utf-8")
    return made


def shown_width(window: Window) -> int:
    return window.view.frame.width if window.view.frame is not None else 0


def test_a_dropped_picture_is_read_and_shown(window: Window, picture: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    assert shown_width(window) == 400
    assert window.view.report is not None
    assert len(window.view.report.faces) == 1
    window.view.repaint()
    assert window.view.primitives
    assert window.panel.track_id == 1
    assert window.panel.person.seen.text() == "80 × 96 px"
    assert "portrait.png" in window.top.title.text()
    assert window.top.sources.currentIndex() == 1
    assert window.status.figures[0].text() == "1 face"


def test_live_waits_meanwhile_and_escape_goes_back(window: Window, picture: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    qtbot.waitUntil(lambda: window.scope.state.phase == "paused", timeout=WAIT)
    assert shown_width(window) == 400, "a live frame came over the picture"
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: shown_width(window) == 320, timeout=WAIT)
    qtbot.waitUntil(lambda: window.scope.state.phase == "running", timeout=WAIT)
    assert window.top.sources.currentIndex() == 0


def test_a_live_view_that_was_paused_stays_paused(window: Window, picture: Path, qtbot: Any) -> None:
    window.toggle_pause()
    qtbot.waitUntil(lambda: window.scope.state.phase == "paused", timeout=WAIT)
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    window.back()
    assert window.scope.state.phase == "paused"
    assert shown_width(window) == 320


def test_a_folder_is_stepped_through_with_the_arrow_keys(window: Window, folder: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [folder])
    assert window.scope.photos.count == 3
    widths = [shown_width(window)]
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
            QTest.keyClick(window, key)
        widths.append(shown_width(window))
    assert widths == [200, 240, 280, 200, 280]
    assert window.top.title.text().endswith("3 / 3")


def test_of_many_quick_steps_only_the_last_is_read(window: Window, folder: Path, world: World, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [folder])
    read = len([frame for frame in world.engine.seen if frame.width >= 200 and frame.width != 320])
    for _ in range(7):
        QTest.keyClick(window, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: not window.scope.reading and window.scope.photo.index == 1, timeout=WAIT)
    after = len([frame for frame in world.engine.seen if frame.width >= 200 and frame.width != 320])
    assert after - read <= 2


def test_a_broken_picture_shows_the_banner_and_live_goes_on(window: Window, tmp_path: Path, qtbot: Any) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 this is not a picture")
    with qtbot.waitSignal(window.scope.photos.failed, timeout=WAIT) as failed:
        drop(window, [broken])
    assert window.error.text == str(failed.args[0])
    assert "broken.jpg" in window.error.text
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        pass
    assert window.scope.state.phase == "running"
    assert shown_width(window) == 320
    window.error.dismiss()
    assert window.error.text == ""


def test_a_broken_picture_in_a_series_leaves_the_last_one_shown(window: Window, folder: Path, qtbot: Any) -> None:
    (folder / "b.png").write_bytes(b"\x89PNG cut short")
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [folder])
    with qtbot.waitSignal(window.scope.photos.failed, timeout=WAIT):
        QTest.keyClick(window, Qt.Key.Key_Right)
    assert shown_width(window) == 200
    assert "b.png" in window.error.text
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        QTest.keyClick(window, Qt.Key.Key_Right)
    assert shown_width(window) == 280


def test_a_folder_without_pictures_says_so(window: Window, tmp_path: Path, qtbot: Any) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with qtbot.waitSignal(window.scope.photos.failed, timeout=WAIT):
        drop(window, [empty])
    assert "empty" in window.error.text
    assert window.scope.photo is None


def test_a_file_that_is_missing_says_so(window: Window, tmp_path: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(window.scope.photos.failed, timeout=WAIT):
        drop(window, [tmp_path / "gone.png"])
    assert "gone.png" in window.error.text


def test_a_clip_is_played_as_a_source(window: Window, world: World, tmp_path: Path, qtbot: Any) -> None:
    clip = tmp_path / "clip.MP4"
    clip.write_bytes(b"")
    drop(window, [clip])
    qtbot.waitUntil(lambda: world.opened[-1] == str(clip), timeout=WAIT)


def test_pictures_given_at_the_start_come_first(
    make_window: Callable[..., Window], world: World, picture: Path, qtbot: Any
) -> None:
    window = make_window()
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        window.begin(paths=[str(picture)])
    assert world.opened == []
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.back()
    qtbot.waitUntil(lambda: world.opened == ["demo"], timeout=WAIT)


def test_no_face_is_no_error(window: Window, world: World, picture: Path, qtbot: Any) -> None:
    world.engine.faces = ()
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    assert window.error.text == ""
    assert window.status.figures[0].text() == "0 faces"
    assert window.panel.track_id is None
    assert not window.panel.nobody.isHidden()


def test_sixty_faces_are_shown(window: Window, world: World, picture: Path, qtbot: Any) -> None:
    world.engine.faces = tuple(face(number + 1, x=6 * number, width=20 + number % 7) for number in range(60))
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    window.view.repaint()
    assert window.status.figures[0].text() == "60 faces"
    assert window.panel.track_id == 7, "the largest face is chosen"


def test_a_new_score_rule_reads_the_picture_again(
    window: Window, world: World, settings: Settings, picture: Path, qtbot: Any
) -> None:
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        drop(window, [picture])
    old = world.engine.faces[0]
    world.engine.faces = (replace(old, score=replace(old.score, value=31)),)
    with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
        settings.set(keys.PRESET, "classic")
    assert window.panel.score.value.text() == "31"


@pytest.mark.parametrize("still", [False, True])
def test_a_snapshot_is_an_annotated_picture_and_its_json(
    window: Window, settings: Settings, picture: Path, qtbot: Any, still: bool
) -> None:
    if still:
        with qtbot.waitSignal(window.scope.photos.shown, timeout=WAIT):
            drop(window, [picture])
    with qtbot.waitSignal(window.scope.message, timeout=WAIT) as said:
        window.snapshot()
    saved = Path(said.args[1])
    assert saved.parent == Path(settings.snapshot_folder())
    image = cv2.imread(str(saved))
    assert image.shape[:2] == ((300, 400) if still else (240, 320))
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 5, "nothing is drawn on the picture"
    report = json.loads(saved.with_suffix(".json").read_text(encoding="utf-8"))
    assert report["schema"] == "facelens/1"
    assert report["source"] == (str(picture) if still else "demo")
    assert len(report["faces"]) == 1
    assert saved.name in window.status.message.text()


def test_a_snapshot_that_cannot_be_written_says_so(
    window: Window, settings: Settings, tmp_path: Path, qtbot: Any
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    settings.set(keys.FOLDER, str(blocked / "shots"))
    with qtbot.waitSignal(window.scope.problem, timeout=WAIT):
        window.snapshot()
    assert "cannot be made" in window.error.text
    assert window.scope.state.phase == "running"
