"""What of the window saves the view: its buttons, and what is said when something was saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QTimer, QUrl
from PySide6.QtGui import QDesktopServices

from facelens.gui import wording
from facelens.gui.display import Display
from facelens.gui.notices import Action
from facelens.gui.services import Services
from facelens.gui.settings import Settings
from facelens.gui.theme import Theme
from facelens.options import EngineOptions
from facelens.recorder import Recording

SAVED_MS = 12_000
"""How long it is said over the view what was saved."""


class Saver(Display):
    """Snapshots, recordings and best shots."""

    def __init__(self, services: Services, settings: Settings, theme: Theme, options: EngineOptions) -> None:
        super().__init__(services, settings, theme, options)
        self._saved_timer = QTimer(self, singleShot=True, interval=SAVED_MS)
        self._saved_timer.timeout.connect(self.saved.dismiss)
        saving = self.scope.saving
        saving.changed.connect(self.show_saving)
        saving.recorded.connect(self._recorded)
        saving.shots_saved.connect(self._shots_saved)
        self.scope.changed.connect(self.show_saving)
        self.top.record.clicked.connect(self.toggle_recording)
        self.top.shots.clicked.connect(self.save_best_shots)
        self.top.snapshot.clicked.connect(self.snapshot)

    # Commands; their keys stand in commands.py

    def snapshot(self) -> None:
        self.scope.save()

    def toggle_recording(self) -> None:
        self.scope.saving.toggle_recording()

    def save_best_shots(self) -> None:
        self.scope.saving.save_shots(self.scope.state.address)

    def show_saving(self) -> None:
        """The state of recording and best shots in the top bar, and over the view where that has no top bar."""
        saving = self.scope.saving
        seconds = saving.recording.seconds if saving.recording is not None and saving.is_recording else None
        self.top.record.show_recording(seconds, can=saving.can_record)
        self.top.show_shots(saving.people)
        self.view.show_recording("" if seconds is None or not self.isFullScreen() else wording.clock(seconds))

    def _recorded(self, recording: Recording) -> None:
        name, length = recording.path.name, wording.clock(recording.seconds)
        if recording.error is not None:
            text = str(recording.error)
            if recording.path.is_file():
                text += " " + self.tr("The {length} until then are in {name}.").format(length=length, name=name)
            self.error.show_message(text, [self._show_folder(recording.path.parent)])
            self._place_notes()
            return
        text = self.tr("Recorded {length} to {name}").format(length=length, name=name)
        if recording.dropped == 1:
            text += self.tr("; 1 frame was left out")
        elif recording.dropped:
            text += self.tr("; {count} frames were left out").format(count=recording.dropped)
        self._say_saved(text, recording.path.parent)

    def _shots_saved(self, paths: Sequence[Path]) -> None:
        if len(paths) == 1:
            text = self.tr("Saved the best shot of 1 person")
        else:
            text = self.tr("Saved the best shots of {count} people").format(count=len(paths))
        self._say_saved(text, paths[0].parent)

    def _say_saved(self, text: str, folder: Path) -> None:
        self.saved.show_message(text, [self._show_folder(folder)])
        self._saved_timer.start()
        self._place_notes()

    def _show_folder(self, folder: Path) -> Action:
        def show() -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))

        return self.tr("Show folder"), show
