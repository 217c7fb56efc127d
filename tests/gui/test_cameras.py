"""Cameras and streams that go and come back, what they are asked for, and clips that one moves in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QSlider
from standins import WAIT, World

from facelens.gui import settings as keys
from facelens.gui.settings import Settings
from facelens.gui.window import Window
from facelens.sources import CameraInfo, Notice, Wishes

LOST = Notice("lost", "Camera lost: Desk Camera (it was unplugged or switched off)", "Waiting for it to come back")
FROZEN = Notice("frozen", "The picture of Desk Camera has stood still for 2 s", "Unplug it")
DESK = CameraInfo(0, "Desk Camera", 0)


@pytest.fixture
def camera(make_window: Callable[..., Window], world: World, qtbot: Any) -> Window:
    """A window that shows a camera."""
    world.cameras = (DESK, CameraInfo(2, "Desk Camera (2)", 0))
    window = make_window()
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.begin()
    qtbot.waitUntil(lambda: window.scope.state.phase == "running", timeout=WAIT)
    return window


@pytest.fixture
def clip(make_window: Callable[..., Window], world: World, qtbot: Any) -> Window:
    """A window that shows a clip of a hundred seconds, at five times its speed."""
    world.duration = 100.0
    window = make_window()
    with qtbot.waitSignal(window.scope.pair_changed, timeout=WAIT):
        window.begin("holiday.mp4")
    qtbot.waitUntil(lambda: window.clip.isVisible(), timeout=WAIT)
    return window


def visible(window: Window, word: str) -> list[QPushButton]:
    return [item for item in window.findChildren(QPushButton) if item.text() == word and item.isVisible()]


def lose(window: Window, world: World, qtbot: Any) -> None:
    world.notice = LOST
    qtbot.waitUntil(lambda: window.trouble.text != "", timeout=WAIT)


class TestLost:
    def test_the_last_picture_stays_dimmed_under_a_banner(self, camera: Window, world: World, qtbot: Any) -> None:
        lose(camera, world, qtbot)
        assert camera.trouble.text == str(LOST)
        assert camera.trouble._spinner.isVisible()
        held = camera.view.frame
        assert held is not None
        assert camera.view.stale
        assert camera.view.coach_line == ""
        assert camera.error.text == ""
        assert camera.scope.state.phase == "running"
        assert world.closed_sources == 0
        camera._tick()
        assert camera.status.figures[0].text() == "Waiting"
        place = camera.view.picture_rect()
        white = QPoint(round(place.right() - 8), round(place.bottom() - 40))
        assert camera.view.grab().toImage().pixelColor(white).red() < 150
        world.notice = None
        with qtbot.waitSignal(camera.scope.pair_changed, timeout=WAIT):
            pass
        qtbot.waitUntil(lambda: camera.trouble.text == "", timeout=WAIT)
        assert not camera.view.stale
        assert camera.status.message.text() == "Desk Camera is back"
        assert world.opened == ["camera:Desk Camera"], "the same session goes on"

    def test_the_user_may_stop_waiting(self, camera: Window, world: World, qtbot: Any) -> None:
        lose(camera, world, qtbot)
        visible(camera, "Stop waiting")[0].click()
        qtbot.waitUntil(lambda: camera.scope.state.phase == "idle", timeout=WAIT)
        assert camera.trouble.text == ""
        assert camera.empty.heading == "No picture"
        assert world.closed_sources == 1

    def test_the_demo_is_offered_meanwhile(self, camera: Window, world: World, qtbot: Any) -> None:
        lose(camera, world, qtbot)
        world.notice = None
        visible(camera, "Show the demo")[0].click()
        qtbot.waitUntil(lambda: camera.scope.state.address == "demo", timeout=WAIT)
        assert camera.trouble.text == ""

    def test_the_window_closes_while_a_camera_is_lost(self, camera: Window, world: World, qtbot: Any) -> None:
        lose(camera, world, qtbot)
        began = time.monotonic()
        camera.close()
        assert camera.stopped_cleanly
        assert time.monotonic() - began < 2

    def test_a_pause_lasts_over_a_loss(self, camera: Window, world: World, qtbot: Any) -> None:
        camera.toggle_pause()
        qtbot.waitUntil(lambda: camera.scope.state.phase == "paused", timeout=WAIT)
        lose(camera, world, qtbot)
        assert camera.scope.state.phase == "paused"
        world.notice = None
        qtbot.waitUntil(lambda: camera.trouble.text == "", timeout=WAIT)
        assert camera.scope.state.phase == "paused"

    def test_a_frozen_picture_is_told_until_it_moves(self, camera: Window, world: World, qtbot: Any) -> None:
        world.notice = FROZEN
        qtbot.waitUntil(lambda: camera.trouble.text == str(FROZEN), timeout=WAIT)
        assert not camera.trouble._spinner.isVisible()
        assert not camera.view.stale
        assert visible(camera, "Stop waiting") == []
        world.notice = None
        qtbot.waitUntil(lambda: camera.trouble.text == "", timeout=WAIT)

    def test_a_notice_that_was_closed_does_not_come_again(self, camera: Window, world: World, qtbot: Any) -> None:
        world.notice = FROZEN
        qtbot.waitUntil(lambda: camera.trouble.text != "", timeout=WAIT)
        camera.trouble.dismiss()
        with qtbot.waitSignal(camera.scope.pair_changed, timeout=WAIT):
            pass
        camera._tick()
        assert camera.trouble.text == ""


class TestOpening:
    def test_another_choice_ends_an_opening_that_takes_its_time(self, camera: Window, world: World, qtbot: Any) -> None:
        world.slow_opening = True
        camera.scope.use("rtsp://far/away")
        qtbot.waitUntil(lambda: world.opened[-1] == "rtsp://far/away", timeout=WAIT)
        world.slow_opening = False
        began = time.monotonic()
        camera.use_demo()
        qtbot.waitUntil(
            lambda: camera.scope.state.address == "demo" and camera.scope.state.phase == "running", timeout=WAIT
        )
        assert time.monotonic() - began < 2
        assert camera.error.text == "", "what nobody wants any more is no error"

    def test_the_window_closes_while_a_source_opens(self, camera: Window, world: World, qtbot: Any) -> None:
        world.slow_opening = True
        camera.scope.use("rtsp://far/away")
        qtbot.waitUntil(lambda: world.opened[-1] == "rtsp://far/away", timeout=WAIT)
        began = time.monotonic()
        camera.close()
        assert camera.stopped_cleanly
        assert time.monotonic() - began < 2

    def test_a_pause_while_a_source_opens_shows_its_first_picture(
        self, make_window: Callable[..., Window], world: World, qtbot: Any
    ) -> None:
        window = make_window()
        window.begin("demo")
        qtbot.waitUntil(lambda: window.scope.state.phase != "idle", timeout=WAIT)
        window.toggle_pause()
        qtbot.waitUntil(lambda: window.view.frame is not None, timeout=WAIT)
        assert window.scope.state.phase == "paused"
        assert window.empty.heading == ""
        window.toggle_pause()
        qtbot.waitUntil(lambda: window.scope.state.phase == "running", timeout=WAIT)


class TestPicker:
    def actions(self, window: Window) -> dict[str, QAction]:
        """Of the menu and its menus, by their words."""
        picker = window.top.picker
        picker._fill()
        found: dict[str, QAction] = {}
        for action in picker.menu_.actions():
            found[action.text()] = action
            menu = action.menu()
            if menu is not None:
                menu.aboutToShow.emit()
            found |= {inner.text(): inner for inner in menu.actions()} if menu is not None else {}
        return found

    def test_cameras_of_one_name_are_told_apart_and_remembered(
        self, camera: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        qtbot.waitUntil(lambda: len(camera.top.picker.cameras) == 2, timeout=WAIT)
        listed = self.actions(camera)
        assert listed["Desk Camera"].isChecked()
        listed["Desk Camera (2)"].trigger()
        qtbot.waitUntil(lambda: world.opened[-1] == "camera:Desk Camera (2)", timeout=WAIT)
        assert settings.get(keys.SOURCE) == "camera:Desk Camera (2)"

    def test_size_and_rate_are_chosen_and_the_camera_is_opened_anew(
        self, camera: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        assert world.wishes == [Wishes((1280, 720), 30.0)]
        self.actions(camera)["1920 × 1080"].trigger()
        qtbot.waitUntil(lambda: len(world.wishes) == 2, timeout=WAIT)
        assert world.wishes[-1] == Wishes((1920, 1080), 30.0)
        assert self.actions(camera)["1920 × 1080"].isChecked()
        self.actions(camera)["15 frames/s"].trigger()
        qtbot.waitUntil(lambda: len(world.wishes) == 3, timeout=WAIT)
        assert world.wishes[-1] == Wishes((1920, 1080), 15.0)
        assert set(world.opened) == {"camera:Desk Camera"}
        assert settings.get(keys.CAMERA_FPS) == "15"

    def test_another_size_in_a_pause_leaves_it_a_pause(
        self, camera: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        camera.toggle_pause()
        settings.set(keys.CAMERA_SIZE, "640x480")
        qtbot.waitUntil(lambda: camera.scope.pair_turn == 2, timeout=WAIT)
        assert camera.scope.state.phase == "paused"

    def test_the_demo_goes_on_when_a_cameras_size_is_chosen(self, window: Window, world: World, qtbot: Any) -> None:
        self.actions(window)["640 × 480"].trigger()
        qtbot.wait(50)
        assert world.opened == ["demo"]

    def test_what_the_camera_really_gives_is_shown(self, camera: Window, world: World, qtbot: Any) -> None:
        camera._show_source()
        assert camera.top.picker.details[0] == "320 × 240, 30 frames/s"
        assert "Desk Camera, 320 × 240, 30 frames/s" in camera.top.picker.toolTip()
        world.size = (240, 320)
        qtbot.waitUntil(lambda: camera.scope.state.size == (240, 320), timeout=WAIT)
        qtbot.waitUntil(lambda: camera.top.picker.details[-1] == "240 × 320", timeout=WAIT)
        # a new size in mid-stream is followed
        qtbot.waitUntil(lambda: camera.view.picture_rect().height() > camera.view.picture_rect().width(), timeout=WAIT)

    def test_the_mirror_turns_what_is_seen_and_analysed_at_once(
        self, camera: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        def white_at_left() -> bool:
            frame, seen = camera.view.frame, world.engine.seen[-1]
            assert frame is not None
            shown, analysed = (bool(image[-1, 0, 0] == 255) for image in (frame.image, seen.image))
            return shown and analysed

        assert camera.view.frame is not None
        assert camera.view.frame.image[-1, -1, 0] == 255
        self.actions(camera)["Cameras as in a mirror"].trigger()
        assert settings.get(keys.MIRROR) is False
        qtbot.waitUntil(white_at_left, timeout=WAIT)
        assert world.opened == ["camera:Desk Camera"], "without opening it anew"

    def test_clips_and_the_demo_are_not_turned(self, window: Window, qtbot: Any) -> None:
        assert window.view.frame is not None
        assert window.view.frame.image[-1, 0, 0] == 255


class TestForNow:
    def test_values_of_the_command_line_hold_until_others_are_chosen(self, settings: Settings) -> None:
        settings.set(keys.CAMERA_FPS, "60")
        settings.use_for_now({"camera/size": "800x600", "camera/fps": "25", "camera/mirror": True})
        assert settings.wishes() == Wishes((800, 600), 25.0, mirror=True)
        assert settings.wishes().mirrors("clip.mp4")
        settings.set(keys.CAMERA_SIZE, "640x480")
        settings.set(keys.MIRROR, False)
        assert settings.wishes() == Wishes((640, 480), 25.0, mirror=False)
        settings.sync()
        again = Settings(QSettings(settings._store.fileName(), QSettings.Format.IniFormat))
        assert again.wishes() == Wishes((640, 480), 60.0, mirror=False)

    def test_clips_are_not_turned_by_the_usual_setting(self, settings: Settings) -> None:
        assert settings.wishes().mirrors("camera")
        assert not settings.wishes().mirrors("clip.mp4")


class TestClip:
    def test_the_bar_tells_time_and_length(self, clip: Window, qtbot: Any) -> None:
        bar = clip.clip
        assert bar.length.text() == "1:40"
        assert bar.slider.maximum() == 1000
        assert bar.slider.accessibleName() == "Position in the clip"
        qtbot.waitUntil(lambda: bar.slider.value() > 5, timeout=WAIT)
        told = bar.slider.accessibleDescription
        # it is told four times a second, and the clip may play several seconds in one
        qtbot.waitUntil(lambda: told().endswith(" of 1:40") and told() > "0:00 of 1:40", timeout=WAIT)
        assert told().startswith(bar.passed.text())

    def test_only_clips_have_one(self, window: Window) -> None:
        assert not window.clip.isVisible()

    def test_arrow_keys_move_five_seconds(self, clip: Window, world: World, qtbot: Any) -> None:
        clip.activateWindow()
        clip.toggle_pause()
        qtbot.waitUntil(lambda: clip.scope.state.phase == "paused", timeout=WAIT)
        qtbot.wait(100)
        began = clip.scope.live.position
        for key, places in ((Qt.Key.Key_Right, 3), (Qt.Key.Key_Left, 1)):
            for _ in range(places):
                QTest.keyClick(clip, key)
        wanted = began + 10.0
        # the picture there is shown in the pause too
        qtbot.waitUntil(lambda: clip.view.frame is not None and clip.view.frame.index == round(20 * wanted) + 1)
        assert clip.clip.slider.value() == pytest.approx(10 * wanted, abs=2)
        assert clip.scope.state.phase == "paused"

    def test_a_press_on_the_slider_goes_there(self, clip: Window, world: World, qtbot: Any) -> None:
        slider = clip.clip.slider
        QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, slider.height() // 2))
        qtbot.waitUntil(lambda: bool(world.sought), timeout=WAIT)
        assert world.sought[-1] == pytest.approx(50, abs=1.5)
        qtbot.waitUntil(lambda: clip.view.frame is not None and clip.view.frame.index > 950, timeout=WAIT)

    def test_a_drag_seeks_and_is_not_pulled_back(self, clip: Window, world: World, qtbot: Any) -> None:
        slider = clip.clip.slider
        middle = slider.height() // 2
        QTest.mousePress(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() // 2, middle))
        QTest.mouseMove(slider, QPoint(slider.width() * 3 // 4, middle))
        held = slider.value()
        assert held == pytest.approx(750, abs=15)
        qtbot.wait(400)
        assert slider.value() == held
        QTest.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=QPoint(slider.width() * 3 // 4, middle))
        qtbot.waitUntil(lambda: slider.value() > held, timeout=WAIT)
        assert world.sought[-1] == pytest.approx(75, abs=1.5)

    def test_a_page_key_on_the_slider_moves_half_a_minute(self, clip: Window, world: World, qtbot: Any) -> None:
        clip.clip.slider.triggerAction(QSlider.SliderAction.SliderPageStepAdd)
        qtbot.waitUntil(lambda: bool(world.sought), timeout=WAIT)
        assert 30 <= world.sought[-1] < 40

    def test_a_clip_that_is_over_goes_on_from_where_it_is_moved_to(
        self, clip: Window, world: World, qtbot: Any
    ) -> None:
        clip.scope.live.seek(99.9)
        qtbot.waitUntil(lambda: clip.scope.state.phase == "ended", timeout=WAIT)
        assert clip.clip.isVisible()
        QTest.keyClick(clip, Qt.Key.Key_Left)
        qtbot.waitUntil(lambda: clip.scope.state.phase == "running", timeout=WAIT)
        assert world.sought[-1] == pytest.approx(95, abs=0.2)
        assert world.opened == ["holiday.mp4"] * 2

    def test_the_pace_is_a_setting_and_keeps_the_place(
        self, clip: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        assert world.wishes[-1].paced
        clip.scope.live.seek(50.0)
        settings.set(keys.PACE, "fast")
        qtbot.waitUntil(lambda: len(world.wishes) == 2, timeout=WAIT)
        assert not world.wishes[-1].paced
        qtbot.waitUntil(lambda: clip.scope.live.position > 50.0, timeout=WAIT)
        assert len(world.opened) == 2

    def test_the_pace_chosen_last_counts_where_a_clip_that_is_over_goes_on(
        self, clip: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        clip.scope.seek(99.9)
        qtbot.waitUntil(lambda: clip.scope.state.phase == "ended", timeout=WAIT)
        settings.set(keys.PACE, "fast")
        assert len(world.opened) == 1
        clip.clip.wanted.emit(40.0)
        qtbot.waitUntil(lambda: len(world.wishes) == 2, timeout=WAIT)
        assert not world.wishes[-1].paced
        qtbot.waitUntil(lambda: clip.scope.pair_turn == 2, timeout=WAIT)
        assert world.sought[-1] == 40

    def test_another_pace_in_a_pause_leaves_it_a_pause(
        self, clip: Window, world: World, settings: Settings, qtbot: Any
    ) -> None:
        clip.toggle_pause()
        clip.scope.seek(50.0)
        qtbot.waitUntil(lambda: clip.view.frame is not None and clip.view.frame.index == 1001, timeout=WAIT)
        settings.set(keys.PACE, "fast")
        qtbot.waitUntil(lambda: clip.scope.pair_turn == 2, timeout=WAIT)
        assert clip.scope.state.phase == "paused"
        assert clip.view.frame is not None
        assert clip.view.frame.index == pytest.approx(1001, abs=3), "the picture there is shown"
        clip.toggle_pause()
        qtbot.waitUntil(lambda: clip.scope.live.position > 51, timeout=WAIT)

    def test_a_damaged_part_is_told(self, clip: Window, world: World, qtbot: Any) -> None:
        world.notice = Notice("skipped", "holiday.mp4 is damaged: a part from 0:02 on was left out", "Convert it")
        qtbot.waitUntil(lambda: clip.trouble.text == str(world.notice), timeout=WAIT)
        assert clip.scope.state.phase == "running"
