"""``facelens live --headless``: the live loop without a window."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from rich import box
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from facelens import report, runstats
from facelens.cli.common import check_outputs, console, expression_cell, say
from facelens.cli.recorder import Recorder
from facelens.engine import Engine, open_engine
from facelens.errors import FacelensError, OutputError
from facelens.live import LiveSession, LiveStats
from facelens.machine import rss_mib
from facelens.runstats import Follower, Shown
from facelens.sources import FrameSource, open_source
from facelens.tracking import Tracker
from facelens.types import Frame, FrameReport

USUAL_FPS = 30.0


class Watch:
    """What happens to each frame on the analysis thread: read, followed, counted, recorded.

    It is the session's ``analyze`` and its ``tracker``, so that each analysed frame passes exactly once.
    """

    def __init__(self, engine: Engine, source: FrameSource, record: Path | None) -> None:
        self._engine, self._source, self._record = engine, source, record
        self.follower = Follower(Tracker(), source)
        self._recorder: Recorder | None = None
        self._frame: Frame | None = None
        self._providers = engine.providers
        self.count = 0
        self.last: FrameReport | None = None
        self.problem: OutputError | None = None

    def analyze(self, frame: Frame) -> FrameReport:
        self._frame = frame
        found = self._engine.analyze(frame, thorough=False)
        if found.providers != self._providers:
            # a card was lost, and the frame was read all the same
            for proof in self._engine.proofs:
                if proof.got != self._providers[proof.network]:
                    say(
                        f"facelens: {proof.network}: {proof.reason}; it goes on by {proof.got}. {proof.repair}",
                        "yellow",
                    )
            self._providers = found.providers
        return found

    def update(self, found: FrameReport) -> FrameReport:
        found = self.follower.update(found)
        self.count += 1
        self.last = found
        if self._record is not None and self.problem is None:
            self._keep(self._record, found)
        return found

    def _keep(self, path: Path, found: FrameReport) -> None:
        assert self._frame is not None
        try:
            if self._recorder is None:
                # only now does the source know its rate
                self._recorder = Recorder(path, self._source.fps or USUAL_FPS, self._source.is_live)
            self._recorder.add(self._frame, found, self._source.name)
        except OutputError as error:
            # the recording ends, the watching goes on
            self.problem = error

    def close(self) -> None:
        """Complete the recording; once the session has stopped."""
        try:
            if self._recorder is not None:
                self._recorder.close()
        except OutputError as error:
            self.problem = self.problem or error


def run(
    address: str, frames: int | None, seconds: float | None, record: Path | None, stats: str | None, provider: str
) -> int:
    """Run the loop until the source ends, a limit is reached, or the user stops it; the exit code.

    Figures and the recording are kept however it ends.

    Raises:
        SourceError, ModelError, UsageError: nothing could run.
        OutputError: a result cannot be written.
    """
    check_outputs(stats, record)
    if record is not None:
        Recorder(record, USUAL_FPS, live=False)  # an ending or a folder that will not do is told before the work
    source = open_source(address)
    with open_engine(provider=provider, threads=None) as engine:
        for note in engine.notes if provider != "auto" else ():
            say(f"facelens: {note}", "yellow")
        engine.warm_up()
        watch = Watch(engine, source, record)
        memory = rss_mib()
        session, code = _watch(watch, source, frames, seconds)
        watch.close()
        live = session.stats()
        out = _figures(live, watch, engine, memory)
    for problem in (session.error, watch.problem):
        if problem is not None:
            say(f"facelens: {problem}", "red")
            code = code or (problem.exit_code if isinstance(problem, FacelensError) else 3)
    if stats != "-":
        console.print(_table(watch.last, source.name, live))
    if stats is not None:
        report.write_json(stats, out)
    return code


def _watch(watch: Watch, source: FrameSource, frames: int | None, seconds: float | None) -> tuple[LiveSession, int]:
    """Run a session to its end; with the exit code 130 where the user stopped it."""
    news = threading.Event()

    def updated() -> None:
        if frames is not None and watch.count >= frames:
            session.stop()  # from here, so that not one frame more is analysed
        news.set()

    session = LiveSession(source, watch.analyze, on_update=updated, tracker=watch)
    deadline = None if seconds is None else time.monotonic() + seconds
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} frames"))
    code = 0
    try:
        with Progress(*columns, console=console, transient=True) as bar:
            session.start()
            task = bar.add_task(source.name, total=frames)
            while not session.finished:
                left = 0.2 if deadline is None else min(deadline - time.monotonic(), 0.2)
                if left <= 0:
                    break
                news.wait(left)
                news.clear()
                bar.update(task, completed=watch.count)
    except KeyboardInterrupt:
        code = 130
    finally:
        session.stop()
    return session, code


def _figures(live: LiveStats, watch: Watch, engine: Engine, memory: float | None) -> dict[str, Any]:
    """The figures of a run that has stopped, in the form of ``--stats``; a result counts as shown when it is there."""
    return runstats.form(
        live,
        Shown(watch.count, live.fps_analysed, live.latency_ms),
        watch.follower,
        heartbeat=None,
        rss_mib=(memory, rss_mib()),
        threads=(live.threads_started, live.threads_joined),
        providers=engine.providers,
    )


def _table(found: FrameReport | None, name: str, live: LiveStats) -> Table:
    title = (
        f"{name}: {live.frames_analysed} frames in {live.seconds:.1f} s, {live.fps_analysed:.1f} frames/s, "
        f"{live.frames_skipped} skipped, {live.latency_ms.p50:.0f} ms from capture to result "
        f"(p95 {live.latency_ms.p95:.0f} ms)"
    )
    faces = () if found is None else found.faces
    # only some networks tell the expression; without one there is no column
    expression = ["expression"] if any(face.expression is not None for face in faces) else []
    columns = ("face", "apparent age", "perceived gender", "smile", *expression, "score")
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    table.title, table.title_justify = title, "left"
    for face in faces:
        gender = face.gender
        table.add_row(
            str(face.track_id),
            "" if face.age is None else f"{face.age.years:.0f} ({face.age.low:.0f}–{face.age.high:.0f})",
            "" if gender is None else gender.label if gender.sure else "not sure",
            "" if face.smile is None else f"{face.smile:.0%}",
            *(expression_cell(face.expression) for _ in expression),
            "" if face.score is None else f"{face.score.value:.0f}",
        )
    return table
