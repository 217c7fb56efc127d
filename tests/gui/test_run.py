"""The window as a program of its own, with the real networks and the demo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

PROGRAM = """
import sys
from pathlib import Path
from facelens.gui.app import run
sys.exit(run("demo", quit_after_ms=6000, screenshot=Path(sys.argv[1])))
"""


def test_the_window_runs_the_demo_and_closes_cleanly(tmp_path: Path) -> None:
    shot = tmp_path / "window.png"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error::ResourceWarning", "-c", PROGRAM, str(shot)],
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for trouble in ("Traceback", "Fatal", "Destroyed while", "QObject:", "did not end"):
        assert trouble not in done.stderr, done.stderr
    image = cv2.imread(str(shot))
    assert image is not None
    assert image.shape == (800, 1280, 3)
    video = image[72:732, 20:900].astype(np.float32)
    assert video.std() > 20, "there is no picture in the view"
    # the corner brackets of the first person: Okabe and Ito's sky blue
    blue = np.abs(video - np.float32([0xE9, 0xB4, 0x56])).max(axis=2) < 12
    assert blue.sum() > 40, "there is no overlay over the picture"
