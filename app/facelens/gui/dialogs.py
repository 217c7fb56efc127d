"""Settings, help and the stream address."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from facelens.gui.commands import COMMANDS
from facelens.gui.settings import FOLDER, GROUPS, PRESET, SETTINGS, WEIGHTS, Setting, Settings, words
from facelens.gui.theme import Theme
from facelens.gui.widgets import Switch, button, label
from facelens.sources import is_address

AROUND = 220
"""Height in px of a dialog's title, foot and margins, and of the window's frame around it."""


class Sheet(QDialog):
    """A dialog with the window's margins; Esc closes it."""

    def __init__(self, parent: QWidget, title: str, width: int) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(width)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(28, 24, 28, 24)
        self.column.setSpacing(8)
        self.column.addWidget(label("heading", title))
        self.column.addSpacing(8)

    def foot(self, *buttons: QPushButton) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        for item in buttons:
            row.addWidget(item)
        self.column.addSpacing(12)
        self.column.addLayout(row)


class SettingsDialog(Sheet):
    """One line for each setting of ``SETTINGS`` that is not hidden; a change counts at once."""

    def __init__(self, parent: QWidget, settings: Settings, theme: Theme) -> None:
        super().__init__(parent, QCoreApplication.translate("SettingsDialog", "Settings"), 600)
        self.settings, self.theme = settings, theme
        self.controls: dict[str, QWidget] = {}
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(20)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        line = 0
        for group, title in GROUPS:
            if line:
                grid.setRowMinimumHeight(line, 16)
                line += 1
            grid.addWidget(label("title", words(title).upper()), line, 0, 1, 2)
            line += 1
            for setting in SETTINGS:
                if setting.group == group and setting.kind != "hidden":
                    control = self._control(setting)
                    control.setAccessibleName(words(setting.title))
                    self.controls[setting.key] = control
                    grid.addWidget(label("text", words(setting.title)), line, 0)
                    grid.addWidget(control, line, 1)
                    line += 1
                    if setting.help:
                        grid.addWidget(label("caption", words(setting.help), wrap=True), line, 1)
                        grid.setRowMinimumHeight(line, 24)
                        line += 1
        self._scrolling(inside)
        reset, done = button("plain", self.tr("Back to defaults")), button("primary", self.tr("Done"))
        reset.clicked.connect(self._reset)
        done.clicked.connect(self.accept)
        self.foot(reset, done)
        settings.changed.connect(self._show)
        for setting in SETTINGS:
            self._show(setting)

    def _scrolling(self, inside: QWidget) -> None:
        """All of it where the screen is high enough, else as much as it holds."""
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inside)
        needed = inside.heightForWidth(self.minimumWidth() - 56) if inside.hasHeightForWidth() else -1
        room = self.screen().availableGeometry().height() - AROUND
        area.setMinimumHeight(min(max(needed, inside.sizeHint().height()), room))
        self.column.addWidget(area)

    def _control(self, setting: Setting) -> QWidget:
        if setting.kind == "choice":
            box = QComboBox()
            for value, word in setting.choices:
                box.addItem(words(word), value)
            box.activated.connect(lambda index: self.settings.set(setting, box.itemData(index)))
            return box
        if setting.kind == "switch":
            check = Switch(self.theme)
            check.clicked.connect(lambda on: self.settings.set(setting, bool(on)))
            return check
        if setting.kind == "share":
            slider = QSlider(Qt.Orientation.Horizontal)
            slider.setRange(0, 100)
            slider.valueChanged.connect(lambda value: self.settings.set(setting, int(value)))
            return slider
        folder = button("plain")
        folder.clicked.connect(self._choose_folder)
        return folder

    def _show(self, setting: Setting) -> None:
        control, value = self.controls.get(setting.key), self.settings.get(setting)
        if isinstance(control, QComboBox):
            control.setCurrentIndex(control.findData(value))
        elif isinstance(control, Switch):
            control.setChecked(value)
        elif isinstance(control, QSlider):
            control.setValue(value)
            control.setToolTip(str(value))
        elif isinstance(control, QPushButton):
            control.setText(self.settings.snapshot_folder())
        if setting.key == PRESET.key:
            for weight in WEIGHTS:
                self.controls[weight.key].setEnabled(value == "own")

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, words(FOLDER.title), self.settings.snapshot_folder())
        if chosen:
            self.settings.set(FOLDER, chosen)

    def _reset(self) -> None:
        for setting in SETTINGS:
            if setting.kind != "hidden":
                self.settings.set(setting, setting.default)


class HelpSheet(Sheet):
    """The keys, from the table of commands."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, QCoreApplication.translate("HelpSheet", "Keys"), 420)
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        native = QKeySequence.SequenceFormat.NativeText
        for line, command in enumerate(COMMANDS):
            caps = QHBoxLayout()
            caps.setSpacing(6)
            for key in command.keys:
                caps.addWidget(label("key", QKeySequence(key).toString(native)))
            caps.addStretch(1)
            grid.addLayout(caps, line, 0)
            grid.addWidget(label("text", command.words), line, 1)
        self.column.addLayout(grid)
        self.column.addSpacing(8)
        hint = self.tr("Click a face to see it in the panel. Drop pictures or a folder anywhere to read them.")
        self.column.addWidget(label("caption", hint, wrap=True))
        done = button("primary", self.tr("Done"))
        done.clicked.connect(self.accept)
        self.foot(done)


class AddressDialog(Sheet):
    """Asks for the address of a network camera or stream."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, QCoreApplication.translate("AddressDialog", "Stream address"), 480)
        self.line = QLineEdit()
        self.line.setPlaceholderText("rtsp://192.168.1.20/stream")
        self.column.addWidget(self.line)
        hint = self.tr("The address of a camera or stream in your network. Pictures come in; nothing goes out.")
        self.column.addWidget(label("caption", hint, wrap=True))
        self.show_button = button("primary", self.tr("Show"))
        self.show_button.setEnabled(False)
        self.show_button.setDefault(True)
        cancel = button("plain", self.tr("Cancel"))
        self.line.textChanged.connect(lambda _: self.show_button.setEnabled(bool(self.address())))
        self.show_button.clicked.connect(self.accept)
        cancel.clicked.connect(self.reject)
        self.foot(cancel, self.show_button)

    def address(self) -> str:
        """The address typed, "" where it is none."""
        text = self.line.text().strip()
        return text if is_address(text) and text.partition("://")[2] else ""
