"""The page of a network that ships: what it learned from, how, what it does, and for whom."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from pathlib import Path
from typing import Any

import tomlkit

from convert.faces.ship import MEASURED, Shipment, replace


def _group_table(results: dict[str, Any]) -> list[str]:
    lines = []
    for pack, figures in results.items():
        for group, values in figures.get("by_group", {}).items():
            keys = [k for k in next(iter(values.values())) if k != "n"]
            lines += ["", f"{pack} by {group}", "", "| value | n | " + " | ".join(keys) + " |"]
            lines.append("|---" * (len(keys) + 2) + "|")
            for value, row in values.items():
                cells = [f"{row[k]:.3f}" if isinstance(row.get(k), float) else str(row.get(k, "")) for k in keys]
                lines.append(f"| {value} | {row.get('n', '')} | " + " | ".join(cells) + " |")
    return lines


def variants(found: dict[str, Any], size: int, ships: bool) -> list[str]:
    """The float file beside the one with integers."""
    said = "runs on CPUs." if ships else "was tried and does not ship: it lost more than it may."
    lines = ["", "## With integers", "", f"A file with 8-bit integers {said} Whole pipeline on val:", ""]
    lines += ["| | float | int8 |", "|---|---|---|", f"| bytes | {size:,} | {found['bytes']:,} |"]
    for name in found["ms"]["float"]:
        lines.append(f"| ms, {name}, one thread | {found['ms']['float'][name]} | {found['ms']['int8'][name]} |")
    lines += [f"| {name} | {value:.4f} | {found['int8'][name]:.4f} |" for name, value in found["float"].items()]
    return lines


def card_for(shipment: Shipment, purpose: str, args: Namespace) -> None:
    """Write models/<task>/<name>.md from the run's log, export facts and measurements.

    Of a network whose run is gone, or has trained another one since, the card keeps what it says of the training, and
    tells the newest measurements.
    """
    folder = args.models / shipment.task
    card = folder / f"{shipment.name}.md"
    listed = tomlkit.parse((args.models / "models.toml").read_text(encoding="utf-8"))["model"]
    # what the file that ships has, whatever the next training will have
    entry = next(item for item in listed if item["name"] == shipment.name)
    facts = json.loads((args.run / "export.json").read_text()) if (args.run / "export.json").exists() else {}
    if facts.get("sha256") != entry["sha256"]:
        if not card.exists():
            raise SystemExit(f"{args.run} is not the training of {shipment.name}: export it from there first")
        before, _, _ = card.read_text(encoding="utf-8").partition(f"\n{MEASURED}")
        replace(card, ("\n".join([before.rstrip("\n"), *_measured(folder, shipment.name)]) + "\n").encode())
        return
    log = json.loads((args.run / "log.json").read_text())
    shutil.copyfile(args.run / "curves.png", folder / f"{shipment.name}-curves.png")
    lines = [f"# {shipment.name}", "", purpose.strip(), ""]
    lines += [
        "It says what a picture suggests, never what a person is. It learned from labels that people, and networks",
        "that people checked, gave to pictures, with their errors and their taste ([the data](../data.md)).",
        "",
        "| | |",
        "|---|---|",
        f"| trained on | {', '.join(entry['trained_on'])} (train parts only) |",
        f"| licence | {shipment.licence} |",
        f"| command | `{log['command']}` |",
        f"| commit | {log['commit']} |",
        f"| training | {log['spent'] / 60:.0f} minutes, {log['step']} steps, on two CPU cores |",
        f"| input | uint8 N x {' x '.join(str(side) for side in entry['input'])} x 3 BGR, "
        f"aligned, template scale {entry['crop_scale']} |",
        f"| outputs | {', '.join(entry['outputs'])} |",
        f"| parameters | {facts['parameters']:,} |",
        f"| size | {facts['bytes']:,} bytes |",
        f"| sha256 | `{facts['sha256']}` |",
        f"| parity, Keras to ONNX Runtime | network {facts['parity']['network']:.1e}, "
        f"preprocessing {facts['parity']['preprocess']:.1e} |",
        "",
        *([shipment.note, ""] if shipment.note else []),
        f"![Training curves]({shipment.name}-curves.png)",
        "",
        "## On aligned crops of val",
        "",
    ]
    lines += [f"- {k}: {v:.4f}" for k, v in facts["val"].items()]
    if facts["extra"]:
        lines += ["", "Calibration, found on val: " + ", ".join(f"{k} {v:.3f}" for k, v in facts["extra"].items())]
    if (args.run / "int8.json").exists():
        lines += variants(json.loads((args.run / "int8.json").read_text()), facts["bytes"], "int8" in entry)
    replace(card, ("\n".join([*lines, *_measured(folder, shipment.name)]) + "\n").encode())


def _measured(folder: Path, name: str) -> list[str]:
    """The card's sections of what the whole pipeline was measured to do, and of what other networks would do."""
    lines = []
    for split in ("val", "test"):
        path = folder / f"{name}.{split}.json"
        if path.exists():
            results = json.loads(path.read_text())
            lines += ["", f"{MEASURED} {split}, a face not found counts as wrong", ""]
            for pack, figures in results.items():
                flat = {k: v for k, v in figures.items() if isinstance(v, (int, float))}
                lines.append(f"- {pack}: " + ", ".join(f"{k} {v:.4g}" for k, v in flat.items()))
            lines += _group_table(results)
    if (folder / "sweep.md").exists():
        words = "[trained alike for a short time](sweep.md); what ships, at [other input sizes](pareto.md)."
        lines += ["", "## Other sizes", "", f"Networks of other widths and input sizes, {words}", ""]
        lines += [row for row in (folder / "sweep.md").read_text(encoding="utf-8").splitlines() if row.startswith("|")]
    if folder.name in ("attributes", "landmarks") and (folder.parent / "learning.md").exists():
        lines += ["", "## More data, more training", "", "[What they would bring](../learning.md), by short trainings."]
    return lines
