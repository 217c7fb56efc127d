"""The window with a live source: frames, overlay, panel, toggles, keys, size, closing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from standins import HAPPY, SIZE, TORN, WAIT, World, face

from facelens.gui import settings as keys
from facelens.gui.commands import COMMANDS
from facelens.gui.settings import Settings
from facelens.gui.window import Window
from facelens.overlay import Dots, Panel, Ring, Stroke, Text
from facelens.runtime import Proof
from facelens.sources import CameraInfo
from facelens.types import Frame, FrameReport


def texts(window: Window) -> list[str]:
    return [item.text for item in window.view.primitives if isinstance(item, Text)]


def repaint(window: Window, qtbot: Any) -> None:
    """Wait until everything shown is painted."""
    window.view.repaint()
    qtbot.waitUntil(lambda: window.view._before is None, timeout=WAIT)
    window.view.repaint()


def test_opens_with_the_demo_where_there_is_no_camera_and_says_so(window: Window, world: World, qtbot: Any) -> None:
    assert world.opened == ["demo"]
    assert (window.width(), window.height()) == (1280, 800)
    assert "demo" in window.status.message.text().lower()
    assert window.top.picker.shown_name.startswith("Demo")
    assert window.status.provider.text() == "CPU 12 ms"
    assert window.status.provider.toolTip() == "attributes-2: CPU 2.40 ms"


def test_the_first_camera_is_shown_where_there_is_one(
    make_window: Callable[..., Window], world: World, qtbot: Any
) -> None:
    world.cameras = (CameraInfo(0, "Desk Camera", 0), CameraInfo(2, "Other", 0))
    window = make_window()
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.begin()
    assert world.opened == ["camera:Desk Camera"]


def test_says_what_it_waits_for_before_the_first_frame(make_window: Callable[..., Window]) -> None:
    window = make_window()
    assert window.empty.heading == "Opening the networks"


def test_the_overlay_lies_on_the_frame_it_was_computed_from(window: Window, qtbot: Any) -> None:
    for _ in range(5):
        with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
            pass
        assert window.view.frame is not None
        assert window.view.report is not None
        assert window.view.frame.index == window.view.report.frame_index
    window.scope.live.pause()
    qtbot.waitUntil(lambda: window.scope.state.phase == "paused", timeout=WAIT)
    repaint(window, qtbot)
    frame = window.view.frame
    grabbed = window.view.grab().toImage()
    place = window.view.picture_rect()
    corner = grabbed.pixelColor(int(place.x() + place.width() * 0.9), int(place.y() + place.height() * 0.9))
    assert (corner.red(), corner.green()) == (int(frame.image[0, 0, 2]), int(frame.image[0, 0, 1]))


def test_the_brackets_are_painted_where_the_face_is(window: Window, qtbot: Any) -> None:
    window.scope.live.pause()
    repaint(window, qtbot)
    with_boxes = window.view.grab().toImage()
    window.toggle_boxes()
    repaint(window, qtbot)
    without = window.view.grab().toImage()
    box = window.view.view_map().box(face().detection.box)
    spot = QPoint(round(box.x), round(box.y + 20))
    assert with_boxes.pixelColor(spot).name().upper() == "#56B4E9"
    assert without.pixelColor(spot).name().upper() != "#56B4E9"


def test_the_panel_tells_of_the_face(window: Window, qtbot: Any) -> None:
    panel = window.panel
    qtbot.waitUntil(lambda: panel.track_id == 1, timeout=WAIT)
    assert panel.age.years.text() == "39"
    assert panel.age.band.text() == "34 – 44  (80 %)"
    assert panel.gender.words.text() == "female 97 %"
    assert panel.score.value.text() == "80"
    assert [row[0].text() for row in panel.score.rows[:3]] == ["Appearance", "Expression", "Picture quality"]
    assert [row[2].text() for row in panel.score.rows[:3]] == ["74", "96", "71"]
    assert panel.score.rows[3][0].isHidden()
    assert panel.score.tips.text() == "More light on the face\nCome closer"
    assert panel.person.words.text() == "sharp   well lit   frontal"
    assert panel.person.picture.image is not None
    assert panel.nobody.isHidden()


def test_not_sure_is_a_word(window: Window, world: World, qtbot: Any) -> None:
    world.engine.faces = (face(probability=0.58),)
    qtbot.waitUntil(lambda: window.panel.gender.words.text() == "not sure", timeout=WAIT)
    assert window.panel.gender.bar.token == "muted"


def test_parts_that_were_not_asked_for_have_no_card(window: Window, world: World, qtbot: Any) -> None:
    world.engine.faces = (replace(face(), age=None, gender=None, score=None, quality=None),)
    qtbot.waitUntil(lambda: window.panel.age.isHidden(), timeout=WAIT)
    assert window.panel.gender.isHidden()
    assert window.panel.score.isHidden()
    assert not window.panel.person.isHidden()


def shows(window: Window, world: World, qtbot: Any, seen: Any) -> Any:
    """The panel's card of an expression, once it shows it."""
    world.engine.faces = (replace(face(), expression=seen),)
    card = window.panel.expression
    qtbot.waitUntil(lambda: card.isHidden() == (seen is None), timeout=WAIT)
    return card


def middle(part: QWidget) -> int:
    return part.geometry().center().y()


def test_the_expression_is_told_in_words_and_bars(window: Window, world: World, qtbot: Any) -> None:
    card = shows(window, world, qtbot, HAPPY)
    assert card.title.text() == "EXPRESSION"
    assert card.words.text() == "looks happy, 82 %"
    assert [name.text() for name, _, _ in card.rows] == ["Happy", "Neutral", "Surprised"]
    assert [figure.text() for _, _, figure in card.rows] == ["82", "11", "4"]
    assert [bar.value for _, bar, _ in card.rows] == pytest.approx([0.82, 0.11, 0.04])
    assert [bar.quiet for _, bar, _ in card.rows] == [False, True, True]
    assert {bar.token for _, bar, _ in card.rows} == {"accent"}
    assert card.accessibleName() == "Expression: looks happy, 82 %"
    assert "feels" in card.toolTip()


def test_an_expression_that_is_not_sure_says_so(window: Window, world: World, qtbot: Any) -> None:
    card = shows(window, world, qtbot, TORN)
    assert card.words.text() == "not sure"
    assert [name.text() for name, _, _ in card.rows] == ["Neutral", "Sad", "Happy"]
    assert {bar.token for _, bar, _ in card.rows} == {"muted"}
    assert card.accessibleName() == "Expression: not sure"


def test_where_the_expression_is_not_known_nothing_is_shown_of_it(window: Window, world: World, qtbot: Any) -> None:
    assert window.panel.expression.isHidden()
    shows(window, world, qtbot, HAPPY)
    assert shows(window, world, qtbot, None).isHidden()
    assert not window.panel.gender.isHidden()


@pytest.mark.parametrize("theme_choice", ["dark", "light"])
def test_all_five_cards_stand_in_the_window_without_scrolling(
    window: Window, world: World, theme: Any, qtbot: Any, theme_choice: str
) -> None:
    theme.choose(theme_choice)
    panel = window.panel
    shows(window, world, qtbot, HAPPY)
    # readings go beside their titles, the person's title beside the picture
    for card in (panel.gender, panel.expression):
        qtbot.waitUntil(lambda card=card: abs(middle(card.words) - middle(card.title)) <= 2, timeout=WAIT)
        assert card.words.x() > card.title.x()
    assert panel.person.title.x() > panel.person.picture.geometry().right()
    assert panel.verticalScrollBar().maximum() == 0
    assert panel.score.tips.text() == "More light on the face", "one tip where there is little room"
    for card in panel._cards:
        for part in card.findChildren(QLabel):
            if part.isVisible():
                assert card.rect().contains(part.geometry()), part.text()
                assert part.height() >= part.fontMetrics().height() - 2, part.text()


def test_cards_have_more_air_where_the_window_is_high(window: Window, world: World, qtbot: Any) -> None:
    panel = window.panel
    assert not panel.person.tight, "four cards have room"
    shows(window, world, qtbot, HAPPY)
    assert all(card.tight for card in panel._cards)
    window.resize(1280, 1000)
    qtbot.waitUntil(lambda: panel.person.title.geometry().bottom() < panel.person.picture.y(), timeout=WAIT)
    assert not any(card.tight for card in panel._cards)
    assert panel.expression.words.y() > panel.expression.title.geometry().bottom()
    assert panel.gender.words.y() > panel.gender.bar.geometry().bottom()
    assert panel.score.tips.text() == "More light on the face\nCome closer"
    assert panel.verticalScrollBar().maximum() == 0


def test_clicking_a_face_chooses_it(window: Window, world: World, qtbot: Any) -> None:
    world.engine.faces = (face(1, x=20, width=90), face(2, x=200, width=60, years=64))
    qtbot.waitUntil(lambda: window.view.report is not None and len(window.view.report.faces) == 2, timeout=WAIT)
    assert window.panel.track_id == 1
    other = max(window.view.report.faces, key=lambda item: item.age.years)
    box = window.view.view_map().box(other.detection.box)
    middle = QPoint(round(box.centre[0]), round(box.centre[1]))
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, pos=middle)
    assert window.panel.track_id == other.track_id != 1
    assert window.panel.age.years.text() == "64"


def test_a_click_beside_every_face_changes_nothing(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.panel.track_id == 1, timeout=WAIT)
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    assert window.panel.track_id == 1


@pytest.mark.parametrize(
    ("button", "kinds"),
    [("boxes", (Stroke,)), ("labels", (Panel,)), ("scores", (Ring,))],
)
def test_a_toggle_takes_its_part_off_the_draw_list(window: Window, qtbot: Any, button: str, kinds: tuple[type]) -> None:
    def count() -> int:
        repaint(window, qtbot)
        return sum(isinstance(item, kinds) for item in window.view.primitives)

    assert count() > 0
    QTest.mouseClick(getattr(window.top, button), Qt.MouseButton.LeftButton)
    assert count() == 0
    assert not getattr(window.top, button).isChecked()
    QTest.mouseClick(getattr(window.top, button), Qt.MouseButton.LeftButton)
    assert count() > 0


def test_the_points_menu_sets_how_many(window: Window, qtbot: Any) -> None:
    window.toggle_labels()
    window.toggle_scores()

    def discs() -> int:
        repaint(window, qtbot)
        return sum(len(item.points) for item in window.view.primitives if isinstance(item, Dots))

    counts = {}
    for choice, action in window.top.point_actions.items():
        action.trigger()
        counts[choice] = discs()
    assert counts == {"none": 0, "five": 5, "kaggle15": 15, "ibug68": 68}


def test_keys_do_what_the_table_says(window: Window, settings: Settings, qtbot: Any) -> None:
    window.activateWindow()
    window.setFocus()
    for key, setting in (("B", keys.BOXES), ("L", keys.LABELS), ("C", keys.SCORES)):
        QTest.keyClick(window, key)
        assert settings.get(setting) is False, key
    QTest.keyClick(window, "P")
    assert settings.get(keys.POINTS) == "none"
    QTest.keyClick(window, "T")
    assert settings.get(keys.THEME) == "light"
    QTest.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.scope.state.phase == "paused", timeout=WAIT)
    QTest.keyClick(window, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: window.scope.state.phase == "running", timeout=WAIT)
    QTest.keyClick(window, Qt.Key.Key_F1)
    assert window._help is not None
    assert window._help.isVisible()
    window._help.close()
    QTest.keyClick(window, "F")
    qtbot.waitUntil(window.isFullScreen, timeout=WAIT)
    assert window.top.isHidden()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.isFullScreen(), timeout=WAIT)
    assert not window.top.isHidden()


def test_every_command_is_a_method_with_valid_keys_of_its_own() -> None:
    seen: set[str] = set()
    for command in COMMANDS:
        assert callable(getattr(Window, command.name)), command.name
        for key in command.keys:
            assert not QKeySequence(key).isEmpty(), key
            assert key not in seen, key
            seen.add(key)
    wanted = {"Space", "S", "O", "D", "B", "L", "P", "C", "F", "T", "F1", "?", "Esc", "Ctrl+Q", "Left", "Right", "I"}
    wanted |= {"R", "Shift+B"}
    assert wanted <= seen


def test_space_presses_the_button_that_tab_has_reached(window: Window, settings: Settings, qtbot: Any) -> None:
    window.activateWindow()
    window.top.boxes.setFocus()
    qtbot.waitUntil(window.top.boxes.hasFocus, timeout=WAIT)
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert settings.get(keys.BOXES) is False
    assert window.scope.state.phase == "running"


def test_pausing_holds_the_frame(window: Window, qtbot: Any) -> None:
    window.toggle_pause()
    qtbot.waitUntil(lambda: window.view.paused, timeout=WAIT)
    # what was on its way when the pause came may still arrive, then it is still
    qtbot.wait(150)
    held = window.view.frame
    qtbot.wait(150)
    assert window.view.frame is held
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.toggle_pause()


def test_in_a_pause_the_panel_tells_of_the_frame_that_is_shown(
    window: Window, world: World, monkeypatch: pytest.MonkeyPatch, qtbot: Any
) -> None:
    engine = world.engine
    analyze = engine.analyze

    def older_with_every_frame(frame: Frame, thorough: bool, gaze: Any) -> FrameReport:
        assert not thorough
        engine.faces = (face(years=20 + frame.index % 50),)
        return analyze(frame, thorough)

    monkeypatch.setattr(engine, "analyze", older_with_every_frame)
    qtbot.waitUntil(lambda: window.panel.age.years.text() not in ("", "39"), timeout=WAIT)
    for _ in range(3):
        window.toggle_pause()
        qtbot.waitUntil(lambda: window.view.paused, timeout=WAIT)
        qtbot.wait(100)
        assert window.view.report is not None
        shown = window.view.report.faces[0].age
        assert shown is not None
        assert window.panel.age.years.text() == f"{shown.years:.0f}"
        window.toggle_pause()
        qtbot.waitUntil(lambda: not window.view.paused, timeout=WAIT)


def test_stop_closes_the_source_and_start_opens_it_again(window: Window, world: World, qtbot: Any) -> None:
    QTest.mouseClick(window.top.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.scope.state.phase == "idle", timeout=WAIT)
    assert world.closed_sources == 1
    # the window hears of it a moment later
    qtbot.waitUntil(lambda: window.empty.heading == "No picture", timeout=WAIT)
    assert not window.top.snapshot.isEnabled()
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        QTest.mouseClick(window.top.start, Qt.MouseButton.LeftButton)
    assert world.opened == ["demo", "demo"]
    assert window.empty.heading == ""


def test_changing_the_source_stops_the_old_one_first(window: Window, world: World, qtbot: Any) -> None:
    window.scope.use("camera:Desk Camera")
    qtbot.waitUntil(
        lambda: window.scope.state.address == "camera:Desk Camera" and window.scope.state.phase == "running",
        timeout=WAIT,
    )
    assert world.closed_sources == 1


def test_a_narrow_window_folds_the_panel_away(window: Window, qtbot: Any) -> None:
    assert window.panel.isVisible()
    window.resize(980, 700)
    qtbot.waitUntil(lambda: not window.panel.isVisible(), timeout=WAIT)
    QTest.mouseClick(window.top.panel, Qt.MouseButton.LeftButton)
    assert window.panel.isVisible()
    window.resize(1280, 800)
    window.resize(980, 700)
    qtbot.waitUntil(lambda: not window.panel.isVisible(), timeout=WAIT)
    window.resize(1100, 700)
    qtbot.waitUntil(window.panel.isVisible, timeout=WAIT)


@pytest.mark.parametrize("size", [(1280, 800), (980, 700), (100, 100)])
def test_nothing_in_the_bars_is_cut(window: Window, qtbot: Any, size: tuple[int, int]) -> None:
    window.resize(*size)
    smallest = window.minimumSize()
    wanted = (max(size[0], smallest.width()), max(size[1], smallest.height()))
    qtbot.waitUntil(lambda: (window.width(), window.height()) == wanted, timeout=WAIT)
    assert smallest.width() < 980
    top = window.top
    row = [
        top.picker,
        top.start,
        top.pause,
        top.boxes,
        top.labels,
        top.points,
        top.scores,
        top.record,
        top.shots,
        top.snapshot,
        top.open,
        top.settings,
    ]
    for item in row:
        assert item.width() >= item.minimumSizeHint().width(), item.toolTip()
        assert item.mapTo(window, QPoint(item.width(), 0)).x() <= window.width() - 20
    rights = [item.mapTo(window, QPoint(item.width(), 0)).x() for item in row]
    lefts = [item.mapTo(window, QPoint(0, 0)).x() for item in row]
    assert all(right <= left for right, left in zip(rights, lefts[1:])), "buttons lie over each other"


def test_closing_joins_every_thread(window: Window) -> None:
    running = {thread.name for thread in threading.enumerate()}
    assert any(name.startswith("facelens") for name in running)
    window.close()
    assert window.stopped_cleanly
    assert not any(thread.name.startswith("facelens") for thread in threading.enumerate())
    assert not window.isVisible()


def test_closing_while_the_networks_open_is_clean(make_window: Callable[..., Window]) -> None:
    window = make_window()
    window.begin()
    window.close()
    assert window.stopped_cleanly


def test_the_notice_is_shown_once(make_window: Callable[..., Window], settings: Settings, qtbot: Any) -> None:
    settings.set(keys.NOTICE_SEEN, False)
    window = make_window()
    window.begin()
    assert "Nothing leaves this computer" in window.notice.text
    assert window.isEnabled(), "the notice does not block"
    window.notice.dismiss()
    assert settings.get(keys.NOTICE_SEEN) is True
    second = make_window()
    second.begin()
    assert second.notice.text == ""


def test_figures_of_the_status_bar(window: Window, qtbot: Any) -> None:
    figure = window.status.figures[0]
    qtbot.waitUntil(lambda: figure.text()[:1].isdigit() and not figure.text().startswith("0.0"), timeout=WAIT)
    rate, delay, skipped = (item.text() for item in window.status.figures)
    assert 1 < float(rate.split()[0]) < 130
    assert 0 <= int(delay.split()[0]) < 2000
    assert "camera to screen" in delay
    assert skipped.endswith("skipped")
    assert window.status.promise.text() == "Everything stays on this computer"


LOST = Proof("attributes-2", "cuda", "cpu", 2.4, 2.4, "CUDA library libcudnn.so.9 missing", "pip install it")


def test_a_provider_that_is_not_there_is_told_in_words(
    window: Window, world: World, settings: Settings, qtbot: Any
) -> None:
    with qtbot.waitSignal(window.scope.room.ready, timeout=WAIT):
        settings.set(keys.PROVIDER, "cuda")
    assert world.engine.options.provider == "cuda"
    world.engine.proofs = (LOST,)
    window._show_status()
    badge = window.status.provider
    assert badge.text() == "CPU: CUDA library libcudnn.so.9 missing"
    assert badge.property("role") == "badge-warning"
    assert badge.toolTip().endswith("CUDA library libcudnn.so.9 missing\npip install it")
    assert window.scope.state.phase == "running", "the source went on while the networks were opened anew"
    world.engine.proofs = (replace(LOST, got="cuda", ms=0.6, cpu_ms=5.4, reason="", repair=""),)
    window._show_status()
    assert (badge.text(), badge.property("role")) == ("CUDA 0.6 ms, 9× CPU", "badge")


def test_a_card_that_is_lost_is_told_at_once(window: Window, world: World, qtbot: Any) -> None:
    world.engine.proofs = (Proof("attributes-2", "auto", "cuda", 0.6, 5.4),)
    window._show_status()
    world.engine.proofs = (replace(LOST, reason="CUDA failed while running"),)
    window._show_status()
    assert window.status.message.text() == "CPU: CUDA failed while running"
    assert window.scope.state.phase == "running"


def test_the_figures_sheet(window: Window, world: World, qtbot: Any) -> None:
    world.engine.proofs = (Proof("detector-1", "cpu", "cpu"), LOST)
    qtbot.waitUntil(lambda: window.view.clock.shown().frames > 3, timeout=WAIT)
    window.activateWindow()
    window.setFocus()
    QTest.keyClick(window, "I")
    sheet = window.figures
    assert sheet is not None
    assert sheet.isVisible()
    delay, busy = ([cell.text() for cell in row] for row in sheet.times.cells)
    assert delay[0] == "Camera to screen"
    assert busy[0] == "Window answers"
    assert all(float(text.removesuffix(" ms")) >= 0 for text in (*delay[1:], *busy[1:]))
    assert busy[1:] != ["0.0 ms"] * 4
    (frames,) = ([cell.text() for cell in row] for row in sheet.frames.cells)
    captured, analysed, shown, skipped = (int(text) for text in frames[1:])
    assert 3 < shown <= analysed <= captured
    assert 0 <= captured - analysed - skipped <= 2
    networks = [[cell.text() for cell in row] for row in sheet.networks.cells]
    assert networks == [["detector-1", "CPU", "–", "–", "–"], ["attributes-2", "CPU", "2.40 ms", "–", "–"]]
    assert not sheet.networks.cells[1][3].isVisible(), "on the CPU alone there is nothing to compare"
    words = [item.text() for item in sheet.mend.findChildren(QLabel)]
    assert words == ["CUDA library libcudnn.so.9 missing", "pip install it"]
    sheet.mend.findChildren(QPushButton)[0].click()
    assert QApplication.clipboard().text() == "pip install it"
    # what has been mended goes away
    world.engine.proofs = (Proof("detector-1", "cpu", "cpu"), replace(LOST, got="cuda", ms=0.6, reason="", repair=""))
    window._tick()
    assert sheet.mend.isHidden()
    assert sheet.networks.cells[1][3].isVisible()
    assert [cell.text() for cell in sheet.networks.cells[1]] == ["attributes-2", "CUDA", "0.60 ms", "2.40 ms", "4.0×"]


def test_the_badge_opens_the_figures(window: Window) -> None:
    window.status.provider.click()
    assert window.figures is not None
    assert window.figures.isVisible()


def test_the_figures_of_a_run_have_their_form(window: Window, world: World, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.view.clock.shown().frames > 5, timeout=WAIT)
    window.close()
    told = window.run_figures()
    assert told is not None
    assert list(told) == [
        "fps_captured", "fps_shown", "latency_ms", "heartbeat_gap_ms", "frames", "tracks", "label_changes", "jitter_px",
        "rss_mib", "threads", "providers",
    ]  # fmt: skip
    frames = told["frames"]
    assert 5 < frames["shown"] <= frames["analysed"] <= frames["captured"]
    assert 0 <= frames["captured"] - frames["analysed"] - frames["skipped"] <= 2
    assert set(told["heartbeat_gap_ms"]) == {"p50", "p99", "max"}
    assert told["threads"]["started"] == told["threads"]["joined"] >= 5
    assert told["providers"] == {"attributes-2": "cpu"}


def test_each_source_has_figures_of_its_own(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: window.view.clock.shown().frames > 20, timeout=WAIT)
    seen = window.view.clock.shown().frames
    window.scope.use("camera:Desk Camera")
    qtbot.waitUntil(lambda: 0 < window.view.clock.shown().frames < seen, timeout=WAIT)
    told = window.run_figures()
    assert told is not None
    assert told["frames"]["shown"] <= told["frames"]["captured"]


def test_the_score_rule_reaches_the_engine(window: Window, world: World, settings: Settings) -> None:
    settings.set(keys.PRESET, "classic")
    assert world.engine.scores[-1] == ("classic", None)
    settings.set(keys.PRESET, "own")
    settings.set(keys.SYMMETRY, 90)
    preset, weights = world.engine.scores[-1]
    assert preset == "default"
    assert weights["symmetry"] == 90
    assert set(weights) == {"appearance", "expression", "symmetry", "quality"}


def test_frames_keep_their_shape_in_every_window(window: Window, qtbot: Any) -> None:
    for size in ((1280, 800), (900, 760), (1600, 600)):
        window.resize(*size)
        place = window.view.picture_rect()
        ratio = place.width() / place.height()
        assert abs(ratio / (SIZE[0] / SIZE[1]) - 1) < 0.01
        assert np.isclose(place.center().x(), window.view.width() / 2, atol=1)
