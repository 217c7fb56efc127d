"""The main window: what the user can do, by button, key, mouse and drop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QStandardPaths, QTimer
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QKeySequence,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QFileDialog

from facelens.gui import settings as keys
from facelens.gui.bars import POINT_COUNTS
from facelens.gui.clipbar import STEP
from facelens.gui.commands import COMMANDS
from facelens.gui.dialogs import AddressDialog, HelpSheet, SettingsDialog
from facelens.gui.figures import FiguresSheet
from facelens.gui.saver import Saver
from facelens.gui.scope import CLIPS
from facelens.gui.services import Services
from facelens.gui.settings import Setting, Settings
from facelens.gui.sourcepicker import DEMO
from facelens.gui.theme import Theme
from facelens.images import PICTURE_SUFFIXES
from facelens.options import EngineOptions

FOLD_BELOW = 1000
"""Window width in px below which the panel folds away."""
PANEL_MS, MESSAGE_MS = 250, 6000


class Window(Saver):
    """The face scope's window. ``begin`` opens the networks and shows something."""

    def __init__(self, services: Services, settings: Settings, theme: Theme, options: EngineOptions) -> None:
        super().__init__(services, settings, theme, options)
        self.stopped_cleanly: bool | None = None
        """After closing: whether every thread ended within its time."""
        self._panel_asked: bool | None = None
        self._help: HelpSheet | None = None
        self._settings_dialog: SettingsDialog | None = None
        self.setWindowTitle("Facelens")
        self.setAcceptDrops(True)
        self._connect()
        for command in COMMANDS:
            action = QAction(command.words, self)
            action.setObjectName(command.name)
            action.setShortcuts([QKeySequence(key) for key in command.keys])
            action.triggered.connect(getattr(self, command.name))
            self.addAction(action)
        # what the bars need, which depends on the language
        self.setMinimumSize(self.top.minimumSizeHint().width(), 560)
        self.resize(1280, 800)
        if (geometry := settings.bytes_of("geometry")) is not None:
            self.restoreGeometry(geometry)
        # else Qt would give the focus to the first button, and Space would press it
        self.view.setFocus()
        self._show_options()
        self._fold_panel()
        self._show_scope()

    def _connect(self) -> None:
        top, scope = self.top, self.scope
        top.picker.picked.connect(scope.use)
        top.picker.file_wanted.connect(self.open_files)
        top.picker.address_wanted.connect(self._ask_address)
        top.picker.listed.connect(lambda: scope.cameras_listed(top.picker.cameras))
        top.start.clicked.connect(self._start_or_stop)
        top.pause.clicked.connect(scope.toggle_pause)
        top.boxes.clicked.connect(self.toggle_boxes)
        top.labels.clicked.connect(self.toggle_labels)
        top.scores.clicked.connect(self.toggle_scores)
        top.points_picked.connect(lambda choice: self.settings.set(keys.POINTS, choice))
        top.open.clicked.connect(self.open_files)
        top.settings.clicked.connect(self.show_settings)
        top.back.clicked.connect(scope.back_to_live)
        top.panel.clicked.connect(self._ask_panel)
        self.status.provider.clicked.connect(self.show_figures)
        self.open_wanted.connect(self.open_files)
        self.view.chosen.connect(self._choose)
        self.clip.wanted.connect(scope.seek)
        self.notice.closed.connect(lambda: self.settings.set(keys.NOTICE_SEEN, True))
        scope.message.connect(self.show_message)
        self.settings.changed.connect(self._setting_changed)
        self._message_timer = QTimer(self, singleShot=True, interval=MESSAGE_MS)
        self._message_timer.timeout.connect(lambda: self.status.show_message(""))
        self._clock = QTimer(self, interval=PANEL_MS)
        self._clock.timeout.connect(self._tick)

    def begin(self, source: str | None = None, paths: Sequence[str] = ()) -> None:
        """Open the networks in a thread, look for cameras, then show ``paths``, ``source`` or what there is."""
        self._clock.start()
        self.top.picker.refresh()
        self.scope.start(source, paths)
        if not self.settings.get(keys.NOTICE_SEEN):
            text = self.tr("Nothing leaves this computer. No picture is sent, and none is saved unless you save it.")
            self.notice.show_message(text, [(self.tr("Got it"), lambda: None)])
            self._place_notes()

    def _tick(self) -> None:
        if self.scope.photo is None and self.scope.state.phase == "running" and not self.scope.state.is_lost:
            self._show_face()
        self._show_source()
        self._show_position()
        self._show_status()
        self._show_figures()
        self.show_saving()

    def show_message(self, text: str, tip: str = "") -> None:
        """A passing message in the status bar."""
        self.status.show_message(text, tip)
        self._message_timer.start()

    # Commands; their keys stand in commands.py

    def toggle_pause(self) -> None:
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractButton) and focused.window() is self:
            # someone who walks the window by Tab means the button
            focused.click()
        else:
            self.scope.toggle_pause()

    def open_files(self) -> None:
        pictures = " ".join(f"*{suffix}" for suffix in sorted(PICTURE_SUFFIXES))
        clips = " ".join(f"*{suffix}" for suffix in sorted(CLIPS))
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        names, _ = QFileDialog.getOpenFileNames(
            self,
            self.tr("Open pictures or a clip"),
            str(self.settings.get(keys.OPEN_FOLDER)) or home,
            f"{self.tr('Pictures and clips')} ({pictures} {clips});;{self.tr('All files')} (*)",
        )
        if names:
            self.settings.set(keys.OPEN_FOLDER, str(Path(names[0]).parent))
            self.scope.open_paths([Path(name) for name in names])

    def use_demo(self) -> None:
        self.scope.use(DEMO)

    def back(self) -> None:
        if self.isFullScreen():
            self.toggle_full_screen()
        else:
            self.scope.back_to_live()

    def previous_photo(self) -> None:
        self._step(-1)

    def next_photo(self) -> None:
        self._step(1)

    def _step(self, way: int) -> None:
        if self.scope.photo is not None:
            self.scope.photos.step(way)
        else:
            self.scope.seek_by(way * STEP)
            self._show_position()

    def toggle_boxes(self) -> None:
        self._flip(keys.BOXES)

    def toggle_labels(self) -> None:
        self._flip(keys.LABELS)

    def toggle_scores(self) -> None:
        self._flip(keys.SCORES)

    def next_points(self) -> None:
        choices = list(POINT_COUNTS)
        place = choices.index(self.settings.get(keys.POINTS))
        self.settings.set(keys.POINTS, choices[(place + 1) % len(choices)])

    def next_person(self) -> None:
        if self.scope.pair is not None:
            self.people.next(self.scope.pair[1])
            self._show_face()

    def toggle_full_screen(self) -> None:
        full = not self.isFullScreen()
        self.top.setVisible(not full)
        self.status.setVisible(not full)
        if full:
            self.showFullScreen()
        else:
            self.showNormal()

    def toggle_theme(self) -> None:
        self.settings.set(keys.THEME, "light" if self.theme.palette.name == "dark" else "dark")

    def show_settings(self) -> None:
        if self._settings_dialog is None:
            self._settings_dialog = SettingsDialog(self, self.settings, self.theme)
        self._settings_dialog.show()
        self._settings_dialog.raise_()

    def show_figures(self) -> None:
        if self.figures is None:
            self.figures = FiguresSheet(self)
        self.figures.show()
        self.figures.raise_()
        self._show_figures()

    def show_help(self) -> None:
        if self._help is None:
            self._help = HelpSheet(self)
        self._help.show()
        self._help.raise_()

    def _ask_address(self) -> None:
        dialog = AddressDialog(self)
        dialog.accepted.connect(lambda: self.scope.use(dialog.address()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _start_or_stop(self) -> None:
        if self.scope.state.phase in ("opening", "running", "paused"):
            self.scope.halt()
        else:
            self.scope.start_again()

    def _choose(self, track_id: int) -> None:
        self.people.choose(track_id)
        self._show_face()

    def _flip(self, setting: Setting) -> None:
        self.settings.set(setting, not self.settings.get(setting))

    # Settings

    def _show_options(self) -> None:
        options = self.settings.overlay()
        self.view.set_options(options)
        self.top.show_options(options)

    def _setting_changed(self, setting: Setting) -> None:
        if setting.group == "overlay":
            self._show_options()
        elif setting is keys.THEME:
            self.theme.choose(self.settings.get(keys.THEME))

    # Panel and size

    def _ask_panel(self) -> None:
        self._panel_asked = self.panel.isHidden()
        self._fold_panel()

    def _fold_panel(self) -> None:
        narrow = self.width() < FOLD_BELOW
        shown = not narrow if self._panel_asked is None else self._panel_asked
        self.panel.setVisible(shown)
        self.top.panel.setChecked(shown)
        # at once, not with the next event: the view must not be painted in its old place
        self.column.activate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        was, now = event.oldSize().width(), event.size().width()
        if (was < FOLD_BELOW) != (now < FOLD_BELOW):
            # crossing the line puts the panel back under its rule
            self._panel_asked = None
            self._fold_panel()

    # Drop

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()
            self.view.set_flags(dropping=True)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self.view.set_flags(dropping=False)

    def dropEvent(self, event: QDropEvent) -> None:
        self.view.set_flags(dropping=False)
        paths = self._dropped(event)
        if paths:
            event.acceptProposedAction()
            self.scope.open_paths(paths)

    @staticmethod
    def _dropped(event: QDropEvent) -> list[Path]:
        return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the place, vanish, then wait for the threads: bounded, and out of the user's sight."""
        self._clock.stop()
        # a basic timer does not end with the object it beats for
        self.heartbeat.beat(False)
        self.settings.keep_bytes("geometry", self.saveGeometry())
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.hide()
        self.stopped_cleanly = self.scope.close()
        event.accept()
