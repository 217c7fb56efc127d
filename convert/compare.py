"""The measuring room: our pipeline and other projects' networks on the same rows, row by row in turn.

``python -m convert compare --data DATA --peers PEERS --split val`` writes runs/compare/SPLIT.json and
models/comparison-SPLIT.md. A face not found counts as wrong for everyone; the table says how many each missed.
"""

from __future__ import annotations

import json
import textwrap
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.progress import Progress

from convert.faces.ship import replace
from facelens.doctor import processor
from facelens.engine import Engine, open_engine
from facelens.evaluation import THRESHOLD, Analyzer, Measurement, engine_fields, open_pack
from facelens.evaluation.packs import Row
from facelens.peers import open_detectors, open_peers

TEST_ONLY = ("scut_fbp5500",)
"""Packs whose published split has no val part."""
FACE_PACKS = ("fairface", "utkface", "landmarks68", "mtfl5", "scut_fbp5500", "mebeauty", "ferplus")
SCENE_PACKS = ("faces_in_scenes", "no_faces")
LOWER_IS_BETTER = (
    "age_mae",
    "landmarks_nme",
    "landmarks5_nme",
    "points15_rmse",
    "score_mae",
    "score_rmse",
    "false_per_image",
)
ABOUT = (
    "Our whole pipeline and other projects' published networks on the same rows, in turn, in one process, one thread a "
    "network ({processor}). Ours finds faces with the detector in OpenCV, as is usual. It learned from the train parts "
    "of these same packs; the others' networks from other data, some of it overlapping these rows (face-api.js trained "
    "on UTKFace). A face not found counts as wrong: as a wrong gender, bucket and expression, in `age_mae` as the "
    "median age, in an AUC as one half, in `landmarks_nme` and `landmarks5_nme` as 1; in `points15_rmse` and "
    "`age_coverage` it does not count. `age_coverage` is the share of ages inside the stated 80 % band (where ages are "
    "buckets, the share of the bucket that lies inside, by our own distribution); the others state none. "
    "`landmarks5_nme`: the five points of people against those that the 68 give, over the distance of the eyes. "
    "`score_mae` and `score_rmse` of mebeauty are those after the scores were given the mean and spread of the labels. "
    "`ms` is the whole pipeline for one picture, which ours looks at twice and reads in ten crops, as `facelens score` "
    "does (a live frame takes a fifth), `MB` the networks asked first; those of our second opinions have 2.7 more."
)
BY_GROUP = {
    "fairface": "gender_accuracy", "utkface": "age_mae", "landmarks68": "landmarks_nme", "mtfl5": "landmarks5_nme",
    "mebeauty": "score_pearson", "ferplus": "expression_accuracy",
}  # fmt: skip
"""The figure that is told by group."""
NOTES = {
    "faces_in_scenes": "Most boxes here are YuNet's own, so that this tells who agrees with it.",
    "mtfl5": "Of the test rows people's points lie about 1 px to the right and below (of 80), an offset of the labels.",
}
SKIPPED = ("rows", "detected", "pictures", "faces", "min_face")


@dataclass(slots=True)
class Entrant:
    """One pipeline in the comparison. ``size``: bytes of its networks, ``times``: ms of each picture."""

    name: str
    analyzer: Analyzer
    size: int
    threshold: float
    measurement: Measurement
    times: list[float]

    def take(self, row: Row) -> None:
        start = time.perf_counter()
        self.measurement.add(row, self.analyzer)
        self.times.append((time.perf_counter() - start) * 1000)


def _engine_bytes(engine: Engine) -> int:
    specs = [engine.finder.spec, *(network.spec for network in engine.networks.values())]
    return sum(spec.path_on("cpu").stat().st_size for spec in specs)


def measure(
    path: Path,
    split: str,
    limit: int | None,
    peers: Sequence[Any],
    models: Path,
    keep: Callable[[Row], bool] = lambda _: True,
) -> dict[str, Any]:
    """All entrants on one pack: name -> figures, intervals, ms_median, bytes."""
    pack = open_pack(path, split, limit)
    with open_engine(models_dir=models, **engine_fields(pack)) as engine, Progress(transient=True) as bar:
        ours = Entrant("Facelens", engine, _engine_bytes(engine), THRESHOLD, Measurement(pack), [])
        entrants = [ours]
        for peer in peers:
            measurement = Measurement(pack, threshold=peer.threshold)
            entrants.append(Entrant(peer.name, peer, peer.size, peer.threshold, measurement, []))
        task = bar.add_task(path.stem, total=pack.rows)
        for index, row in enumerate(pack):
            bar.update(task, completed=index + 1)
            if keep(row):
                # each goes first in turn, so that none always finds the picture warm in the cache
                for shift in range(len(entrants)):
                    entrants[(index + shift) % len(entrants)].take(row)
    out = {}
    for entrant in entrants:
        figures = entrant.measurement.figures(intervals=pack.kind == "faces")
        out[entrant.name] = figures | {"ms_median": median(entrant.times), "bytes": entrant.size}
    return out


def compare(args: Namespace) -> None:
    """Measure every pack and write the table."""
    threads = args.threads
    results: dict[str, dict[str, Any]] = {}
    for name in FACE_PACKS:
        if name in TEST_ONLY and args.split != "test":
            continue
        peers = open_peers(args.peers, threads)
        results[name] = measure(args.data / f"{name}.parquet", args.split, args.limit, peers, args.models)
        print(name, {who: f.get("detected") for who, f in results[name].items()}, flush=True)
    for name in SCENE_PACKS:
        if args.split == "val":
            detectors = open_detectors(args.peers, threads)
            results[name] = measure(args.data / f"{name}.parquet", args.split, args.limit, detectors, args.models)
    if args.split == "val":
        by_hand = lambda row: row.labels.get("label_kind") == "hand"  # noqa: E731
        path = args.data / "faces_in_scenes.parquet"
        detectors = open_detectors(args.peers, threads)
        results["scenes labelled by hand"] = measure(path, args.split, args.limit, detectors, args.models, by_hand)
    folder = Path("runs/compare")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{args.split}.json").write_text(json.dumps(results, indent=1))
    replace(args.models / f"comparison-{args.split}.md", table(results, args.split, args.limit).encode())


def _rows_of(figures: dict[str, Any]) -> dict[str, float]:
    flat = {**figures, **figures.get("detection", {})}
    return {k: float(v) for k, v in flat.items() if isinstance(v, (int, float)) and k not in SKIPPED}


def table(results: dict[str, dict[str, Any]], split: str, limit: int | None) -> str:
    """The comparison as a page of Markdown; the best of each line in bold, 95 % bootstrap intervals in brackets."""
    lines = [
        f"# Side by side on {split}",
        "",
        *textwrap.wrap(ABOUT.format(processor=processor()), 118),
        *([f"**A trial on {limit} rows of each pack.**"] if limit else []),
    ]
    for pack, entrants in results.items():
        rows = next(iter(entrants.values()))["rows"]
        lines += ["", f"## {pack}, {rows} rows", "", *([NOTES[pack], ""] if pack in NOTES else [])]
        lines += ["| figure | " + " | ".join(entrants) + " |"]
        lines.append("|---" * (len(entrants) + 1) + "|")
        found = {who: _rows_of(figures) for who, figures in entrants.items()}
        for key in found["Facelens"]:
            if key in ("bytes", "ms_median") or (key == "age_coverage"):
                continue
            lines.append(_line(key, {who: f.get(key) for who, f in found.items()}, entrants))
        if "age_coverage" in found["Facelens"]:
            lines.append(f"| age_coverage | {found['Facelens']['age_coverage']:.3f}" + " | " * len(entrants))
        missed = [f"{(1 - f['detected'] / max(f['rows'], 1)) * 100:.1f} %" for f in entrants.values()]
        if not any("detection" in f for f in entrants.values()):
            lines.append("| missed | " + " | ".join(missed) + " |")
        lines.append("| ms | " + " | ".join(f"{f['ms_median']:.1f}" for f in entrants.values()) + " |")
        lines.append("| MB | " + " | ".join(f"{f['bytes'] / 1e6:.2f}" for f in entrants.values()) + " |")
        if pack in BY_GROUP:
            lines += _groups(BY_GROUP[pack], entrants)
    return "\n".join(lines) + "\n"


def _groups(figure: str, entrants: dict[str, Any]) -> list[str]:
    """One figure of each group of rows, of those entrants that have it."""
    named = {who: f for who, f in entrants.items() if f.get(figure) is not None}
    lines = ["", f"`{figure}` by group:", "", "| group | rows | " + " | ".join(named) + " |"]
    lines.append("|---" * (len(named) + 2) + "|")
    for group, values in entrants["Facelens"].get("by_group", {}).items():
        for value, row in values.items():
            of = [f["by_group"].get(group, {}).get(value, {}).get(figure) for f in named.values()]
            cells = ["–" if v is None else f"{v:.3f}" for v in of]
            lines.append(f"| {group}: {value} | {row['n']} | {' | '.join(cells)} |")
    return lines


def _line(key: str, values: dict[str, float | None], entrants: dict[str, Any]) -> str:
    known = [v for v in values.values() if v is not None]
    lower = key in (*LOWER_IS_BETTER, "pictures_with_alarm")
    best = min(known) if lower else max(known)
    cells = []
    for who, value in values.items():
        if value is None:
            cells.append("–")
            continue
        text = f"**{value:.3f}**" if value == best and len(known) > 1 else f"{value:.3f}"
        between = entrants[who].get("intervals", {}).get(key)
        cells.append(text + (f" [{between[0]:.3f}, {between[1]:.3f}]" if between else ""))
    return f"| {key} | " + " | ".join(cells) + " |"
