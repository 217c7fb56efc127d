"""``facelens live --headless``: figures that are true, recordings that play, and whatever ends a run."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facelens.cli.common import Finder
from facelens.engine import Engine, open_engine
from facelens.errors import OutputError
from facelens.geometry import iou
from facelens.gui.settings import SETTINGS
from facelens.options import FINDERS
from facelens.recorder import Recorder
from facelens.sources import DemoSource
from facelens.types import Box, Expression, Frame, FrameReport, Image

Facelens = Callable[..., Any]
# by name: a command is called like it
LIVE = importlib.import_module("facelens.cli.live")


def clip(path: Path) -> tuple[int, tuple[int, int]]:
    """Pictures that can be read from a clip, and their size."""
    video = cv2.VideoCapture(str(path))
    count, size = 0, (0, 0)
    while True:
        good, image = video.read()
        if not good:
            break
        count, size = count + 1, (image.shape[1], image.shape[0])
    video.release()
    return count, size


FORM = [
    "fps_captured", "fps_shown", "latency_ms", "heartbeat_gap_ms", "frames", "tracks", "label_changes", "jitter_px",
    "rss_mib", "threads", "providers",
]  # fmt: skip


def test_the_window_writes_the_figures_too(tmp_path: Path, all_names: frozenset[str]) -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "facelens.cli", "live", "--source", "demo:2", "--seconds", "4", "--stats", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    stats = json.loads(done.stdout)
    assert list(stats) == FORM
    beat, latency = stats["heartbeat_gap_ms"], stats["latency_ms"]
    assert 0 < beat["p50"] <= beat["p99"] <= beat["max"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    frames = stats["frames"]
    assert 0 < frames["shown"] <= frames["analysed"] <= frames["captured"]
    assert 0 <= frames["captured"] - frames["analysed"] - frames["skipped"] <= 2, "no frame is queued"
    assert stats["threads"]["started"] == stats["threads"]["joined"] > 4
    assert stats["tracks"]["id_switches"] is not None
    assert set(stats["providers"]) == all_names


def test_a_source_without_truth_is_not_judged(facelens: Facelens, tmp_path: Path, portrait_path: Path) -> None:
    result = facelens("live", "--source", portrait_path, "--headless", "--stats", "-")
    assert result.code == 0, result.err
    stats = json.loads(result.out)
    assert (stats["tracks"]["id_switches"], stats["jitter_px"]) == (None, None)


def test_the_demo(facelens: Facelens, tmp_path: Path, all_names: frozenset[str]) -> None:
    result = facelens("live", "--source", "demo", "--headless", "--frames", 12, "--stats", tmp_path / "s.json")
    assert result.code == 0, result.err
    stats = json.loads((tmp_path / "s.json").read_text("utf-8"))
    frames = stats["frames"]
    assert frames["analysed"] == frames["shown"] == 12
    assert 0 <= frames["captured"] - frames["analysed"] - frames["skipped"] <= 2
    assert list(stats) == FORM
    assert stats["heartbeat_gap_ms"] is None, "there is no window"
    assert set(stats["tracks"]) == {"created", "lost", "revived", "id_switches"}
    assert stats["tracks"]["id_switches"] == 0, "one face in a demo that knows where it is"
    assert 0 < stats["jitter_px"] < 20
    assert stats["threads"] == {"started": 2, "joined": 2}
    assert stats["fps_shown"] > 0
    assert stats["fps_captured"] < 40
    latency = stats["latency_ms"]
    # frames cannot be shown faster than they are captured, but for what the first of them was late
    span = 11 / stats["fps_shown"] + latency["p99"] / 1000
    assert span >= 11 / (stats["fps_captured"] * 1.1)
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"]
    assert set(stats["providers"]) == all_names
    assert {"start", "end"} == set(stats["rss_mib"])
    assert "Demo" in result.err
    assert "at the end: every face on time" in result.err


@pytest.mark.parametrize("known", [True, False])
def test_expressions_are_in_the_table_where_they_are_known(facelens: Facelens, expression: Any, known: bool) -> None:
    expression(Expression(np.float32([0.11, 0.82, 0.04, 0.01, 0.01, 0, 0, 0.01])) if known else None)
    result = facelens("live", "--source", "demo", "--headless", "--frames", 3, "--every-frame")
    assert "every face on time" not in result.err, "no clocks"
    assert result.code == 0, result.err
    assert "apparent" in result.err
    assert ("expression" in result.err) == known
    assert ("happiness 82%" in " ".join(result.err.split())) == known


def test_stats_on_standard_output(facelens: Facelens) -> None:
    result = facelens("live", "--source", "demo", "--headless", "--frames", 2, "--stats", "-")
    assert json.loads(result.out)["frames"]["analysed"] == 2


def test_seconds(facelens: Facelens) -> None:
    began = time.monotonic()
    result = facelens("live", "--source", "demo", "--headless", "--seconds", 1.5, "--stats", "-")
    assert result.code == 0
    assert 5 <= json.loads(result.out)["frames"]["captured"] <= 240
    assert time.monotonic() - began < 30


def test_a_recording_and_then_the_recording_as_source(facelens: Facelens, tmp_path: Path) -> None:
    path = tmp_path / "demo.mp4"
    result = facelens(
        "live", "--source", "demo:2", "--headless", "--frames", 8, "--record", path, "--stats", tmp_path / "s.json"
    )
    assert result.code == 0, result.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["demo.jsonl", "demo.mp4", "s.json"]
    lines = [json.loads(line) for line in (tmp_path / "demo.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 8
    assert all(line["schema"] == "facelens/1" for line in lines)
    assert [line["frame"] for line in lines] == sorted({line["frame"] for line in lines})
    span = lines[-1]["seconds"] - lines[0]["seconds"]
    stats = json.loads((tmp_path / "s.json").read_text("utf-8"))
    # the reports came at the pace of the frames, but for what the first or the last of them was late
    assert 7 / stats["fps_shown"] == pytest.approx(span, abs=1.1 * stats["latency_ms"]["p99"] / 1000 + 0.02)
    count, size = clip(path)
    assert size == (1280, 720)
    # it plays in real time: as many pictures as passed while the demo ran, skipped ones included
    assert count == pytest.approx(lines[-1]["seconds"] * 30 + 1, abs=2)
    # as a source every picture counts, and none is skipped
    result = facelens("live", "--source", path, "--headless", "--frames", min(count, 6), "--stats", "-")
    assert result.code == 0, result.err
    frames = json.loads(result.out)["frames"]
    assert frames["analysed"] == min(count, 6)
    assert frames["skipped"] == 0


@pytest.mark.parametrize("option", [(), ("--mirror",), ("--no-mirror",)])
def test_boxes_lie_on_the_faces_of_what_is_seen_mirrored_or_not(
    facelens: Facelens, tmp_path: Path, option: tuple[str, ...]
) -> None:
    path = tmp_path / "demo.avi"
    asked = ("--camera-size", "640x480", *option)
    result = facelens("live", "--source", "demo", "--headless", "--frames", 3, "--record", path, "--stats", "-", *asked)
    assert result.code == 0, result.err
    figures = json.loads(result.out)
    turned = option == ("--mirror",)
    assert (figures["jitter_px"] is None) == turned, "the truth of the demo is not turned"
    demo = DemoSource((640, 480))
    for line in (tmp_path / "demo.jsonl").read_text("utf-8").splitlines():
        found = json.loads(line)
        (there,) = demo.truth(found["frame"]).boxes
        if turned:
            there = Box(639 - there.right, there.y, there.width, there.height)
        assert iou(Box(**found["faces"][0]["box"]), there) > 0.5


def test_a_clip_in_its_own_time_or_as_fast_as_possible(facelens: Facelens, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "slow.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 2.0, (96, 64))
    for level in range(0, 100, 10):
        writer.write(np.full((64, 96, 3), level, np.uint8))
    writer.release()
    seconds = {}
    for pace in ("own", "fast"):
        result = facelens(
            "live", "--source", tmp_path / "slow.avi", "--headless", "--pace", pace, "--frames", 7, "--stats", "-"
        )
        assert result.code == 0, result.err
        told = json.loads(result.out)
        # from the first result to the last: the first of them may be late
        seconds[pace] = 6 / told["fps_shown"] + (told["latency_ms"]["p99"] / 1000 if pace == "own" else 0)
    assert seconds["own"] >= 3.0 - 0.1
    assert seconds["fast"] < 2.0


def test_a_damaged_clip_is_told_in_one_line_and_is_no_failure(facelens: Facelens, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (96, 64))
    for level in range(150):
        writer.write(np.full((64, 96, 3), level, np.uint8))
    writer.release()
    data = bytearray(path.read_bytes())
    begin, end = int(0.3 * len(data)), int(0.4 * len(data))
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    result = facelens("live", "--source", path, "--headless", "--pace", "fast", "--stats", tmp_path / "s.json")
    assert result.code == 0, result.err
    said = [line for line in result.err.splitlines() if line.startswith("facelens:")]
    assert len(said) == 1
    assert "clip.mp4 is damaged" in said[0]


def test_the_window_is_given_what_was_asked_for(facelens: Facelens, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def run(source: str | None, *arguments: Any, **options: Any) -> int:
        given.update(options["for_now"])
        return 0

    monkeypatch.setattr("facelens.gui.app.run", run)
    asked = ("--camera-size", "1920x1080", "--camera-fps", 25, "--no-mirror", "--pace", "fast")
    assert facelens("live", "--source", "camera", *asked).code == 0
    assert given == {"camera/size": "1920x1080", "camera/fps": "25", "camera/mirror": False, "camera/pace": "fast"}
    given.clear()
    # no more than that: the user's rule of the score is no option here
    assert facelens("live", "--source", "camera", "--provider", "cuda", "--finder", "onnxruntime").code == 0
    assert given == {"engine/provider": "cuda", "engine/finder": "onnxruntime"}
    assert set(given) <= {setting.key for setting in SETTINGS}
    given.clear()
    assert facelens("live", "--source", "camera").code == 0
    assert given == {}


@pytest.mark.parametrize(
    ("source", "words"),
    [("nowhere.mp4", "nowhere.mp4"), ("camera:No Such Camera", "camera"), ("ftp://host/x", "ftp")],
)
def test_a_source_that_is_not_there(facelens: Facelens, tmp_path: Path, source: str, words: str) -> None:
    result = facelens("live", "--source", source, "--headless", "--frames", 3, "--record", tmp_path / "out.mp4")
    assert result.code == 3
    assert words in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words", "code"),
    [
        (["--headless", "--record", "none/out.mp4"], "there is no folder", 1),
        (["--headless", "--record", "out.gif"], "no clip's ending", 1),
        (["--headless", "--stats", "none/out.json"], "there is no folder", 1),
        (["--frames", "3"], "need --headless", 2),
        (["--stats", "none/out.json"], "there is no folder", 1),
        (["--headless", "--frames", "0"], "frames", 2),
        (["--headless", "--camera-size", "large"], "not WIDTHxHEIGHT", 2),
        (["--headless", "--camera-fps", "0"], "camera-fps", 2),
        (["--headless", "--finder", "magic"], "finder", 2),
    ],
)
def test_refused_before_the_work(
    facelens: Facelens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    result = facelens("live", "--source", "demo", *options)
    assert result.code == code
    assert words in result.err
    assert list(tmp_path.iterdir()) == []


def test_stopped_by_the_user(tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, the figures are written, and the recording plays."""
    path, stats = tmp_path / "out.avi", tmp_path / "s.json"
    command = [sys.executable, "-m", "facelens.cli", "live", "--source", "demo", "--headless"]
    command += ["--record", str(path), "--stats", str(stats)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not [part for part in tmp_path.glob(".facelens-*.jsonl") if part.stat().st_size > 0]:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
    assert json.loads(stats.read_text("utf-8"))["threads"] == {"started": 2, "joined": 2}
    assert clip(path)[0] >= 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.avi", "out.jsonl", "s.json"]


def test_killed_in_the_middle_the_clip_for_browsers_is_there_and_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.webm"
    command = [sys.executable, "-m", "facelens.cli", "live", "--source", "demo", "--headless", "--record", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not path.is_file() or path.stat().st_size < 100_000:
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert clip(path)[0] >= 2
    first, *_ = path.with_suffix(".jsonl").read_text("utf-8").splitlines()
    assert json.loads(first)["schema"] == "facelens/1"


class Demo(DemoSource):
    """Does something when it is opened."""

    def __init__(self, at_opening: Callable[[], None]) -> None:
        super().__init__((320, 240))
        self._at_opening = at_opening

    def open(self) -> None:
        self._at_opening()
        super().open()


def test_stopped_by_the_user_while_the_source_opens(facelens: Facelens, monkeypatch: pytest.MonkeyPatch) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LIVE, "open_source", lambda *_: Demo(press))
    result = facelens("live", "--source", "demo", "--headless")
    assert result.code == 130
    assert "facelens:" not in result.err


def test_memory_at_the_first_frame_is_told(facelens: Facelens, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bool] = []
    monkeypatch.setattr(LIVE, "open_source", lambda *_: Demo(lambda: opened.append(True)))
    monkeypatch.setattr(LIVE, "rss_mib", lambda: 300.0 if opened else 200.0)
    result = facelens("live", "--source", "demo", "--headless", "--frames", 3, "--stats", "-")
    assert json.loads(result.out)["rss_mib"] == {"start": 300, "end": 300}


def test_the_command_line_knows_the_finders() -> None:
    assert [finder.value for finder in Finder] == list(FINDERS)


@pytest.mark.parametrize("finder", FINDERS)
def test_either_finder(facelens: Facelens, monkeypatch: pytest.MonkeyPatch, finder: str) -> None:
    used: list[str] = []

    def opened(**options: Any) -> Engine:
        used.append(options["finder"])
        return open_engine(**options)

    monkeypatch.setattr(LIVE, "open_engine", opened)
    result = facelens("live", "--source", "demo", "--headless", "--frames", 2, "--finder", finder, "--stats", "-")
    assert result.code == 0, result.err
    assert json.loads(result.out)["tracks"]["created"] == 1
    assert used == [finder]


# the recorder by itself


def frame(index: int, seconds: float, size: tuple[int, int] = (96, 64)) -> tuple[Frame, FrameReport]:
    image: Image = np.full((size[1], size[0], 3), index * 10 % 255, np.uint8)
    return Frame(image, index, 100 + seconds), FrameReport(index, 100 + seconds, size, ())


def test_every_picture_of_a_clip_is_recorded_once(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.avi", 25, live=False)
    for index in range(5):
        recorder.add(*frame(index, index * 3.0), "test")
    recorder.close()
    recorder.close()
    assert clip(tmp_path / "out.avi") == (5, (96, 64))


def test_a_live_source_plays_in_real_time_and_silence_is_cut(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.avi", 10, live=True)
    # two frames within a tenth of a second, a gap of half a second, a silence of a minute, and another size
    for index, seconds in enumerate((0.0, 0.02, 0.5, 60.0)):
        recorder.add(*frame(index, seconds), "test")
    recorder.add(*frame(4, 60.1, (32, 32)), "test")
    recorder.close()
    # 0.0 gives one, 0.02 none, 0.5 five, 60.0 one, 60.1 one
    assert clip(tmp_path / "out.avi") == (8, (96, 64))
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 5


def test_nothing_recorded_leaves_nothing(tmp_path: Path) -> None:
    Recorder(tmp_path / "out.mp4", 30, live=True).close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_told_and_what_there_was_is_kept(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.avi", 30, live=False)
    recorder.add(*frame(0, 0), "test")
    assert recorder._lines is not None
    recorder._lines.close()
    recorder._lines = Path("/dev/full").open("w")  # noqa: SIM115
    with pytest.raises(OutputError, match="the disk is full"):
        recorder.add(*frame(1, 1), "test")
    recorder.close()
    # what there was before stays, and plays
    assert clip(tmp_path / "out.avi")[0] >= 1
    assert len((tmp_path / "out.jsonl").read_text("utf-8").splitlines()) == 1
