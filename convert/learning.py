"""How the figures grow with pictures to learn from and with training: why a figure is missed, and what would reach it.

``python -m convert learning --data DATA`` runs the trials that have no result yet (so it can be spread over days) and
writes models/learning.md and learning.png. The attributes network: ``trials``. The landmarks network: the same number
of batches from fewer persons, and from all for longer; from landmarks68 alone, without what other networks told.
"""

from __future__ import annotations

import json
import textwrap
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np

from convert import attributes, attributes_figures, landmarks, trials
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
READ = (
    "**Attributes.** With the training of these trials a quarter of the rows is as good on val as all of them, and "
    "twice the pictures take away a sixth of the wrong genders: time is what they lack. With a sixteenth, of which "
    "each picture is seen some seventy times, as often as what ships saw each of all rows, the rows learned from "
    "are nearly known by heart and val falls behind. What ships stands between (its card): one view of val had .892 "
    "of FairFace's genders, .544 of its buckets and 4.83 years on UTKFace after 2.0 million pictures "
    "(attributes-2), and .898, .556 and 4.59 after 5.1 million (attributes-3, which also saw pictures mixed, "
    "aligned as at run time, and taught). So a doubling now brings .005 of the genders and .01 of the buckets, "
    "which is a fifth and a third of what it brought before; of rows it has learned from it knows .935 and .595. "
    "Labels allow little more: of 40 pairs of identical pictures 12 are labelled differently. To reach .58 of the "
    "buckets would take several more doublings, with more pictures, or a trunk that begins with what millions of "
    "other faces taught; and to reach .95 for smiles, labels that say what counts as one.\n\n"
    "**The worst group.** From a sixteenth of the rows to all its error falls from .269 to .214, and that of the "
    "best group stays at .13 (a group has 190 to 390 rows of val, so .02 is chance): more pictures narrow the "
    "ratio. Longer training lowers both, and the best group's faster: what ships has .14 and .03 on test. So it "
    "takes more pictures, and of those whose gender is read wrong most (women with very short hair, children) in "
    "the group that is read worst.\n\n"
    "**Landmarks** gain with every doubling of the persons, and by about as much the second time: .003 and .002 of "
    "the error, .13 and .17 px of the 15 points, in trainings too short to know anybody by heart. More training "
    "alone stands still (card of landmarks-1: 17 more minutes brought the 15 points from 1.874 to 1.868 px). The .2 "
    "px that are missing to 1.6 are one to two doublings of the persons away, from 277 to some 800."
)
"""Said at the end of the page, from its tables and the cards of the networks that ship."""
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
        some = attributes_figures.some(len(pack.rows), SEEN_ROWS)
        assert seen.points is not None
        seen = replace(seen, images=seen.images[some], points=seen.points[some])
        persons = len({crops.table["person"][row] for row in pack.rows})
        result = asdict(trial) | {"rows": persons, "val": landmarks.figures(exact, val)}
        result["seen"] = landmarks.figures(exact, seen)
        write(folder / "result.json", json.dumps(result, indent=1).encode())
    return dict(json.loads((folder / "result.json").read_text()))


def table(results: list[Result], names: Sequence[str], first: str, label: Any) -> list[str]:
    """Figures of val, and in brackets those of rows that were learned from."""
    lines = [f"| {first} | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for row in results:
        cells = [label(row)]
        for name in names:
            digits = 2 if name.endswith(("MAE", "points")) else 4 if name == "NME" else 3
            cells.append(f"{row['val'][name]:.{digits}f} ({row['seen'][name]:.{digits}f})")
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def doubled(results: list[Result], names: Sequence[str], by: str) -> list[str]:
    """What the last doubling of ``by`` brought, in one sentence."""
    before, after = sorted(results, key=lambda row: float(row[by]))[-2:]
    said = []
    for name in names:
        digits = 2 if name.endswith(("MAE", "points")) else 4 if name == "NME" else 3
        said.append(f"{name} {after['val'][name] - before['val'][name]:+.{digits}f}")
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
        "## What follows",
        "",
        *"\n".join(textwrap.fill(part, 118) + "\n" for part in READ.split("\n\n")).splitlines(),
    ]
    return "\n".join(lines) + "\n"


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
    found = {trial: trials.run(trial, every, val, root) for trial in (*BY_ROWS, *BY_TRAINING)}
    points = {t: run_points(t, args, root) for t in (*POINTS_BY_PERSONS, *POINTS_BY_TRAINING)}
    curves = Curves(
        *([found[trial] for trial in some] for some in (BY_ROWS, BY_TRAINING)),
        *([points[trial] for trial in some] for some in (POINTS_BY_PERSONS, POINTS_BY_TRAINING)),
    )
    write(args.models / "learning.md", page(curves).encode())
    plot(curves, args.models / "learning.png")
