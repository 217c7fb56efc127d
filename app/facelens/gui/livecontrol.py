"""Starts, stops and changes the live source, all of it off the window's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from facelens.errors import FacelensError
from facelens.gui.livestate import LiveState
from facelens.gui.renderer import Renderer
from facelens.gui.scene import Scene
from facelens.gui.worker import Pulse, as_shown
from facelens.live import LiveResult, LiveSession
from facelens.livestats import LiveStats
from facelens.runstats import Follower
from facelens.scheduler import Plan, Watcher
from facelens.sources import FrameSource, Wishes
from facelens.tracking import USUAL_SMOOTHING, Tracker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    address: str | None
    wishes: Wishes = field(default_factory=Wishes)
    start: float = 0.0
    quit: bool = False


class LiveControl(QObject):
    """Owns one control thread that opens and stops sessions; of several requests only the newest counts.

    A source is opened at once, and read from when ``allow`` has been called: it opens beside the networks.

    Args:
        open_source: address and wishes -> source; may block and may raise ``SourceError``.
        watch: source -> who analyses its frames, on a session's analysis thread.
        smoothing: of boxes and points, 0..1, see ``tracking.Tracker``.

    Attributes:
        renderer: paints the results before they are told of.
        judged: what is shown is compared with the truth of sources that know it; set it before the first ``use``.
        turn: counts the sessions that were begun.
    """

    changed = Signal()
    """``state`` is new."""
    fresh = Signal()
    """``take()`` may give something new; carries nothing and is coalesced."""

    def __init__(
        self,
        open_source: Callable[[str, Wishes], FrameSource],
        watch: Callable[[FrameSource], Watcher],
        parent: QObject | None = None,
        *,
        smoothing: float = USUAL_SMOOTHING,
    ) -> None:
        super().__init__(parent)
        self._open_source, self._watch = open_source, watch
        self._ready = threading.Condition()
        self._changing = threading.Lock()
        self._request: _Request | None = None
        self._session: LiveSession | None = None
        self._smoothing, self._tracker = smoothing, Tracker(smoothing)
        self._whole = False
        self._watcher: Watcher | None = None
        self._newest: tuple[LiveSession, Follower] | None = None
        self._ended: tuple[int, int] = (0, 0)
        self.judged, self.turn = False, 0
        self._opening: LiveSession | None = None
        self._wishes = Wishes()
        self._hold = self._hung = self._allowed = False
        self.state = LiveState()
        self._states, self._updates = Pulse(self), Pulse(self)
        self._states.fired.connect(self.changed)
        self._updates.fired.connect(self._look)
        self.renderer = Renderer(lambda: self._session, self._updates.poke)
        self._thread = threading.Thread(target=self._loop, name="facelens-live-control", daemon=True)
        self._thread.start()

    def use(self, address: str, wishes: Wishes, start: float = 0.0) -> None:
        """Stop what runs and start the source of ``address``, a clip ``start`` seconds from its beginning."""
        self._hold = False
        self._post(_Request(address, wishes, start))

    def halt(self) -> None:
        """Stop what runs."""
        self._post(_Request(None))

    def allow(self) -> None:
        """Frames can be analysed from now on."""
        with self._ready:
            self._allowed = True
            self._ready.notify()

    def pause(self) -> None:
        """Hold the newest frame; also a source that is still being opened starts held."""
        self._hold = True
        self._apply_hold()

    def resume(self) -> None:
        self._hold = False
        self._apply_hold()

    def seek(self, seconds: float) -> None:
        """Go on with a clip at ``seconds`` from its beginning, also one that has ended; in a pause it stays held."""
        session, state = self._session, self.state
        if session is None or state.duration is None:
            return
        if state.phase in ("running", "paused"):
            session.seek(seconds)
        elif state.phase == "ended":
            self.use(state.address, self._wishes, seconds)

    def set_mirror(self, wishes: Wishes) -> None:
        """Turn the frames of the source that runs as ``wishes`` say, from the next one on."""
        session = self._session
        if session is not None:
            session.mirror = wishes.mirrors(self.state.address)

    @property
    def position(self) -> float:
        """Seconds from the beginning of a clip."""
        session = self._session
        return session.position if session is not None else 0.0

    @property
    def rate(self) -> float | None:
        """Frames/s that a camera or stream really gives of late; None where that is not measured."""
        session = self._session
        return session.source.rate if session is not None else None

    def take(self) -> tuple[LiveResult, Scene | None] | None:
        """The newest result that has been painted, and its scene the first time it is asked for."""
        session = self._session
        return self.renderer.take(session) if session is not None else None

    def stats(self) -> LiveStats | None:
        session = self._session
        return session.stats() if session is not None else None

    def set_smoothing(self, value: float) -> None:
        """How boxes and points follow faces from the next frame on, from 0, smooth, to 1, quick."""
        self._smoothing = self._tracker.smoothing = value

    def set_whole(self, value: bool) -> None:
        """Whether every network runs on every frame, from the next one on."""
        self._whole = value
        if self._watcher is not None:
            self._watcher.whole = value

    @property
    def plan(self) -> Plan | None:
        """What the clocks of the newest source do; None where every frame is analysed whole."""
        return None if self._watcher is None else self._watcher.plan

    def newest(self) -> tuple[LiveStats, Follower] | None:
        """Figures of the session that runs or, where none does, ran last."""
        return (self._newest[0].stats(), self._newest[1]) if self._newest is not None else None

    def threads(self) -> tuple[int, int]:
        """Threads that were started, and how many of them have ended; complete after ``close``."""
        own = [self._thread, self.renderer.thread]
        return self._ended[0] + len(own), self._ended[1] + sum(not thread.is_alive() for thread in own)

    def close(self, timeout: float) -> bool:
        """Stop and join everything within about ``timeout`` seconds; False where a thread still runs."""
        self._states.mute()
        self._updates.mute()
        self._post(_Request(None, quit=True))
        self._thread.join(timeout)
        rendered = self.renderer.close(timeout)
        return not self._thread.is_alive() and rendered and not self._hung

    def _post(self, request: _Request) -> None:
        with self._ready:
            if self._request is None or not self._request.quit:
                self._request = request
            self._ready.notify()
        # what is still being opened is no longer wanted; it is stopped by the thread that opens it
        opening = self._opening
        if opening is not None:
            opening.source.interrupt()

    def _set(self, state: LiveState) -> None:
        self.state = state
        self._states.poke()

    def _renew(self, session: LiveSession, make: Callable[[LiveState], LiveState]) -> None:
        """Change the state of a session that still runs; another thread may have ended it meanwhile."""
        with self._changing:
            state = self.state
            if session is self._session and state.phase in ("running", "paused") and (new := make(state)) != state:
                self._set(new)

    def _apply_hold(self) -> None:
        session = self._session
        if session is None or self.state.phase not in ("running", "paused"):
            return
        if self._hold:
            session.pause()
        else:
            session.resume()
        self._renew(session, lambda state: replace(state, phase="paused" if self._hold else "running"))

    @Slot()
    def _look(self) -> None:
        """On the window's thread after a session has said that something is new."""
        session = self._session
        if session is None:
            return
        self.fresh.emit()
        source = session.source
        self._renew(session, lambda state: replace(state, notice=source.notice, size=source.size))
        if session.finished:
            error = session.error
            if error is None:
                self._renew(session, lambda state: replace(state, phase="ended"))
            else:
                worded = self._worded(error, self.state.name)
                self._renew(session, lambda state: replace(state, phase="failed", error=worded))

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
                self._begin(request, request.address)

    def _end(self) -> None:
        with self._changing:
            session, self._session = self._session, None
        if session is not None:
            self._hung = bool(session.stop()) or self._hung
            stats = session.stats()
            self._ended = self._ended[0] + stats.threads_started, self._ended[1] + stats.threads_joined

    def _begin(self, request: _Request, address: str) -> None:
        self._set(LiveState("opening", address, address))
        try:
            source = self._open_source(address, request.wishes)
            # first known here, then set: a change that comes meanwhile is in one of both
            self._tracker = Tracker()
            self._tracker.smoothing = self._smoothing
            watcher = self._watcher = self._watch(source)
            watcher.whole = self._whole
            mirror = request.wishes.mirrors(address)
            # the truth of a source is not turned
            follower = Follower(self._tracker, source if self.judged and not mirror else None)
            session = LiveSession(
                source, watcher.analyze, on_update=self.renderer.wake, tracker=follower, mirror=mirror
            )
            if request.start > 0:
                session.seek(request.start)
            # known before the newer request is looked for: one of both sees the other
            self._opening = session
            if self._request is None:
                session.open()
            if self._is_allowed():
                session.start()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is worded, delivered and shown
            if self._request is None:
                log.warning("cannot start %s: %s", address, error)
                self._set(LiveState("failed", address, address, error=self._worded(error, address)))
            return
        finally:
            self._opening = None
        if self._request is not None:
            session.stop()
            return
        with self._changing:
            self._session, self._wishes, self._newest = session, request.wishes, (session, follower)
            self.turn += 1
            self._set(LiveState("running", address, source.name, source.size, duration=source.duration))
        self._apply_hold()
        # a session that ended before it was known here has woken it already, in vain
        self.renderer.wake()

    def _is_allowed(self) -> bool:
        """Wait for ``allow``; False where another request came instead."""
        with self._ready:
            self._ready.wait_for(lambda: self._allowed or self._request is not None)
            return self._request is None
