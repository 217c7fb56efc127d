"""``facelens live --headless``: the live loop without a window."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from rich import box
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from facelens import report
from facelens.cli.common import check_outputs, console, expression_cell, say
from facelens.cli.recorder import Recorder
from facelens.engine import Engine, open_engine
from facelens.errors import FacelensError, OutputError, SourceLostError
from facelens.live import LiveSession
from facelens.sources import FrameSource, Notice, Wishes, open_source
from facelens.tracking import Tracker
from facelens.types import Frame, FrameReport

USUAL_FPS = 30.0


def rss_mib() -> float | None:
    """Memory of this process in MiB, where the system tells."""
    if not sys.platform.startswith("linux"):
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


class Watch:
    """What happens to each frame on the analysis thread: read, followed, counted, recorded.

    It is the session's ``analyze`` and its ``tracker``, so that each analysed frame passes exactly once.
    """

    def __init__(self, engine: Engine, source: FrameSource, record: Path | None) -> None:
        self._engine, self._source, self._record = engine, source, record
        self._tracker = Tracker()
        self._recorder: Recorder | None = None
        self._frame: Frame | None = None
        self.count = 0
        self.last: FrameReport | None = None
        self.problem: OutputError | None = None

    def analyze(self, frame: Frame) -> FrameReport:
        self._frame = frame
        return self._engine.analyze(frame, thorough=False)

    def update(self, found: FrameReport) -> FrameReport:
        found = self._tracker.update(found)
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
    with open_engine(provider=provider) as engine:
        for note in engine.notes if provider != "auto" else ():
            say(f"facelens: {note}", "yellow")
        engine.warm_up()
        watch = Watch(engine, source, record)
        memory = rss_mib()
        session, code = _watch(watch, source, frames, seconds, wishes.mirrors(address))
        watch.close()
        out = _figures(session, watch, source, engine, memory)
    for problem in (session.error, watch.problem):
        if problem is not None:
            say(f"facelens: {problem}", "red")
            code = code or (problem.exit_code if isinstance(problem, FacelensError) else 3)
    missed = source.notice is not None and source.notice.kind == "lost" and (frames is None or watch.count < frames)
    if missed and code == 0:
        say(f"facelens: {source.name} had not come back at the end", "red")
        code = SourceLostError.exit_code
    if stats != "-":
        console.print(_table(watch.last, out))
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


def _figures(
    session: LiveSession, watch: Watch, source: FrameSource, engine: Engine, memory: float | None
) -> dict[str, Any]:
    """The figures of a run that has stopped, in the form of ``--stats``."""
    stats = session.stats()
    latency = stats.latency_ms
    return {
        "source": source.name,
        "size": source.size,
        "mirrored": session.mirror,
        "losses": source.losses,
        "seconds": round(stats.seconds, 3),
        "fps_captured": round(stats.fps_captured, 2),
        "fps_shown": round(stats.fps_analysed, 2),
        "latency_ms": {name: round(getattr(latency, name), 2) for name in ("p50", "p95", "p99")},
        "frames": {
            "captured": stats.frames_captured,
            "analysed": stats.frames_analysed,
            "shown": watch.count,
            "skipped": stats.frames_skipped,
        },
        "threads": {"started": stats.threads_started, "joined": stats.threads_joined},
        "providers": dict(engine.providers),
        "rss_mib": {"start": memory, "end": rss_mib()},
    }


def _table(found: FrameReport | None, out: dict[str, Any]) -> Table:
    frames, latency = out["frames"], out["latency_ms"]
    size = "" if out["size"] is None else ", {} x {}".format(*out["size"])
    title = (
        f"{out['source']}{size}: {frames['analysed']} frames in {out['seconds']:.1f} s, "
        f"{out['fps_shown']:.1f} frames/s, {frames['skipped']} skipped, "
        f"{latency['p50']:.0f} ms from capture to result (p95 {latency['p95']:.0f} ms)"
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
