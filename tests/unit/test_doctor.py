"""The doctor tells what is broken, and does not stumble over it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from facelens import doctor
from facelens.errors import ModelMissingError


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

    def refuse() -> None:
        raise ModelMissingError("Cannot choose a model", "none is listed", "Install Facelens again")

    monkeypatch.setattr(engine, "open_engine", refuse)
    assert doctor.examine()["engine"] == {
        "opens": False,
        "why": "Cannot choose a model: none is listed. Install Facelens again.",
    }


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
