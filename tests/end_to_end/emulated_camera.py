"""Run by test_cameras.py, in a process that has emulated cameras; what they can do stands at the top of fakev4l2.c."""

from __future__ import annotations

import gc
import json
import os
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facelens.cli import main
from facelens.errors import CameraBusyError, CameraMissingError, SourceLostError
from facelens.live import LiveSession
from facelens.sources import CameraSource, Notice, SteadySource, list_cameras, open_source
from facelens.sources.capture import STALL_SECONDS
from facelens.types import Frame, FrameReport

FOLDER = Path(os.environ["FAKEV4L2_DIR"])
NAME = "Fake Webcam"
GREY = bytes((200, 128)) * (640 * 480)
"""A flat light grey (YUYV, 640 x 480)."""


class Camera:
    """One emulated camera."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.file = FOLDER / f"video{number}"

    def beside(self, ending: str) -> Path:
        return Path(f"{self.file}.{ending}")

    def plug_in(self, name: str = NAME, port: str = "1-1", picture: bytes = b"") -> None:
        """With a ramp that moves, or a raw picture."""
        system, place = FOLDER / f"sys/video{self.number}", FOLDER / "ports" / port
        system.mkdir(parents=True, exist_ok=True)
        place.mkdir(parents=True, exist_ok=True)
        (system / "name").write_text(f"{name}\n")
        (system / "device").unlink(missing_ok=True)
        (system / "device").symlink_to(place)
        self.file.write_bytes(picture)

    def unplug(self) -> None:
        self.file.unlink()

    def stall(self) -> None:
        self.beside("stall").touch()

    def go_on(self) -> None:
        self.beside("stall").unlink()

    def how(self, **keys: int) -> None:
        self.beside("how").write_text("".join(f"{key} {number}\n" for key, number in keys.items()))

    def show(self, *jpegs: bytes) -> None:
        self.beside("jpegs").write_bytes(b"".join(struct.pack("<I", len(data)) + data for data in jpegs))


def jpeg(level: int, size: tuple[int, int] = (640, 480)) -> bytes:
    image = np.full((size[1], size[0], 3), level, np.uint8)
    image[: size[1] // 2, : size[0] // 2] = 255
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.fixture
def camera() -> Iterator[Camera]:
    """Number 60, plugged in; it shows a moving ramp."""
    shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    made = Camera(60)
    made.plug_in()
    yield made
    assert not [t.name for t in threading.enumerate() if t.name.startswith("facelens")]


def analyse(frame: Frame) -> FrameReport:
    return FrameReport(frame.index, frame.captured_at, (frame.width, frame.height), ())


def until(condition: Callable[[], bool], seconds: float = 10.0) -> float:
    """Wait for it; how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not come"
        time.sleep(0.005)
    return time.monotonic() - began


class TestList:
    def test_cameras_have_names_numbers_and_places(self, camera: Camera) -> None:
        Camera(62).plug_in("Other", "1-3")
        assert [(info.index, info.name, info.backend) for info in list_cameras()] == [
            (60, NAME, cv2.CAP_V4L2),
            (62, "Other", cv2.CAP_V4L2),
        ]
        assert list_cameras()[0].place.endswith("ports/1-1")

    def test_cameras_of_one_model_are_told_apart(self, camera: Camera) -> None:
        camera.plug_in(port="1-2")
        Camera(61).plug_in(port="1-1")
        assert {info.name: info.index for info in list_cameras()} == {NAME: 61, f"{NAME} (2)": 60}
        with open_source(f"camera:{NAME} (2)") as second, open_source(f"camera:{NAME}") as first:
            assert (first.name, second.name) == (NAME, f"{NAME} (2)")
            assert first.read() is not None
            assert second.read() is not None

    def test_a_camera_is_found_by_name_and_by_number(self, camera: Camera) -> None:
        for text in (f"camera:{NAME}", "camera:fake", "camera", "camera:60"):
            with open_source(text) as source:
                assert source.name == NAME
                assert source.read() is not None


class TestPictures:
    def test_pictures_come_at_the_cameras_rate(self, camera: Camera) -> None:
        camera.plug_in(picture=GREY)
        with SteadySource(CameraSource(60)) as source:
            assert source.size == (640, 480)
            assert source.fps == pytest.approx(30.0)
            frames = [source.read() for _ in range(20)]
            assert source.rate == pytest.approx(30, rel=0.3)
        times = [frame.captured_at for frame in frames if frame is not None]
        assert (times[-1] - times[0]) / 19 == pytest.approx(1 / 30, rel=0.3)
        last = frames[-1]
        assert last is not None
        # 200 in video range, 16..235, is 214 of 255; a corner holds the emulator's counter
        assert np.abs(last.image[100:].astype(int) - 214).max() <= 3

    def test_compressed_pictures_are_asked_for_when_it_is_opened(
        self, camera: Camera, monkeypatch: pytest.MonkeyPatch
    ) -> None:
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
        with CameraSource(60, size=(1280, 720)):
            pass
        assert asked[0] == (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        assert (cv2.CAP_PROP_FRAME_WIDTH, 1280) in asked

    def test_size_and_rate_are_as_asked_where_the_camera_has_them(self, camera: Camera) -> None:
        camera.how(mjpg=1, large=1)
        camera.show(*(jpeg(level, (1280, 720)) for level in range(20, 200, 20)))
        with CameraSource(60, size=(1280, 720), fps=15) as source:
            assert source.size == (1280, 720)
            assert source.fps == pytest.approx(15)
            frames = [source.read() for _ in range(8)]
        times = [frame.captured_at for frame in frames if frame is not None]
        assert 7 / (times[-1] - times[0]) == pytest.approx(15, rel=0.2)

    def test_a_camera_that_has_not_what_is_asked_tells_what_it_gives(self, camera: Camera) -> None:
        with CameraSource(60, size=(3840, 2160), fps=60) as source:
            assert source.size == (640, 480)
            assert source.fps == pytest.approx(30)

    def test_torn_pictures_of_a_camera_are_passed_over(self, camera: Camera) -> None:
        whole = [jpeg(level) for level in range(20, 220, 20)]
        torn = list(whole)
        torn[3], torn[5], torn[7], torn[8] = whole[3][: len(whole[3]) // 2], b"", b"\0" * 500, whole[8][:20]
        camera.how(mjpg=1, large=1)
        camera.show(*torn)
        with CameraSource(60) as source:
            levels = [float(frame.image[-1, -1, 0]) for _ in range(12) if (frame := source.read()) is not None]
        expected = [20 + 20 * number for number in (0, 1, 2, 4, 6, 9)]
        # OpenCV keeps the first one for itself
        assert levels == pytest.approx((expected * 3)[1:13], abs=3)

    def test_a_camera_that_gives_nothing_but_torn_pictures_is_lost(self, camera: Camera) -> None:
        camera.how(mjpg=1)
        camera.show(b"\xff\xd8 torn")
        with CameraSource(60) as source:
            began = time.monotonic()
            with pytest.raises(SourceLostError, match="no picture could be decoded for 2 s"):
                source.read()
            assert time.monotonic() - began < 3

    def test_a_camera_that_changes_its_size_is_followed(self, camera: Camera) -> None:
        camera.how(mjpg=1, large=1)
        camera.show(jpeg(20), jpeg(60), jpeg(100, (1280, 720)), jpeg(140, (320, 240)))
        sizes: list[tuple[int, int]] = []
        with open_source("camera:60") as source:
            for _ in range(8):
                frame = source.read()
                assert frame is not None
                assert source.size == (frame.width, frame.height)
                sizes.append(source.size)
        assert sizes == ([(640, 480), (640, 480), (1280, 720), (320, 240)] * 3)[1:9]

    def test_one_picture_a_second_from_a_camera_is_no_stall(self, camera: Camera) -> None:
        camera.how(fps=1)
        with open_source("camera:60") as source:
            assert all(source.read() for _ in range(5))
            assert source.losses == 0
            assert source.rate == pytest.approx(1.0, rel=0.1)

    def test_a_fast_camera_fills_no_queue(self, camera: Camera) -> None:
        camera.how(fps=240)
        late: list[float] = []

        def slowly(frame: Frame) -> FrameReport:
            late.append(time.monotonic() - frame.captured_at)
            time.sleep(0.1)
            return analyse(frame)

        with LiveSession(open_source("camera:60"), slowly) as session:
            assert not session.wait(3.0)
            rate = session.source.rate
        stats = session.stats()
        assert stats.frames_captured > 300
        assert rate is not None
        assert rate > 100
        assert 0 <= stats.frames_captured - stats.frames_analysed - stats.frames_skipped <= 2
        # what is analysed has just come, at the end as at the start
        assert np.median(late[-10:]) < 0.05

    @pytest.mark.parametrize(("how", "kind"), [("frozen", "frozen"), ("zero", "dead")])
    def test_a_camera_that_shows_nothing_is_told_until_it_does(self, camera: Camera, how: str, kind: str) -> None:
        source = open_source("camera:60")
        with LiveSession(source, analyse):
            until(lambda: source.rate is not None)
            assert source.notice is None
            camera.how(**{how: 1})
            waited = until(lambda: source.notice is not None)
            assert source.notice is not None
            assert source.notice.kind == kind
            assert 1.9 < waited < 3.0
            assert NAME in source.notice.text
            camera.how()
            assert until(lambda: source.notice is None) < 1.0
        assert source.losses == 0


class TestLost:
    def test_an_unplugged_camera_is_back_by_name_though_its_number_is_another(self, camera: Camera) -> None:
        source = CameraSource(60)
        with source:
            assert source.read() is not None
            camera.unplug()
            with pytest.raises(SourceLostError, match="unplugged"):
                while True:
                    source.read()
        with pytest.raises(CameraMissingError):
            source.open()
        Camera(63).plug_in()
        with source:
            frame = source.read()
            assert frame is not None
            assert frame.index == 0
            assert source.name == NAME

    def test_a_camera_is_not_taken_for_its_twin(self, camera: Camera) -> None:
        twin = Camera(61)
        with open_source(f"camera:{NAME}") as source:
            assert source.read() is not None
            # plugged in while the other runs, and left there when that one goes
            twin.plug_in(port="1-2")
            camera.unplug()
            reader = threading.Thread(target=lambda: [source.read() for _ in range(10)])
            reader.start()
            until(lambda: source.notice is not None)
            time.sleep(1.5)
            assert source.notice is not None
            Camera(62).plug_in(port="1-7")
            assert until(lambda: source.notice is None) < 3.0
            reader.join(10)
            assert not reader.is_alive()

    def test_a_stalled_camera_is_told_within_three_seconds(self, camera: Camera) -> None:
        with CameraSource(60) as source:
            assert source.read() is not None
            camera.stall()
            began = time.monotonic()
            with pytest.raises(SourceLostError, match="stalled"):
                for _ in range(10):
                    source.read()
            assert time.monotonic() - began < STALL_SECONDS + 1

    def test_a_busy_camera_is_named(self, camera: Camera) -> None:
        with CameraSource(60), pytest.raises(CameraBusyError, match="another program is using it"):
            CameraSource(60).open()

    def test_a_camera_is_free_again_after_close(self, camera: Camera) -> None:
        for _ in range(3):
            with CameraSource(60) as source:
                assert source.read() is not None

    def test_a_missing_camera_offers_the_demo(self, camera: Camera) -> None:
        camera.unplug()
        with pytest.raises(CameraMissingError, match="choose the source demo"):
            CameraSource(60).open()


class TestLiveSession:
    def test_a_camera_runs_and_stops(self, camera: Camera) -> None:
        with LiveSession(open_source("camera"), analyse) as session:
            until(lambda: session.stats().frames_analysed >= 10)
        stats = session.stats()
        assert stats.threads_joined == 2
        assert stats.fps_captured == pytest.approx(30, rel=0.4)

    @pytest.mark.parametrize("how", ["unplugged", "stalled"])
    def test_a_lost_camera_is_told_and_back_within_three_seconds(self, camera: Camera, how: str) -> None:
        told: list[Notice | None] = []
        source = open_source("camera")

        def update() -> None:
            if not told or told[-1] != source.notice:
                told.append(source.notice)

        with LiveSession(source, analyse, on_update=update) as session:
            until(lambda: session.stats().frames_analysed >= 5)
            if how == "unplugged":
                camera.unplug()
                assert until(lambda: source.notice is not None) < 1.0
            else:
                camera.stall()
                assert until(lambda: source.notice is not None) < 3.0
            before = session.latest()
            time.sleep(1.5)
            assert session.latest() is before, "the last picture stays"
            if how == "unplugged":
                camera.plug_in()
            else:
                camera.go_on()
            assert until(lambda: session.latest() is not before) < 3.0
            until(lambda: session.stats().frames_analysed >= 10)
            assert session.error is None
        assert [notice and notice.kind for notice in told] == [None, "lost", None]
        assert str(told[1]).startswith(f"Camera lost: {NAME} (")
        assert str(told[1]).endswith("Waiting for it to come back.")
        assert source.losses == 1

    @pytest.mark.parametrize("moment", ["stalled", "lost"])
    def test_a_camera_that_is_away_does_not_keep_a_session_from_stopping(self, camera: Camera, moment: str) -> None:
        source = open_source("camera")
        session = LiveSession(source, analyse)
        session.start()
        until(lambda: session.latest() is not None)
        if moment == "stalled":
            camera.stall()
        else:
            camera.unplug()
            until(lambda: source.notice is not None)
        began = time.monotonic()
        assert session.stop() == ()
        assert time.monotonic() - began < (STALL_SECONDS + 0.5 if moment == "stalled" else 0.5)

    def test_a_camera_lost_twenty_times_leaves_nothing_behind(
        self, camera: Camera, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alive = 0
        real = cv2.VideoCapture

        class Counted:
            def __init__(self, *arguments: object) -> None:
                nonlocal alive
                self._capture = real(*arguments)
                alive += 1

            def __del__(self) -> None:
                nonlocal alive
                alive -= 1

            def __getattr__(self, name: str) -> object:
                return getattr(self._capture, name)

        def kept() -> tuple[int, int, int]:
            gc.collect()
            return threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), alive

        monkeypatch.setattr(cv2, "VideoCapture", Counted)
        before = kept()
        source = open_source("camera")
        with LiveSession(source, analyse) as session:
            until(lambda: session.stats().frames_analysed >= 3)
            running = kept()
            longest = 0.0
            for _ in range(20):
                camera.unplug()
                until(lambda: source.notice is not None)
                seen = session.stats().frames_analysed
                camera.plug_in()
                longest = max(longest, until(lambda seen=seen: session.stats().frames_analysed > seen))
            until(lambda: source.notice is None)
            assert kept() == running
            assert longest < 3.0
        assert source.losses == 20
        assert kept() == before
        assert running[2] == 1


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


class TestCommandLine:
    def test_a_loss_and_the_return_of_a_camera_are_a_line_each(
        self, camera: Camera, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def play() -> None:
            time.sleep(2.5)
            camera.unplug()
            time.sleep(1.0)
            camera.plug_in()

        player = threading.Thread(target=play)
        player.start()
        stats = tmp_path / "stats.json"
        code = run("live", "--source", "camera", "--headless", "--seconds", 7, "--stats", stats, "--no-mirror")
        player.join()
        told = capsys.readouterr().err
        said = [line for line in told.splitlines() if line.startswith("facelens:")]
        assert code == 0
        assert len(said) == 2
        assert said[0].startswith(f"facelens: Camera lost: {NAME} (it was unplugged or switched off)")
        assert said[1].startswith(f"facelens: {NAME} is back after ")
        figures: dict[str, Any] = json.loads(stats.read_text("utf-8"))
        assert ", 640 x 480: " in " ".join(told.split())
        assert ", lost once" in " ".join(told.split())
        assert figures["threads"] == {"started": 2, "joined": 2}

    def test_an_end_while_a_camera_is_lost_is_no_success(
        self, camera: Camera, capsys: pytest.CaptureFixture[str]
    ) -> None:
        player = threading.Timer(2.5, camera.unplug)
        player.start()
        code = run("live", "--source", f"camera:{NAME}", "--headless", "--seconds", 5, "--frames", 100000)
        player.join()
        assert code == 1
        assert f"{NAME} had not come back at the end" in capsys.readouterr().err

    def test_what_a_camera_is_asked_for_comes_from_the_command_line(
        self, camera: Camera, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        camera.how(mjpg=1, large=1)
        camera.show(*(jpeg(level, (1280, 720)) for level in range(20, 200, 20)))
        stats = tmp_path / "stats.json"
        asked = ("--camera-size", "1280x720", "--camera-fps", 15)
        assert run("live", "--source", "camera", "--headless", "--frames", 10, "--stats", stats, *asked) == 0
        figures: dict[str, Any] = json.loads(stats.read_text("utf-8"))
        assert ", 1280 x 720: " in " ".join(capsys.readouterr().err.split())
        assert figures["fps_captured"] < 20
