"""The parts on their own: colours, words, coaching, fading, mirroring, people, threads."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication
from standins import HAPPY, TORN, WAIT, face

import facelens.gui
from facelens.gui import paint_qt, wording
from facelens.gui.coach import Coach
from facelens.gui.frameclock import FrameClock
from facelens.gui.heartbeat import Heartbeat
from facelens.gui.icons import line_icon
from facelens.gui.people import People
from facelens.gui.sourcepicker import address_of
from facelens.gui.theme import DARK, LIGHT, Palette, Theme, contrast, style_sheet
from facelens.gui.view import LiveView
from facelens.gui.worker import Pulse, Tasks
from facelens.overlay import Disc, Dots, OverlayOptions, Panel, Ring, Stroke, Text
from facelens.runtime import Proof
from facelens.sources import CameraInfo
from facelens.sources.listing import told_apart
from facelens.timing import Spread
from facelens.types import EXPRESSIONS, AgeEstimate, Expression, Frame, FrameReport, GenderEstimate, Quality

SOURCES = sorted(Path(facelens.gui.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_every_text_can_be_read(palette: Palette) -> None:
    for ink, ground in palette.text_pairs:
        ratio = contrast(getattr(palette, ink), getattr(palette, ground))
        assert ratio >= 4.5, f"{ink} on {ground} is {ratio:.2f}:1"


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
def test_every_text_colour_of_the_style_sheet_is_checked(palette: Palette) -> None:
    checked = {getattr(palette, ink) for ink, _ in palette.text_pairs}
    for rule in style_sheet(palette).split(";"):
        name, _, value = rule.strip().split("{")[-1].strip().partition(":")
        if name.strip() == "color":
            assert value.strip() in checked


def test_the_theme_follows_the_system_only_when_asked(qapp: QApplication, theme: Theme) -> None:
    assert theme.palette is DARK
    theme.choose("light")
    assert theme.palette is LIGHT
    theme._follow_system()
    assert theme.palette is LIGHT
    theme.choose("system")
    assert theme.palette in (DARK, LIGHT)


def calls() -> list[tuple[Path, ast.Call, str]]:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                found.append((path, node, name))
    return found


def test_words_to_translate_are_whole_plain_and_calm() -> None:
    place = {"tr": 0, "translate": 1, "QT_TRANSLATE_NOOP": 1}
    tables = {"settings.py", "commands.py", "wording.py"}
    words = []
    for path, call, name in calls():
        if name not in place or len(call.args) <= place[name]:
            continue
        argument = call.args[place[name]]
        if isinstance(argument, ast.Constant):
            words.append(argument.value)
        else:
            assert path.name in tables, f"{path.name}:{call.lineno} translates what lupdate cannot find"
    assert len(words) > 100
    for word in words:
        assert isinstance(word, str)
        assert word.strip(), "an empty word"
        assert "!" not in word, word


def test_no_word_reaches_the_user_untranslated() -> None:
    product = {"Facelens", "rtsp://192.168.1.20/stream", ""}
    for path, call, name in calls():
        if name in ("setText", "setToolTip", "setWindowTitle", "setPlaceholderText", "addAction", "setAccessibleName"):
            for argument in call.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    assert argument.value in product, f"{path.name}:{call.lineno}: {argument.value!r}"


def test_modules_stay_small() -> None:
    for path in SOURCES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 310, path.name


def test_a_line_of_coaching_stays_and_does_not_flicker() -> None:
    coach = Coach(hold=2.0, settle=0.5)
    assert coach.update("a", 0.0) == ""
    assert coach.update("a", 0.6) == "a"
    assert coach.update("b", 1.0) == "a"
    assert coach.update("b", 2.5) == "a", "at least two seconds each"
    assert coach.update("b", 2.7) == "b"
    assert coach.update("c", 4.6) == "b"
    assert coach.update("b", 4.8) == "b", "a tip of one frame is not shown"
    assert coach.update("", 4.9) == "b"
    assert coach.update("", 5.5) == ""


def report(*faces: Any, index: int = 0) -> FrameReport:
    return FrameReport(index, 0.0, (320, 240), faces)


def test_a_fade_keeps_what_stays_and_ends_with_the_new_list(qapp: QApplication) -> None:
    stays, goes, comes = Disc(1, 1, 2, "#FFFFFF", 0.8), Disc(5, 5, 2, "#FFFFFF", 0.8), Disc(9, 9, 2, "#FFFFFF", 0.8)
    half = paint_qt.fade([stays, goes], [stays, comes], 0.5)
    assert stays in half
    assert {round(item.alpha, 3) for item in half if item != stays} == {0.4}
    assert paint_qt.fade([stays, goes], [stays, comes], 1.0) == (stays, comes)
    # dots fade one by one, whatever they are painted together with
    one, two, three = [[1.0, 1.0]], [[5.0, 5.0]], [[9.0, 9.0]]
    old, new = (Dots(np.float32(points), 2, "#FFFFFF", 0.8) for points in (one + two, three + one))
    half = paint_qt.fade([old], [new], 0.5)
    assert [(item.points.tolist(), round(item.alpha, 3)) for item in half if isinstance(item, Dots)] == [
        (two, 0.4), (one, 0.8), (three, 0.4),
    ]  # fmt: skip
    assert [item.alpha for item in paint_qt.fade([old], [old], 0.5) if isinstance(item, Dots)] == [0.8]
    line = np.float32([[0, 0], [1, 1]])
    same = paint_qt.fade([Stroke(line, "#FFFFFF", 2)], [Stroke(line.copy(), "#FFFFFF", 2)], 0.5)
    assert [item.alpha for item in same] == [1.0]


def test_every_kind_of_primitive_leaves_its_mark(qapp: QApplication) -> None:
    line = np.float32([[10, 20], [30, 20]])
    for item, spot in (
        (Stroke(line, "#FF0000", 4), (20, 20)),
        (Stroke(np.stack([line + np.float32([0, 90]), line]), "#FF0000", 4), (20, 20)),
        (Dots(np.float32([[90, 90], [20, 20]]), 5, "#FF0000"), (20, 20)),
        (Disc(20, 20, 5, "#FF0000"), (20, 20)),
        (Ring(20, 20, 10, 4, 0, 90, "#FF0000"), (27, 13)),
        (Panel(10, 10, 20, 20, 4, "#FF0000"), (20, 20)),
    ):
        image = QImage(40, 40, QImage.Format.Format_RGB32)
        image.fill(0)
        with QPainter(image) as painter:
            paint_qt.paint(painter, [item])
        assert image.pixelColor(*spot).red() > 200, item
        if isinstance(item, Ring):
            assert image.pixelColor(13, 13).red() < 50, "a quarter ring ends at three o'clock"


def test_text_stands_on_its_middle_and_aligns(qapp: QApplication) -> None:
    def columns(align: Any) -> tuple[int, int, int, int]:
        image = QImage(120, 40, QImage.Format.Format_RGB32)
        image.fill(0)
        with QPainter(image) as painter:
            paint_qt.paint(painter, [Text(60, 20, "HHH", 16, "#FFFFFF", True, align)])
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(40, 120, 4)[..., 0]
        rows, across = np.nonzero(pixels > 100)
        return int(across.min()), int(across.max()), int(rows.min()), int(rows.max())

    left, centre, right = columns("left"), columns("centre"), columns("right")
    assert left[0] >= 59
    assert right[1] <= 61
    assert abs((centre[0] + centre[1]) / 2 - 60) <= 1.5
    assert abs((centre[2] + centre[3]) / 2 - 20) <= 1.5
    assert paint_qt.measure("HHH", 16, True) == pytest.approx(left[1] - left[0], abs=5)


def test_digits_are_of_one_width(qapp: QApplication) -> None:
    assert len({round(paint_qt.measure(digit * 4, 13, False), 2) for digit in "0123456789"}) == 1


def test_new_faces_fade_in(qapp: QApplication, theme: Theme, qtbot: Any) -> None:
    view = LiveView(theme)
    qtbot.addWidget(view)
    view.resize(640, 480)
    view.set_options(OverlayOptions(points="none", labels=False, scores=False))
    view.show()
    frame = Frame(np.zeros((240, 320, 3), np.uint8), 1, 0.0)
    view.show_pair(frame, report(face()), live=False)
    assert view._before is not None
    first = view._overlay()
    assert all(item.alpha < 0.5 for item in first)
    qtbot.waitUntil(lambda: view._before is None, timeout=WAIT)
    assert view._overlay() == view.primitives


def test_people_are_kept_while_they_are_there() -> None:
    people, small, large = People(), face(1, x=10, width=40), face(2, x=100, width=90)
    assert people.update(report(small, large), 0.0) is large
    grown = face(1, x=10, width=200)
    assert people.update(report(grown, large), 0.1).track_id == 2, "the panel does not jump to whoever is larger"
    people.choose(1)
    assert people.update(report(grown, large), 0.2).track_id == 1
    assert people.update(report(large), 0.5) is None, "it waits a moment for one who is away"
    assert people.current == 1
    assert people.update(report(large), 1.6).track_id == 2
    assert people.seconds(2, 5.0) == pytest.approx(5.0)
    people.next(report(grown, large))
    assert people.current == 1
    assert people.update(report(), 99.0) is None
    assert people.current is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ("sharp", "well lit", "frontal")),
        ({"sharpness": 40}, ("a little soft", "well lit", "frontal")),
        ({"sharpness": 10, "exposure": 20, "brightness": 0.1}, ("soft", "dark", "frontal")),
        ({"exposure": 20, "brightness": 0.9, "yaw": -40}, ("sharp", "too bright", "turned")),
        ({"pitch": 15}, ("sharp", "well lit", "nearly frontal")),
    ],
)
def test_quality_in_words(changes: dict[str, float], words: tuple[str, str, str]) -> None:
    values = dict.fromkeys(("sharpness", "exposure", "contrast", "pose", "resolution"), 80.0)
    values |= {"yaw": 2.0, "pitch": 2.0, "roll": 0.0, "brightness": 0.5, "light_balance": 0.0}
    assert wording.quality(Quality(**(values | changes))) == words


def test_words_of_age_gender_time_and_provider() -> None:
    assert wording.band(AgeEstimate(39.4, 33.2, 45.8, np.full(101, 1 / 101))) == "33 – 46  (80 %)"
    assert wording.age_ticks()[0] == "0–2"
    assert wording.age_ticks()[-1] == "60+"
    assert wording.gender(GenderEstimate("male", 0.9)) == "male 90 %"
    assert wording.gender(GenderEstimate("male", 0.6)) == "not sure"
    assert (wording.clock(42), wording.clock(61), wording.clock(3725)) == ("0:42", "1:01", "1:02:05")
    assert wording.component("60-100") == "Age 60+"
    assert wording.component("quality") == "Picture quality"


def test_the_badge_says_what_runs_and_proves_it() -> None:
    finder = Proof("detector-1", "cpu", "cpu")
    assert wording.badge((), {"total": 9}) == ("", True)
    assert wording.badge((finder, Proof("a", "auto", "cpu", 2, 2)), {"total": 25.4}) == ("CPU 25 ms", True)
    assert wording.badge((finder,), {}) == ("CPU", True)
    # what one face takes in all networks on the card, and how many times that is on the CPU
    cards = (finder, Proof("a", "auto", "cuda", 0.2, 1.8), Proof("b", "auto", "cuda", 0.4, 3.6))
    assert wording.badge(cards, {"total": 25}) == ("CUDA 0.6 ms, 9× CPU", True)
    assert wording.badge((Proof("a", "auto", "coreml", 2.0, 5.0),), {}) == ("CoreML 2.0 ms, 2.5× CPU", True)
    assert wording.badge((Proof("a", "cuda", "cuda", 12.0, None),), {}) == ("CUDA 12 ms", True)
    assert wording.badge((Proof("a", "cuda", "cuda"),), {}) == ("CUDA", True)
    missing = Proof("b", "auto", "cpu", 2, 2, "CUDA library libcudnn.so.9 missing", "pip install it")
    assert wording.badge((*cards, missing), {}) == ("CPU: CUDA library libcudnn.so.9 missing", False)
    assert wording.badge_tip((*cards, missing, missing)).splitlines() == [
        "detector-1: CPU", "a: CUDA 0.20 ms, CPU 1.80 ms", "b: CUDA 0.40 ms, CPU 3.60 ms", "b: CPU 2.00 ms",
        "b: CPU 2.00 ms", "", "CUDA library libcudnn.so.9 missing", "pip install it",
    ]  # fmt: skip


def test_words_of_times() -> None:
    assert [wording.times(ratio) for ratio in (8.96, 10.2, 2.53, 0.64)] == ["9.0×", "10×", "2.5×", "0.6×"]
    assert wording.times(8.96, 3) == "9×"
    assert wording.times_tip(None, None) == ""
    assert wording.times_tip(Spread(33, 41.26, 48, 90), Spread(2.1, 5, 9.94, 31)).splitlines() == [
        "Camera to screen: half within 33.0 ms, 95 % 41.3 ms, 99 % 48.0 ms",
        "Window answers: half within 2.1 ms, 99 % 9.9 ms, longest 31.0 ms",
    ]


def test_the_frame_clock_tells_slow_sources_apart_from_none() -> None:
    clock = FrameClock()
    for second in range(5):
        clock.painted(captured_at=second - 0.05, now=second)
    assert clock.fps(4.0) == pytest.approx(1)
    assert clock.fps(4.9) == pytest.approx(1)
    for second in (10, 15, 20):
        clock.painted(captured_at=second - 0.05, now=second)
    assert clock.fps(24.0) == pytest.approx(3 / 16)
    assert clock.delay_ms(24.0) == pytest.approx(50), "that of the newest one"


def test_the_frame_clock_counts_what_was_painted() -> None:
    clock = FrameClock()
    assert (clock.fps(5), clock.delay_ms(5), clock.spread()) == (0, 0, None)
    for index in range(100):
        clock.painted(captured_at=index * 0.1 - 0.04, now=index * 0.1)
    clock.painted(captured_at=9.8, now=10.0)
    assert clock.fps(10.0) == pytest.approx(10)
    assert clock.delay_ms(10.0) == pytest.approx(40)
    assert clock.fps(20.0) < 0.5
    shown = clock.shown()
    assert shown.frames == 101
    assert shown.fps == pytest.approx(10)
    assert (shown.latency.p50, shown.latency.p99) == (pytest.approx(40), pytest.approx(40))
    assert clock.spread() == Spread(pytest.approx(40), pytest.approx(40), pytest.approx(40), pytest.approx(200))
    clock.restart()
    assert clock.shown().frames == 0


def test_the_heart_beats_only_while_it_is_told_to(qapp: QApplication, qtbot: Any) -> None:
    heart = Heartbeat()
    heart.beat(True)
    heart.beat(True)
    qtbot.waitUntil(lambda: heart.spread() is not None, timeout=WAIT)
    heart.beat(False)
    rested = heart.spread()
    qtbot.wait(60)
    assert heart.spread() == rested
    heart.restart()
    heart.beat(True)
    # a timer of 4 ms; where a beat was late the next one may come sooner
    qtbot.waitUntil(lambda: (gaps := heart.spread()) is not None and gaps.max >= 3, timeout=WAIT)
    heart.beat(False)


def test_a_blocked_thread_is_a_gap(qapp: QApplication, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heart, now = Heartbeat(), [10.0]
    monkeypatch.setattr("facelens.gui.heartbeat.time.monotonic", lambda: now[0])
    for at in (10.0, 10.002, 10.004, 10.054, 10.056):
        now[0] = at
        heart.timerEvent(None)
    assert heart.spread() == Spread(pytest.approx(2), *[pytest.approx(50)] * 3)


def test_words_of_an_expression() -> None:
    assert wording.expression(HAPPY) == "looks happy, 82 %"
    assert wording.expression(TORN) == "not sure"
    assert [word for word, _ in wording.likeliest(HAPPY, 3)] == ["happy", "neutral", "surprised"]
    assert [share for _, share in wording.likeliest(TORN, 2)] == [pytest.approx(0.44), pytest.approx(0.38)]
    even = Expression(np.full(8, 0.125))
    assert [word for word, _ in wording.likeliest(even, 3)] == ["neutral", "happy", "surprised"]
    assert set(wording.LOOKS) == set(EXPRESSIONS)
    for name, vector in zip(EXPRESSIONS, np.eye(8)):
        assert wording.expression(Expression(vector)) == f"looks {wording.LOOKS[name]}, 100 %"


def test_cameras_go_by_name() -> None:
    cameras = told_apart([CameraInfo(0, "Twin", 0), CameraInfo(2, "Twin", 0), CameraInfo(4, "Desk", 0)])
    assert [address_of(camera) for camera in cameras] == ["camera:Twin", "camera:Twin (2)", "camera:Desk"]


def test_icons_that_do_not_exist_are_an_error(qapp: QApplication, theme: Theme) -> None:
    for name in ("play", "pause", "stop", "dot", "camera", "star", "gear", "chevron", "close", "back", "panel"):
        image = line_icon(name, theme.colour("text")).pixmap(16, 16).toImage()
        assert any(image.pixelColor(x, y).alpha() > 0 for x in range(16) for y in range(16)), name
    with pytest.raises(ValueError, match="sparkle"):
        line_icon("sparkle", theme.colour("text"))


def test_a_pulse_is_coalesced_and_never_lost(qapp: QApplication, qtbot: Any) -> None:
    pulse, seen = Pulse(), []
    pulse.fired.connect(lambda: seen.append(threading.current_thread()))

    def many() -> None:
        for _ in range(1000):
            pulse.poke()

    thread = threading.Thread(target=many)
    thread.start()
    thread.join()
    assert seen == [], "it fires on the thread of its owner"
    qtbot.waitUntil(lambda: len(seen) > 0, timeout=WAIT)
    assert seen == [threading.main_thread()]
    pulse.poke()
    qtbot.waitUntil(lambda: len(seen) == 2, timeout=WAIT)
    pulse.mute()
    pulse.poke()
    qapp.processEvents()
    assert len(seen) == 2


def test_tasks_report_on_the_window_thread(qapp: QApplication, qtbot: Any) -> None:
    tasks, told = Tasks(), []

    def returned(value: Any) -> None:
        told.append((value, threading.current_thread()))

    tasks.run(threading.current_thread, returned, returned, "good")
    qtbot.waitUntil(lambda: len(told) == 1, timeout=WAIT)
    assert told[0][0] is not threading.main_thread()
    assert told[0][1] is threading.main_thread()
    tasks.run(lambda: 1 / 0, lambda _: None, returned, "bad")
    qtbot.waitUntil(lambda: len(told) == 2, timeout=WAIT)
    assert isinstance(told[1][0], ZeroDivisionError)
    assert tasks.close(1.0)


def test_closing_tasks_waits_and_is_silent(qapp: QApplication, qtbot: Any) -> None:
    tasks, told, go = Tasks(), [], threading.Event()
    tasks.run(lambda: go.wait(5), told.append, told.append, "slow")
    assert tasks.close(0.05) is False, "it says that a thread still runs"
    go.set()
    assert tasks.close(5.0) is True
    tasks.run(lambda: told.append("late"), told.append, told.append, "late")
    qapp.processEvents()
    assert told == []
