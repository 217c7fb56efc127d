"""What the machine gives this process."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from facelens import machine


@pytest.mark.skipif(not sys.platform.startswith(("linux", "darwin", "win32")), reason="the system does not tell")
def test_memory_in_use_follows_what_is_held() -> None:
    before = machine.rss_mib()
    held = np.ones(64 * 2**20, np.uint8)
    during = machine.rss_mib()
    assert before is not None
    assert during is not None
    assert 1 < before < 100_000
    assert during - before == pytest.approx(64, abs=24)
    assert held.all()


def test_where_the_system_does_not_tell_there_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    assert machine.rss_mib() is None


def test_a_figure_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise PermissionError("hidden")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(machine, "_rss_linux", broken)
    assert machine.rss_mib() is None


@pytest.mark.parametrize(
    ("system", "variables", "end"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x/cache"}, "/x/cache/facelens"),
        ("linux", {"XDG_CACHE_HOME": "", "HOME": "/home/ada"}, "/home/ada/.cache/facelens"),
        ("darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Caches/Facelens"),
        ("win32", {"LOCALAPPDATA": "C:/Users/ada/AppData/Local"}, "AppData/Local/Facelens/Cache"),
    ],
)
def test_the_cache_lies_where_the_system_keeps_such_things(
    monkeypatch: pytest.MonkeyPatch, system: str, variables: dict[str, str], end: str
) -> None:
    if system != "win32" and sys.platform == "win32":
        pytest.skip("homes are found in another way")
    monkeypatch.setattr(sys, "platform", system)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert machine.cache_folder().as_posix().endswith(end)
    assert isinstance(machine.cache_folder(), Path)


def test_there_is_at_least_one_core_and_a_processor() -> None:
    assert machine.cores() >= 1
    assert machine.processor()


class Library:
    """A C library that notes what it is asked."""

    def __init__(self, *names: str) -> None:
        self.asked: list[tuple[str, int]] = []
        self._names = names

    def __getattr__(self, name: str) -> Any:
        if name not in self._names:
            raise AttributeError(name)
        return lambda *values: self.asked.append((name, int(getattr(values[-1], "value", values[-1]))))


@pytest.mark.parametrize(
    ("system", "names", "asked"),
    [
        ("linux", ("gnu_get_libc_version", "mallopt", "malloc_trim"), [("mallopt", 2), ("malloc_trim", 0)]),
        ("linux", ("mallopt", "malloc_trim"), []),
        ("linux", ("gnu_get_libc_version",), []),
        ("darwin", ("gnu_get_libc_version", "mallopt", "malloc_trim"), []),
    ],
)
def test_memory_is_bounded_and_given_back_where_glibc_holds_it(
    monkeypatch: pytest.MonkeyPatch, system: str, names: tuple[str, ...], asked: list[tuple[str, int]]
) -> None:
    library = Library(*names)
    stand_in = SimpleNamespace(CDLL=lambda _: library, c_size_t=ctypes.c_size_t)
    monkeypatch.setattr(machine, "ctypes", stand_in)
    monkeypatch.setattr(sys, "platform", system)
    machine.bound_arenas()
    machine.trim_memory()
    assert library.asked == asked


def test_both_can_be_called_here() -> None:
    machine.bound_arenas()
    machine.trim_memory()
