"""``facelens evaluate`` and ``facelens bench``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich import box
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from facelens import benchmark, report
from facelens.cli.common import check_outputs, console, frame_size, say
from facelens.engine import open_engine
from facelens.errors import UsageError
from facelens.evaluation import engine_fields, evaluate, open_pack
from facelens.evaluation.packs import USUAL_SPLITS
from facelens.peers import open_peers
from facelens.runtime import provider_report


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def run_evaluate(
    pack: Path, split: str | None, limit: int | None, min_face: float, intervals: bool, json: str | None, provider: str
) -> int:
    """Measure, show tables or write JSON; the exit code."""
    check_outputs(json)
    opened = open_pack(pack, split, limit)
    if split is None and opened.split_column and opened.split != USUAL_SPLITS[0]:
        say(f"facelens: {pack.name} has no test part; measuring on {opened.split}", "yellow")
    if opened.kind == "empty":
        say(f"facelens: {pack.name} has no labels: every face found in it counts as a false alarm", "yellow")
    with open_engine(provider=provider, **engine_fields(opened)) as engine, _progress() as bar:
        for note in engine.notes if provider != "auto" else ():
            say(f"facelens: {note}", "yellow")
        task = bar.add_task(pack.name, total=opened.rows)
        found = evaluate(
            pack, engine, split, limit, min_face, lambda done, _: bar.update(task, completed=done), intervals
        )
    if json is not None:
        report.write_json(json, found)
    if json != "-":
        console.print(_figures(found))
        for name, members in found.get("by_group", {}).items():
            console.print(_group(name, members))
    if unreadable := found.get("unreadable"):
        say(f"facelens: {unreadable} of {found['rows']} pictures cannot be decoded and count as not found", "yellow")
        return 1
    return 0


def _plain(*columns: str, title: str = "") -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _figures(found: dict[str, Any]) -> Table:
    table = _plain("figure", "all rows", "found faces", "95 % interval", title=f"{found['pack']}, {found['split']}")
    apart, intervals = found.get("found_only", {}), found.get("intervals", {})
    for name, value in found.items():
        if isinstance(value, (int, float)):
            between = " - ".join(f"{end:.4g}" for end in intervals.get(name, ()))
            table.add_row(name, f"{value:.4g}", f"{apart[name]:.4g}" if name in apart else "", between)
    for name, value in found.get("detection", {}).items():
        table.add_row(f"detection {name}", f"{value:.4g}", "", "")
    return table


def _group(name: str, members: dict[str, dict[str, Any]]) -> Table:
    keys = list(dict.fromkeys(key for figures in members.values() for key in figures))
    table = _plain(name, *keys)
    for value, figures in members.items():
        table.add_row(value, *(f"{figures[key]:.4g}" if key in figures else "" for key in keys))
    return table


def face_numbers(text: str) -> list[int]:
    """``1,5`` as numbers.

    Raises:
        UsageError: it is something else, or outside 1 to 20.
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"Cannot use the faces '{text}'", "they are not numbers with commas", "Try 1,5") from error
    if not all(1 <= n <= 20 for n in numbers):
        raise UsageError(f"Cannot use the faces '{text}'", "the demo draws 1 to 20 faces", "Try 1,5")
    return sorted(set(numbers))


def frame_sizes(text: str) -> list[tuple[int, int]]:
    """``640x480,1280x720`` as (width, height) each, in the order given.

    Raises:
        UsageError: see ``frame_size``.
    """
    return list(dict.fromkeys(frame_size(part) for part in text.split(",")))


def run_bench(
    faces: str, size: str, rounds: int, peers: Path | None, finder: str, json: str | None, provider: str
) -> int:
    """Time everything, with "auto" on every provider that opens; the exit code."""
    numbers, sizes = face_numbers(faces), frame_sizes(size)
    check_outputs(json)
    others = open_peers(peers) if peers is not None else ()
    wanted = [status.name for status in provider_report() if not status.note] if provider == "auto" else [provider]
    with ExitStack() as stack, _progress() as bar:
        engines = {}
        for name in wanted:
            engine = open_engine(provider=name, finder=finder)
            stack.enter_context(engine)
            opened = {network.provider for network in engine.networks.values()}
            if name == "cpu" or opened == {name}:
                engines[name] = engine
            for note in engine.notes if provider != "auto" else ():
                say(f"facelens: {note}", "yellow")
            if provider != "auto":
                # what was asked for is measured as it runs, which the rows tell
                engines[name] = engine
        task = bar.add_task("Measuring", total=rounds)
        found = benchmark.run(engines, numbers, sizes, rounds, lambda done, _: bar.update(task, completed=done), others)
    if json is not None:
        report.write_json(json, found)
    if json != "-":
        _show_bench(found)
    return 0


def _show_bench(found: dict[str, Any]) -> None:
    machine = found["machine"]
    table = _plain("what", "frame", "faces", "ms a frame", title=f"{machine['processor']}, {machine['cores']} cores")
    for row in found["networks"]:
        name = f"{row['name']} ({row['provider']})"
        table.add_row(name, row["size"], str(row["faces"]), f"{row['ms_median']:.2f}")
    for kind in ("pipeline", "live"):
        for row in found[kind]:
            table.add_row(f"{kind} ({row['provider']})", row["size"], str(row["faces"]), f"{row['ms_median']:.2f}")
    for row in found.get("peers", ()):
        faces = f"{row['faces']} ({row['found']:g} found)"
        table.add_row(row["name"], row["size"], faces, f"{row['ms_median']:.2f}")
    console.print(table)
    for n, ratios in found.get("ratios", {}).items():
        say(f"{n} faces: " + ", ".join(f"{name} {value:.2f}" for name, value in ratios.items()))
