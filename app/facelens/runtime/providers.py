"""Execution providers of ONNX Runtime: their names, and which of them this machine can hope to use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import onnxruntime

from facelens.errors import UsageError

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

REPAIR = {
    "tensorrt": "Install NVIDIA's driver and TensorRT",
    "cuda": "Install NVIDIA's driver, then: pip install 'onnxruntime-gpu[cuda,cudnn]'",
    "coreml": "It comes with onnxruntime on macOS",
    "directml": "On Windows: pip uninstall onnxruntime-gpu, then pip install onnxruntime-directml",
}


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """Whether the installed ONNX Runtime was built with a provider; ``note`` says what is missing."""

    name: str
    built_in: bool
    note: str


@cache
def prepare() -> None:
    """Quiet ONNX Runtime's console noise and, where it has one, load the CUDA libraries that pip installed."""
    onnxruntime.set_default_logger_severity(4)
    if PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        # prints to stdout what it cannot find; stdout belongs to --json
        import contextlib
        import io

        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()


def candidates(requested: str) -> list[str]:
    """Short names to try in order for a request; the CPU always comes last.

    Raises:
        UsageError: unknown name.
    """
    if requested not in PROVIDER_NAMES:
        raise UsageError(
            f"Unknown provider '{requested}'", f"known are {', '.join(PROVIDER_NAMES)}", "Choose one of them"
        )
    built_in = set(onnxruntime.get_available_providers())
    # TensorRT builds an engine for minutes at first use: only on request
    wanted = [n for n in PROVIDERS if n != "tensorrt"] if requested == "auto" else [requested, "cpu"]
    names = [name for name in dict.fromkeys(wanted) if PROVIDERS[name] in built_in]
    return names or ["cpu"]


def session_providers(name: str) -> list[Any]:
    """The provider list to hand to ONNX Runtime for one short name, with the CPU for what it cannot run."""
    full = PROVIDERS[name]
    return [full] if name == "cpu" else [full, PROVIDERS["cpu"]]


def provider_report() -> tuple[ProviderStatus, ...]:
    """What the installed ONNX Runtime offers. Only an opened session tells what really works (``Network.provider``)."""
    built_in = set(onnxruntime.get_available_providers())
    return tuple(
        ProviderStatus(
            name,
            full in built_in,
            "" if full in built_in else f"not in this build of ONNX Runtime. {REPAIR.get(name, '')}".strip(),
        )
        for name, full in PROVIDERS.items()
    )
