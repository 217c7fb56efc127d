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


TOGETHER = " with second opinions"
SPLITS = ("val", "test")
DETECTOR = ("alarms", "points", "found")
"""Figures of the detector alone that have the form of the pipeline's."""
ORDER = (
    "fairface",
    "utkface",
    "mtfl5",
    "ferplus",
    "scut_fbp5500",
    "mebeauty",
    "landmarks68",
    "faces_in_scenes",
    "no_faces",
)


def split_up(name: str) -> tuple[str, str, str]:
    """Pack, split and figure of a name of this form; of any other ("", "", name)."""
    for split in SPLITS:
        pack, between, figure = name.partition(f" {split} ")
        if between and pack.removesuffix(TOGETHER) in ORDER and " " not in figure and figure not in DETECTOR:
            return pack, split, figure
    return "", "", name


def measured(entry: Mapping[str, Any], together: bool) -> list[list[str]]:
    """Rows of pack and figure, val and test, of the whole pipeline: with all that read the same, or with this alone."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for name, value in entry["accuracy"].items():
        pack, split, figure = split_up(name)
        if pack and pack.endswith(TOGETHER) == together:
            found.setdefault((pack.removesuffix(TOGETHER), figure), {})[split] = value
    places = sorted(found, key=lambda key: (ORDER.index(key[0]), key[1]))
    return [
        [pack, f"`{figure}`", *(f"{found[pack, figure][s]:.4g}" if s in found[pack, figure] else "" for s in SPLITS)]
        for pack, figure in places
    ]


def own(entry: Mapping[str, Any]) -> list[list[str]]:
    """Rows of the figures of the network alone."""
    return [[name, f"{value:.4g}"] for name, value in entry["accuracy"].items() if not split_up(name)[0]]


def folded(title: str, text: str) -> str:
    """Text that opens on a click."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def block(entries: Sequence[Mapping[str, Any]]) -> str:
    """The networks, the figures of pictures as they are read, and those of each network, as Markdown tables."""
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
    head = ["pack", "figure", *SPLITS]
    shown = [row for entry in entries for row in measured(entry, True)]
    shown += [row for entry in entries if entry["task"] in ("landmarks", "detector") for row in measured(entry, False)]
    shown.sort(key=lambda row: ORDER.index(row[0]))
    parts = [table(["network", "task", "parameters", "MiB", "trained on"], networks)]
    parts += ["Pictures as they are usually read, all networks together:", table(head, shown)]
    for entry in entries:
        alone = measured(entry, False)
        text = [table(["figure", "value"], own(entry))]
        if entry["task"] not in ("landmarks", "detector") and alone:
            text = [table(head, alone), *text]
        parts.append(folded(f"{entry['name']} by itself", "\n\n".join(text)))
    return "\n\n".join(parts)


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
