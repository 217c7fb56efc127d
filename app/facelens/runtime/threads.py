"""How many CPU threads a network is fastest with on this machine: measured once, and kept until the machine changes.

The kept file names the machine (processor, cores, system, version of ONNX Runtime) and each network's sha256; where
any of them differs, it is measured anew.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from facelens import machine
from facelens.errors import OutputError
from facelens.files import write_bytes
from facelens.registry import ModelSpec
from facelens.runtime.session import ORT_ERRORS, cpu_session

VARIABLE = "FACELENS_THREADS"
"""Environment variable with a number that takes the place of the self-test."""
SECONDS = 0.7
"""Time for measuring all networks together; what was found until then counts."""
WORTH = 0.7
"""More threads are taken where they save three tenths: capture, detector and painting want the cores too, and two
threads on one core that runs both save less."""
BATCHES = (1, 5)
DETECTOR_SHAPE = (1, 3, 384, 640)
"""Of a camera's frame as the detector gets it."""
FAILS: tuple[type[Exception], ...] = (OSError, *ORT_ERRORS)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """The threads of one network; ``ms``: for each number tried, the time of a batch of 1 and one of 5 together."""

    threads: int
    ms: Mapping[int, float]


def counts(cores: int) -> tuple[int, ...]:
    """The numbers of threads to try on so many cores: 1, 2, 4, ... and all of them."""
    tried = [2**power for power in range(cores.bit_length()) if 2**power < cores]
    return (*tried, cores)


def climb(
    compare: Callable[[int, int], tuple[float, float]], numbers: Sequence[int], over: Callable[[], bool]
) -> Choice:
    """Go up through ``numbers`` while each step is worth it.

    Args:
        compare: two numbers of threads -> ms of each, measured side by side, so that a machine that slows down slows
            down both.
        over: there is no time for another step.
    """
    best, ms = numbers[0], dict[int, float]()
    for number in numbers[1:]:
        if over():
            break
        before, after = compare(best, number)
        ms[best], ms[number] = min(before, ms.get(best, before)), after
        if after > WORTH * before:
            break
        best = number
    return Choice(best, ms)


def kept_file() -> Path:
    """Where the choices are kept."""
    return machine.cache_folder() / "threads.json"


def forget_threads() -> None:
    """Drop what is kept, so that the next choice is measured anew; not where the environment takes its place."""
    if not _forced():
        with contextlib.suppress(OSError):
            kept_file().unlink(missing_ok=True)


def _forced() -> int:
    """The number that the environment gives, 0 for none."""
    given = os.environ.get(VARIABLE, "")
    return int(given) if given.isdigit() else 0


def choose_threads(specs: Sequence[ModelSpec]) -> dict[str, Choice]:
    """The kept choice of each network by name, measured now where there is none.

    A network that does not open gets one thread: who opens it next tells why.
    """
    if forced := _forced():
        return {spec.name: Choice(forced, {}) for spec in specs}
    kept = _kept()
    missing = [spec for spec in specs if cpu_sha256(spec) not in kept]
    deadline = time.monotonic() + SECONDS
    for place, spec in enumerate(missing):
        # each network its share of the time that is left
        share = time.monotonic() + (deadline - time.monotonic()) / (len(missing) - place)
        try:
            kept[cpu_sha256(spec)] = climb(partial(_compare, spec), counts(machine.cores()), partial(_is_past, share))
        except FAILS:
            continue
    if missing:
        _keep(kept)
    return {spec.name: kept.get(cpu_sha256(spec), Choice(1, {})) for spec in specs}


def _is_past(moment: float) -> bool:
    return time.monotonic() >= moment


def cpu_sha256(spec: ModelSpec) -> str:
    """The sha256 of the file that a CPU runs."""
    return spec.int8.sha256 if spec.int8 is not None else spec.sha256


def identity() -> dict[str, Any]:
    """What a choice holds for."""
    return {
        "processor": machine.processor(),
        "cores": machine.cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "onnxruntime": onnxruntime.__version__,
    }


def _compare(spec: ModelSpec, *threads: int) -> tuple[float, float]:
    """Milliseconds of a batch of 1 and one of 5 (a detector: one picture) with each number of threads, in turns, and
    each the best of a few runs, as what disturbs only ever adds."""
    sessions = [cpu_session(spec, number) for number in threads]
    name, pixels = sessions[0].get_inputs()[0].name, np.random.default_rng(0)
    # a detector reads whole pictures, one at a time
    shapes = [(size, *spec.input, 3) for size in BATCHES] if spec.input else [DETECTOR_SHAPE]
    totals = [0.0 for _ in sessions]
    for shape in shapes:
        batch: npt.NDArray[Any] = pixels.integers(0, 256, shape, np.uint8)
        batch = batch if spec.input else batch.astype(np.float32)
        times: list[list[float]] = [[] for _ in sessions]
        for turn in range(ROUNDS + 1):
            for session, spent in zip(sessions, times):
                start = time.perf_counter()
                session.run(None, {name: batch})
                if turn:
                    spent.append((time.perf_counter() - start) * 1000)
        totals = [total + min(spent) for total, spent in zip(totals, times)]
    return totals[0], totals[1]


def _kept() -> dict[str, Choice]:
    """Choices by sha256; none where the file is missing, of another machine, or cannot be understood."""
    try:
        found = json.loads(kept_file().read_text(encoding="utf-8"))
        if found["machine"] != identity():
            return {}
        return {
            sha: Choice(max(int(entry["threads"]), 1), {int(n): float(ms) for n, ms in entry["ms"].items()})
            for sha, entry in found["networks"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _keep(choices: Mapping[str, Choice]) -> None:
    networks = {
        sha: {"threads": choice.threads, "ms": {str(n): round(ms, 2) for n, ms in choice.ms.items()}}
        for sha, choice in choices.items()
    }
    text = json.dumps({"machine": identity(), "networks": networks}, indent=1, ensure_ascii=False)
    # where it cannot be kept it is measured again the next time
    with contextlib.suppress(OSError, OutputError):
        kept_file().parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept_file(), text.encode())
