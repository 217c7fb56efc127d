"""Run by test_cameras.py, in a process that has the emulated camera: number 63 is there while the file PLUGGED is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from facelens.errors import CameraBusyError, CameraMissingError, SourceLostError
from facelens.live import LiveSession
from facelens.sources import CameraInfo, CameraSource, camera, open_source
from facelens.types import Frame, FrameReport

NUMBER = int(os.environ["FAKEV4L2_DEV"].removeprefix("/dev/video"))
PLUGGED = Path(os.environ["FAKEV4L2_CTL"])
STALL = Path(f"{PLUGGED}.stall")
NAME = "Fake Webcam"


@pytest.fixture(autouse=True)
def _plugged_in() -> Iterator[None]:
    """A camera that shows a flat light grey (YUYV, 640 x 480)."""
    STALL.unlink(missing_ok=True)
    PLUGGED.write_bytes(bytes((200, 128)) * (640 * 480))
    yield
    STALL.unlink(missing_ok=True)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's list of cameras knows nothing of the emulated one; here it is."""
    monkeypatch.setattr(
        camera, "list_cameras", lambda: (CameraInfo(NUMBER, NAME, cv2.CAP_V4L2),) if PLUGGED.exists() else ()
    )


def analyse(frame: Frame) -> FrameReport:
    return FrameReport(frame.index, frame.captured_at, (frame.width, frame.height), ())


def test_pictures_come_at_the_cameras_rate() -> None:
    with CameraSource(NUMBER) as source:
        assert source.size == (640, 480)
        assert source.fps == pytest.approx(30.0)
        frames = [source.read() for _ in range(15)]
    times = [frame.captured_at for frame in frames if frame is not None]
    assert len(times) == 15
    assert (times[-1] - times[0]) / 14 == pytest.approx(1 / 30, rel=0.3)
    last = frames[-1]
    assert last is not None
    # 200 in video range, 16..235, is 214 of 255; a corner holds the emulator's counter
    assert np.abs(last.image[100:].astype(int) - 214).max() <= 3


def test_compressed_pictures_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, float]] = []
    real = cv2.VideoCapture

    class Watched:
        def __init__(self, *arguments: object) -> None:
            self._capture = real(*arguments)

        def set(self, what: int, value: float) -> bool:
            asked.append((what, value))
            return bool(self._capture.set(what, value))

        def __getattr__(self, name: str) -> object:
            return getattr(self._capture, name)

    monkeypatch.setattr(cv2, "VideoCapture", Watched)
    with CameraSource(NUMBER, size=(1280, 720)) as source:
        assert source.read() is not None
    assert asked[0] == (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
    assert (cv2.CAP_PROP_FRAME_WIDTH, 1280) in asked


def test_a_name_finds_it(named: None) -> None:
    for text in (f"camera:{NAME}", "camera:fake", "camera"):
        with open_source(text) as source:
            assert source.name == NAME
            assert source.read() is not None


def test_unplugged_and_back_by_name(named: None) -> None:
    source = CameraSource(NAME)
    with source:
        assert source.read() is not None
        content = PLUGGED.read_bytes()
        PLUGGED.unlink()
        with pytest.raises(SourceLostError, match="unplugged"):
            source.read()
    with pytest.raises(CameraMissingError):
        source.open()
    PLUGGED.write_bytes(content)
    with source:
        frame = source.read()
        assert frame is not None
        assert frame.index == 0


def test_stalled_within_three_seconds() -> None:
    with CameraSource(NUMBER) as source:
        assert source.read() is not None
        STALL.touch()
        began = time.monotonic()
        with pytest.raises(SourceLostError, match="stalled"):
            source.read()
        assert time.monotonic() - began < 3.0


def test_busy() -> None:
    with CameraSource(NUMBER), pytest.raises(CameraBusyError, match="another program is using it"):
        CameraSource(NUMBER).open()


def test_free_again_after_close() -> None:
    for _ in range(3):
        with CameraSource(NUMBER) as source:
            assert source.read() is not None


def test_a_missing_camera_offers_the_demo() -> None:
    PLUGGED.unlink()
    with pytest.raises(CameraMissingError, match="choose the source demo"):
        CameraSource(NUMBER).open()


class TestLiveSession:
    def test_runs_and_stops(self) -> None:
        enough = threading.Event()
        reports: list[FrameReport] = []

        def count(frame: Frame) -> FrameReport:
            reports.append(analyse(frame))
            if len(reports) == 10:
                enough.set()
            return reports[-1]

        session = LiveSession(CameraSource(NUMBER), count)
        session.start()
        assert enough.wait(10)
        assert session.stop() == ()
        stats = session.stats()
        assert stats.threads_joined == 2
        assert stats.fps_captured == pytest.approx(30, rel=0.4)

    def test_a_lost_camera_is_told_and_the_last_picture_stays(self) -> None:
        seen = threading.Event()
        session = LiveSession(CameraSource(NUMBER), analyse, on_update=seen.set)
        session.start()
        assert seen.wait(10)
        PLUGGED.unlink()
        assert session.wait(10)
        assert session.stop() == ()
        assert isinstance(session.error, SourceLostError)
        assert session.latest() is not None
        # the device is given back: plugged in again, it opens
        PLUGGED.write_bytes(b"")
        with CameraSource(NUMBER) as source:
            assert source.read() is not None

    def test_a_stalled_camera_does_not_keep_it_from_stopping(self) -> None:
        seen = threading.Event()
        session = LiveSession(CameraSource(NUMBER), analyse, on_update=seen.set)
        session.start()
        assert seen.wait(10)
        STALL.touch()
        assert session.stop() == ()
