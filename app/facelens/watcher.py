"""Analyses the frames of any source as that source asks for."""

from __future__ import annotations

from collections.abc import Callable

from facelens.engine import Engine
from facelens.scheduler import Plan, Scheduler
from facelens.sources import FrameSource
from facelens.types import Frame, FrameReport
from facelens.vision.gaze import Gaze


class Watcher:
    """Analyses the frames of one source: those of a live one on separate clocks, those of a clip or of pictures, of
    which each counts, whole.

    Called by one thread, with frames in order.

    Args:
        engine: the engine of the moment; where it is another one, the clocks begin anew.
        source: looked at from the first frame on.
        whole: every frame whole, whatever the source; may be set from any thread.
    """

    def __init__(self, engine: Callable[[], Engine], source: FrameSource, whole: bool = False) -> None:
        self._engine, self._source, self.whole = engine, source, whole
        self._scheduler: Scheduler | None = None
        self._gaze = Gaze(0)

    @property
    def plan(self) -> Plan | None:
        """What the clocks do now; None where every frame is analysed whole. From any thread."""
        scheduler = self._scheduler
        return None if scheduler is None else scheduler.plan

    def analyze(self, frame: Frame) -> FrameReport:
        """The report of the next frame.

        Raises:
            PictureError, ProviderError: see ``Engine.analyze``; also what ``engine`` raises.
        """
        engine = self._engine()
        if self.whole or not self._source.is_live or "landmarks" not in engine.networks:
            self._scheduler = None
            # one picture of a folder says nothing about the next, and of a clip every frame counts
            gaze = self._gaze if self._source.is_live else None
            if gaze and gaze.full != engine.options.detect_size:
                gaze = self._gaze = Gaze(engine.options.detect_size)
            return engine.analyze(frame, thorough=False, gaze=gaze)
        if self._scheduler is None or self._scheduler.engine is not engine:
            self._scheduler = Scheduler(engine)
        return self._scheduler.analyze(frame)
