"""Times networks, pipeline, live loop and other projects' pipelines on demo frames, interleaved in one run, medians of
many rounds."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean, median
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens.engine import Engine
from facelens.machine import processor
from facelens.peers import Peer
from facelens.runtime import Network
from facelens.scheduler import Scheduler
from facelens.sources import DemoSource
from facelens.tracking import Tracker
from facelens.types import Frame
from facelens.vision import detector
from facelens.vision.gaze import Gaze

LIVE_FPS = 30
"""A round of the live loop is one second of a camera of this rate."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is timed: ``kind`` is "pipeline", "live", the task of a network, or "peer:NAME"."""

    kind: str
    provider: str
    size: tuple[int, int]
    faces: int

    @property
    def label(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"


def _ms(work: Callable[[Frame], object], frames: Sequence[Frame], turn: int) -> float:
    frame = frames[turn % len(frames)]
    start = time.perf_counter()
    work(frame)
    return (time.perf_counter() - start) * 1000


def _alone(network: Network, batch: npt.NDArray[np.uint8]) -> Callable[[Frame], object]:
    return lambda _: network.run(batch)


class LiveSecond:
    """The live loop, analysis and tracking, on the frames that a camera of ``LIVE_FPS`` would give: a second a call.

    A call gives the milliseconds of work a frame of that second took on average, drawing the frames not included: what
    seldom runs counts with its share.
    """

    def __init__(self, engine: Engine, size: tuple[int, int], faces: int) -> None:
        self._source = DemoSource(size=size, faces=faces, fps=LIVE_FPS, paced=False)
        self._source.open()
        self._scheduler, self._tracker = Scheduler(engine), Tracker()

    def __call__(self, _turn: int) -> float:
        spent = 0.0
        for _ in range(LIVE_FPS):
            drawn = self._source.read()
            assert drawn is not None
            frame = Frame(drawn.image, drawn.index, drawn.index / LIVE_FPS)
            start = time.perf_counter()
            self._tracker.update(self._scheduler.analyze(frame))
            spent += time.perf_counter() - start
        return spent * 1000 / LIVE_FPS


class EveryFrame:
    """Every network on every frame, as ``live --every-frame`` runs them: a call is a frame of a camera of
    ``LIVE_FPS``."""

    def __init__(self, engine: Engine, frames: Sequence[Frame]) -> None:
        self._engine, self._frames = engine, frames
        self.gaze = Gaze(engine.options.detect_size)
        self.found: list[int] = []
        """Faces of each frame so far."""
        self.sides: list[int] = []
        """Longest side in px of what the detector saw of each."""

    def __call__(self, turn: int) -> float:
        frame = self._frames[turn % len(self._frames)]
        start = time.perf_counter()
        report = self._engine.analyze(Frame(frame.image, turn, turn / LIVE_FPS), thorough=False, gaze=self.gaze)
        spent = (time.perf_counter() - start) * 1000
        self.found.append(len(report.faces))
        self.sides.append(min(self.gaze.side, max(frame.width, frame.height)))
        return spent


def demo_frames(size: tuple[int, int], faces: int, count: int = 12) -> list[Frame]:
    """Frames of the demo with so many faces, a tenth of a second apart, there and back again: those that follow each
    other are always neighbours."""
    frames = []
    with DemoSource(size=size, faces=faces, fps=LIVE_FPS, paced=False) as source:
        for index in range(count * 3):
            frame = source.read()
            if frame is not None and index % 3 == 0:
                frames.append(frame)
    return frames + frames[-2:0:-1]


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"platform": platform.platform(), "processor": processor(), "cores": os.cpu_count()}


def run(
    engines: Mapping[str, Engine],
    faces: Sequence[int],
    sizes: Sequence[tuple[int, int]],
    rounds: int = 30,
    progress: Callable[[int, int], None] | None = None,
    peers: Sequence[Peer] = (),
) -> dict[str, Any]:
    """Medians in ms of every network alone, of the pipeline, of the live loop and of peers.

    One round times everything once, in turn, so that a machine that slows down slows down all alike. With peers there
    are also ratios: our pipeline and live loop to the fastest peer that gives boxes, 68 points, age and gender (in the
    same run), and what our pipeline costs beyond its networks run bare; of the first provider, at the first size.

    Args:
        engines: by the name of the provider that they were opened on.
        faces: numbers of faces in the demo frames.
        sizes: (width, height) of the frames.
        peers: see ``peers.open_peers``.
    """
    jobs: dict[Case, Callable[[int], float]] = {}
    sets = {(size, n): demo_frames(size, n) for size in sizes for n in faces}
    for (size, n), frames in sets.items():
        for provider, engine in engines.items():
            jobs |= _own(engine, provider, size, n, frames)
        for peer in peers:
            jobs[Case(f"peer:{peer.name}", "cpu", size, n)] = partial(_ms, peer.analyze, frames)
    for engine in engines.values():
        engine.warm_up()
    for job in jobs.values():
        # the first second of the live loop is that of somebody new
        job(0)
    times: dict[Case, list[float]] = {case: [] for case in jobs}
    for turn in range(rounds):
        for case, job in jobs.items():
            times[case].append(job(turn))
        if progress:
            progress(turn + 1, rounds)
    middle = {case: median(values) for case, values in times.items()}
    out: dict[str, Any] = {"machine": machine(), **_rows(engines, middle, jobs)}
    if peers:
        out["peers"] = [
            {
                "name": peer.name,
                "size": f"{size[0]}x{size[1]}",
                "faces": n,
                "ms_median": round(middle[Case(f"peer:{peer.name}", "cpu", size, n)], 3),
                "found": _found(peer, frames),
            }
            for (size, n), frames in sets.items()
            for peer in peers
        ]
        first = Case("pipeline", next(iter(engines)), sizes[0], 0)
        out["ratios"] = _ratios(out, first, {peer.name for peer in peers if peer.full})
    return out


def _own(
    engine: Engine, provider: str, size: tuple[int, int], n: int, frames: Sequence[Frame]
) -> dict[Case, Callable[[int], float]]:
    every = EveryFrame(engine, frames)

    def find(frame: Frame) -> object:
        """As closely as the pipeline looked last, so that the sum of the networks is that of its own."""
        return detector.find_faces(engine.finder, frame.image, every.gaze.side, engine.options.min_confidence)

    jobs: dict[Case, Callable[[int], float]] = {
        Case("pipeline", provider, size, n): every,
        Case("live", provider, size, n): LiveSecond(engine, size, n),
        Case("detector", provider, size, n): partial(_ms, find, frames),
    }
    for task, network in engine.networks.items():
        batch = np.random.default_rng(0).integers(0, 256, (n, *network.spec.input, 3), np.uint8)
        jobs[Case(task, provider, size, n)] = partial(_ms, _alone(network, batch), frames)
    return jobs


def _rows(
    engines: Mapping[str, Engine], middle: Mapping[Case, float], jobs: Mapping[Case, Callable[[int], float]]
) -> dict[str, list[dict[str, Any]]]:
    networks, pipeline, live = [], [], []
    for case, value in middle.items():
        where = {"provider": case.provider, "size": case.label, "faces": case.faces}
        if case.kind == "pipeline":
            tasks = ("detector", *engines[case.provider].networks)
            parts = sum(middle[Case(task, case.provider, case.size, case.faces)] for task in tasks)
            told: dict[str, Any] = {"ms_median": round(value, 3), "sum_of_networks_ms": round(parts, 3)}
            every = jobs[case]
            assert isinstance(every, EveryFrame)
            told |= {"found": round(mean(every.found), 2), "detector_px": round(median(every.sides))}
            pipeline.append(where | told | {"overhead": round(value / parts - 1, 3)})
        elif case.kind == "live":
            live.append(where | {"ms_median": round(value, 3)})
        elif not case.kind.startswith("peer:"):
            engine = engines[case.provider]
            spec = engine.finder.spec if case.kind == "detector" else engine.networks[case.kind].spec
            batch = 1 if case.kind == "detector" else case.faces
            told = {"name": spec.name, "batch": batch, "ms_median": round(value, 3)}
            # what really runs it, which for the detector is never a card
            networks.append(where | told | {"provider": engine.providers[spec.name]})
    return {"networks": networks, "pipeline": pipeline, "live": live}


def _found(peer: Peer, frames: Sequence[Frame]) -> float:
    """Faces found a frame."""
    return round(sum(len(peer.analyze(frame).faces) for frame in frames) / len(frames), 2)


def _ratios(found: dict[str, Any], first: Case, full: set[str]) -> dict[str, dict[str, float]]:
    def chosen(kind: str) -> list[dict[str, Any]]:
        return [row for row in found[kind] if (row["provider"], row["size"]) == (first.provider, first.label)]

    out = {}
    for whole, live in zip(chosen("pipeline"), chosen("live")):
        n = whole["faces"]
        rows = [
            row for row in found["peers"] if (row["faces"], row["size"]) == (n, first.label) and row["name"] in full
        ]
        fastest = min(row["ms_median"] for row in rows)
        out[str(n)] = {
            "vs_fastest_full_peer": round(whole["ms_median"] / fastest, 3),
            "live_vs_fastest_full_peer": round(live["ms_median"] / fastest, 3),
            "overhead": whole["overhead"],
        }
    return out
