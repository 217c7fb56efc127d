"""``facelens models`` and ``facelens doctor``."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from facelens.cli.common import WIDTH, say
from facelens.doctor import examine
from facelens.errors import DisplayError, ModelError
from facelens.registry import load_registry, verify

results = Console(width=None if sys.stdout is None or sys.stdout.isatty() else WIDTH)
"""Standard output, for what is asked for itself."""


def run_models_list() -> int:
    """Tables of the models and of their figures on standard output."""
    specs = load_registry()
    table = Table("model", "task", "parameters", "size", "licence", box=box.SIMPLE_HEAD, pad_edge=False)
    figures = Table("model", "figure", "value", box=box.SIMPLE_HEAD, pad_edge=False)
    for spec in specs:
        size = " + ".join(f"{part.bytes / 1024:,.0f}" for part in spec.files) + " KiB"
        table.add_row(spec.name, spec.task, f"{spec.parameters:,}", size, Text(spec.licence))
        for name, value in spec.accuracy.items():
            figures.add_row(spec.name, Text(name), f"{value:g}")
    results.print(table)
    if figures.row_count:
        results.print(figures)
    return 0


def run_models_verify() -> int:
    """Check every file; 3 where one is bad."""
    bad = 0
    for spec in load_registry():
        try:
            verify(spec)
        except ModelError as error:
            bad += 1
            say(f"facelens: {error}", "red")
        else:
            for part in spec.files:
                print(f"{spec.name}: {part.file} whole, {part.bytes:,} bytes, sha256 {part.sha256}")
    return 3 if bad else 0


def run_doctor(as_json: bool) -> int:
    """What works here; 3 where no engine opens."""
    found = examine() | {"display": _display()}
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _tell(found)
    return 0 if found["engine"].get("opens") else 3


def _display() -> dict[str, Any]:
    """Whether the window could be opened; found out by the window's own check, without opening it."""
    try:
        from facelens.gui.app import display

        with display():
            return {"works": True}
    except (DisplayError, ImportError) as error:
        return {"works": False, "why": str(error)}


def _tell(found: dict[str, Any]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for section, value in found.items():
        for index, (name, text) in enumerate(_lines(value)):
            table.add_row("" if index else section, Text(name), Text(text))
    results.print(table)


def _lines(value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [(str(name), _flat(part)) for name, part in value.items()] or [("none", "")]
    if isinstance(value, list):
        return [("", _flat(part)) for part in value] or [("none", "")]
    return [("", _flat(value))]


def _flat(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_flat(part)}" for name, part in value.items() if part not in ("", None))
    if isinstance(value, list):
        return "; ".join(_flat(part) for part in value) or "none"
    return str(value)
