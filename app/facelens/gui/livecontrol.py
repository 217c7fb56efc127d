"""Starts, stops and changes the live source, all of it off the window's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from facelens.errors import FacelensError
from facelens.gui.worker import Pulse, as_shown
from facelens.live import LiveResult, LiveSession, LiveStats
from facelens.sources import FrameSource
from facelens.tracking import USUAL_SMOOTHING, TrackCounts, Tracker
from facelens.types import Frame, FrameReport

log = logging.getLogger(__name__)

Phase = Literal["idle", "opening", "running", "paused", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class LiveState:
    """What the live source is doing. ``address`` is what was asked for, ``name`` what the source calls itself."""

    phase: Phase = "idle"
    address: str = ""
    name: str = ""
    size: tuple[int, int] | None = None
    error: FacelensError | None = None

    @property
    def is_camera(self) -> bool:
        return self.address.split(":", 1)[0] == "camera"


@dataclass(frozen=True, slots=True)
class _Request:
    address: str | None
    quit: bool = False


class LiveControl(QObject):
    """Owns one control thread that opens and stops sessions; of several requests only the newest counts.

    Args:
        open_source: address -> source; may block and may raise ``SourceError``.
        analyze: frame -> report; called from a session's analysis thread.
        smoothing: of boxes and points, 0..1, see ``tracking.Tracker``.
    """

    changed = Signal()
    """``state`` is new."""
    fresh = Signal()
    """``latest()`` may be new; carries nothing and is coalesced."""

    def __init__(
        self,
        open_source: Callable[[str], FrameSource],
        analyze: Callable[[Frame], FrameReport],
        parent: QObject | None = None,
        *,
        smoothing: float = USUAL_SMOOTHING,
    ) -> None:
        super().__init__(parent)
        self._open_source, self._analyze = open_source, analyze
        self._ready = threading.Condition()
        self._request: _Request | None = None
        self._session: LiveSession | None = None
        self._smoothing, self._tracker = smoothing, Tracker(smoothing)
        self._hold = self._hung = False
        self.state = LiveState()
        self._states, self._updates = Pulse(self), Pulse(self)
        self._states.fired.connect(self.changed)
        self._updates.fired.connect(self._look)
        self._thread = threading.Thread(target=self._loop, name="facelens-live-control", daemon=True)
        self._thread.start()

    def use(self, address: str) -> None:
        """Stop what runs and start the source of ``address``."""
        self._hold = False
        self._post(_Request(address))

    def halt(self) -> None:
        """Stop what runs."""
        self._post(_Request(None))

    def pause(self) -> None:
        """Hold the newest frame; also a source that is still being opened starts held."""
        self._hold = True
        self._apply_hold()

    def resume(self) -> None:
        self._hold = False
        self._apply_hold()

    def latest(self) -> LiveResult | None:
        session = self._session
        return session.latest() if session is not None else None

    def stats(self) -> LiveStats | None:
        session = self._session
        return session.stats() if session is not None else None

    def track_counts(self) -> TrackCounts:
        """What the tracker of the newest session has done."""
        return self._tracker.counts

    def set_smoothing(self, value: float) -> None:
        """How boxes and points follow faces from the next frame on, from 0, smooth, to 1, quick."""
        self._smoothing = self._tracker.smoothing = value

    def close(self, timeout: float) -> bool:
        """Stop and join everything within about ``timeout`` seconds; False where a thread still runs."""
        self._states.mute()
        self._updates.mute()
        self._post(_Request(None, quit=True))
        self._thread.join(timeout)
        return not self._thread.is_alive() and not self._hung

    def _post(self, request: _Request) -> None:
        with self._ready:
            if self._request is None or not self._request.quit:
                self._request = request
            self._ready.notify()

    def _set(self, state: LiveState) -> None:
        self.state = state
        self._states.poke()

    def _apply_hold(self) -> None:
        session, state = self._session, self.state
        if session is None or state.phase not in ("running", "paused"):
            return
        if self._hold:
            session.pause()
        else:
            session.resume()
        self._set(replace(state, phase="paused" if self._hold else "running"))

    @Slot()
    def _look(self) -> None:
        """On the window's thread after a session has said that something is new."""
        session = self._session
        if session is None:
            return
        self.fresh.emit()
        if session.finished and self.state.phase in ("running", "paused"):
            if session.error is None:
                self._set(replace(self.state, phase="ended"))
            else:
                self._set(replace(self.state, phase="failed", error=self._worded(session.error, self.state.name)))

    def _worded(self, error: BaseException, name: str) -> FacelensError:
        doing = QCoreApplication.translate("LiveControl", "Could not go on with {name}").format(name=name)
        return as_shown(error, doing)

    def _loop(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._request is not None)
                request, self._request = self._request, None
            assert request is not None
            self._end()
            if request.quit:
                return
            if request.address is None:
                self._set(LiveState())
            else:
                self._begin(request.address)

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._hung = bool(session.stop()) or self._hung

    def _begin(self, address: str) -> None:
        self._set(LiveState("opening", address, address))
        try:
            source = self._open_source(address)
            # first known here, then set: a change that comes meanwhile is in one of both
            self._tracker = Tracker()
            self._tracker.smoothing = self._smoothing
            session = LiveSession(source, self._analyze, on_update=self._updates.poke, tracker=self._tracker)
            session.start()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is worded, delivered and shown
            log.warning("cannot start %s: %s", address, error)
            self._set(LiveState("failed", address, address, error=self._worded(error, address)))
            return
        self._session = session
        self._set(LiveState("running", address, source.name, source.size))
        self._apply_hold()
        # a session that ended before it was known here has poked already, in vain
        self._updates.poke()
