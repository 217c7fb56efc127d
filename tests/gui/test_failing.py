"""What a test of the window that fails leaves behind: its message, and tests after it that run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import facelens

FAILING = """
import pytest
import shiboken6

alive = []

class Keepsake:
    def __init__(self, window):
        self.window = window

    def __del__(self):
        alive.append(shiboken6.isValid(self.window))

@pytest.fixture
def unready(window):
    kept = Keepsake(window)
    assert window.windowTitle() == "Something new"

def test_fails(window):
    kept = Keepsake(window)
    assert window.windowTitle() == "Something else"

def test_fails_before_it_begins(unready):
    pass

def test_fails_while_it_paints(window, qtbot):
    def torn(place):
        raise ValueError("it was torn")

    kept = Keepsake(window)
    window.view._lines = torn
    qtbot.wait(200)
    del window.view._lines

def test_runs(window):
    assert window.scope.pair is not None
    assert alive == [True, True, True], "what lay in a frame died after its window"
"""


def test_the_tests_after_it_run_and_its_message_is_told(tmp_path: Path) -> None:
    """What lay in its frames, such as the painter of a painting that failed, died in the next test, after the window,
    and took the process with it."""
    written = tmp_path / "test_written.py"
    written.write_text(FAILING, "utf-8")
    path = os.pathsep.join((str(Path(__file__).parent), str(Path(facelens.__file__).parents[1])))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q", str(written)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed, 1 error" in done.stdout, done.stdout
    for message in ("Something else", "Something new", "it was torn"):
        assert message in done.stdout
