"""How long a start of the window takes, with files in the system's cache; not a test, as it depends on the machine.

    python tests/bench/startup.py [ROUNDS]

Each round starts a process of its own on the demo, without a display, and prints medians in ms from the start of the
process: until the window was painted for the first time, until the networks were open, until a frame with a face was
painted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

CHILD = """
import json, sys, time
began = float(sys.argv.pop())
marks = {}
def mark(name):
    marks.setdefault(name, (time.monotonic() - began) * 1000)
from facelens import start
from facelens.gui import app
from facelens.gui.scope import Scope
from facelens.gui.view import LiveView
from PySide6.QtCore import QTimer
paint, ready = LiveView.paintEvent, Scope._engine_ready
def painted(view, event):
    paint(view, event)
    mark("window visible")
    if view.report is not None and view.report.faces and "first result" not in marks:
        mark("first result")
        QTimer.singleShot(0, view.window().close)
def opened(scope):
    mark("networks open")
    ready(scope)
LiveView.paintEvent, Scope._engine_ready = painted, opened
app.run("demo", quit_after_ms=60000)
print(json.dumps(marks))
"""


def once(home: str) -> dict[str, float]:
    """Times of one start, ms."""
    environment = os.environ | {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    command = [sys.executable, "-c", CHILD, str(time.monotonic())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as home:
        # the first start reads the disk and runs the self-test of thread counts
        once(home)
        times = [once(home) for _ in range(rounds)]
    for name in times[0]:
        values = [found[name] for found in times]
        print(f"{name}: {median(values):.0f} ms (from {min(values):.0f} to {max(values):.0f})")


if __name__ == "__main__":
    main()
