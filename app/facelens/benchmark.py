"""Times networks, pipeline, live loop and other projects' pipelines on demo frames, interleaved in one run, medians of
many rounds."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens.engine import Engine
from facelens.live import LiveSession
from facelens.machine import processor
from facelens.peers import Peer
from facelens.runtime import Network
from facelens.sources import DemoSource
from facelens.tracking import Tracker
from facelens.types import Frame, FrameReport
from facelens.vision import detector

LIVE_FRAMES = 60


def _ms(work: Callable[[Frame], object], frame: Frame) -> float:
    start = time.perf_counter()
    work(frame)
    return (time.perf_counter() - start) * 1000


def _alone(network: Network, batch: npt.NDArray[np.uint8]) -> Callable[[Frame], object]:
    return lambda _: network.run(batch)


def demo_frames(size: tuple[int, int], faces: int, count: int = 8) -> list[Frame]:
    """Frames of the demo with so many faces, a third of a second apart."""
    frames = []
    with DemoSource(size=size, faces=faces, paced=False) as source:
        for index in range(count * 10):
            frame = source.read()
            if frame is not None and index % 10 == 0:
                frames.append(frame)
    return frames


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"platform": platform.platform(), "processor": processor(), "cores": os.cpu_count()}


def run(
    engine: Engine,
    faces: Sequence[int],
    size: tuple[int, int],
    rounds: int = 30,
    progress: Callable[[int, int], None] | None = None,
    peers: Sequence[Peer] = (),
) -> dict[str, Any]:
    """Medians in ms of every network alone, of the pipeline, of the live loop and of peers, per number of faces.

    One round times everything once, in turn, so that a machine that slows down slows down all alike. With peers there
    are also ratios: our pipeline and live loop to the fastest peer that gives boxes, 68 points, age and gender (in the
    same run), and what our pipeline costs beyond its networks run bare.

    Args:
        engine: opened on the provider to measure.
        faces: numbers of faces in the demo frames.
        size: (width, height) of the frames.
        peers: see ``peers.open_peers``.
    """
    sets = {n: demo_frames(size, n) for n in faces}
    jobs: dict[tuple[str, int], Callable[[Frame], object]] = {}
    for n in faces:
        jobs["pipeline", n] = partial(engine.analyze, thorough=False)
        jobs["detector", n] = lambda frame: detector.find_faces(
            engine.finder, frame.image, engine.options.detect_size, engine.options.min_confidence
        )
        for task, network in engine.networks.items():
            shape = (n, *network.spec.input, 3)
            batch = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
            jobs[task, n] = _alone(network, batch)
        for peer in peers:
            jobs[peer.name, n] = peer.analyze
    engine.warm_up()
    for key, job in jobs.items():
        job(sets[key[1]][0])
    times: dict[tuple[str, int], list[float]] = {key: [] for key in jobs}
    for index in range(rounds):
        for key, job in jobs.items():
            frame = sets[key[1]][index % len(sets[key[1]])]
            times[key].append(_ms(job, frame))
        if progress:
            progress(index + 1, rounds)
    middle = {key: median(values) for key, values in times.items()}
    names = {"detector": engine.finder.spec.name} | {t: n.spec.name for t, n in engine.networks.items()}
    label = f"{size[0]}x{size[1]}"
    networks = [
        {
            "name": names[task],
            "provider": engine.providers[names[task]],
            "batch": 1 if task == "detector" else n,
            "faces": n,
            "ms_median": round(value, 3),
        }
        for (task, n), value in middle.items()
        if task in names
    ]
    pipeline = []
    for n in faces:
        parts = sum(middle[task, n] for task in names)
        whole = middle["pipeline", n]
        pipeline.append(
            {
                "size": label,
                "faces": n,
                "ms_median": round(whole, 3),
                "sum_of_networks_ms": round(parts, 3),
                "overhead": round(whole / parts - 1, 3),
            }
        )
    live = [{"size": label, "faces": n, "ms_median": round(_live(engine, size, n), 3)} for n in faces]
    out: dict[str, Any] = {"machine": machine(), "networks": networks, "pipeline": pipeline, "live": live}
    if peers:
        out["peers"] = [
            {"name": peer.name, "faces": n, "ms_median": round(middle[peer.name, n], 3), "found": _found(peer, sets[n])}
            for n in faces
            for peer in peers
        ]
        out["ratios"] = _ratios(out, {peer.name for peer in peers if peer.full})
    return out


def _found(peer: Peer, frames: Sequence[Frame]) -> float:
    """Faces found a frame."""
    return round(sum(len(peer.analyze(frame).faces) for frame in frames) / len(frames), 2)


def _ratios(found: dict[str, Any], full: set[str]) -> dict[str, dict[str, float]]:
    out = {}
    for whole, live in zip(found["pipeline"], found["live"]):
        n = whole["faces"]
        fastest = min(row["ms_median"] for row in found["peers"] if row["faces"] == n and row["name"] in full)
        out[str(n)] = {
            "vs_fastest_full_peer": round(whole["ms_median"] / fastest, 3),
            "live_vs_fastest_full_peer": round(live["ms_median"] / fastest, 3),
            "overhead": whole["overhead"],
        }
    return out


def _live(engine: Engine, size: tuple[int, int], faces: int) -> float:
    """Milliseconds a frame of the live loop with tracking, frames drawn as fast as they are taken."""
    times: list[float] = []
    enough = threading.Event()

    def analyze(frame: Frame) -> FrameReport:
        start = time.perf_counter()
        report = engine.analyze(frame, thorough=False)
        times.append((time.perf_counter() - start) * 1000)
        if len(times) >= LIVE_FRAMES:
            enough.set()
        return report

    def look() -> None:
        # the session also calls this when it ends by an error
        if session.finished:
            enough.set()

    session = LiveSession(DemoSource(size=size, faces=faces, paced=False), analyze, on_update=look, tracker=Tracker())
    with session:
        enough.wait()
    session.raise_error()
    return median(times)
