"""Accuracy against cost: readers of several widths, depths and input sizes, each trained for the same time.

``python -m convert sweep --data DATA --minutes M`` trains what has no result yet (so it can be spread over days) and
writes models/attributes/sweep.md and sweep.png: parameters, multiply-adds, ms on one thread (float and 8-bit integers,
all interleaved), and figures on val crops. A variant is on the front where none is both faster and better.
"""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np

from convert import attributes, quantise, reader
from convert.faces import augment, network, training
from convert.faces.packs import Pack
from convert.faces.ship import replace as write
from convert.faces.ship import to_onnx
from facelens.geometry import CropSpec

matplotlib.use("Agg")


@dataclass(frozen=True, slots=True)
class Variant:
    """One reader, and the ``share`` of the training rows that it sees."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    size: int
    share: float = 1.0

    @property
    def name(self) -> str:
        less = "" if self.share == 1 else f", {self.share:.0%} of the data"
        return f"{'-'.join(map(str, self.widths))} x {'-'.join(map(str, self.depths))} at {self.size}{less}"


VARIANTS = (
    Variant((32, 64, 128, 256), (1, 1, 1, 1), 96),
    Variant((32, 64, 128, 256), (1, 1, 1, 1), 64),
    Variant((32, 64, 128, 256), (1, 1, 1, 1), 112),
    Variant((16, 32, 64, 128), (1, 1, 1, 1), 96),
    Variant((48, 96, 192, 384), (1, 1, 1, 1), 96),
    Variant((32, 64, 128, 256), (1, 2, 2, 1), 96),
)
LESS = tuple(replace(VARIANTS[0], share=share) for share in (0.5, 0.25))
"""The usual reader with less data, for the same time: what more data would bring."""
FIGURES = ("fairface gender", "fairface bucket", "utkface MAE", "ferplus expression", "SCUT held-out Pearson")


def multiply_adds(variant: Variant) -> int:
    """Multiply-adds of one face, of the convolutions alone, which are nearly all."""
    image = keras.layers.Input((variant.size, variant.size, 3), dtype="uint8")
    model = keras.Model(image, network.trunk(network.scaled(image), variant.widths, variant.depths))
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


def train(variant: Variant, packs: dict[str, Pack], val: dict[str, Any], run: Path, args: Namespace) -> Any:
    """Train one variant for the time given; its figures on val crops."""
    model = reader.build("mixed_bfloat16", variant.widths, variant.depths)
    small = max(variant.size * 5 // 6 // 16 * 16, 48)
    schedule = replace(
        reader.SCHEDULE, minutes=args.minutes or 10, sizes=((0.5, small), (0.5, variant.size)), average=0.998
    )
    check = lambda m, size: reader.figures(m, val, packs["scut_fbp5500"], 1024, size)  # noqa: E731
    seen = {name: fewer(pack, variant.share) for name, pack in packs.items()}
    make = lambda rng, size: reader.batch(seen, rng, size)  # noqa: E731
    training.fit(model, reader.loss, make, check, schedule, run, seed=args.seed, resume=True)
    exact = reader.build("float32", variant.widths, variant.depths)
    training.restore(run / "average.npz", exact.weights)
    return exact, reader.figures(exact, val, packs["scut_fbp5500"], None, variant.size)


def front(results: list[dict[str, Any]], figure: str, lower: bool, cost: str = "ms_int8") -> list[int]:
    """The rows that no other row beats in both ``cost`` and the figure."""
    sign = 1 if lower else -1
    kept = []
    for index, row in enumerate(results):
        beaten = any(
            other[cost] <= row[cost]
            and sign * other["figures"][figure] <= sign * row["figures"][figure]
            and other is not row
            for other in results
        )
        kept += [] if beaten else [index]
    return kept


def page(results: list[dict[str, Any]], less: list[dict[str, Any]], minutes: float) -> str:
    """The table as Markdown."""
    best = front(results, "fairface gender", lower=False)
    lines = [
        "# Accuracy against cost",
        "",
        f"Readers trained for {minutes:g} minutes each, figures on val crops; ms of one",
    ]
    lines += [
        "face on one thread, all in one run. In bold: no other is both faster and better at FairFace's gender.",
        "",
    ]
    lines += ["| widths x blocks at px | parameters | M multiply-adds | ms | ms int8 | " + " | ".join(FIGURES) + " |"]
    lines.append("|---" * (5 + len(FIGURES)) + "|")
    for index, row in enumerate(results):
        name = f"**{row['name']}**" if index in best else row["name"]
        cells = [name, f"{row['parameters']:,}", f"{row['multiply_adds'] / 1e6:.0f}", f"{row['ms_float']:.2f}"]
        cells += [f"{row['ms_int8']:.2f}", *(f"{row['figures'][figure]:.3f}" for figure in FIGURES)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "![Gender accuracy against time](sweep.png)", "", "## The first of them with less data", ""]
    lines += ["| data | " + " | ".join(FIGURES) + " |", "|---" * (1 + len(FIGURES)) + "|"]
    for row in sorted([results[0], *less], key=lambda row: -row["share"]):
        cells = [f"{row['share']:.0%}", *(f"{row['figures'][figure]:.3f}" for figure in FIGURES)]
        lines.append("| " + " | ".join(cells) + " |")
    lines.append("")
    return "\n".join(lines)


def plot(results: list[dict[str, Any]], path: Path) -> None:
    """FairFace's gender accuracy against ms with integers."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4.2), constrained_layout=True)
    for index, row in enumerate(results):
        on_front = index in front(results, "fairface gender", lower=False)
        colour = "#0E8F7E" if on_front else "#8A93A0"
        axis.plot(row["ms_int8"], row["figures"]["fairface gender"], "o", color=colour)
        axis.annotate(row["name"], (row["ms_int8"], row["figures"]["fairface gender"]), fontsize=7,
                      xytext=(5, 4), textcoords="offset points")  # fmt: skip
    axis.set_xlabel("ms a face, 8-bit integers, one thread")
    axis.set_ylabel("FairFace gender accuracy, val crops")
    axis.grid(alpha=0.25)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def sweep(args: Namespace) -> None:
    """Train and measure what has no result yet, then time all and write the page."""
    training.set_up(args.seed, args.threads)
    root, cache = Path("runs/sweep"), Path("runs/cache/faces")
    packs = reader.load(args.data, cache, args.models, args.threads)
    val = attributes.load(args.data, cache, "val")
    fair = val["fairface"][0]
    results: list[dict[str, Any]] = []
    for variant in (*VARIANTS, *LESS):
        run = root / variant.name.replace(" ", "_")
        if not (run / "result.json").exists():
            model, found = train(variant, packs, val, run, args)
            served = reader.served(model, {}, variant.size)
            write(run / "float.onnx", to_onnx(served, reader.SHIPMENT.outputs))
            spec = CropSpec(variant.size, reader.CROP.scale)
            rng = np.random.default_rng(args.seed)
            rows = rng.integers(0, len(packs["fairface"].crops.images), quantise.CALIBRATION_CROPS)
            images = packs["fairface"].crops.images
            crops = [augment.sample(rng, np.asarray(images[r]), spec, reader.STRENGTH, fair.stored)[0] for r in rows]
            quantise.integers(run / "float.onnx", run / "int8.onnx", np.stack(crops), "attributes")
            size = {"parameters": int(model.count_params()), "multiply_adds": multiply_adds(variant)}
            (run / "result.json").write_text(json.dumps({**asdict(variant), "figures": found, **size}, indent=1))
        results.append({"name": variant.name, **json.loads((run / "result.json").read_text())})
    files, inputs = {}, {}
    for variant in VARIANTS:
        spec = CropSpec(variant.size, reader.CROP.scale)
        for kind in ("float", "int8"):
            files[f"{variant.name} {kind}"] = root / variant.name.replace(" ", "_") / f"{kind}.onnx"
            inputs[f"{variant.name} {kind}"] = augment.plain(fair.images[:8], spec, fair.stored)
    ms = quantise.times(files, inputs, (1,))
    for row in results[: len(VARIANTS)]:
        row |= {f"ms_{kind}": ms[f"{row['name']} {kind}"]["batch of 1"] for kind in ("float", "int8")}
    folder = args.models / "attributes"
    whole, less = results[: len(VARIANTS)], results[len(VARIANTS) :]
    write(folder / "sweep.md", page(whole, less, args.minutes or 10).encode())
    plot(whole, folder / "sweep.png")
