"""The choice of thread counts: how it climbs, and when it is made anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from facelens import machine
from facelens.engine import open_engine
from facelens.registry import load_registry, select
from facelens.runtime import threads
from facelens.runtime.threads import Choice, choose_threads, climb, counts, kept_file

SPECS = [select(load_registry(), task) for task in ("attributes", "landmarks")]
FIRST, SECOND = (spec.name for spec in SPECS)


@pytest.mark.parametrize(
    ("cores", "tried"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_from_one_to_all_cores(cores: int, tried: tuple[int, ...]) -> None:
    assert counts(cores) == tried


@pytest.mark.parametrize(
    ("times", "chosen", "tried"),
    [
        ({1: 10.0, 2: 6.0, 4: 4.0, 8: 4.5}, 4, 4),  # each step is worth it until one is slower
        ({1: 10.0, 2: 7.5, 4: 1.0, 8: 1.0}, 1, 2),  # a quarter saved: two are not taken, four not tried
        ({1: 10.0, 2: 7.0, 4: 6.9, 8: 1.0}, 2, 3),  # three tenths are enough
    ],
)
def test_more_threads_must_be_worth_it(times: dict[int, float], chosen: int, tried: int) -> None:
    choice = climb(lambda best, more: (times[best], times[more]), (1, 2, 4, 8), lambda: False)
    assert choice.threads == chosen
    assert choice.ms == dict(list(times.items())[:tried])


def test_each_step_is_judged_by_what_was_measured_beside_it() -> None:
    # the machine slows down by half between the steps: four threads are no worse than they are
    pairs = {(1, 2): (10.0, 6.0), (2, 4): (12.0, 8.0)}
    choice = climb(lambda best, more: pairs[best, more], (1, 2, 4), lambda: False)
    assert choice == Choice(4, {1: 10.0, 2: 6.0, 4: 8.0})


def test_what_was_found_until_time_is_up_counts() -> None:
    ends = iter([False, True])
    choice = climb(lambda *_: (10.0, 5.0), (1, 2, 4), lambda: next(ends))
    assert choice == Choice(2, {1: 10.0, 2: 5.0})


def test_one_core_has_no_choice() -> None:
    def compare(best: int, more: int) -> tuple[float, float]:
        pytest.fail("there is nothing to measure")

    assert climb(compare, (1,), lambda: False) == Choice(1, {})


class Bench:
    """Counts what is measured, and gives times by which two threads are best."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.measured: list[str] = []
        monkeypatch.delenv(threads.VARIABLE, raising=False)
        monkeypatch.setattr(machine, "cache_folder", lambda: folder / "new" / "facelens")
        monkeypatch.setattr(machine, "cores", lambda: 4)
        monkeypatch.setattr(threads, "_compare", self.compare)
        monkeypatch.setattr(threads, "_is_past", lambda moment: False)

    def compare(self, spec: Any, best: int, more: int) -> tuple[float, float]:
        self.measured.append(spec.name)
        ms = {1: 10.0, 2: 4.0, 4: 5.0}
        return ms[best], ms[more]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    return Bench(monkeypatch, tmp_path)


def test_measured_once_and_kept(bench: Bench) -> None:
    found = choose_threads(SPECS)
    assert {name: choice.threads for name, choice in found.items()} == {FIRST: 2, SECOND: 2}
    assert len(bench.measured) == 4
    assert kept_file().is_file()
    assert choose_threads(SPECS) == found
    assert len(bench.measured) == 4


def test_what_is_forgotten_is_measured_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    threads.forget_threads()
    choose_threads(SPECS)
    threads.forget_threads()
    assert not kept_file().exists()
    choose_threads(SPECS)
    assert len(bench.measured) == 8
    monkeypatch.setenv(threads.VARIABLE, "1")
    threads.forget_threads()
    assert kept_file().exists(), "nothing would be measured in its place"


def test_a_new_network_is_measured_alone(bench: Bench) -> None:
    choose_threads(SPECS[:1])
    bench.measured.clear()
    choose_threads(SPECS)
    assert set(bench.measured) == {SECOND}


@pytest.mark.parametrize("changed", ["processor", "cores", "onnxruntime"])
def test_measured_anew_where_the_machine_changed(bench: Bench, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    choose_threads(SPECS)
    kept = json.loads(kept_file().read_text("utf-8"))
    kept["machine"][changed] = "another"
    kept_file().write_text(json.dumps(kept), "utf-8")
    bench.measured.clear()
    choose_threads(SPECS)
    assert len(bench.measured) == 4
    bench.measured.clear()
    choose_threads(SPECS)
    assert bench.measured == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"machine": 1}', '{"machine": null, "networks": {"x": 3}}'])
def test_a_file_that_says_nothing_is_replaced(bench: Bench, text: str) -> None:
    kept_file().parent.mkdir(parents=True)
    kept_file().write_text(text, "utf-8")
    assert choose_threads(SPECS)[FIRST].threads == 2
    assert json.loads(kept_file().read_text("utf-8"))["machine"] == threads.identity()


def test_where_nothing_can_be_kept_it_still_works(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("a file where the folder should be")
    assert choose_threads(SPECS)[SECOND].threads == 2


def test_the_environment_goes_before(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(threads.VARIABLE, "3")
    assert choose_threads(SPECS)[FIRST] == Choice(3, {})
    assert bench.measured == []
    assert not kept_file().exists()
    monkeypatch.setenv(threads.VARIABLE, "many")
    assert choose_threads(SPECS)[FIRST].threads == 2


def test_a_network_that_does_not_open_gets_one_thread(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(spec: Any, *numbers: int) -> tuple[float, float]:
        raise RuntimeError("damaged")

    monkeypatch.setattr(threads, "_compare", broken)
    assert choose_threads(SPECS)[FIRST] == Choice(1, {})
    assert json.loads(kept_file().read_text("utf-8"))["networks"] == {}


@pytest.mark.parametrize("task", ["landmarks", "detector"])
def test_the_real_measurement_gives_milliseconds(task: str) -> None:
    one, two = threads._compare(select(load_registry(), task), 1, 2)
    assert 0 < one < 60_000
    assert 0 < two < 60_000


def test_an_explicit_number_wins(bench: Bench) -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"landmarks"}), threads=2)
    assert engine.networks["landmarks"].threads == 2
    assert bench.measured == []
    assert engine.threads == {SECOND: Choice(2, {})}


def test_an_engine_may_ask_for_the_choice(bench: Bench) -> None:
    engine = open_engine(provider="cpu", parts=frozenset({"landmarks"}), threads=None)
    assert engine.networks["landmarks"].threads == 2
    assert engine.threads == {SECOND: Choice(2, {1: 10.0, 2: 4.0, 4: 5.0})}


def test_a_detector_in_onnx_runtime_is_measured_too(bench: Bench) -> None:
    open_engine(provider="cpu", parts=frozenset(), finder="onnxruntime", threads=None)
    assert set(bench.measured) == {select(load_registry(), "detector").name}


def test_an_engine_does_not_ask_by_itself(bench: Bench) -> None:
    assert open_engine(provider="cpu", parts=frozenset({"landmarks"})).networks["landmarks"].threads == 1
    assert bench.measured == []
