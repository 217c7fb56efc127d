"""Work off the window's thread: tasks that report by signals, and a coalesced pulse from other threads."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot

from facelens.errors import FacelensError

log = logging.getLogger(__name__)


class UnexpectedError(FacelensError):
    """A fault of Facelens itself, worded so that it can be shown."""


def as_shown(error: BaseException, doing: str) -> FacelensError:
    """``error`` itself if it is one of the named errors, else a sentence around it. ``doing`` starts "Could not"."""
    if isinstance(error, FacelensError):
        return error
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    remedy = QCoreApplication.translate("errors", "Try again; if it comes back, report this sentence as a fault")
    return UnexpectedError(doing, cause, remedy)


class Pulse(QObject):
    """Says "look again" from any thread. Carries nothing, and never has more than one call waiting."""

    fired = Signal()
    _posted = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting = threading.Event()
        self._open = True
        self._posted.connect(self._deliver)

    def poke(self) -> None:
        """Ask for one ``fired`` on the thread this object lives in; called from any thread."""
        if self._open and not self._waiting.is_set():
            self._waiting.set()
            self._posted.emit()

    def mute(self) -> None:
        """No pulse from now on."""
        self._open = False

    @Slot()
    def _deliver(self) -> None:
        # cleared first: a poke that comes while the receiver looks must lead to another look
        self._waiting.clear()
        if self._open:
            self.fired.emit()


class Task(QObject):
    """One call in a thread of its own: ``started``, then ``returned`` or ``errored``, then ``finished``."""

    started = Signal()
    returned = Signal(object)
    errored = Signal(object)
    finished = Signal()
    _ended = Signal(object, object)

    def __init__(self, work: Callable[[], Any], name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work
        self._muted = False
        self._ended.connect(self._report)
        # a daemon only so that a driver that never answers cannot keep the process alive; close() joins
        self.thread_ = threading.Thread(target=self._run, name=f"facelens-{name}", daemon=True)

    def start(self) -> None:
        self.started.emit()
        self.thread_.start()

    def mute(self) -> None:
        """Let the call end, and say nothing of it."""
        self._muted = True

    def _run(self) -> None:
        value, error = None, None
        try:
            value = self._work()
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it is delivered and shown
            error = raised
        if not self._muted:
            self._ended.emit(value, error)

    @Slot(object, object)
    def _report(self, value: object, error: BaseException | None) -> None:
        if not self._muted:
            if error is None:
                self.returned.emit(value)
            else:
                log.warning("%s: %s", self.thread_.name, error, exc_info=not isinstance(error, FacelensError) and error)
                self.errored.emit(error)
        self.finished.emit()


class Tasks(QObject):
    """Starts tasks and joins them all."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: set[Task] = set()
        self._closed = False
        self.started = 0
        """Threads started so far."""

    def run(
        self,
        work: Callable[[], Any],
        returned: Callable[[Any], None],
        errored: Callable[[BaseException], None],
        name: str,
    ) -> None:
        """Call ``work()`` in a thread; ``returned(value)`` or ``errored(exception)`` follows on this thread."""
        if self._closed:
            return
        task = Task(work, name, self)
        task.returned.connect(returned)
        task.errored.connect(errored)
        task.finished.connect(lambda: self._forget(task))
        self._running.add(task)
        self.started += 1
        task.start()

    def alive(self) -> int:
        """Threads that have not ended."""
        return sum(task.thread_.is_alive() for task in self._running)

    def _forget(self, task: Task) -> None:
        self._running.discard(task)
        task.deleteLater()

    def close(self, timeout: float) -> bool:
        """Take no more work, wait ``timeout`` seconds at most; False where a thread still runs."""
        self._closed = True
        deadline = time.monotonic() + timeout
        for task in self._running:
            task.mute()
        for task in self._running:
            task.thread_.join(max(0.0, deadline - time.monotonic()))
        return not self.alive()
