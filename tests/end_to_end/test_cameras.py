"""Cameras, on OpenCV's real V4L2 code: fakev4l2.c, loaded before libc, emulates devices.

It has to be there before Python starts, so the tests proper run in a process of their own: ``emulated_camera.py``, and
with it what every source promises (tests/unit/sources/test_sources.py).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
GCC = shutil.which("gcc")
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 is the camera interface of Linux"),
    pytest.mark.skipif(GCC is None, reason="gcc is needed to build the emulated camera"),
]


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert GCC is not None
    library = tmp_path_factory.mktemp("shim") / "fakev4l2.so"
    source = str(HERE / "fakev4l2.c")
    subprocess.run([GCC, "-shared", "-fPIC", "-O1", "-o", str(library), source, "-ldl"], check=True)
    return library


@pytest.mark.parametrize(
    ("tests", "least"),
    [("emulated_camera.py", 29), ("../unit/sources/test_sources.py::TestConformance", 24)],
    ids=["cameras", "what every source promises"],
)
def test_with_emulated_cameras(shim: Path, tmp_path: Path, tests: str, least: int) -> None:
    environment = os.environ | {"LD_PRELOAD": str(shim), "FAKEV4L2_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "camera", str(HERE / tests)]
    done = subprocess.run(
        command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= least
    assert "skipped" not in done.stdout
