"""Recordings: placed by time, of one size, off the thread that gives the frames, and whole whatever ends them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facelens import clipfile
from facelens import recorder as module
from facelens.clipfile import fitted
from facelens.errors import OutputError
from facelens.recorder import Recorder, Recording
from facelens.types import Box, Detection, Face, Frame, FrameReport, Landmarks

WAIT = 20.0


def frame(index: int, seconds: float, size: tuple[int, int] = (96, 64), level: int | None = None) -> Any:
    level = index * 20 % 250 if level is None else level
    return Frame(np.full((size[1], size[0], 3), level, np.uint8), index, 100 + seconds), FrameReport(
        index, 100 + seconds, size, ()
    )


def pictures(path: Path) -> list[Any]:
    video, out = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while True:
        good, image = video.read()
        if not good:
            video.release()
            return out
        out.append(image)


def levels(path: Path) -> list[int]:
    return [round(float(image.mean()) / 20) for image in pictures(path)]


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.with_suffix(".jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("ending", ["webm", "avi", "mp4"])
def test_pictures_stand_where_they_were_captured(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    recorder = Recorder(path, 10, live=True)
    # two within a tenth of a second, a gap of 0.4 s, a silence of a minute
    for index, seconds in enumerate((0.0, 0.02, 0.11, 0.5, 60.0, 60.1), start=1):
        recorder.add(*frame(index, seconds), "test")
    recorder.close()
    # a gap is filled with what was there before it, not with what comes after
    assert levels(path) == [1, 3, 3, 3, 3, 4, 5, 6]
    assert recorder.seconds == pytest.approx(0.8)
    found = lines(path)
    assert [line["frame"] for line in found] == [1, 2, 3, 4, 5, 6], "every report is kept"
    assert [line["seconds"] for line in found] == pytest.approx([0, 0.02, 0.11, 0.5, 0.6, 0.7])
    assert all(line["schema"] == "facelens/1" for line in found)


def test_a_clip_lasts_as_long_as_what_it_shows(tmp_path: Path) -> None:
    """Frames that come at any rate, on a clip of 30 a second."""
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.uniform(0.01, 0.15, 120))
    recorder = Recorder(tmp_path / "out.webm", 30, live=True)
    for index, seconds in enumerate(times):
        recorder.add(*frame(index, seconds, (32, 32)), "test")
    recorder.close()
    video = cv2.VideoCapture(str(tmp_path / "out.webm"), cv2.CAP_FFMPEG)
    length = video.get(cv2.CAP_PROP_FRAME_COUNT) / video.get(cv2.CAP_PROP_FPS)
    assert length == pytest.approx(times[-1] - times[0] + 1 / 30, abs=1 / 30)
    video.release()


def test_each_frame_counts_where_time_does_not(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.webm", 25, live=False)
    for index in range(5):
        recorder.add(*frame(index, 3.0 * index), "test")
    recorder.close()
    recorder.close()
    assert levels(tmp_path / "out.webm") == [0, 1, 2, 3, 4]
    assert [line["seconds"] for line in lines(tmp_path / "out.webm")] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_another_size_is_fitted_into_the_first(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.webm", 10, live=True)
    recorder.add(*frame(0, 0.0, (96, 64), 200), "test")
    recorder.add(*frame(1, 0.1, (64, 128), 200), "test")
    recorder.close()
    first, second = pictures(tmp_path / "out.webm")
    assert first.shape == second.shape == (64, 96, 3)
    assert second[:, 36:60].mean() > 180
    assert second[:, :30].mean() < 20
    assert second[:, 66:].mean() < 20
    assert lines(tmp_path / "out.webm")[1]["width"] == 64, "readings stay in pixels of their frame"


def test_fitting_keeps_the_shape() -> None:
    image = np.full((10, 40, 3), 255, np.uint8)
    assert fitted(image, (40, 10)) is image
    out = fitted(image, (20, 20))
    assert out.shape == (20, 20, 3)
    assert (out[:7] == 0).all()
    assert (out[8:12] > 250).all()
    assert (out[13:] == 0).all()


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.webm", 10, live=True)
    recorder.add(*frame(0, 0.0, (3840, 2160)), "test")
    recorder.close()
    assert pictures(tmp_path / "out.webm")[0].shape == (1080, 1920, 3)


def test_with_and_without_overlay(tmp_path: Path) -> None:
    box = Box(100, 60, 80, 100)
    five = Landmarks(np.float32([[120, 90], [160, 90], [140, 110], [125, 130], [155, 130]]), "five")
    shown, found = frame(0, 0.0, (320, 240), 128)
    found = FrameReport(0, 100.0, (320, 240), (Face(1, Detection(box, 0.9, five)),))
    for name, given in (("with", {}), ("without", {"overlay": None})):
        recorder = Recorder(tmp_path / f"{name}.webm", 10, live=True)
        recorder.add(shown, found, "test", **given)
        recorder.close()
        assert len(lines(tmp_path / f"{name}.webm")[0]["faces"]) == 1
    assert pictures(tmp_path / "with.webm")[0].std() > 5
    assert pictures(tmp_path / "without.webm")[0].std() < 2
    assert shown.image.std() == 0, "the frame itself is left alone"


@pytest.mark.parametrize(("name", "why"), [("out.gif", "no clip's ending"), ("none/out.webm", "there is no folder")])
def test_refused_before_the_first_frame(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(OutputError, match=why):
        Recorder(tmp_path / name, 30, live=True)


def test_what_was_never_begun_leaves_nothing(tmp_path: Path) -> None:
    Recorder(tmp_path / "out.webm", 30, live=True).close()
    (tmp_path / "folder.webm").mkdir()
    recorder = Recorder(tmp_path / "folder.webm", 30, live=True)
    with pytest.raises(OutputError, match="a folder has that name"):
        recorder.add(*frame(0, 0), "test")
    recorder.close()
    assert [path.name for path in tmp_path.iterdir()] == ["folder.webm"]


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from facelens.errors import OutputError
from facelens.recorder import Recorder, Recording
from facelens.types import Frame, FrameReport
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
rng = np.random.default_rng(0)
recording = Recording(Recorder(Path(sys.argv[1]), 25, live=False), "test", waits=True)
for index in range(200):
    recording.put(Frame(rng.integers(0, 256, (120, 160, 3), np.uint8), index, float(index)),
                  FrameReport(index, float(index), (160, 120), ()))
recording.stop()
recording.join()
print(recording.written, recording.error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such limit")
def test_where_the_system_takes_no_more_bytes_the_clip_plays_to_there(tmp_path: Path) -> None:
    """The system itself refuses, in the middle of a picture."""
    path = tmp_path / "out.webm"
    command = [sys.executable, "-c", LIMITED, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    written, said = done.stdout.strip().split(" ", 1)
    assert "Cannot record to" in said
    assert 0 < int(written) < 200
    assert len(pictures(path)) == int(written)
    assert len(lines(path)) == int(written)


def test_forms_that_end_in_one_piece_stop_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(tmp_path / "out.mp4", 5, live=False)
    for index in range(5):
        recorder.add(*frame(index, index), "test")
    monkeypatch.setattr(clipfile, "ROOM", 10**18)
    with pytest.raises(OutputError, match="the disk is full"):
        recorder.add(*frame(5, 5), "test")
    recorder.close()
    assert len(pictures(tmp_path / "out.mp4")) == 5


class Slow(Recorder):
    """Writes only when it may."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 30, live=False)
        self.go, self.busy = threading.Event(), threading.Event()

    def add(self, *arguments: Any) -> None:
        self.busy.set()
        assert self.go.wait(WAIT)
        super().add(*arguments)


def test_giving_never_waits_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    slow = Slow(tmp_path / "out.webm")
    ended = threading.Event()
    recording = Recording(slow, "test", on_end=ended.set)
    recording.put(*frame(0, 0))
    assert slow.busy.wait(WAIT)
    for index in range(1, 40):
        recording.put(*frame(index, index))
    assert recording.dropped == 39 - module.MOST_WAITING
    recording.stop()
    recording.put(*frame(99, 99))
    slow.go.set()
    assert recording.join(WAIT)
    assert ended.is_set()
    assert recording.written == 1 + module.MOST_WAITING, "what waited when it was stopped is in the clip"
    assert [line["frame"] for line in lines(slow.path)] == list(range(1 + module.MOST_WAITING))
    assert recording.error is None


def test_few_large_frames_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 3 * 96 * 64 * 3)
    slow = Slow(tmp_path / "out.webm")
    recording = Recording(slow, "test")
    recording.put(*frame(0, 0))
    assert slow.busy.wait(WAIT)
    for index in range(1, 8):
        recording.put(*frame(index, index))
    assert recording.dropped == 4
    slow.go.set()
    recording.stop()
    assert recording.join(WAIT)


def test_where_every_frame_counts_the_giver_waits(tmp_path: Path) -> None:
    recording = Recording(Recorder(tmp_path / "out.webm", 30, live=False), "test", waits=True)
    for index in range(60):
        recording.put(*frame(index, index))
    recording.stop()
    assert recording.join(WAIT)
    assert (recording.written, recording.dropped) == (60, 0)


@pytest.mark.parametrize("fault", [OutputError("Cannot record", "the disk is full", "Free some"), ZeroDivisionError()])
def test_an_error_ends_the_recording_and_nothing_else(tmp_path: Path, fault: Exception) -> None:
    class Failing(Recorder):
        def add(self, *arguments: Any) -> None:
            if self.written == 3:
                raise fault
            super().add(*arguments)

    recording = Recording(Failing(tmp_path / "out.webm", 30, live=False), "test", waits=True)
    for index in range(60):
        recording.put(*frame(index, index))
    assert recording.join(WAIT)
    assert recording.stopping
    assert recording.complete
    assert isinstance(recording.error, OutputError)
    assert ("ZeroDivisionError" in str(recording.error)) == isinstance(fault, ZeroDivisionError)
    assert len(pictures(tmp_path / "out.webm")) == 3
