"""Writes the accuracy tables of README.md, between its two marks, from models/models.toml.

python tools/readme_accuracy.py           rewrites the block
python tools/readme_accuracy.py --check   only says whether it is up to date (exit 1 if not)
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- accuracy -->", "<!-- /accuracy -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _mebibytes(entry: Mapping[str, Any]) -> str:
    sizes = [entry["bytes"], *([entry["int8"]["bytes"]] if "int8" in entry else [])]
    return " + ".join(f"{size / 2**20:.2f}" for size in sizes) + (" (int8)" if len(sizes) > 1 else "")


def block(entries: Sequence[Mapping[str, Any]]) -> str:
    """The networks and their figures, as two Markdown tables."""
    networks = [
        [
            f"[{entry['name']}](models/{entry['task']}/{entry['name']}.md)",
            entry["task"],
            f"{entry['parameters']:,}",
            _mebibytes(entry),
            ", ".join(entry["trained_on"]),
        ]
        for entry in entries
    ]
    figures = [
        [entry["name"], figure, f"{value:.4g}"] for entry in entries for figure, value in entry["accuracy"].items()
    ]
    return "\n\n".join(
        [
            table(["network", "task", "parameters", "MiB", "trained on"], networks),
            table(["network", "measured on", "figure"], figures),
        ]
    )


def refreshed(readme: str) -> str:
    """`readme` with the block between the marks made anew. Raises ValueError when the marks are missing."""
    start, end = readme.find(BEGIN), readme.find(END)
    if start < 0 or end < start:
        raise ValueError(f"README.md needs the marks {BEGIN} and {END}, in this order.")
    with (ROOT / "models" / "models.toml").open("rb") as file:
        entries = tomllib.load(file)["model"]
    return f"{readme[: start + len(BEGIN)]}\n{block(entries)}\n{readme[end:]}"


def main() -> int:
    path = ROOT / "README.md"
    old = path.read_text(encoding="utf-8")
    new = refreshed(old)
    if "--check" in sys.argv[1:]:
        print("README.md is up to date." if new == old else "README.md is out of date.")
        return int(new != old)
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
