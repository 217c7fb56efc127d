"""The face scope without its widgets: engine, live source, pictures and settings, and how they follow each other."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from facelens.errors import FacelensError
from facelens.gui import settings as keys
from facelens.gui.adjust import adjust
from facelens.gui.engineroom import EngineRoom
from facelens.gui.livecontrol import LiveControl
from facelens.gui.livestate import LiveState
from facelens.gui.photos import Photo, Photos
from facelens.gui.saving import Saving
from facelens.gui.scene import Scene
from facelens.gui.services import Services
from facelens.gui.settings import Settings
from facelens.gui.sourcepicker import DEMO, first_source
from facelens.gui.worker import Tasks, as_shown
from facelens.options import EngineOptions
from facelens.sources import CameraInfo
from facelens.types import Frame, FrameReport

log = logging.getLogger(__name__)

CLIPS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".mjpeg", ".mjpg"})
CLOSE_SECONDS = 6.0
Pair = tuple[Frame, FrameReport]


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
        self.pair: Pair | None = None
        self.scene: Scene | None = None
        """Of the pair, where it was painted already; for whoever shows it to take."""
        self.pair_source, self.pair_turn = "", 0
        """Where the pair comes from, a path or an address, and the turn of its session (``LiveControl.turn``)."""
        self.engine_error: FacelensError | None = None
        """Why the networks did not open last; others may be open all the same, see ``EngineRoom.is_ready``."""
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
        settings.changed.connect(lambda setting: adjust(self, setting))

    @property
    def state(self) -> LiveState:
        return self.live.state

    @property
    def source_name(self) -> str:
        """What the report of the pair comes from: a path or an address."""
        return self.pair_source

    @property
    def pair_is_old(self) -> bool:
        """The pair is of a live source, and another one is wanted by now."""
        return self.photo is None and self.pair is not None and self.pair_source != self.state.address

    @property
    def pair_is_strange(self) -> bool:
        """Another session has begun since: who has a number in the pair is not who has it now."""
        return self.photo is None and self.pair is not None and self.pair_turn != self.live.turn

    def start(self, source: str | None, paths: Sequence[str]) -> None:
        """Open the networks; then show ``paths``, or ``source``, or what was shown last, a camera, or the demo."""
        self._wanted, self._paths = source or "", tuple(Path(path) for path in paths)
        self.room.open()
        self._begin()

    def cameras_listed(self, cameras: Sequence[CameraInfo]) -> None:
        self.cameras = tuple(cameras)
        self._begin()

    def use(self, address: str) -> None:
        """Change to a live source, and remember it where it can be had again; without networks, once they open."""
        if address == DEMO or address.startswith("camera"):
            self.settings.set(keys.SOURCE, address)
        self._leave_photos()
        self._wanted, self._begun, self._paths = address, True, ()
        if self.room.is_ready or self.engine_error is None:
            self._play(address)
        else:
            self._refused = True
        self.changed.emit()

    def halt(self) -> None:
        self.live.halt()

    def seek_by(self, seconds: float) -> None:
        """Move on in a clip, or back."""
        self.seek(self.live.position + seconds)

    def seek(self, seconds: float) -> None:
        """Go on with a clip at ``seconds`` from its beginning, also with one that has ended."""
        if self.state.phase == "ended" and self.state.duration is not None:
            # by the wishes of now, which need not be those it was opened with
            self._play(self.state.address, seconds)
        else:
            self.live.seek(seconds)

    def _play(self, address: str, start: float = 0.0) -> None:
        self.live.use(address, self.settings.wishes(), start)

    def start_again(self) -> None:
        """Start what ran last, or what a new window would show; without networks, try to open them first."""
        if self.engine_error is not None and not self.room.is_ready:
            self.open_networks()
        else:
            self.use(self.state.address or self._wanted or self._first_source())

    def open_networks(self) -> None:
        """Try once more to open the networks as they are wanted; what was refused without them plays then."""
        self.engine_error = None
        self.room.open()

    def toggle_pause(self) -> None:
        if self.photo is not None:
            return
        if self.state.phase not in ("opening", "running", "paused"):
            self.start_again()
        elif self.live.held:
            self.live.resume()
        else:
            self.live.pause()

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
        self._live_fresh()
        self.changed.emit()

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
        return first_source(str(self.settings.get(keys.SOURCE)), self.cameras or ())

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
        state, before = self.state, self._told
        if state.phase == "idle" and self.photo is None and self.pair is not None:
            self._show(None)
        self.changed.emit()
        if state is before:
            return
        self._told = state
        if state.error is not None:
            self.problem.emit(state.error)
        elif state.is_back_from(before):
            self.message.emit(self.tr("{name} is back").format(name=state.name), "")

    def _live_fresh(self) -> None:
        if (fault := self.live.renderer.fault()) is not None:
            self.problem.emit(as_shown(fault, self.tr("Could not show a frame as it should be")))
        taken = self.live.take() if self.photo is None else None
        if taken is not None:
            self._show((taken.result.frame, taken.result.report), taken.address, taken.turn, taken.scene)

    def _show(self, pair: Pair | None, source: str = "", turn: int = 0, scene: Scene | None = None) -> None:
        self.pair, self.pair_source, self.pair_turn, self.scene = pair, source, turn, scene
        self.pair_changed.emit()

    def _photo_shown(self, photo: Photo) -> None:
        if self.photo is None:
            self._go_on_after_photo = self.state.phase in ("running", "opening")
            if self._go_on_after_photo:
                self.live.pause()
        # pictures have no clock; the panel needs one
        frame = replace(photo.frame, captured_at=time.monotonic())
        self.photo = photo
        self._show((frame, photo.report), str(photo.path))
        self.changed.emit()

    def _photos_busy(self, busy: bool) -> None:
        self.reading = busy
        self.changed.emit()

    def _leave_photos(self) -> None:
        self.photos.leave()
        if self.photo is not None:
            self.photo = None
            # what is live may have nothing to show
            self._show(None)
            if self._go_on_after_photo:
                self.live.resume()
            self._go_on_after_photo = False
