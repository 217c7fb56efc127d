"""Opens the engine off the window's thread, and changes it under a running session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from facelens.engine import Engine
from facelens.errors import FacelensError, ModelError
from facelens.gui.worker import Tasks, as_shown
from facelens.options import EngineOptions
from facelens.runtime import Proof
from facelens.sources import FrameSource
from facelens.types import Frame, FrameReport
from facelens.watcher import Watcher


class EngineRoom(QObject):
    """Holds the engine in use. ``study`` and what ``watch`` gives may be used from any thread once
    ``ready`` has fired."""

    opening = Signal()
    ready = Signal()
    failed = Signal(object)
    """Carries the FacelensError that kept the networks from opening."""

    def __init__(
        self,
        open_engine: Callable[[EngineOptions], Engine],
        options: EngineOptions,
        tasks: Tasks,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._open_engine, self._tasks = open_engine, tasks
        self.options = options
        self._engine: Engine | None = None
        self.has_opened = False
        """The networks have opened once, also after ``close``."""
        self._closed_on: Mapping[str, str] = {}
        self._turn = 0

    @property
    def is_ready(self) -> bool:
        return self._engine is not None

    @property
    def providers(self) -> Mapping[str, str]:
        """The provider each network really got, by network, also after ``close``; empty before ``ready``."""
        return self._engine.providers if self._engine is not None else self._closed_on

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """What each network was asked to run on, what it got, and how fast that is; empty before ``ready``."""
        return self._engine.proofs if self._engine is not None else ()

    @property
    def notes(self) -> tuple[str, ...]:
        return self._engine.notes if self._engine is not None else ()

    def watch(self, source: FrameSource) -> Watcher:
        """Who analyses the frames of a source, always by the engine of the moment; raises ModelError without one."""
        return Watcher(self._in_use, source)

    def study(self, frame: Frame) -> FrameReport:
        """The report of a single picture, whose faces are searched for thoroughly.

        Raises:
            ModelError: the networks are not open.
        """
        return self._in_use().analyze(frame, thorough=True)

    def _in_use(self) -> Engine:
        engine = self._engine
        if engine is None:
            raise ModelError("The picture cannot be read", "the networks are not open", "Wait until they are open")
        return engine

    def open(self, provider: str | None = None, finder: str | None = None) -> None:
        """Open the networks, or open them anew on another provider or finder (see ``EngineOptions``); until they are
        open, and where they do not open, the old ones go on."""
        self.options = replace(
            self.options, provider=provider or self.options.provider, finder=finder or self.options.finder
        )
        options, self._turn = self.options, self._turn + 1
        turn = self._turn

        def work() -> Engine:
            engine = self._open_engine(options)
            engine.warm_up()
            return engine

        def returned(engine: Engine) -> None:
            # the older engine is closed when its last analysis lets go of it
            if turn == self._turn:
                self._engine, self.has_opened = engine, True
                engine.set_score(self.options.preset, self.options.weights)
                self.ready.emit()

        def errored(error: BaseException) -> None:
            if turn == self._turn:
                self.failed.emit(self._worded(error))

        self.opening.emit()
        self._tasks.run(work, returned, errored, "open-engine")

    def set_score(self, preset: str, weights: Mapping[str, float] | None) -> None:
        """Change the rule of the face score from the next frame on."""
        self.options = replace(self.options, preset=preset, weights=weights)
        if self._engine is not None:
            self._engine.set_score(preset, weights)

    def close(self) -> None:
        """Let go of the networks; call it after everything that analyses has stopped."""
        engine, self._engine = self._engine, None
        if engine is not None:
            self._closed_on = engine.providers
            engine.close()

    def _worded(self, error: BaseException) -> FacelensError:
        return as_shown(error, self.tr("Could not open the networks"))
