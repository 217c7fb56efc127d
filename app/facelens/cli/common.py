"""What the subcommands share."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from facelens.errors import OutputError, UsageError
from facelens.files import shown
from facelens.types import Expression

WIDTH = 120
"""Columns of a table that goes to no terminal."""
MOST_SIDE = 4096
"""Largest frame that can be asked for, px a side."""

console = Console(stderr=True, width=None if sys.stderr is None or sys.stderr.isatty() else WIDTH)
"""Tables, progress and errors of commands whose standard output belongs to JSON and CSV."""


class Provider(StrEnum):
    """Choices of --provider; the same as ``runtime.PROVIDER_NAMES``, without loading ONNX Runtime for --help."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    tensorrt = "tensorrt"
    coreml = "coreml"
    directml = "directml"


class Finder(StrEnum):
    """Choices of --finder; the same as ``options.FINDERS``."""

    opencv = "opencv"
    onnxruntime = "onnxruntime"


class Pace(StrEnum):
    """Choices of --pace."""

    own = "own"
    fast = "fast"


def frame_size(text: str) -> tuple[int, int]:
    """``1280x720`` as (width, height).

    Raises:
        UsageError: it is something else, or outside 64 to 4096 px.
    """
    try:
        width, height = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise UsageError(f"Cannot use the size '{text}'", "it is not WIDTHxHEIGHT", "Try 1280x720") from error
    if not (64 <= min(width, height) <= max(width, height) <= MOST_SIDE):
        why = f"each side must have 64 to {MOST_SIDE} pixels"
        raise UsageError(f"Cannot use the size '{text}'", why, "Try 1280x720")
    return width, height


def say(text: str, style: str = "") -> None:
    """One plain line for the user, on standard error."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def fail(text: str, code: int) -> NoReturn:
    """Say what is wrong and leave."""
    say(f"facelens: {text}", "red")
    raise typer.Exit(code)


def expression_cell(seen: Expression | None) -> str:
    """An expression in a table: the label with its probability, "not sure", or nothing where it is not known."""
    if seen is None:
        return ""
    return f"{seen.label} {seen.probability:.0%}" if seen.sure else "not sure"


def written(path: str | Path) -> str:
    """A path as text that any encoding of Unicode can hold; bytes of a name that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")


def check_outputs(*targets: str | Path | None) -> None:
    """Refuse results that could not be written, before the work and not after it; "-" is standard output.

    Raises:
        UsageError: two want standard output.
        OutputError: the folder is missing, or the name is a folder's.
    """
    given = [str(target) for target in targets if target is not None]
    if given.count("-") > 1:
        raise UsageError("Cannot write both to standard output", "'-' was given twice", "Give one a file")
    for target in given:
        folder = Path(target).parent
        if target == "-":
            continue
        if not folder.is_dir():
            raise OutputError(f"Cannot write {shown(target)}", f"there is no folder {shown(folder)}", "Make it first")
        if Path(target).is_dir():
            raise OutputError(f"Cannot write {shown(target)}", "a folder has that name", "Choose another name")


def plain_streams() -> None:
    """Standard output and error as UTF-8, whatever the console's code page, so that no name can stop a result."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if stream is not None and reconfigure is not None:
            reconfigure(encoding=None if stream.isatty() else "utf-8", errors="replace")
