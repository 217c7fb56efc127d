"""The benchmark's own form and sums; its figures depend on the machine and are not judged here."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facelens import benchmark
from facelens.cli import main
from facelens.cli.measure import face_numbers, frame_size, frame_sizes
from facelens.engine import Engine, open_engine
from facelens.errors import UsageError
from facelens.peers import Peer, guessed_five
from facelens.scheduler import Scheduler
from facelens.types import Box, Detection, Frame, FrameReport


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine(provider="cpu") as opened:
        yield opened


def test_form_and_sums(engine: Engine, first_names: frozenset[str]) -> None:
    seen: list[tuple[int, int]] = []
    found = benchmark.run(
        {"cpu": engine}, [1, 3], [(320, 240), (160, 120)], 3, lambda done, total: seen.append((done, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["processor"]
    assert {(row["name"], row["size"], row["faces"]) for row in found["networks"]} == {
        (name, size, faces) for name in first_names for size in ("320x240", "160x120") for faces in (1, 3)
    }
    assert all(row["provider"] == "cpu" and row["ms_median"] > 0 for row in found["networks"])
    for row in found["pipeline"]:
        same = [part for part in found["networks"] if (part["size"], part["faces"]) == (row["size"], row["faces"])]
        assert row["sum_of_networks_ms"] == pytest.approx(sum(part["ms_median"] for part in same), abs=0.01)
        assert 0 < row["found"] <= row["faces"]
        assert row["detector_px"] == int(row["size"].split("x")[0])  # no quick look would be smaller
    assert [row["faces"] for row in found["live"]] == [1, 3, 1, 3]


def test_peers_are_timed_beside_and_compared(engine: Engine, first_names: frozenset[str]) -> None:
    """Stand-ins: one that does all, one that does part and is the fastest."""

    def nothing(_: object) -> list[Detection]:
        return []

    def slow(_: object) -> list[Detection]:
        time.sleep(0.003)
        return [Detection(Box(1, 2, 3, 4), 0.9, guessed_five(Box(1, 2, 3, 4)))]

    peers = (Peer("all", [], slow, None, full=True), Peer("part", [], nothing, None))
    found = benchmark.run({"cpu": engine}, [1], [(320, 240)], 3, peers=peers)
    rows = {row["name"]: row for row in found["peers"]}
    assert (rows["all"]["found"], rows["part"]["found"]) == (1, 0)
    assert rows["all"]["ms_median"] >= 3 > rows["part"]["ms_median"]
    assert {row["name"] for row in found["networks"]} == first_names
    (ratios,) = found["ratios"].values()
    whole, live = found["pipeline"][0], found["live"][0]
    assert ratios["vs_fastest_full_peer"] == pytest.approx(whole["ms_median"] / rows["all"]["ms_median"], abs=0.01)
    assert ratios["live_vs_fastest_full_peer"] == pytest.approx(live["ms_median"] / rows["all"]["ms_median"], abs=0.01)
    assert ratios["overhead"] == whole["overhead"]


def test_demo_frames_are_what_they_say() -> None:
    frames = benchmark.demo_frames((320, 240), 2, count=4)
    assert [frame.index for frame in frames] == [0, 3, 6, 9, 6, 3]
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with pytest.raises(SystemExit) as left:
        main(["bench", "--faces", "1", "--size", "160x120", "--rounds", "3", "--json", str(path)])
    assert left.value.code == 0
    assert set(json.loads(path.read_text("utf-8"))) == {"machine", "networks", "pipeline", "live"}


def test_sizes_and_numbers() -> None:
    assert frame_size("1280X720") == (1280, 720)
    assert frame_sizes("640x480,1280x720,640x480") == [(640, 480), (1280, 720)]
    assert face_numbers("5,1, 5") == [1, 5]
    for text in ("1280", "axb", "10x10", "9000x9000", "1x2x3"):
        with pytest.raises(UsageError):
            frame_size(text)
    for text in ("", "none", "0", "21", "1;5"):
        with pytest.raises(UsageError):
            face_numbers(text)


def test_the_live_loop_counts_what_seldom_runs_with_its_share(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Scheduler):
        def analyze(self, frame: Frame) -> FrameReport:
            if frame.index % 10 == 0:
                time.sleep(0.05)
            return FrameReport(frame.index, frame.captured_at, (frame.width, frame.height), ())

    monkeypatch.setattr(benchmark, "Scheduler", Slow)
    assert benchmark.LiveSecond(engine, (160, 120), 1)(0) >= 5.0
