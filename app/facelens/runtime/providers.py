"""Execution providers of ONNX Runtime: names and options, which of them to try, and what keeps one from working."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime

from facelens.errors import UsageError
from facelens.machine import cache_folder
from facelens.registry import ModelSpec

PROVIDERS: dict[str, str] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Short name to ONNX Runtime's name, the best first."""

PROVIDER_NAMES: tuple[str, ...] = ("auto", *PROVIDERS)
SHORT_NAMES = {full: short for short, full in PROVIDERS.items()}
TITLES = {"tensorrt": "TensorRT", "cuda": "CUDA", "coreml": "CoreML", "directml": "DirectML", "cpu": "CPU"}
NVIDIA = ("cuda", "tensorrt")

CUDA_LIBRARIES = 'pip install "onnxruntime-gpu[cuda,cudnn]"'
DRIVER = "Install NVIDIA's driver"
REPAIR = {
    "tensorrt": f"{DRIVER} and TensorRT, and: {CUDA_LIBRARIES}",
    "cuda": f"{DRIVER}, then: {CUDA_LIBRARIES}",
    "coreml": "It comes with onnxruntime on macOS",
    "directml": "On Windows: pip uninstall onnxruntime-gpu, then pip install onnxruntime-directml",
}

LARGEST_BATCH = 32
"""Faces in one run on TensorRT, whose engines are built for a range of sizes."""


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """Whether the installed ONNX Runtime was built with a provider; ``note`` says what is missing."""

    name: str
    built_in: bool
    note: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a provider from working here.

    Attributes:
        reason: a few words that can stand after "CPU:".
        repair: the command or step that mends it.
        device: the machine has what the provider is for, so that a repair is worth while.
    """

    reason: str
    repair: str
    device: bool


@cache
def prepare() -> str:
    """Quiet ONNX Runtime's console noise and, where it has one, load the CUDA libraries that pip installed.

    Returns:
        What ONNX Runtime says of libraries that it did not find.
    """
    onnxruntime.set_default_logger_severity(4)
    said = io.StringIO()
    if PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        # it prints to stdout, which belongs to --json
        with contextlib.redirect_stdout(said):
            onnxruntime.preload_dlls()
    return said.getvalue()


def built_in() -> frozenset[str]:
    """Short names of the providers that the installed ONNX Runtime was built with."""
    full = set(onnxruntime.get_available_providers())
    return frozenset(name for name, known in PROVIDERS.items() if known in full)


def candidates(requested: str, spec: ModelSpec | None = None) -> list[str]:
    """Short names to try in order for a request; the CPU always comes last.

    TensorRT builds an engine for minutes when it first meets a network, so "auto" takes it where that has been done.

    Raises:
        UsageError: unknown name.
    """
    if requested not in PROVIDER_NAMES:
        raise UsageError(
            f"Unknown provider '{requested}'", f"known are {', '.join(PROVIDER_NAMES)}", "Choose one of them"
        )
    known = built_in()
    wanted = [name for name in PROVIDERS if name != "tensorrt" or (spec is not None and has_engine(spec))]
    if requested != "auto":
        wanted = ["tensorrt", "cuda", "cpu"] if requested == "tensorrt" else [requested, "cpu"]
    return [name for name in dict.fromkeys(wanted) if name in known] or ["cpu"]


def engine_folder(spec: ModelSpec) -> Path:
    """Where TensorRT keeps what it built for a network under the installed ONNX Runtime."""
    return cache_folder() / "tensorrt" / f"{spec.name}-{spec.sha256[:12]}-{onnxruntime.__version__}"


def has_engine(spec: ModelSpec) -> bool:
    """TensorRT has built its engine for a network before."""
    return any(engine_folder(spec).glob("*.engine"))


def session_providers(
    name: str, spec: ModelSpec | None = None, input_name: str = "", graphs: bool = False
) -> list[Any]:
    """The provider list to hand to ONNX Runtime for one short name, with the CPU for what it cannot run.

    The options of CUDA and TensorRT follow ONNX Runtime's documentation.

    Args:
        spec, input_name: the network and its input, which TensorRT builds for.
        graphs: CUDA captures and replays graphs; every node must run on the card then.
    """
    full = PROVIDERS[name]
    if name == "cpu":
        return [full]
    if name == "cuda":
        options = {
            # the batch changes with the number of faces: an exhaustive search would stall each new size
            "cudnn_conv_algo_search": "HEURISTIC",
            "arena_extend_strategy": "kSameAsRequested",
            # as exact as the figures in the cards
            "use_tf32": "0",
            "enable_cuda_graph": "1" if graphs else "0",
        }
        return [(full, options), PROVIDERS["cpu"]]
    if name == "tensorrt" and spec is not None and input_name:
        folder = engine_folder(spec)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        sides = "x".join(str(side) for side in (*spec.input, 3))
        options = {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(folder),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(folder),
            "trt_profile_min_shapes": f"{input_name}:1x{sides}",
            "trt_profile_opt_shapes": f"{input_name}:4x{sides}",
            "trt_profile_max_shapes": f"{input_name}:{LARGEST_BATCH}x{sides}",
        }
        return [(full, options), PROVIDERS["cuda"], PROVIDERS["cpu"]]
    return [full, PROVIDERS["cpu"]]


@cache
def driver() -> str:
    """The file name of NVIDIA's driver library where it is missing; empty where it loads."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    return "" if _loads(name) is None else name


def obstacle(name: str) -> Obstacle | None:
    """What can be seen to keep a provider from working before a session is opened; None where nothing is."""
    if name not in built_in():
        here = {"coreml": sys.platform == "darwin", "directml": sys.platform == "win32"}
        device = not driver() if name in NVIDIA and sys.platform != "darwin" else here.get(name, False)
        return Obstacle(f"{TITLES[name]} is not in this build of ONNX Runtime", REPAIR[name], device)
    if name in NVIDIA and driver():
        return Obstacle(f"CUDA library {driver()} missing", REPAIR[name], device=False)
    return None


@cache
def diagnosis(name: str) -> Obstacle:
    """Why a session that was opened on a provider came back on another one."""
    seen = obstacle(name)
    if seen is not None:
        return seen
    if name in NVIDIA:
        missing = _missing_library(name)
        if missing:
            kind, repair = "CUDA", CUDA_LIBRARIES
            if "nvinfer" in missing:
                kind, repair = "TensorRT", "Install TensorRT"
            return Obstacle(f"{kind} library {missing} missing", repair, device=True)
        return Obstacle(
            "no NVIDIA card answers", "Look what nvidia-smi says; restart after a driver update", device=True
        )
    return Obstacle(f"{TITLES[name]} does not start here", REPAIR[name], device=True)


def _missing_library(name: str) -> str:
    """The library that a provider of NVIDIA's misses, "" where that cannot be told."""
    folder = Path(onnxruntime.__file__).parent / "capi"
    file = f"onnxruntime_providers_{name}.dll" if sys.platform == "win32" else f"libonnxruntime_providers_{name}.so"
    # the loader names what is missing; Windows does not, so there what ONNX Runtime said at the start must do
    return named_library(_loads(str(folder / file)) or "") or named_library(prepare())


def named_library(said: str) -> str:
    """The file name of the library that a loader's message calls missing, "" where it calls none."""
    found = re.search(r"^\s*([\w.+-]+\.so[.\d]*): cannot open shared object", said) or re.search(
        r"Failed to load (?:[A-Z]:)?[^:\n]*?([\w.+-]+\.(?:so|dll)[.\d]*):", said
    )
    return found.group(1).rstrip(".") if found else ""


def _loads(library: str) -> str | None:
    """None where a library can be loaded, else what the loader says."""
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return None


def provider_report() -> tuple[ProviderStatus, ...]:
    """What the installed ONNX Runtime offers. Only an opened session tells what really works (``Network.proof``)."""
    report = []
    for name in PROVIDERS:
        seen = obstacle(name) if name != "cpu" else None
        report.append(ProviderStatus(name, name in built_in(), "" if seen is None else f"{seen.reason}. {seen.repair}"))
    return tuple(report)
