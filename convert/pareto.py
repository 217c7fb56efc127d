"""Accuracy against time of the attributes networks that ship: at several input sizes, in floats and in integers.

``python -m convert pareto --data DATA`` writes models/attributes/pareto.md and pareto.png. The networks are
convolutional to their last layer, so that a file reads crops of any size once its input says so; figures are those of
val crops, one view each, times those of one face on one thread, all in turn in one run. A row is on the front where
no other is both faster and better.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.transformers import float16

from convert import attributes, attributes_figures, quantise
from convert.faces import augment, data
from convert.faces.ship import replace as write
from convert.sweep import front
from facelens.geometry import CropSpec
from facelens.registry import load_registry
from facelens.runtime import Graph

matplotlib.use("Agg")

SIZES = (64, 80, 96, 112)
"""Multiples of 16, so that every halving comes out even."""
PACKS = ("fairface", "utkface")
FIGURES = ("fairface gender", "fairface bucket", "fairface one-off", "utkface gender", "utkface MAE")
BATCH = 64
HALF = "float16"
TICKS = (0.3, 0.4, 0.5, 0.7, 1, 1.5, 2, 3, 4)
Said = Mapping[str, npt.NDArray[np.float32]]


def resized(path: Path, size: int) -> bytes:
    """The file with an input of ``size`` px, faces x size x size x 3."""
    model = onnx.load(str(path))
    for axis in (1, 2):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = size
    # what was worked out for the old size
    del model.graph.value_info[:]
    return bytes(model.SerializeToString())


def half(path: Path) -> bytes:
    """The file with weights and values of 16 bits; what goes in and comes out stays as it is."""
    model = float16.convert_float_to_float16(onnx.load(str(path)), keep_io_types=True)
    return bytes(model.SerializeToString())


def measured(run: Callable[[npt.NDArray[np.uint8]], Said], spec: CropSpec, val: Mapping[str, Any]) -> dict[str, float]:
    """Figures of one file on val crops."""
    found: dict[str, float] = {}
    for pack in PACKS:
        crops, truth = val[pack]
        parts = [
            run(augment.plain(crops.images[start : start + BATCH], spec, crops.stored))
            for start in range(0, len(crops.images), BATCH)
        ]
        said = {name: np.concatenate([part[name] for part in parts]) for name in ("age", "female")}
        part = attributes_figures.of_rows(said["age"], said["female"][:, 0] > 0.5, truth)
        found |= {f"{pack} {name}": value for name, value in part.items()}
    return found


def page(rows: list[dict[str, Any]]) -> str:
    """The table as Markdown, the fastest row first."""
    best = set(front(rows, "fairface gender", False, "ms")) | set(front(rows, "utkface MAE", True, "ms"))
    lines = [
        "# Accuracy against time",
        "",
        "The attributes networks at several input sizes, in floats and with 8-bit integers: figures on val crops, one",
        "view each; ms of one face on one thread of a CPU, all in one run. In bold: no other is both faster and",
        "better, at the gender of FairFace or the age of UTKFace. What ships is marked with *. Numbers of 16 bits are",
        "half as large, and CPUs turn them into floats first: no such file ships, as it was not measured on a GPU.",
        "",
        "| network | px | numbers | MB | ms | " + " | ".join(FIGURES) + " |",
        "|---" * (5 + len(FIGURES)) + "|",
    ]
    for index in sorted(range(len(rows)), key=lambda i: float(rows[i]["ms"])):
        row = rows[index]
        name = f"**{row['network']}**" if index in best else row["network"]
        cells = [name, f"{row['size']}{'*' if row['ships'] else ''}", row["kind"]]
        cells += [f"{row['bytes'] / 1e6:.2f}", f"{row['ms']:.2f}"]
        cells += [f"{row['figures'][figure]:.3f}" for figure in FIGURES]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "![Accuracy against time](pareto.png)", ""]
    return "\n".join(lines)


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Gender accuracy and error in years against ms, a line for each network and kind, the front in black."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.4), constrained_layout=True)
    lines = sorted({(row["network"], row["kind"]) for row in rows})
    colours = {name: pyplot.colormaps["tab10"](i) for i, name in enumerate(sorted({n for n, _ in lines}))}
    for axis, name, lower in zip(axes, ("fairface gender", "utkface MAE"), (False, True)):
        for network, kind in lines:
            mine = sorted((r for r in rows if (r["network"], r["kind"]) == (network, kind)), key=lambda r: r["size"])
            x, y = [r["ms"] for r in mine], [r["figures"][name] for r in mine]
            style = {"int8": "-o", HALF: "^"}.get(kind, "--s")
            axis.plot(x, y, style, color=colours[network], markersize=4, linewidth=1, label=f"{network}, {kind}")
            for row in mine:
                place = (row["ms"], row["figures"][name])
                axis.annotate(str(row["size"]), place, fontsize=7, xytext=(4, 3), textcoords="offset points")
        best = sorted((rows[i] for i in front(rows, name, lower, "ms")), key=lambda r: float(r["ms"]))
        axis.plot([r["ms"] for r in best], [r["figures"][name] for r in best], ":", color="black", linewidth=1)
        axis.set_xscale("log")
        axis.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axis.minorticks_off()
        axis.set_xlabel("ms a face, one thread")
        axis.set_ylabel(f"{name}, val crops")
        axis.grid(alpha=0.25)
    axes[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def pareto(args: Namespace) -> None:
    """Measure all files at all sizes, and write the page."""
    cache = data.CACHE
    val = {}
    for pack in PACKS:
        crops = data.load(args.data, cache, pack, "val", stored=attributes.STORED)
        val[pack] = (crops, attributes.labels(crops))
    rows: list[dict[str, Any]] = []
    files, inputs = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for spec in load_registry(args.models):
            if spec.task != attributes.SHIPMENT.task or spec.crop is None:
                continue
            halved = Path(folder) / f"{spec.name}-half.onnx"
            halved.write_bytes(half(spec.path))
            kinds = {"float": (spec.path, SIZES), HALF: (halved, (spec.crop.size,))}
            kinds |= {"int8": (spec.path_on("cpu"), SIZES)} if spec.int8 else {}
            for kind, (source, sizes) in kinds.items():
                for size in sizes:
                    name, seen = f"{spec.name} {size} {kind}", CropSpec(size, spec.crop.scale)
                    path = Path(folder) / f"{name.replace(' ', '-')}.onnx"
                    path.write_bytes(resized(source, size))
                    graph = Graph(path, args.threads)
                    names = graph.outputs
                    found = measured(lambda batch: dict(zip(names, graph.run(batch))), seen, val)  # noqa: B023
                    rows.append({"network": spec.name, "size": size, "kind": kind, "figures": found})
                    rows[-1] |= {"ships": size == spec.crop.size and kind != HALF, "bytes": source.stat().st_size}
                    files[name], inputs[name] = path, augment.plain(val["fairface"][0].images[:8], seen, crops.stored)
                    print(name, {k: round(v, 4) for k, v in found.items()}, flush=True)
        ms = quantise.times(files, inputs, (1,))
    for row in rows:
        row["ms"] = ms[f"{row['network']} {row['size']} {row['kind']}"]["batch of 1"]
    folder_out = args.models / "attributes"
    write(folder_out / "pareto.md", page(rows).encode())
    plot(rows, folder_out / "pareto.png")
