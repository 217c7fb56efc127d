"""Short trainings of the attributes network that differ in one thing: the rows they see, for how long, width, size.

A trial is counted in pictures, not in minutes, so that what else the machine does changes nothing. It learns from the
packs' labels alone: soft labels come from a network that has seen all rows, and would tell of those left out. Each
leaves its weights and result.json in a folder of its own, and is not run again.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from convert import attributes, attributes_figures
from convert.attributes_figures import Labels
from convert.faces import data, network, packs, training
from convert.faces.packs import Pack
from convert.faces.ship import replace as write
from facelens.evaluation.metrics import auc
from facelens.geometry import CropSpec

SHARES = {name: share for name, share in attributes.SHARES.items() if name != "landmarks68"}
"""Of each pack in a batch, before they are brought to sum 1: all that have labels."""
SEEN_ROWS = 2500
"""Figures of rows that were learned from are of so many."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training: ``steps`` batches of 128 crops of ``size`` px from a ``share`` of the training rows."""

    steps: int = 1200
    share: float = 1.0
    widths: tuple[int, ...] = attributes.WIDTHS
    size: int = 64
    seed: int = 0

    @property
    def pictures(self) -> int:
        """Crops seen, augmented, with repetitions."""
        return self.steps * attributes.BATCH

    @property
    def name(self) -> str:
        """That of its folder."""
        widths = "-".join(map(str, self.widths))
        return f"{widths}-at-{self.size}-{self.share:g}-of-rows-{self.steps}-steps-seed-{self.seed}"


def multiply_adds(trial: Trial) -> int:
    """Multiply-adds of one face, of the convolutions alone, which are nearly all."""
    image = keras.layers.Input((trial.size, trial.size, 3), dtype="uint8")
    model = keras.Model(image, network.fine_trunk(network.scaled(image), trial.widths, attributes.DEPTHS))
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            height, width = layer.output.shape[1:3]
            total += int(np.prod(layer.kernel.shape)) * height * width
    return total


def fewer(pack: Pack, share: float) -> Pack:
    """The pack with every 1 / ``share``-th row alone to be drawn."""
    chances = np.diff(pack.steps, prepend=0.0)
    chances[np.arange(len(chances)) % round(1 / share) > 0] = 0
    return replace(pack, steps=np.cumsum(chances / chances.sum()))


def load(args: Namespace) -> dict[str, Pack]:
    """The train parts of the packs with labels."""
    every = {}
    for name in SHARES:
        crops = data.load(args.data, data.CACHE, name, "train", stored=attributes.STORED, models=args.models)
        known = attributes.labels(crops)
        every[name] = Pack(crops, known, {}, np.cumsum(attributes.chances(known)))
    return every


def of_rows(logits: Labels, truth: Labels, groups: list[str] | None) -> dict[str, float]:
    """``attributes_figures.of_rows``; the AUC of smiles; the errors in gender of the worst and the best of ``groups``,
    which name each row's."""
    female = logits["female"][:, 0] > 0
    found = attributes_figures.of_rows(attributes_figures.softmax(logits["age"]), female, truth)
    if (known := truth["smile"] >= 0).any():
        value = auc(logits["smile"][known, 0], truth["smile"][known] > 0.5)
        found |= {} if value is None else {"smile AUC": value}
    if groups is not None:
        wrong, named = female != (truth["female"] > 0.5), np.array(groups)
        errors = [float(wrong[named == group].mean()) for group in set(groups)]
        found |= {"worst group's error": max(errors), "best group's error": min(errors)}
    return found


def figures(model: Any, every: Mapping[str, tuple[data.Crops, Labels]], size: int) -> dict[str, float]:
    """Figures on crops aligned by the packs' points, one view each."""
    found: dict[str, float] = {}
    for pack in ("fairface", "utkface", "mtfl5"):
        crops, truth = every[pack]
        logits = attributes_figures.logits_of(model, crops, CropSpec(size, attributes.CROP.scale))
        groups = crops.table["race"] if pack == "fairface" else None
        found |= {f"{pack} {name}": value for name, value in of_rows(logits, truth, groups).items()}
    return found


def learned(pack: Pack, count: int) -> tuple[data.Crops, Labels]:
    """At most ``count`` of the rows that are drawn, evenly spread."""
    rows = np.flatnonzero(np.diff(pack.steps, prepend=0.0) > 0)
    rows = rows[data.evenly(len(rows), count)]
    table = {name: [values[row] for row in rows] for name, values in pack.crops.table.items()}
    crops = replace(pack.crops, images=pack.crops.images[rows], table=table, points=None, found=None)
    return crops, {name: values[rows] for name, values in pack.labels.items()}


def weights(trial: Trial, root: Path) -> Any:
    """The network of a trial that was run."""
    model = attributes.build("float32", widths=trial.widths)
    training.restore(root / trial.name / "average.npz", model.weights)
    return keras.Model(model.inputs, {name: model.output[name] for name in attributes.HEADS})


def run(trial: Trial, every: Mapping[str, Pack], val: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Train, or take what an earlier run left.

    Returns:
        The trial's fields, ``pictures``, ``parameters``, ``multiply_adds``, the figures on ``val`` and, ``seen``, on
        rows it learned from.
    """
    folder = root / trial.name
    if not (folder / "result.json").exists():
        drawn = {name: fewer(pack, trial.share) for name, pack in every.items()}
        whole = sum(SHARES.values())
        shares = {name: share / whole for name, share in SHARES.items()}

        def make(rng: np.random.Generator, size: int) -> training.Batch:
            spec = CropSpec(size, attributes.CROP.scale)
            # to the end, unlike the trainings that ship: a trial sees one size only, and all trials do it alike
            return packs.mix(rng, packs.draw(drawn, shares, attributes.BATCH, rng, spec, attributes.STRENGTH))

        schedule = replace(attributes.SCHEDULE, steps=trial.steps, sizes=((1.0, trial.size),))
        check = lambda model, size: figures(model, val, size)  # noqa: E731
        # of its own, so that a trial is the same whatever ran before it
        keras.utils.set_random_seed(trial.seed)
        model = attributes.build("mixed_bfloat16", widths=trial.widths)
        training.fit(model, packs.mixed(attributes.loss), make, check, schedule, folder, seed=trial.seed, resume=True)
        exact = weights(trial, root)
        rows = {name: learned(drawn[name], SEEN_ROWS) for name in ("fairface", "utkface", "mtfl5")}
        result = asdict(trial) | {"pictures": trial.pictures, "parameters": int(exact.count_params())}
        result |= {"multiply_adds": multiply_adds(trial), "val": figures(exact, val, trial.size)}
        result |= {"seen": figures(exact, rows, trial.size)}
        result |= {"rows": round(len(every["fairface"].crops.images) * trial.share)}
        write(folder / "result.json", json.dumps(result, indent=1).encode())
    return dict(json.loads((folder / "result.json").read_text()))
