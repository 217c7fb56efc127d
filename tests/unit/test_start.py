"""The programs' entry points: the window opens without the command line, and whatever fails is told in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from facelens import cli, start
from facelens.errors import DisplayError


class Window:
    """Notes how it was opened."""

    def __init__(self, ends: int | BaseException = 0) -> None:
        self.ends = ends
        self.paths: Sequence[str] | None = None

    def __call__(self, *, paths: Sequence[str]) -> int:
        self.paths = paths
        if isinstance(self.ends, BaseException):
            raise self.ends
        return self.ends


def run(monkeypatch: pytest.MonkeyPatch, entry: Any, arguments: list[str], window: Window) -> int:
    monkeypatch.setattr(sys, "argv", ["facelens", *arguments])
    monkeypatch.setattr(start, "open_window", window)
    with pytest.raises(SystemExit) as left:
        entry()
    return int(left.value.code or 0)


@pytest.mark.parametrize("entry", [start.main, start.window])
def test_without_arguments_the_window_opens(monkeypatch: pytest.MonkeyPatch, entry: Any) -> None:
    window = Window(3)
    assert run(monkeypatch, entry, [], window) == 3
    assert list(window.paths or ()) == []


@pytest.mark.parametrize("entry", [start.main, start.window])
def test_memory_is_bounded_before_anything_else(monkeypatch: pytest.MonkeyPatch, entry: Any) -> None:
    done: list[str] = []
    monkeypatch.setattr(start, "bound_arenas", lambda: done.append("bounded"))

    class Late(Window):
        def __call__(self, *, paths: Sequence[str]) -> int:
            done.append("opened")
            return super().__call__(paths=paths)

    run(monkeypatch, entry, [], Late())
    assert done == ["bounded", "opened"]


def test_on_a_desktop_arguments_are_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    window = Window()
    assert run(monkeypatch, start.window, ["a.jpg", "b.png"], window) == 0
    assert window.paths == ["a.jpg", "b.png"]


@pytest.mark.parametrize("entry", [start.main, start.window])
def test_options_go_to_the_command_line(
    monkeypatch: pytest.MonkeyPatch, entry: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    window = Window()
    assert run(monkeypatch, entry, ["--version"], window) == 0
    assert capsys.readouterr().out.startswith("facelens ")
    assert window.paths is None


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (DisplayError("Cannot open the window", "there is none", "Plug one in"), 3, "Cannot open the window: there is"),
        (KeyboardInterrupt(), 130, ""),
        (ImportError("libx.so"), 3, "A library is missing"),
        (ZeroDivisionError("by zero"), 3, "Unexpected ZeroDivisionError: by zero"),
    ],
)
def test_what_ends_the_window_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    assert run(monkeypatch, start.main, [], Window(error)) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert len(said.err.strip().splitlines()) == bool(words)


def test_an_exit_goes_on() -> None:
    with pytest.raises(SystemExit) as left:
        cli.explain(SystemExit(7))
    assert left.value.code == 7


def test_the_window_does_not_load_the_command_line() -> None:
    code = """
import json, sys
from facelens import start
from facelens.gui import launch
import facelens.gui.app as app
app.run = lambda *args, **options: 0
sys.argv = ["facelens"]
try:
    start.main()
except SystemExit as left:
    assert left.code == 0
print(json.dumps([name for name in ("typer", "rich", "PIL", "facelens.cli") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
