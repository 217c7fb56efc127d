"""Importing Facelens loads nothing heavy, and the engine does without the window's library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = ("PySide6", "onnxruntime", "cv2", "PIL", "typer", "pyarrow", "tensorflow")


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_is_light() -> None:
    code = f"import sys, json, facelens; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    assert json.loads(run(code)) == []


def test_pictures_are_analysed_without_qt(root: Path) -> None:
    code = """
import sys

class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"PySide6", "shiboken6"}:
            raise ImportError("Qt is not to be imported here")

sys.meta_path.insert(0, NoQt())
from facelens import open_engine
with open_engine(provider="cpu") as engine:
    print(len(engine.analyze(sys.argv[1]).faces))
"""
    assert run(code, str(root / "assets" / "samples" / "astronaut.jpg")).strip() == "1"
