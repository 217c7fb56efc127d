"""What the live control works with: requests, the sessions made of them, and results with their source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from facelens.gui.scene import Scene
from facelens.live import LiveResult, LiveSession
from facelens.runstats import Follower
from facelens.scheduler import Plan
from facelens.sources import FrameSource, Wishes
from facelens.tracking import Tracker
from facelens.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Request:
    """Start the source of ``address``, a clip ``start`` s from its beginning; without one stop what runs."""

    address: str | None
    wishes: Wishes = field(default_factory=Wishes)
    start: float = 0.0
    quit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A session that was begun: the ``turn``-th. Its source may call itself by another name than ``address``."""

    session: LiveSession
    address: str
    turn: int
    follower: Follower


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """A painted result with the address and the turn of the session it is of; ``scene`` only the first time."""

    result: LiveResult
    scene: Scene | None
    address: str
    turn: int


class Maker:
    """Makes sessions, and keeps how they follow faces and run networks, for the newest one and those to come.

    Args:
        open_source: address and wishes -> source; may block and may raise ``SourceError``.
        watch: source -> who analyses its frames.
        smoothing: of boxes and points, 0..1, see ``tracking.Tracker``.
    """

    def __init__(
        self,
        open_source: Callable[[str, Wishes], FrameSource],
        watch: Callable[[FrameSource], Watcher],
        smoothing: float,
    ) -> None:
        self._open_source, self._watch = open_source, watch
        self._smoothing, self.tracker = smoothing, Tracker(smoothing)
        self._whole = False
        self._watcher: Watcher | None = None

    def make(
        self, request: Request, address: str, wake: Callable[[], None], judged: bool
    ) -> tuple[LiveSession, Follower]:
        """A session that is not yet opened, and who follows its faces; ``judged``: compared with the source's truth.

        Raises:
            SourceError: there is no such source.
        """
        source = self._open_source(address, request.wishes)
        # first known here, then set: a change that comes meanwhile is in one of both
        self.tracker = Tracker()
        self.tracker.smoothing = self._smoothing
        watcher = self._watcher = self._watch(source)
        watcher.whole = self._whole
        mirror = request.wishes.mirrors(address)
        # the truth of a source is not turned
        follower = Follower(self.tracker, source if judged and not mirror else None)
        session = LiveSession(source, watcher.analyze, on_update=wake, tracker=follower, mirror=mirror)
        if request.start > 0:
            session.seek(request.start)
        return session, follower

    def set_smoothing(self, value: float) -> None:
        self._smoothing = self.tracker.smoothing = value

    def set_whole(self, value: bool) -> None:
        self._whole = value
        if self._watcher is not None:
            self._watcher.whole = value

    @property
    def plan(self) -> Plan | None:
        return None if self._watcher is None else self._watcher.plan


def hold(session: LiveSession, held: bool) -> None:
    """Hold a session, or let it go on. What is held shows a frame: the first one passes where none has yet."""
    if not held:
        session.resume()
    elif not session.paused:
        session.pause()
        if session.latest() is None:
            session.let_one()
