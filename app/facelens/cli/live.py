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
from facelens.engine import Engine, open_engine
from facelens.errors import FacelensError, SourceLostError
from facelens.live import LiveSession
from facelens.livestats import LiveStats
from facelens.machine import rss_mib
from facelens.recorder import USUAL_FPS, Recorder, Recording
from facelens.runstats import Follower, Shown
from facelens.scheduler import Plan
from facelens.sources import FrameSource, Notice, Wishes, open_source
from facelens.tracking import Tracker
from facelens.types import Frame, FrameReport
from facelens.watcher import Watcher


class Watch:
    """What happens to each frame on the analysis thread: read, followed, counted, recorded.

    It is the session's ``analyze`` and its ``tracker``, so that each analysed frame passes exactly once.
    """

    def __init__(
        self, engine: Engine, source: FrameSource, record: Path | None, *, mirror: bool, every_frame: bool
    ) -> None:
        self._engine, self._source, self._record = engine, source, record
        self._watcher = Watcher(lambda: engine, source, every_frame)
        # the truth of a source is not turned
        self.follower = Follower(Tracker(), None if mirror else source)
        self.recording: Recording | None = None
        self._frame: Frame | None = None
        self._providers = engine.providers
        self.count = 0
        self.memory: float | None = None
        """What was held at the first frame, MiB."""
        self.last: FrameReport | None = None

    @property
    def plan(self) -> Plan | None:
        """What the clocks did last; None where every frame is analysed whole."""
        return self._watcher.plan

    def analyze(self, frame: Frame) -> FrameReport:
        self._frame = frame
        found = self._watcher.analyze(frame)
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
        if not self.count:
            self.memory = rss_mib()
        self.count += 1
        self.last = found
        if self._record is not None:
            self._keep(self._record, found)
        return found

    def _keep(self, path: Path, found: FrameReport) -> None:
        assert self._frame is not None
        if self.recording is None:
            # only now does the source know its rate
            fps, live = self._source.fps or USUAL_FPS, self._source.is_live
            self.recording = Recording(Recorder(path, fps, live), self._source.name, waits=not live)
        # where the recording has ended by an error, the watching goes on
        self.recording.put(self._frame, found)

    def close(self) -> None:
        """Complete the recording; once the session has stopped."""
        if self.recording is not None:
            self.recording.stop()
            self.recording.join()

    @property
    def problem(self) -> FacelensError | None:
        """Why the recording ended before its time."""
        return None if self.recording is None else self.recording.error


class Voice:
    """Tells in one line each that the source was lost, that it is back, and what is wrong with its picture."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._told: Notice | None = None
        self._since = 0.0

    def tell(self) -> None:
        """Say what is new; from any thread."""
        with self._lock:
            now, before = self._source.notice, self._told
            self._told = now
            if now is not None and (before is None or before.kind != now.kind):
                self._since = time.monotonic()
                say(f"facelens: {now}", "yellow")
            if before is not None and before.kind == "lost" and (now is None or now.kind != "lost"):
                say(f"facelens: {self._source.name} is back after {time.monotonic() - self._since:.1f} s", "green")


def run(
    address: str,
    frames: int | None,
    seconds: float | None,
    record: Path | None,
    stats: str | None,
    provider: str,
    wishes: Wishes | None = None,
    every_frame: bool = False,
    finder: str = "opencv",
) -> int:
    """Run the loop until the source ends, a limit is reached, or the user stops it; the exit code.

    A camera or stream that is lost is waited for. Figures and the recording are kept however it ends.

    Raises:
        SourceError, ModelError, UsageError: nothing could run.
        OutputError: a result cannot be written.
    """
    check_outputs(stats, record)
    if record is not None:
        Recorder(record, USUAL_FPS, live=False)  # an ending or a folder that will not do is told before the work
    wishes = wishes or Wishes()
    source = open_source(address, wishes)
    with open_engine(provider=provider, finder=finder, threads=None) as engine:
        for note in engine.notes if provider != "auto" else ():
            say(f"facelens: {note}", "yellow")
        engine.warm_up()
        mirror = wishes.mirrors(address)
        watch = Watch(engine, source, record, mirror=mirror, every_frame=every_frame)
        session, code = _watch(watch, source, frames, seconds, mirror)
        watch.close()
        live = session.stats()
        out = _figures(live, watch, engine)
    for problem in (session.error, watch.problem):
        # that the user stopped it is no problem to tell
        if problem is not None and not isinstance(problem, KeyboardInterrupt):
            say(f"facelens: {problem}", "red")
            code = code or (problem.exit_code if isinstance(problem, FacelensError) else 3)
    if watch.recording is not None and watch.recording.dropped:
        say(f"facelens: {watch.recording.dropped} frames are not in the clip: encoding was too slow", "yellow")
    missed = source.notice is not None and source.notice.kind == "lost" and (frames is None or watch.count < frames)
    if missed and code == 0:
        say(f"facelens: {source.name} had not come back at the end", "red")
        code = SourceLostError.exit_code
    if stats != "-":
        console.print(_table(watch.last, source, live, watch.plan))
    if stats is not None:
        report.write_json(stats, out)
    return code


def _watch(
    watch: Watch, source: FrameSource, frames: int | None, seconds: float | None, mirror: bool
) -> tuple[LiveSession, int]:
    """Run a session to its end; with the exit code 130 where the user stopped it."""
    news, voice = threading.Event(), Voice(source)

    def updated() -> None:
        voice.tell()
        if frames is not None and watch.count >= frames:
            session.stop()  # from here, so that not one frame more is analysed
        news.set()

    session = LiveSession(source, watch.analyze, on_update=updated, tracker=watch, mirror=mirror)
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


def _figures(live: LiveStats, watch: Watch, engine: Engine) -> dict[str, Any]:
    """The figures of a run that has stopped, in the form of ``--stats``; a result counts as shown when it is there."""
    return runstats.form(
        live,
        Shown(watch.count, live.fps_analysed, live.latency_ms),
        watch.follower,
        heartbeat=None,
        rss_mib=(watch.memory, rss_mib()),
        threads=(live.threads_started, live.threads_joined),
        providers=engine.providers,
    )


def _table(found: FrameReport | None, source: FrameSource, live: LiveStats, plan: Plan | None) -> Table:
    size = "" if source.size is None else ", {} x {}".format(*source.size)
    losses = "" if not source.losses else ", lost once" if source.losses == 1 else f", lost {source.losses} times"
    title = (
        f"{source.name}{size}: {live.frames_analysed} frames in {live.seconds:.1f} s, "
        f"{live.fps_analysed:.1f} frames/s, {live.frames_skipped} skipped, "
        f"{live.latency_ms.p50:.0f} ms from capture to result (p95 {live.latency_ms.p95:.0f} ms){losses}"
    )
    faces = () if found is None else found.faces
    # only some networks tell the expression; without one there is no column
    expression = ["expression"] if any(face.expression is not None for face in faces) else []
    columns = ("face", "apparent age", "perceived gender", "smile", *expression, "score")
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    table.title, table.title_justify = title, "left"
    if plan is not None:
        table.caption, table.caption_justify = f"at the end: {plan.words}; faces looked for in {plan.side} px", "left"
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
