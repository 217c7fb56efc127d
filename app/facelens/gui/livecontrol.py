"""Starts, stops and changes the live source, all of it off the window's thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from facelens.errors import FacelensError
from facelens.gui.liverun import Maker, Request, Run, Taken, hold
from facelens.gui.livestate import LiveState
from facelens.gui.renderer import Renderer
from facelens.gui.worker import Pulse, as_shown
from facelens.live import LiveSession
from facelens.livestats import LiveStats
from facelens.machine import trim_memory
from facelens.runstats import Follower
from facelens.scheduler import Plan
from facelens.sources import FrameSource, Wishes
from facelens.tracking import USUAL_SMOOTHING
from facelens.watcher import Watcher

log = logging.getLogger(__name__)


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
        self._maker = Maker(open_source, watch, smoothing)
        self._ready = threading.Condition()
        self._changing = threading.Lock()
        self._request: Request | None = None
        self._run: Run | None = None
        self._newest: Run | None = None
        self._ended: tuple[int, int] = (0, 0)
        self.judged, self.turn = False, 0
        self._opening: LiveSession | None = None
        self._start = 0.0
        self._hold = self._hung = self._allowed = False
        self.state = LiveState()
        self._states, self._updates = Pulse(self), Pulse(self)
        self._states.fired.connect(self.changed)
        self._updates.fired.connect(self._look)
        self.renderer = Renderer(lambda: self._session, self._updates.poke)
        self._thread = threading.Thread(target=self._loop, name="facelens-live-control", daemon=True)
        self._thread.start()

    def use(self, address: str, wishes: Wishes, start: float = 0.0, *, hold: bool = False) -> None:
        """Stop what runs and start the source of ``address``, a clip ``start`` s from its beginning; ``hold``: held."""
        self._hold, self._start = hold, start
        self._post(Request(address, wishes, start))

    def halt(self) -> None:
        """Stop what runs."""
        self._start = 0.0
        self._post(Request(None))

    def allow(self) -> None:
        """Frames can be analysed from now on."""
        with self._ready:
            self._allowed = True
            self._ready.notify()

    @property
    def held(self) -> bool:
        """Whether the newest frame is, or will be, held."""
        return self._hold

    def pause(self) -> None:
        """Hold the newest frame; also a source that is still being opened starts held, with its first frame."""
        self._hold = True
        self._apply_hold()

    def resume(self) -> None:
        self._hold = False
        self._apply_hold()

    def seek(self, seconds: float) -> None:
        """Go on with a clip that has not ended at ``seconds`` from its beginning; in a pause it stays held."""
        session, state = self._session, self.state
        if session is not None and state.duration is not None and state.phase in ("running", "paused"):
            session.seek(seconds)

    def set_mirror(self, wishes: Wishes) -> None:
        """Turn the frames of the source that runs as ``wishes`` say, from the next one on."""
        session = self._session
        if session is not None:
            session.mirror = wishes.mirrors(self.state.address)

    @property
    def position(self) -> float:
        """Seconds from the beginning of a clip; while it opens, where it will begin."""
        return self._start if (session := self._session) is None else session.position

    @property
    def rate(self) -> float | None:
        """Frames/s that a camera or stream really gives of late; None where that is not measured."""
        session = self._session
        return session.source.rate if session is not None else None

    def take(self) -> Taken | None:
        """The newest result of what runs, or ran last and was not stopped, that has been painted."""
        run = self._run
        taken = self.renderer.take(run.session) if run is not None else None
        return Taken(*taken, run.address, run.turn) if run is not None and taken is not None else None

    def stats(self) -> LiveStats | None:
        session = self._session
        return session.stats() if session is not None else None

    def set_smoothing(self, value: float) -> None:
        """How boxes and points follow faces from the next frame on, from 0, smooth, to 1, quick."""
        self._maker.set_smoothing(value)

    def set_whole(self, value: bool) -> None:
        """Whether every network runs on every frame, from the next one on."""
        self._maker.set_whole(value)

    @property
    def plan(self) -> Plan | None:
        """What the clocks of the newest source do; None where every frame is analysed whole."""
        return self._maker.plan

    def newest(self) -> tuple[LiveStats, Follower] | None:
        """Figures of the session that runs or, where none does, ran last."""
        return (self._newest.session.stats(), self._newest.follower) if self._newest is not None else None

    def threads(self) -> tuple[int, int]:
        """Threads that were started, and how many of them have ended; complete after ``close``."""
        own = [self._thread, self.renderer.thread]
        return self._ended[0] + len(own), self._ended[1] + sum(not thread.is_alive() for thread in own)

    def close(self, timeout: float) -> bool:
        """Stop and join everything within about ``timeout`` seconds; False where a thread still runs."""
        self._states.mute()
        self._updates.mute()
        self._post(Request(None, quit=True))
        self._thread.join(timeout)
        rendered = self.renderer.close(timeout)
        return not self._thread.is_alive() and rendered and not self._hung

    @property
    def _session(self) -> LiveSession | None:
        run = self._run
        return run.session if run is not None else None

    def _post(self, request: Request) -> None:
        with self._ready:
            if self._request is None or not self._request.quit:
                self._request = request
            # in here: a moment later it could be the very source that was just asked for
            opening = self._opening
            self._ready.notify()
        # what is still being opened is no longer wanted; it is stopped by the thread that opens it
        if opening is not None:
            opening.source.interrupt()

    def _set(self, state: LiveState) -> None:
        """Never while ``_changing`` is held: on the window's thread whoever listens is called at once."""
        self.state = state
        self._states.poke()

    def _renew(self, session: LiveSession, make: Callable[[LiveState], LiveState]) -> None:
        """Change the state of a session that still runs; another thread may have ended it meanwhile."""
        with self._changing:
            state = self.state
            if (
                session is not self._session
                or state.phase not in ("running", "paused")
                or (new := make(state)) == state
            ):
                return
            self.state = new
        self._states.poke()

    def _apply_hold(self) -> None:
        session = self._session
        if session is None:
            return

        def held(state: LiveState) -> LiveState:
            # under the lock: of two threads the later one goes by what is wanted then
            hold(session, self._hold)
            return replace(state, phase="paused" if session.paused else "running")

        self._renew(session, held)

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
            run, self._run = self._run, None
        if run is not None:
            self._stop(run.session)
            # the frames and buffers of a source that has gone
            trim_memory()

    def _stop(self, session: LiveSession) -> None:
        self._hung = bool(session.stop()) or self._hung
        stats = session.stats()
        self._ended = self._ended[0] + stats.threads_started, self._ended[1] + stats.threads_joined

    def _begin(self, request: Request, address: str) -> None:
        self._set(LiveState("opening", address, address))
        session: LiveSession | None = None
        try:
            session, follower = self._maker.make(request, address, self.renderer.wake, self.judged)
            if self._is_wanted(session):
                session.open()
            if self._is_allowed():
                hold(session, self._hold)
                session.start()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises is worded, delivered and shown
            if session is not None:
                self._stop(session)
            if self._request is None:
                log.warning("cannot start %s: %s", address, error)
                self._set(LiveState("failed", address, address, error=self._worded(error, address)))
            return
        finally:
            with self._ready:
                self._opening = None
        if self._request is not None:
            self._stop(session)
            return
        with self._changing:
            # counted first: what is taken is never of a later session than the count says
            self.turn += 1
            self._run = self._newest = Run(session, address, self.turn, follower)
            source = session.source
            self.state = LiveState("running", address, source.name, source.size, duration=source.duration)
        self._apply_hold()
        self._states.poke()
        # a session that ended before it was known here has woken it already, in vain
        self.renderer.wake()

    def _is_wanted(self, session: LiveSession) -> bool:
        """From now on a newer request interrupts the session's source; False where there is one already."""
        with self._ready:
            self._opening = session
            return self._request is None

    def _is_allowed(self) -> bool:
        """Wait for ``allow``; False where another request came instead."""
        with self._ready:
            self._ready.wait_for(lambda: self._allowed or self._request is not None)
            return self._request is None
