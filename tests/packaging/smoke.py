"""Smoke test of an installed wheel; run by its interpreter from a folder outside the source tree.

    cd /somewhere/else && VENV/bin/python .../tests/packaging/smoke.py

Not a pytest file: the environment holds nothing but Facelens and what it needs.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

HEAVY = ("PySide6", "onnxruntime", "cv2")


def check(condition: bool, what: str) -> None:
    if not condition:
        raise SystemExit(f"smoke test: FAILED: {what}")
    print(f"smoke test: ok: {what}")


def facelens(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "facelens"
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


def main() -> None:
    import facelens as package

    loaded = [name for name in HEAVY if name in sys.modules]
    check(not loaded, f"`import facelens` is light ({', '.join(loaded) or 'nothing heavy loaded'})")
    check(Path(package.__file__ or "").is_relative_to(sys.prefix), "the package comes from the wheel")
    for name in ("app", "models", "assets", "convert"):
        check(importlib.util.find_spec(name) is None, f"no top-level package {name}")

    icons = [entry for entry in (files("facelens.assets") / "icons").iterdir() if entry.is_file()]
    check(bool(icons) and all(len(icon.read_bytes()) > 0 for icon in icons), f"{len(icons)} icons load as resources")

    from facelens.registry import load_registry, verify

    specs = load_registry()
    for spec in specs:
        verify(spec)
    tasks = {spec.task for spec in specs}
    check(tasks >= {"detector", "attributes", "landmarks", "appearance"}, f"{len(specs)} models are whole")

    said = facelens("--version")
    check(said.returncode == 0 and version("facelens") in said.stdout, f"facelens --version says {said.stdout.strip()}")
    check(facelens("models", "verify").returncode == 0, "facelens models verify")

    with as_file(files("facelens.assets") / "samples" / "astronaut.jpg") as portrait:
        scored = facelens("score", str(portrait), "--json", "-")
    check(scored.returncode == 0, f"facelens score ends with {scored.returncode} {scored.stderr.strip()[-400:]}")
    report = json.loads(scored.stdout)
    report = report[0] if isinstance(report, list) else report
    check(report["schema"] == "facelens/1", "the JSON form is facelens/1")
    check(len(report["faces"]) == 1, "the portrait has one face")
    face = report["faces"][0]
    check(len(face["landmarks"]["points"]) == 68, "the face has 68 points")
    check(0 <= face["score"]["value"] <= 100, f"the face has a score: {face['score']['value']:.0f}")


if __name__ == "__main__":
    main()
