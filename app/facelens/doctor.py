"""Looks at the machine: versions, providers really given, cameras, fonts, model files.

Every section is looked at by itself: what is broken here is just what it should tell, not stumble over.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facelens.errors import FacelensError, ModelError
from facelens.machine import cores
from facelens.machine import processor as processor

if TYPE_CHECKING:
    from facelens.engine import Engine
    from facelens.runtime import Proof

PACKAGES = (
    "facelens", "numpy", "opencv-python", "onnxruntime-gpu", "onnxruntime", "onnxruntime-directml",
    "PySide6-Essentials", "pillow", "pillow-heif", "typer", "rich", "cv2-enumerate-cameras", "pyarrow",
)  # fmt: skip

FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts")
CJK_FILES = ("cjk", "wqy", "fallback", "sourcehan", "source-han", "unifont", "arphic", "uming", "ukai", "nanum", "ipag")
"""Parts of the file names of fonts that hold Chinese, Japanese or Korean characters."""
NO_CJK = "Install fonts-wqy-microhei or fonts-noto-cjk to read Chinese, Japanese and Korean names"


def examine() -> dict[str, Any]:
    """Everything that ``facelens doctor`` tells but the display, ready for JSON.

    Sections: system, versions, providers (what the installed ONNX Runtime was built with), engine (whether it opens,
    the provider each network really got, and notes why not a better one), networks (the proof of each, and the CPU
    threads that the self-test chooses anew), cameras, fonts, models (each file's state).
    A section that cannot be looked at holds ``error``.
    """
    sections: dict[str, Callable[[], Any]] = {
        "system": _system,
        "versions": _versions,
        "providers": _providers,
        "engine": _engine,
        "cameras": _cameras,
        "fonts": _fonts,
        "models": _models,
    }
    found = {}
    for name, look in sections.items():
        found[name] = _guarded(look)
        if name == "engine":
            found["networks"] = found[name].pop("networks", {})
    return found


def _guarded(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except (FacelensError, ImportError, OSError, RuntimeError, ValueError) as error:
        return {"error": str(error) or type(error).__name__}


def _system() -> dict[str, Any]:
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processor": processor(),
        "cores": cores(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _providers() -> dict[str, Any]:
    from facelens.runtime import provider_report

    return {s.name: {"built in": s.built_in, "note": s.note} for s in provider_report()}


def _engine() -> dict[str, Any]:
    try:
        from facelens.engine import open_engine
        from facelens.runtime import forget_threads, kept_file

        # what was measured while the machine was busy with something else is mended here
        forget_threads()
        with open_engine(threads=None) as engine:
            engine.warm_up()
            return {
                "opens": True,
                "providers": dict(engine.providers),
                "notes": list(engine.notes),
                "threads": f"kept in {kept_file()}",
                "networks": {proof.network: proof.as_dict() | _threads(engine, proof) for proof in engine.proofs},
            }
    except (FacelensError, ImportError) as error:
        return {"opens": False, "why": str(error)}


def _threads(engine: Engine, proof: Proof) -> dict[str, Any]:
    """CPU threads and, where the self-test has run, the ms of a batch of 1 and one of 5 with each number."""
    choice = engine.threads.get(proof.network)
    if choice is None:
        return {}
    return {"threads": choice.threads, "threads_ms": {str(number): round(ms, 2) for number, ms in choice.ms.items()}}


def _cameras() -> list[dict[str, Any]]:
    from facelens.sources import list_cameras

    return [{"index": camera.index, "name": camera.name} for camera in list_cameras()]


def _fonts() -> dict[str, Any]:
    """Whether there is a font for Chinese, Japanese and Korean names; elsewhere than on Linux the system brings one."""
    if not sys.platform.startswith("linux"):
        return {"Chinese, Japanese, Korean": True}
    if shutil.which("fc-list"):
        listed = [
            subprocess.run(["fc-list", what, "family"], capture_output=True, text=True, check=False, timeout=20).stdout
            for what in (":", ":lang=zh")
        ]
        count, cjk = (sorted(set(filter(None, text.splitlines()))) for text in listed)
    else:
        files = [path for folder in FONT_FOLDERS for path in Path(folder).expanduser().rglob("*.[ot]t[fc]")]
        count = [path.name for path in files]
        cjk = [name for name in count if any(part in name.lower() for part in CJK_FILES)]
    found: dict[str, Any] = {"found": len(count), "Chinese, Japanese, Korean": bool(cjk)}
    return found | ({"for example": cjk[0]} if cjk else {"remedy": NO_CJK})


def _models() -> dict[str, str]:
    from facelens.registry import load_registry, verify

    found = {}
    for spec in load_registry():
        try:
            verify(spec)
            found[spec.name] = f"whole, sha256 {spec.sha256}"
        except ModelError as error:
            found[spec.name] = str(error)
    return found
