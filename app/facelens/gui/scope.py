"""The face scope without its widgets: engine, live source, pictures and settings, and how they follow each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from facelens.errors import FacelensError
from facelens.gui import settings as keys
from facelens.gui.engineroom import EngineRoom
from facelens.gui.livecontrol import LiveControl
from facelens.gui.livestate import LiveState
from facelens.gui.photos import Photo, Photos
from facelens.gui.saving import Saving
from facelens.gui.scene import Scene
from facelens.gui.services import Services
from facelens.gui.settings import Setting, Settings
from facelens.gui.sourcepicker import DEMO, address_of
from facelens.gui.worker import Tasks
from facelens.options import EngineOptions
from facelens.sources import CameraInfo
from facelens.types import Frame, FrameReport

log = logging.getLogger(__name__)

CLIPS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mjpeg", ".mjpg"})
CLOSE_SECONDS = 6.0


class Scope(QObject):
    """State of the face scope. Everything slow happens in threads; every signal comes on the window's thread."""

    changed = Signal()
    """Networks, live source or mode changed."""
    pair_changed = Signal()
    """``pair`` is new."""
    problem = Signal(object)
    """Carries a FacelensError to show."""
    message = Signal(str, str)
    """A passing message and its longer form."""

    def __init__(self, services: Services, settings: Settings, options: EngineOptions, parent: QObject) -> None:
        super().__init__(parent)
        self.settings = settings
        self.tasks = Tasks(self)
        self.services = services
        self.room = EngineRoom(services.open_engine, options, self.tasks, self)
        self.live = LiveControl(services.open_source, self.room.watch, self, smoothing=settings.smoothing())
        self.live.set_whole(settings.every_frame())
        self.saving = Saving(settings, self.tasks, self)
        self.live.renderer.seen = self.saving.see
        self.photos = Photos(self.room.study, self.tasks, self)
        self.photo: Photo | None = None
        self.pair: tuple[Frame, FrameReport] | None = None
        self.scene: Scene | None = None
        """Of the pair, where it was painted already; for whoever shows it to take."""
        self.engine_error: FacelensError | None = None
        self.cameras: tuple[CameraInfo, ...] | None = None
        self.reading = False
        self._wanted = ""
        self._paths: tuple[Path, ...] = ()
        self._begun = self._refused = False
        self._told: LiveState | None = None
        self._go_on_after_photo = False
        self.room.opening.connect(self._engine_opening)
        self.room.ready.connect(self._engine_ready)
        self.room.failed.connect(self._engine_failed)
        self.live.changed.connect(self._live_changed)
        self.live.fresh.connect(self._live_fresh)
        self.photos.shown.connect(self._photo_shown)
        self.photos.failed.connect(self.problem)
        self.saving.problem.connect(self.problem)
        self.saving.snapshot_saved.connect(self._snapshot_saved)
        self.changed.connect(lambda: self.saving.follow(self.state, live=self.photo is None))
        self.photos.busy.connect(self._photos_busy)
        settings.changed.connect(self._setting_changed)

    @property
    def state(self) -> LiveState:
        return self.live.state

    @property
    def source_name(self) -> str:
        """What the report of the pair comes from: a path or an address."""
        return str(self.photo.path) if self.photo is not None else self.state.address

    def start(self, source: str | None, paths: Sequence[str]) -> None:
        """Open the networks; then show ``paths``, or ``source``, or what was shown last, a camera, or the demo."""
        self._wanted, self._paths = source or "", tuple(Path(path) for path in paths)
        self.room.open()
        self._begin()

    def cameras_listed(self, cameras: Sequence[CameraInfo]) -> None:
        self.cameras = tuple(cameras)
        self._begin()

    def use(self, address: str) -> None:
        """Change to a live source, and remember it where it can be had again."""
        if address == DEMO or address.startswith("camera"):
            self.settings.set(keys.SOURCE, address)
        self._leave_photos()
        self._wanted, self._begun = address, True
        if self.engine_error is None:
            self._play(address)
        self.changed.emit()

    def halt(self) -> None:
        self.live.halt()

    def seek_by(self, seconds: float) -> None:
        """Move on in a clip, or back."""
        self.live.seek(self.live.position + seconds)

    def _play(self, address: str, start: float = 0.0) -> None:
        self.live.use(address, self.settings.wishes(), start)

    def start_again(self) -> None:
        """Start what ran last, or what a new window would show; without networks, try to open them first."""
        if self.engine_error is not None:
            self.engine_error = None
            self.room.open()
        elif self.state.address or self._wanted:
            self.use(self.state.address or self._wanted)
        else:
            self.use(self._first_source())

    def toggle_pause(self) -> None:
        if self.photo is not None:
            return
        phase = self.state.phase
        if phase in ("running", "opening"):
            self.live.pause()
        elif phase == "paused":
            self.live.resume()
        else:
            self.start_again()

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Show pictures or folders of them, or play the first clip."""
        if not paths:
            return
        if paths[0].suffix.lower() in CLIPS and not paths[0].is_dir():
            self.use(str(paths[0]))
        elif self.room.is_ready:
            self.photos.open(paths)
        else:
            self._paths = tuple(paths)

    def back_to_live(self) -> None:
        if self.photo is None:
            return
        self._leave_photos()
        if not self.state.address:
            self.use(self._wanted or self._first_source())
        self.changed.emit()
        self._live_fresh()

    def save(self) -> None:
        """Save the pair that is shown."""
        if self.pair is not None:
            stem = self.photo.path.stem if self.photo is not None else "facelens"
            self.saving.save_snapshot(self.pair, stem, self.source_name)

    def _snapshot_saved(self, picture: Path) -> None:
        self.message.emit(self.tr("Saved {name}").format(name=picture.name), str(picture))

    def close(self) -> bool:
        """Stop and join every thread, within bounds; False where one still runs."""
        stopped = self.live.close(CLOSE_SECONDS)
        stopped = self.saving.close(CLOSE_SECONDS) and stopped
        stopped = self.tasks.close(CLOSE_SECONDS) and stopped
        if stopped:
            self.room.close()
        else:
            log.warning("a thread did not end within %.0f s", CLOSE_SECONDS)
        self.settings.sync()
        return stopped

    def threads(self) -> tuple[int, int]:
        """Threads that were started, and how many of them have ended; complete after ``close``."""
        own = (self.tasks.started, self.tasks.started - self.tasks.alive())
        started, ended = zip(own, self.live.threads(), self.saving.threads())
        return sum(started), sum(ended)

    def _first_source(self) -> str:
        addresses = [address_of(camera) for camera in self.cameras or ()]
        last = str(self.settings.get(keys.SOURCE))
        if last == DEMO or last in addresses:
            return last
        return addresses[0] if addresses else DEMO

    def _begin(self) -> None:
        """Show what is wanted as soon as that is known: pictures need the networks, a source opens beside them."""
        if self._paths:
            if self.room.is_ready:
                paths, self._paths, self._begun = self._paths, (), True
                self.open_paths(paths)
        elif self._begun or self.engine_error is not None:
            return
        elif self._wanted:
            self.use(self._wanted)
        elif self.cameras is not None:
            nothing = not self.cameras
            # not self.use: what is only stood in for is not remembered
            self._begun, self._wanted = True, self._first_source()
            self._play(self._wanted)
            if nothing and self._wanted == DEMO:
                self.message.emit(self.tr("No camera found, so this is the demo"), "")

    def _engine_opening(self) -> None:
        self.changed.emit()
        if self.room.is_ready:
            self.message.emit(self.tr("Opening the networks"), "")

    def _engine_ready(self) -> None:
        self.engine_error = None
        self.live.allow()
        if self._begun and self.photo is not None:
            self.photos.again()
        elif self._refused and self._begun and self._wanted:
            self._play(self._wanted)
        self._refused = False
        self._begin()
        self.changed.emit()

    def _engine_failed(self, error: FacelensError) -> None:
        self.engine_error = error
        if not self.room.is_ready:
            # nothing can be read: let go of the camera until the networks open
            self._refused = True
            self.live.halt()
        self.changed.emit()
        self.problem.emit(error)

    def _live_changed(self) -> None:
        self.changed.emit()
        state, before = self.state, self._told
        if state is before:
            return
        self._told = state
        if state.error is not None:
            self.problem.emit(state.error)
        elif before is not None and before.is_lost and not state.is_lost and state.phase in ("running", "paused"):
            self.message.emit(self.tr("{name} is back").format(name=state.name), "")

    def _live_fresh(self) -> None:
        if self.photo is not None:
            return
        taken = self.live.take()
        if taken is not None:
            result, self.scene = taken
            self.pair = (result.frame, result.report)
            self.pair_changed.emit()

    def _photo_shown(self, photo: Photo) -> None:
        if self.photo is None:
            self._go_on_after_photo = self.state.phase in ("running", "opening")
            if self._go_on_after_photo:
                self.live.pause()
        # pictures have no clock; the panel needs one
        frame = replace(photo.frame, captured_at=time.monotonic())
        self.photo, self.pair, self.scene = photo, (frame, photo.report), None
        self.changed.emit()
        self.pair_changed.emit()

    def _photos_busy(self, busy: bool) -> None:
        self.reading = busy
        self.changed.emit()

    def _leave_photos(self) -> None:
        self.photos.leave()
        if self.photo is not None:
            self.photo = None
            if self._go_on_after_photo:
                self.live.resume()
            self._go_on_after_photo = False

    def _is_active(self) -> bool:
        return self.state.phase in ("opening", "running", "paused")

    def _setting_changed(self, setting: Setting) -> None:
        if setting.group == "score":
            self.room.set_score(self.settings.preset(), self.settings.weights())
            if self.photo is not None:
                # a slider sends many values: one new score, once it rests
                QTimer.singleShot(0, self.photos.again)
        elif setting is keys.SMOOTHING:
            self.live.set_smoothing(self.settings.smoothing())
        elif setting is keys.MIRROR:
            self.live.set_mirror(self.settings.wishes())
        elif setting in (keys.CAMERA_SIZE, keys.CAMERA_FPS) and self.state.is_camera and self._is_active():
            self._play(self.state.address)
        elif setting is keys.PACE and self.state.duration is not None and self._is_active():
            self._play(self.state.address, self.live.position)
        elif setting is keys.EVERY_FRAME:
            self.live.set_whole(self.settings.every_frame())
        elif setting is keys.PROVIDER:
            self.room.open(provider=str(self.settings.get(keys.PROVIDER)))
