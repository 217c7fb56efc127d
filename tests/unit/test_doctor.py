"""The doctor tells what is broken, and does not stumble over it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from facelens import doctor
from facelens.cli.info import _network
from facelens.errors import ModelMissingError
from facelens.registry import load_registry, select
from facelens.runtime import Network, Proof, threads


def test_a_section_that_fails_is_told_and_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(doctor, "_cameras", broken)
    told = doctor.examine()
    assert told["cameras"] == {"error": "libGL.so.1: cannot open shared object file"}
    assert told["system"]["python"] == sys.version.split()[0]
    assert told["engine"]["opens"] is True


def test_an_engine_that_does_not_open_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from facelens import engine

    def refuse(**options: object) -> None:
        raise ModelMissingError("Cannot choose a model", "none is listed", "Install Facelens again")

    monkeypatch.setattr(engine, "open_engine", refuse)
    assert doctor.examine()["engine"] == {
        "opens": False,
        "why": "Cannot choose a model: none is listed. Install Facelens again.",
    }
    assert doctor.examine()["networks"] == {}


def test_each_network_is_told_with_its_proof(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = select(load_registry(), "landmarks").name
    cuda = Proof(name, "auto", "cuda", 0.6, 5.4)
    monkeypatch.setattr(Network, "prove", lambda self, face: None)
    monkeypatch.setattr(Network, "proof", property(lambda self: replace(cuda, network=self.spec.name)))
    kept = tmp_path / "threads.json"
    kept.write_text("measured while the machine was busy")
    monkeypatch.setattr(threads, "kept_file", lambda: kept)
    monkeypatch.delenv(threads.VARIABLE)
    monkeypatch.setattr(threads, "_compare", lambda spec, *numbers: (10.0, 10.0))
    monkeypatch.setattr(threads.machine, "cores", lambda: 2)
    told = doctor.examine()
    assert "machine" in kept.read_text(), "it is measured anew"
    assert told["networks"][name] == {
        "network": name, "asked": "auto", "got": "cuda", "ms": 0.6, "cpu_ms": 5.4, "ratio": 9.0,
        "reason": "", "repair": "", "threads": 1, "threads_ms": {"1": 10.0, "2": 10.0},
    }  # fmt: skip
    assert "networks" not in told["engine"]
    assert told["engine"]["threads"].endswith("threads.json")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "cpu 2.40 ms a face, threads 2 (1: 9.0 ms, 2: 6.0 ms)"),
        ({"threads_ms": {}}, "cpu 2.40 ms a face, threads 2"),
        ({"got": "cuda", "ms": 0.6, "ratio": 9.0}, "cuda 0.60 ms a face, 9.0x CPU"),
        ({"ms": None, "asked": "cpu", "threads_ms": {}}, "cpu, threads 2"),
        (
            {"asked": "cuda", "reason": "CUDA library x missing", "repair": "pip install x", "threads_ms": {}},
            "cpu 2.40 ms a face, threads 2; cuda asked for: CUDA library x missing. pip install x",
        ),
    ],
)
def test_a_network_in_a_line(changes: dict[str, object], line: str) -> None:
    proof = Proof("a", "auto", "cpu", 2.4, 2.4).as_dict() | {"threads": 2, "threads_ms": {"1": 9.0, "2": 6.0}}
    assert _network(proof | changes) == line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring fonts of their own")
@pytest.mark.parametrize(("name", "known"), [("wqy-microhei.ttc", True), ("DejaVuSans.ttf", False)])
def test_fonts_where_no_program_lists_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, known: bool
) -> None:
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / name).touch()
    monkeypatch.setattr(doctor, "FONT_FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    fonts = doctor._fonts()
    assert fonts["found"] == 1
    assert fonts["Chinese, Japanese, Korean"] is known
    assert ("remedy" in fonts) is not known


def test_the_processor_has_a_name() -> None:
    assert doctor.processor()
