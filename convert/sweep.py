"""Accuracy against cost: attributes networks of several widths and input sizes, each trained on as many pictures.

``python -m convert sweep --data DATA`` trains what has no result yet (``trials``, so it can be spread over days) and
writes models/attributes/sweep.md and sweep.png: parameters, multiply-adds, ms on one thread (float and 8-bit integers,
all in turn), and figures on val crops. A row is on the front where none is both faster and better.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
from keras import layers as L

from convert import attributes, quantise, trials
from convert.faces import augment, data, training
from convert.faces.packs import Pack
from convert.faces.ship import replace as write
from convert.faces.ship import to_onnx
from convert.trials import Trial
from facelens.geometry import CropSpec

matplotlib.use("Agg")

VARIANTS = (
    Trial(widths=(16, 32, 64, 128)),
    Trial(size=48),
    Trial(widths=(24, 48, 96, 192)),
    Trial(),
    Trial(size=80),
    Trial(widths=(48, 96, 192, 384)),
)
FIGURES = ("fairface gender", "fairface bucket", "fairface one-off", "utkface gender", "utkface MAE", "mtfl5 smile AUC")


def front(results: list[dict[str, Any]], figure: str, lower: bool, cost: str = "ms_int8") -> list[int]:
    """The rows that no other row beats in both ``cost`` and the figure."""
    sign = 1 if lower else -1
    kept = []
    for index, row in enumerate(results):
        beaten = any(
            (other[cost], sign * other["figures"][figure]) != (row[cost], sign * row["figures"][figure])
            and other[cost] <= row[cost]
            and sign * other["figures"][figure] <= sign * row["figures"][figure]
            for other in results
        )
        kept += [] if beaten else [index]
    return kept


def page(results: list[dict[str, Any]]) -> str:
    """The table as Markdown, the fastest row first."""
    best = set(front(results, "fairface gender", lower=False)) | set(front(results, "utkface MAE", lower=True))
    seen = ", ".join(sorted({f"{row['pictures']:,}" for row in results}))
    lines = [
        "# Accuracy against cost",
        "",
        f"Attributes networks of other widths and input sizes, each trained from nothing on {seen} augmented pictures",
        "(what ships saw more than thirty times as many, at sizes up to 96 px): figures on val crops, one view each;",
        "ms of one face on one thread of a CPU, all in one run. In bold: no other is both faster and better, at the",
        "gender of FairFace or the age of UTKFace. What ships has the widths 32-64-128-256.",
        "",
        "| widths | px | parameters | M multiply-adds | ms | ms int8 | " + " | ".join(FIGURES) + " |",
        "|---" * (6 + len(FIGURES)) + "|",
    ]
    for index in sorted(range(len(results)), key=lambda i: float(results[i]["ms_int8"])):
        row = results[index]
        widths = "-".join(map(str, row["widths"]))
        cells = [f"**{widths}**" if index in best else widths, str(row["size"]), f"{row['parameters']:,}"]
        cells += [f"{row['multiply_adds'] / 1e6:.0f}", f"{row['ms_float']:.2f}", f"{row['ms_int8']:.2f}"]
        cells += [f"{row['figures'][figure]:.3f}" for figure in FIGURES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "![Accuracy against cost](sweep.png)", ""])


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """FairFace's gender accuracy and UTKFace's error against ms with integers; the front in green."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    for axis, name, lower in zip(axes, ("fairface gender", "utkface MAE"), (False, True)):
        best = front(results, name, lower)
        for index, row in enumerate(results):
            place = row["ms_int8"], row["figures"][name]
            axis.plot(*place, "o", color="#0E8F7E" if index in best else "#8A93A0")
            text = f"{'-'.join(map(str, row['widths']))} at {row['size']}"
            # of the slowest the words stand on the left, within the picture
            last = row["ms_int8"] == max(other["ms_int8"] for other in results)
            side = {"xytext": (-7, -3), "ha": "right"} if last else {"xytext": (5, 4)}
            axis.annotate(text, place, fontsize=7, textcoords="offset points", **side)
        line = sorted((results[i]["ms_int8"], results[i]["figures"][name]) for i in best)
        axis.plot(*zip(*line), ":", color="#0E8F7E", linewidth=1)
        axis.margins(x=0.12)
        axis.set_xlabel("ms a face, 8-bit integers, one thread")
        axis.set_ylabel(f"{name}, val crops")
        axis.grid(alpha=0.25)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def files_of(trial: Trial, pack: Pack, root: Path) -> tuple[Path, Path]:
    """The trial's network as a file with floats and one with integers, made once."""
    whole, integers = (root / trial.name / name for name in ("float.onnx", "int8.onnx"))
    if not integers.exists():
        image = L.Input((trial.size, trial.size, 3), name="input", dtype="uint8")
        served = keras.Model(image, attributes.probabilities(trials.weights(trial, root)(image), {}))
        write(whole, to_onnx(served, tuple(attributes.HEADS)))
        spec, rng = CropSpec(trial.size, attributes.CROP.scale), np.random.default_rng(trial.seed)
        rows = rng.integers(0, len(pack.crops.images), quantise.CALIBRATION_CROPS)
        crops = [
            augment.sample(rng, np.asarray(pack.crops.images[row]), spec, attributes.STRENGTH, pack.crops.stored)[0]
            for row in rows
        ]
        partial = integers.with_suffix(".part.onnx")
        quantise.integers(whole, partial, np.stack(crops), attributes.SHIPMENT.task)
        partial.replace(integers)
    return whole, integers


def sweep(args: Namespace) -> None:
    """Train what has no result yet, then time all and write the page."""
    training.set_up(args.seed, args.threads)
    root = Path("runs/trials")
    val, every = attributes.load(args.data, data.CACHE, "val"), trials.load(args)
    results, files, inputs = [], {}, {}
    variants = [replace(trial, seed=args.seed) for trial in VARIANTS]
    for trial in variants:
        found = trials.run(trial, every, val, root)
        results.append(found | {"figures": found["val"]})
        spec = CropSpec(trial.size, attributes.CROP.scale)
        for kind, path in zip(("float", "int8"), files_of(trial, every["fairface"], root)):
            files[f"{trial.name} {kind}"] = path
            inputs[f"{trial.name} {kind}"] = augment.plain(val["fairface"][0].images[:8], spec, attributes.STORED)
    ms = quantise.times(files, inputs, (1,))
    for trial, row in zip(variants, results):
        row |= {f"ms_{kind}": ms[f"{trial.name} {kind}"]["batch of 1"] for kind in ("float", "int8")}
    folder = args.models / "attributes"
    write(folder / "sweep.md", page(results).encode())
    plot(results, folder / "sweep.png")
