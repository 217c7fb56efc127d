"""How the window's program ends: the exit code, and what it leaves behind. A process of its own, on stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from standins import World
from facelens.errors import ModelMissingError, SourceError
from facelens.gui import app, settings
from facelens.gui.window import Window

world, what = World(), sys.argv[2]
app.Services = world.services
lost = ModelMissingError("The model is missing", "there is no such file", "Install again")
if what == "refused":
    world.refuse = SourceError("Desk Camera cannot be opened", "it is busy", "Close the other program")
if what == "unread":
    world.engine_error = lost

def window():
    return next(found for found in QApplication.topLevelWidgets() if isinstance(found, Window))

def look():
    scope = window().scope
    if what in ("interrupted", "ignored") and scope.pair is not None:
        timer.stop()
        signal.raise_signal(signal.SIGINT)
        if what == "ignored":
            window().close()
    elif what == "refused" and scope.state.error is not None:
        window().close()
    elif what == "unread" and scope.engine_error is not None:
        window().close()
    elif what == "unchanged" and scope.room.is_ready:
        if scope.engine_error is not None:
            window().close()
        elif world.engine_error is None:
            world.engine_error = lost
            window().settings.set(settings.PROVIDER, "cuda")

timer = QTimer(interval=5)
timer.timeout.connect(look)
app.application()
timer.start()
before = signal.SIG_IGN if what == "ignored" else signal.default_int_handler
signal.signal(signal.SIGINT, before)
code = app.run("camera:Desk Camera", quit_after_ms=60000, stats=sys.argv[3])
assert signal.getsignal(signal.SIGINT) is before, "it was not put back"
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("what", "code"), [("interrupted", 130), ("ignored", 0), ("refused", 3), ("unread", 3), ("unchanged", 0)]
)
def test_the_exit_code_says_how_it_ended(tmp_path: Path, what: str, code: int) -> None:
    """``refused``: the source did not open in a run that ends by itself; ``unread``: the networks never opened;
    ``unchanged``: only others did not open, and those that were open went on."""
    stats = tmp_path / "stats.json"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), what, str(stats)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    for trouble in ("Traceback", "KeyboardInterrupt", "Fatal", "did not end"):
        assert trouble not in done.stderr, done.stderr
    told = json.loads(stats.read_text("utf-8"))
    assert told["threads"]["started"] == told["threads"]["joined"]
    if what == "refused":
        assert told["frames"] == {"captured": 0, "analysed": 0, "shown": 0, "skipped": 0}
