"""A live session: one thread reads a source, another analyses the newest frame, and whoever shows it looks in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Self

from facelens.errors import UsageError
from facelens.handoff import HandOff
from facelens.liveresult import Follows as Follows
from facelens.liveresult import LiveResult as LiveResult
from facelens.livestats import LiveStats, Tally
from facelens.sources import FrameSource, mirrored
from facelens.types import Frame, FrameReport

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0
"""Longer than any source lets a read wait (a network stream: 3 s)."""


class LiveSession:
    """Reads ``source`` and analyses its frames until it ends, fails or is stopped. Used once.

    The capture thread reads, the analysis thread calls ``analyze`` (and ``tracker.update``) and publishes. Of a live
    source the newest frame is analysed and older ones are counted as skipped. Of any other source every frame is
    analysed, and reading waits for the analysis. At most one frame waits and one is being analysed.

    Args:
        source: not yet opened; the session closes it, whatever happens.
        analyze: frame -> report; only called from the analysis thread.
        on_update: called from the analysis thread after each new result and once at the end, whatever ended the
            session, and from the capture thread where the source has a new ``notice``; it says that there is news and
            carries nothing. It should return at once.
        tracker: gives faces their ids over time; only used by the analysis thread.
        mirror: turn every frame left to right before anyone sees it, so that what is read lies on what is shown.
    """

    def __init__(
        self,
        source: FrameSource,
        analyze: Callable[[Frame], FrameReport],
        *,
        on_update: Callable[[], None] | None = None,
        tracker: Follows | None = None,
        mirror: bool = False,
    ) -> None:
        self.source = source
        self.mirror = mirror
        """May be changed at any time, from any thread."""
        self._analyze, self._on_update, self._tracker = analyze, on_update, tracker
        self._hand_off = HandOff()
        self._stopping = threading.Event()
        self._finished = threading.Event()
        self._paused = threading.Event()
        self._lock = threading.Lock()
        self._wanted: float | None = None
        self._error: BaseException | None = None
        self._result: LiveResult | None = None
        self._tally = Tally()
        self._threads: tuple[threading.Thread, ...] = ()
        self._opened = False

    def open(self) -> None:
        """Open the source, on the calling thread; for who has something else to wait for before ``start``.

        Raises:
            SourceError: the source cannot be opened; the session has ended.
            RuntimeError: the session was opened before.
        """
        if self._opened or self._finished.is_set():
            raise RuntimeError("a live session is started once only; make a new one")
        self._opened = True
        self.source.on_notice = self._on_update
        try:
            self.source.open()
        except BaseException as error:
            self._fail(error)
            self._end()
            self.source.close()
            raise

    def start(self) -> None:
        """Open the source, if that has not been done, on the calling thread, and start both threads.

        Raises:
            SourceError: the source cannot be opened; no thread was started.
            RuntimeError: the session was started before.
        """
        if self._threads or self._finished.is_set():
            raise RuntimeError("a live session is started once only; make a new one")
        if not self._opened:
            self.open()
        self._tally.begin()
        # daemons only so that a driver that never answers cannot keep the process alive; stop() joins them
        self._threads = (
            threading.Thread(target=self._capture, name="facelens-capture", daemon=True),
            threading.Thread(target=self._work, name="facelens-analysis", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> tuple[str, ...]:
        """End the session and join its threads; harmless when repeated, or before ``start``.

        Args:
            timeout: seconds for both threads together.

        Returns:
            The names of threads that still run, in a driver or in ``analyze``; empty after a clean stop. A thread that
            hung is also logged, and is the session's ``error`` where there was none before.
        """
        self._stopping.set()
        self._hand_off.drop()
        self.source.interrupt()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0.0))
        if not self._threads:
            if self._opened and not self._finished.is_set():
                self.source.close()
            self._end()
        hung = tuple(t.name for t in self._threads if t.is_alive() and t is not threading.current_thread())
        if hung:
            error = TimeoutError(f"{' and '.join(hung)} did not end within {timeout:g} s")
            log.error("live session of %s: %s", self.source.name, error)
            self._fail(error)
        return hung

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session has ended by itself or was stopped; False where it still runs after ``timeout`` s."""
        return self._finished.wait(timeout)

    def pause(self) -> None:
        """Hold the analysis; a frame in work is finished. A live source reads on, any other waits."""
        self._paused.set()
        self._hand_off.hold(True)

    def resume(self) -> None:
        self._paused.clear()
        self._hand_off.hold(False)

    def let_one(self) -> None:
        """Let the next frame through even in a pause, to be analysed and then held; also before ``start``."""
        self._hand_off.let_one()

    def seek(self, seconds: float) -> None:
        """Go on at ``seconds`` from the start of a source that has a ``duration``; of several only the newest counts.

        In a pause the frame there is analysed, and then held. A clip that was read to its end goes on as well, until
        its last frame was analysed and no pause holds it: then the session has ended, and nothing happens.

        Raises:
            UsageError: the source has no duration. (Before ``start`` that is not known yet; the wish is then ignored.)
        """
        if self._threads and self.source.duration is None:
            what = f"{self.source.name} has no other place to go to"
            raise UsageError(what, "it is not a clip", "Use a clip in a file")
        with self._lock:
            self._wanted = None if self._finished.is_set() else seconds
        self._hand_off.flush()

    @property
    def position(self) -> float:
        """Seconds from the start: of the newest frame, or where it was asked to go."""
        wanted = self._wanted
        return self.source.position if wanted is None else wanted

    @property
    def paused(self) -> bool:
        return self._paused.is_set()

    @property
    def finished(self) -> bool:
        """No further result will come: the source ended, something failed, or the session was stopped."""
        return self._finished.is_set()

    @property
    def error(self) -> BaseException | None:
        """The first exception of either thread, or of ``start``."""
        with self._lock:
            return self._error

    def raise_error(self) -> None:
        """Raise ``error`` if there is one."""
        error = self.error
        if error is not None:
            raise error

    def latest(self) -> LiveResult | None:
        """The newest result; it stays after the end."""
        with self._lock:
            return self._result

    def stats(self) -> LiveStats:
        return self._tally.stats(self._hand_off.replaced, self._threads)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _capture(self) -> None:
        try:
            while not self._stopping.is_set():
                self._go_where_wanted()
                frame = self.source.read()
                if frame is None:
                    if self._goes_back():
                        continue
                    break
                self._tally.captured()
                if self.mirror:
                    frame = mirrored(frame)
                if not self._hand_off.put(frame, wait=not self.source.is_live, unless=lambda: self._wanted is not None):
                    break
        except BaseException as error:  # noqa: BLE001 - kept, delivered by the analysis thread and re-raisable
            self._fail(error)
        finally:
            try:
                self.source.close()
            except BaseException as error:  # noqa: BLE001 - a driver that fails to close is news like any other
                self._fail(error)
            self._hand_off.complete()

    def _goes_back(self) -> bool:
        """At the end: whether a seek comes before all is shown."""
        if self.source.duration is None:
            return False
        self._hand_off.drained(unless=lambda: self._wanted is not None)
        return self._wanted is not None and not self._stopping.is_set()

    def _go_where_wanted(self) -> None:
        wanted = self._wanted
        if wanted is not None:
            if self.source.duration is not None:
                self.source.seek(wanted)
            with self._lock:
                # a newer wish, made meanwhile, stays
                self._wanted = None if self._wanted == wanted else self._wanted
            self._hand_off.let_one()

    def _work(self) -> None:
        try:
            while (frame := self._hand_off.take()) is not None:
                report = replace(self._analyze(frame), moment=frame.moment)
                if self._tracker is not None:
                    report = self._tracker.update(report)
                self._publish(frame, report)
                if self._on_update is not None:
                    self._on_update()
        except BaseException as error:  # noqa: BLE001 - kept, delivered below and re-raisable
            self._fail(error)
        finally:
            # where the analysis failed, reading ends too
            self._stopping.set()
            self._hand_off.drop()
            self.source.interrupt()
            self._end()
            if self._on_update is not None:
                try:
                    self._on_update()
                except BaseException as error:  # noqa: BLE001 - kept like the others
                    self._fail(error)

    def _publish(self, frame: Frame, report: FrameReport) -> None:
        now = time.monotonic()
        with self._lock:
            self._result = result = LiveResult(frame, report, now)
        self._tally.analysed(now, result.latency_ms)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            first = self._error is None
            if first:
                self._error = error
        if not first:
            # the first one usually explains the rest
            log.error("live session of %s: a further failure", self.source.name, exc_info=error)

    def _end(self) -> None:
        self._tally.end()
        with self._lock:
            self._finished.set()
            self._wanted = None
