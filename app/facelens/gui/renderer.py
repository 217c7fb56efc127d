"""Paints the newest result of a session in a thread of its own. No widgets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from facelens.gui.scene import Scene
from facelens.live import LiveResult, LiveSession

log = logging.getLogger(__name__)


class Renderer:
    """Takes the newest result whenever it is woken, paints it, and says so. What comes meanwhile is left out.

    Args:
        session: the session that runs, or None; called from the renderer's thread.
        on_news: called from the renderer's thread after each wake, whether there was something to paint or not.

    Attributes:
        paint: result -> scene, None where the view paints by itself; called from the renderer's thread.
        thread: runs until ``close``.
        drop: a scene that nobody took; called from the renderer's thread.
        seen: session and result that are shown from now on; called from the renderer's thread, should return at once.
    """

    def __init__(self, session: Callable[[], LiveSession | None], on_news: Callable[[], None]) -> None:
        self._running, self._on_news = session, on_news
        self.paint: Callable[[LiveResult], Scene | None] = lambda _: None
        self.drop: Callable[[Scene], None] = lambda _: None
        self.seen: Callable[[LiveSession, LiveResult], None] = lambda _, __: None
        self._changed = threading.Condition()
        self._woken = self._closed = self._failed = False
        self._fault: Exception | None = None
        self._session: LiveSession | None = None
        self._result: LiveResult | None = None
        self._scene: Scene | None = None
        self.thread = threading.Thread(target=self._run, name="facelens-render", daemon=True)
        self.thread.start()

    def wake(self) -> None:
        """There may be a new result; from any thread, and returns at once."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def take(self, session: LiveSession) -> tuple[LiveResult, Scene | None] | None:
        """The newest painted result of ``session``. A scene is given out once, to be kept: it is nobody else's."""
        with self._changed:
            if self._result is None or self._session is not session:
                return None
            scene, self._scene = self._scene, None
            return self._result, scene

    def close(self, timeout: float) -> bool:
        """End the thread; False where it still runs after ``timeout`` s."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self.thread.join(timeout)
        return not self.thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._woken or self._closed)
                if self._closed:
                    return
                self._woken = False
            session = self._running()
            result = session.latest() if session is not None else None
            if session is not None and result is not None and result is not self._result:
                self._show(session, result)
            self._on_news()

    def _show(self, session: LiveSession, result: LiveResult) -> None:
        scene = self._painted(result)
        with self._changed:
            left, self._scene = self._scene, scene
            self._session, self._result = session, result
        if left is not None:
            self.drop(left)
        try:
            self.seen(session, result)
        except Exception as error:  # noqa: BLE001 - kept, and told once by who asks for the fault
            self._keep(error)

    def _painted(self, result: LiveResult) -> Scene | None:
        try:
            return self.paint(result)
        except Exception as error:  # noqa: BLE001 - kept, and told once; the view paints by itself meanwhile
            self._keep(error)
            return None

    def _keep(self, error: Exception) -> None:
        with self._changed:
            first = not self._failed
            self._failed = True
            self._fault = error if first else self._fault
        if first:
            # the next frame fails as well: once is enough
            log.error("a frame cannot be shown as it should", exc_info=error)

    def fault(self) -> Exception | None:
        """The first failure of ``paint`` or ``seen``, given out once; the frames go on."""
        with self._changed:
            fault, self._fault = self._fault, None
            return fault
