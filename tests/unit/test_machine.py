"""What the machine gives this process."""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from facelens import machine


@pytest.mark.skipif(not sys.platform.startswith(("linux", "darwin", "win32")), reason="the system does not tell")
def test_memory_in_use_follows_what_is_held() -> None:
    before = machine.rss_mib()
    # memory of its own: an array might take what was freed before
    held = mmap.mmap(-1, 64 * 2**20)
    held.write(b"\1" * len(held))
    during = machine.rss_mib()
    assert before is not None
    assert during is not None
    assert 1 < before < 100_000
    assert during - before == pytest.approx(64, abs=24)
    held.close()


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


GLIBC = sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"
CROWD = """
import ctypes, os, sys, threading
from facelens import machine

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = library.free.argtypes = [ctypes.c_size_t]
library.fopen.restype = ctypes.c_void_p
library.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
library.fclose.argtypes = [ctypes.c_void_p]
if sys.argv[2] == "bound":
    machine.bound_arenas()
everyone, kept = threading.Barrier(6), []

def work():
    blocks = [library.malloc(60_000) for _ in range(300)]
    for block in blocks:
        ctypes.memset(block, 1, 60_000)
    everyone.wait()
    for block in blocks[:-1]:
        library.free(block)
    kept.append(blocks[-1])

threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
before = machine.rss_mib()
machine.trim_memory()
file = library.fopen(sys.argv[1].encode(), b"w")
library.malloc_info(0, file)
library.fclose(file)
print(before, machine.rss_mib())
"""


def crowd(folder: Path, how: str) -> tuple[float, int]:
    """MiB that are given back of the 17 that each of six threads freed, and in how many arenas they had them."""
    out = folder / "malloc.xml"
    command = [sys.executable, "-c", textwrap.dedent(CROWD), str(out), how]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    said = subprocess.run(command, env=plain, capture_output=True, text=True, check=True, timeout=60).stdout
    before, after = map(float, said.split())
    return before - after, out.read_text(encoding="utf-8").count("<heap nr=")


@pytest.mark.skipif(not GLIBC, reason="another C library")
@pytest.mark.parametrize("how", ["free", "bound"])
def test_what_threads_freed_is_given_back_and_lies_in_two_arenas(tmp_path: Path, how: str) -> None:
    given_back, arenas = crowd(tmp_path, how)
    assert given_back > 50
    assert (arenas <= 2) is (how == "bound")
