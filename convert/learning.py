"""How the figures grow with pictures to learn from and with training: why a figure is missed, and what would reach it.

``python -m convert learning --data DATA`` runs the trials that have no result yet (so it can be spread over days) and
writes models/learning.md and learning.png. The attributes network: ``trials``. The landmarks network: the same number
of batches from fewer persons, and from all for longer; from landmarks68 alone, without what other networks told.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np

from convert import attributes, landmarks, trials
from convert.faces import data, training
from convert.faces.ship import replace as write
from convert.trials import Trial

matplotlib.use("Agg")

LONG = 2400
BY_TRAINING = tuple(Trial(steps) for steps in (LONG // 4, LONG // 2, LONG))
BY_ROWS = tuple(Trial(LONG, share) for share in (0.0625, 0.125, 0.25, 0.5, 1.0))
FIGURES = (
    "fairface gender", "fairface bucket", "fairface one-off", "fairface worst group's error",
    "fairface best group's error", "utkface MAE", "utkface gender", "mtfl5 smile AUC",
)  # fmt: skip
FOLLOWS = "## What follows"
"""What stands below it is written by people, and kept."""
PLOTTED = ("fairface gender", "fairface bucket", "fairface one-off", "fairface worst group's error", "mtfl5 smile AUC")
POINTS = ("NME", "15 points")
SEEN_ROWS = 500
"""Of the landmarks trials, figures of rows that were learned from are of so many."""
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PointsTrial:
    """One training of the landmarks network: ``steps`` batches of 64 from a ``share`` of the persons."""

    steps: int = 1000
    share: float = 1.0
    seed: int = 0

    @property
    def name(self) -> str:
        """That of its folder."""
        return f"landmarks-{self.share:g}-of-persons-{self.steps}-steps-seed-{self.seed}"


POINTS_BY_TRAINING = (PointsTrial(500), PointsTrial(1000))
POINTS_BY_PERSONS = tuple(PointsTrial(1000, share) for share in (0.25, 0.5, 1.0))


def fewer_persons(pack: landmarks.Labelled, share: float) -> landmarks.Labelled:
    """Only the rows of every 1 / ``share``-th person."""
    names = pack.crops.table["person"]
    kept = set(sorted(set(names))[:: round(1 / share)])
    return replace(pack, rows=np.array([row for row in pack.rows if names[row] in kept]))


def run_points(trial: PointsTrial, args: Namespace, root: Path) -> Result:
    """Train on landmarks68 alone, or take what an earlier run left. The trial's fields, ``rows`` (persons), ``val`` and
    ``seen``."""
    folder = root / trial.name
    if not (folder / "result.json").exists():
        crops, val = (
            data.load(args.data, data.CACHE, "landmarks68", split, points="points68", models=args.models)
            for split in ("train", "val")
        )
        assert crops.points is not None
        none = np.full((len(crops.images), 5, 2), np.nan, np.float32)
        pack = landmarks.Labelled(crops, crops.points, none, np.arange(len(crops.images)), by_people=True)
        pack = fewer_persons(pack, trial.share)
        seen = replace(crops, images=crops.images[pack.rows], points=crops.points[pack.rows], found=None)
        keras.utils.set_random_seed(trial.seed)
        model = landmarks.build(landmarks.mean_shape(seen), "mixed_bfloat16")
        schedule = replace(landmarks.SCHEDULE, steps=trial.steps)
        make = lambda rng, size: landmarks.batch({"landmarks68": pack}, rng, size, {"landmarks68": 1.0})  # noqa: E731
        check = lambda model, _: landmarks.figures(model, val)  # noqa: E731
        training.fit(model, landmarks.loss, make, check, schedule, folder, seed=trial.seed, resume=True)
        exact = landmarks.build(np.zeros((68, 2)))
        training.restore(folder / "average.npz", exact.weights)
        rows = data.evenly(len(pack.rows), SEEN_ROWS)
        assert seen.points is not None
        seen = replace(seen, images=seen.images[rows], points=seen.points[rows])
        persons = len({crops.table["person"][row] for row in pack.rows})
        result = asdict(trial) | {"rows": persons, "val": landmarks.figures(exact, val)}
        result["seen"] = landmarks.figures(exact, seen)
        write(folder / "result.json", json.dumps(result, indent=1).encode())
    return dict(json.loads((folder / "result.json").read_text()))


def digits(name: str) -> int:
    """With how many digits a figure is told."""
    return 2 if name.endswith(("MAE", "points")) else 4 if name == "NME" else 3


def table(results: list[Result], names: Sequence[str], first: str, label: Any) -> list[str]:
    """Figures of val, and in brackets those of rows that were learned from."""
    lines = [f"| {first} | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for row in results:
        cells = [label(row)]
        cells += [f"{row['val'][name]:.{digits(name)}f} ({row['seen'][name]:.{digits(name)}f})" for name in names]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def doubled(results: list[Result], names: Sequence[str], by: str) -> list[str]:
    """What the last doubling of ``by`` brought, in one sentence."""
    before, after = sorted(results, key=lambda row: float(row[by]))[-2:]
    said = [f"{name} {after['val'][name] - before['val'][name]:+.{digits(name)}f}" for name in names]
    return ["The last doubling brought: " + ", ".join(said) + ".", ""]


@dataclass(frozen=True, slots=True)
class Curves:
    """Results of the attributes network by rows and by training, and of the landmarks network by persons and by
    training."""

    rows: list[Result]
    training: list[Result]
    persons: list[Result]
    points_training: list[Result]


def page(curves: Curves) -> str:
    """The page as Markdown."""
    rows = lambda row: f"{row['share']:.0%}, {row['rows']:,} of FairFace"  # noqa: E731
    people = lambda row: f"{row['share']:.0%}, {row['rows']} persons"  # noqa: E731
    lines = [
        "# What more pictures and longer training bring",
        "",
        "Short trainings that differ in one thing, counted in pictures seen (a picture counts each time it is drawn,",
        "changed each time): see `convert/learning.py`. Figures of val crops, one view each; in brackets those of rows",
        "that were learned from. What ships was trained for longer and with more (see its card): here only the",
        "differences count.",
        "",
        "![Learning curves](learning.png)",
        "",
        "## Attributes: less data, the same training",
        "",
        *table(curves.rows, FIGURES, "rows", rows),
        *doubled(curves.rows, FIGURES, "share"),
        "## Attributes: all data, less training",
        "",
        *table(curves.training, FIGURES, "pictures seen", lambda row: f"{row['pictures']:,}"),
        *doubled(curves.training, FIGURES, "steps"),
        "## Landmarks: fewer persons, the same training",
        "",
        *table(curves.persons, POINTS, "persons", people),
        *doubled(curves.persons, POINTS, "share"),
        "## Landmarks: all persons, less training",
        "",
        *table(curves.points_training, POINTS, "batches", lambda row: f"{row['steps']:,}"),
        *doubled(curves.points_training, POINTS, "steps"),
    ]
    return "\n".join(lines)


def plot(curves: Curves, path: Path) -> None:
    """One column a figure: above against data, below against training; val in full, learned rows dotted."""
    from matplotlib import pyplot

    names = [*PLOTTED, *POINTS]
    figure, axes = pyplot.subplots(2, len(names), figsize=(2.5 * len(names), 5), constrained_layout=True)
    for column, name in enumerate(names):
        points = name in POINTS
        above = curves.persons if points else curves.rows
        below = curves.points_training if points else curves.training
        for axis, results, by in ((axes[0, column], above, "rows"), (axes[1, column], below, "steps")):
            results = sorted(results, key=lambda row: float(row[by]))
            x = [row[by] for row in results]
            for part, style, colour in (("val", "-o", "#0E8F7E"), ("seen", ":o", "#8A93A0")):
                label = "val" if part == "val" else "learned from"
                axis.plot(x, [row[part][name] for row in results], style, color=colour, markersize=4, label=label)
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:,}" for value in x], fontsize=7)
            axis.minorticks_off()
            axis.grid(alpha=0.25)
            unit = ("persons" if points else "rows of FairFace") if by == "rows" else "batches"
            axis.set_xlabel(unit, fontsize=8)
        axes[0, column].set_title(name, fontsize=8)
    axes[0, 0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def learning(args: Namespace) -> None:
    """Run the trials that have no result yet, and write the page."""
    training.set_up(args.seed, args.threads)
    root = Path("runs/trials")
    val, every = attributes.load(args.data, data.CACHE, "val"), trials.load(args)

    def curve(tried: Sequence[Trial]) -> list[Result]:
        return [trials.run(replace(trial, seed=args.seed), every, val, root) for trial in tried]

    def curve_of_points(tried: Sequence[PointsTrial]) -> list[Result]:
        return [run_points(replace(trial, seed=args.seed), args, root) for trial in tried]

    curves = Curves(
        curve(BY_ROWS), curve(BY_TRAINING), curve_of_points(POINTS_BY_PERSONS), curve_of_points(POINTS_BY_TRAINING)
    )
    path = args.models / "learning.md"
    _, _, kept = (path.read_text(encoding="utf-8") if path.exists() else "").partition(f"{FOLLOWS}\n")
    write(path, f"{page(curves)}\n{FOLLOWS}\n{kept}".encode())
    plot(curves, args.models / "learning.png")
