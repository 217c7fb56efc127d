"""Settings: kept, checked, and shown in a dialog made from their table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QSlider
from standins import WAIT, World

from facelens.gui import settings as keys
from facelens.gui.app import with_settings
from facelens.gui.dialogs import AddressDialog, HelpSheet, SettingsDialog
from facelens.gui.settings import SETTINGS, Settings
from facelens.gui.theme import Theme
from facelens.gui.window import Window
from facelens.options import FINDERS, EngineOptions
from facelens.overlay import PointsChoice
from facelens.runtime import PROVIDER_NAMES
from facelens.tracking import USUAL_SMOOTHING
from facelens.vision.score import DEFAULT_WEIGHTS, PRESETS


def reopened(path: Path) -> Settings:
    return Settings(QSettings(str(path), QSettings.Format.IniFormat))


def test_values_outlast_the_program(tmp_path: Path) -> None:
    path = tmp_path / "s.ini"
    first = reopened(path)
    for setting in SETTINGS:
        assert first.get(setting) == setting.default
    first.set(keys.THEME, "light")
    first.set(keys.MIRROR, False)
    first.set(keys.BOXES, False)
    first.set(keys.SYMMETRY, 42)
    first.sync()
    second = reopened(path)
    assert (second.get(keys.THEME), second.get(keys.MIRROR), second.get(keys.BOXES)) == ("light", False, False)
    assert second.get(keys.SYMMETRY) == 42


def test_a_stored_value_that_makes_no_sense_counts_as_the_default(tmp_path: Path) -> None:
    path = tmp_path / "s.ini"
    store = QSettings(str(path), QSettings.Format.IniFormat)
    wrong = {keys.THEME: "purple", keys.SYMMETRY: "many", keys.POINTS: "69", keys.PROVIDER: "tpu"}
    for setting, value in wrong.items():
        store.setValue(setting.key, value)
    store.setValue(keys.QUALITY.key, 900)
    store.sync()
    read = reopened(path)
    for setting in wrong:
        assert read.get(setting) == setting.default
    assert read.get(keys.QUALITY) == 100


def test_a_value_of_the_wrong_type_is_refused(settings: Settings) -> None:
    with pytest.raises(TypeError, match="camera/mirror"):
        settings.set(keys.MIRROR, 1)


def test_setting_the_same_value_is_silent(settings: Settings, qtbot: Any) -> None:
    with qtbot.assertNotEmitted(settings.changed):
        settings.set(keys.THEME, settings.get(keys.THEME))


def test_keys_are_unique_and_choices_are_those_of_the_engine() -> None:
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)
    assert {value for value, _ in keys.PROVIDER.choices} == set(PROVIDER_NAMES)
    assert [value for value, _ in keys.FINDER.choices] == list(FINDERS)
    assert {value for value, _ in keys.PRESET.choices} == {*PRESETS, "own"}
    assert {weight.key.removeprefix("score/") for weight in keys.WEIGHTS} == set(DEFAULT_WEIGHTS)
    assert {value for value, _ in keys.POINTS.choices} == set(PointsChoice.__args__)


def test_weights_that_are_all_zero_count_as_none(settings: Settings) -> None:
    settings.set(keys.PRESET, "own")
    for weight in keys.WEIGHTS:
        settings.set(weight, 0)
    assert settings.weights() is None


def test_the_dialog_has_a_control_for_every_setting_that_is_not_hidden(window: Window, settings: Settings) -> None:
    window.show_settings()
    dialog = window._settings_dialog
    assert isinstance(dialog, SettingsDialog)
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert set(dialog.controls) == {setting.key for setting in SETTINGS if setting.kind != "hidden"}
    for control in dialog.controls.values():
        assert control.accessibleName()


def test_the_dialog_changes_settings_at_once(window: Window, settings: Settings, world: World) -> None:
    window.show_settings()
    dialog = window._settings_dialog
    assert dialog is not None
    preset, slider = dialog.controls["score/preset"], dialog.controls["score/symmetry"]
    assert isinstance(preset, QComboBox)
    assert isinstance(slider, QSlider)
    assert not slider.isEnabled(), "weights belong to the user's own rule"
    preset.setCurrentIndex(preset.findData("own"))
    preset.activated.emit(preset.currentIndex())
    assert slider.isEnabled()
    slider.setValue(77)
    assert settings.get(keys.SYMMETRY) == 77
    assert world.engine.scores[-1][1]["symmetry"] == 77


def test_the_slider_of_boxes_and_points_reaches_what_runs_and_what_starts_next(
    window: Window, settings: Settings, qtbot: Any
) -> None:
    live = window.scope.live
    assert live._maker.tracker.smoothing == USUAL_SMOOTHING
    window.show_settings()
    assert window._settings_dialog is not None
    slider = window._settings_dialog.controls["look/smoothing"]
    assert isinstance(slider, QSlider)
    assert slider.value() == 50
    slider.setValue(90)
    assert settings.smoothing() == live._maker.tracker.smoothing == 0.9
    qtbot.waitUntil(lambda: live._maker.tracker.counts.created == 1, timeout=WAIT)
    before = live._maker.tracker
    window.use_demo()
    qtbot.waitUntil(lambda: live._maker.tracker is not before, timeout=WAIT)
    assert live._maker.tracker.smoothing == 0.9


def test_the_finder_is_chosen_like_the_provider(window: Window, settings: Settings, world: World, qtbot: Any) -> None:
    window.show_settings()
    assert window._settings_dialog is not None
    box = window._settings_dialog.controls["engine/finder"]
    assert isinstance(box, QComboBox)
    assert box.currentText() == "OpenCV"
    before = world.engine
    assert before.options.finder == "opencv"
    with qtbot.waitSignal(window.scope.room.ready, timeout=WAIT):
        box.setCurrentIndex(box.findData("onnxruntime"))
        box.activated.emit(box.currentIndex())
    assert world.engine.options.finder == "onnxruntime"
    with qtbot.waitSignal(window.scope.room.ready, timeout=WAIT):
        settings.set(keys.PROVIDER, "cpu")
    assert (world.engine.options.finder, world.engine.options.provider) == ("onnxruntime", "cpu")
    assert window.scope.state.phase == "running", "what plays goes on"


def test_back_to_defaults(window: Window, settings: Settings) -> None:
    settings.set(keys.SYMMETRY, 3)
    settings.set(keys.BOXES, False)
    window.show_settings()
    assert window._settings_dialog is not None
    window._settings_dialog._reset()
    assert settings.get(keys.SYMMETRY) == keys.SYMMETRY.default
    assert settings.get(keys.BOXES) is False, "what is not in the dialog stays"


def test_toggles_and_size_are_there_again_in_the_next_window(make_window: Any, settings: Settings, qtbot: Any) -> None:
    first = make_window()
    first.toggle_scores()
    first.next_points()
    first.resize(1111, 777)
    first.close()
    second = make_window()
    assert second.view.options.scores is False
    assert second.view.options.points == "none"
    assert not second.top.scores.isChecked()
    assert (second.width(), second.height()) == (1111, 777)


def test_the_source_is_remembered_unless_it_only_stood_in(make_window: Any, settings: Settings, qtbot: Any) -> None:
    first = make_window()
    with qtbot.waitSignal(first.scope.pair_changed, timeout=WAIT):
        first.begin()
    assert settings.get(keys.SOURCE) == ""
    first.use_demo()
    assert settings.get(keys.SOURCE) == "demo"


def test_what_the_command_line_gives_goes_before_settings(settings: Settings) -> None:
    settings.set(keys.PROVIDER, "cpu")
    settings.set(keys.PRESET, "classic")
    assert with_settings(settings) == EngineOptions(provider="cpu", preset="classic", threads=None)
    settings.use_for_now({"engine/provider": "cuda", "engine/finder": "onnxruntime"})
    options = with_settings(settings)
    assert (options.provider, options.finder) == ("cuda", "onnxruntime")
    assert options.preset == "classic", "the rest is as the user set it"


def test_the_theme_switches_and_is_kept(window: Window, settings: Settings, theme: Theme, qtbot: Any) -> None:
    dark = window.grab().toImage().pixelColor(4, 400)
    with qtbot.waitSignal(theme.changed, timeout=WAIT):
        window.toggle_theme()
    light = window.grab().toImage().pixelColor(4, 400)
    assert (dark.name().upper(), light.name().upper()) == ("#0F1216", "#F4F6F8")
    assert settings.get(keys.THEME) == "light"


def test_the_help_sheet_lists_every_command(window: Window) -> None:
    window.show_help()
    from PySide6.QtWidgets import QLabel

    from facelens.gui.commands import COMMANDS

    assert isinstance(window._help, HelpSheet)
    shown = {item.text() for item in window._help.findChildren(QLabel)}
    assert {command.title for command in COMMANDS} <= shown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("rtsp://", ""),
        ("file:///etc/passwd", ""),
        ("  rtsp://10.0.0.2/live ", "rtsp://10.0.0.2/live"),
        ("HTTP://cam.local:8080/video", "HTTP://cam.local:8080/video"),
    ],
)
def test_only_stream_addresses_can_be_opened(window: Window, text: str, address: str) -> None:
    dialog = AddressDialog(window)
    QTest.keyClicks(dialog.line, text)
    assert dialog.address() == address
    assert dialog.show_button.isEnabled() == bool(address)


def test_a_stream_address_becomes_the_source(window: Window, world: World, qtbot: Any) -> None:
    window._ask_address()
    dialog = window.findChild(AddressDialog)
    assert dialog is not None
    dialog.line.setText("http://127.0.0.1:9/video")
    QTest.mouseClick(dialog.show_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: world.opened[-1] == "http://127.0.0.1:9/video", timeout=WAIT)
