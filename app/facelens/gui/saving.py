"""What the user saves from the view: snapshots, recordings, and the best shot of each person. No widgets."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from facelens import bestshots
from facelens.bestshots import BestShots
from facelens.clipfile import BROWSER
from facelens.errors import FacelensError
from facelens.files import make_folder
from facelens.gui import settings as keys
from facelens.gui import snapshot
from facelens.gui.livestate import LiveState
from facelens.gui.settings import Setting, Settings
from facelens.gui.worker import Pulse, Tasks, as_shown
from facelens.live import LiveResult, LiveSession
from facelens.recorder import USUAL_FPS, Recorder, Recording
from facelens.types import Frame, FrameReport


class Saving(QObject):
    """Writes nothing unless it is told to; what it keeps of people is in memory, and only of the source that runs.

    ``see`` is called from the renderer's thread, everything else from the window's; every signal comes on that.
    """

    changed = Signal()
    """A recording began or ended, or the number of best shots is another."""
    recorded = Signal(object)
    """Carries the Recording that has ended, its files complete."""
    shots_saved = Signal(object)
    """Carries the paths of the pictures."""
    snapshot_saved = Signal(object)
    """Carries the picture's path."""
    problem = Signal(object)
    """Carries a FacelensError to show."""

    def __init__(self, settings: Settings, tasks: Tasks, parent: QObject) -> None:
        super().__init__(parent)
        self._settings, self._tasks = settings, tasks
        self.recording: Recording | None = None
        """The one that runs, or is being completed."""
        self._news = Pulse(self)
        self._news.fired.connect(self._look)
        self._best = BestShots(self._news.poke)
        self._session: LiveSession | None = None
        self._last: LiveResult | None = None
        self._recorded_session: LiveSession | None = None
        self._overlay = settings.recorded_overlay()
        self._started = self._ended = 0
        self._can_record = False
        settings.changed.connect(self._setting_changed)

    @property
    def folder(self) -> Path:
        return Path(self._settings.snapshot_folder())

    @property
    def can_record(self) -> bool:
        """A live picture is shown, and no older recording is still being completed."""
        return self._can_record and (self.recording is None or not self.recording.stopping)

    @property
    def is_recording(self) -> bool:
        return self.recording is not None and not self.recording.stopping

    @property
    def people(self) -> int:
        """People whose best shot can be saved."""
        return len(self._best)

    def see(self, session: LiveSession, result: LiveResult) -> None:
        """A result that is shown now; from the renderer's thread, and returns at once."""
        if session is not self._session:
            self._session = session
            self._best.forget()
        self._last = result
        self._best.see(result.frame, result.report)
        recording = self.recording
        if recording is None or recording.stopping:
            return
        if session is self._recorded_session:
            recording.put(result.frame, result.report, self._overlay)
        else:
            # another source has come, so quickly that the window's thread has not seen the change
            recording.stop()

    def follow(self, state: LiveState, *, live: bool) -> None:
        """The live source has changed, or what is shown of it: a recording ends with what it records."""
        self._can_record = live and state.phase in ("running", "paused") and not state.is_lost
        if not self._can_record:
            self.stop_recording()
        if state.phase == "opening":
            self._best.forget()

    def toggle_recording(self) -> None:
        if self.is_recording:
            self.stop_recording()
        elif self.can_record:
            self._start_recording()

    def _start_recording(self) -> None:
        session, last = self._session, self._last
        if session is None or last is None:
            return
        try:
            make_folder(self.folder)
            path = self.folder / f"facelens-{datetime.now():%Y%m%d-%H%M%S}{BROWSER}"
            if path.exists():
                path = path.with_stem(f"{path.stem}-{time.monotonic_ns() % 1_000_000:06d}")
            recorder = Recorder(path, min(session.source.fps or USUAL_FPS, USUAL_FPS), live=True)
        except FacelensError as error:
            self.problem.emit(error)
            return
        self._recorded_session = session
        recording = Recording(recorder, session.source.name, on_end=self._news.poke)
        self._started += 1
        # what is shown is the first picture, also in a pause
        recording.put(last.frame, last.report, self._overlay)
        self.recording = recording
        self.changed.emit()

    def stop_recording(self) -> None:
        """End the recording; ``recorded`` follows when its files are complete."""
        if self.recording is not None and not self.recording.stopping:
            self.recording.stop()
            self.changed.emit()

    def save_shots(self, source: str) -> None:
        """Save the best shots, in a thread; ``shots_saved`` or ``problem`` follows."""
        shots, folder = self._best.shots(), self.folder
        if not shots:
            return
        self._tasks.run(
            lambda: bestshots.save(folder, shots, source),
            self.shots_saved.emit,
            lambda error: self.problem.emit(as_shown(error, self.tr("Could not save the best shots"))),
            "best-shots",
        )

    def save_snapshot(self, pair: tuple[Frame, FrameReport], stem: str, source: str) -> None:
        """Save a picture with its overlay and its report, in a thread; ``snapshot_saved`` or ``problem`` follows."""
        folder, options = self.folder, self._settings.overlay()
        self._tasks.run(
            lambda: snapshot.save(folder, stem, *pair, options, source),
            self.snapshot_saved.emit,
            lambda error: self.problem.emit(as_shown(error, self.tr("Could not save the snapshot"))),
            "snapshot",
        )

    def close(self, timeout: float) -> bool:
        """Complete what is recorded and end the threads; False where one still runs after about ``timeout`` s."""
        self._news.mute()
        recording = self.recording
        if recording is not None:
            recording.stop()
            self._ended += recording.join(timeout)
        return self._best.close(timeout) and self._ended == self._started

    def threads(self) -> tuple[int, int]:
        """Threads that were started, and how many of them have ended; complete after ``close``."""
        return self._started + 1, self._ended + (not self._best.thread.is_alive())

    def _look(self) -> None:
        recording = self.recording
        if recording is not None and recording.complete and recording.join():
            self._ended += 1
            self.recording = None
            self.recorded.emit(recording)
        self.changed.emit()

    def _setting_changed(self, setting: Setting) -> None:
        if setting.group == "overlay" or setting is keys.RECORD_OVERLAY:
            self._overlay = self._settings.recorded_overlay()
        elif setting.group == "score":
            self._best.rank_anew()
