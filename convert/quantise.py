"""The same network with 8-bit integers, for CPUs: ``python -m convert quantise NAME --data DATA``.

Static quantisation (Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", CVPR 2018) by ONNX Runtime: weights of each channel in 7 bits, so that processors without VNNI cannot
overflow, activations in 8, ranges from augmented training crops. The largest activations are cut off, as a few outliers
would else take the steps away from all the rest: they moved the landmarks by 4.5 % of the distance of the eyes, without
the last thousandth it is 1.2 %, and with the last two convolutions in floats 0.9 %. The file is kept only where the
whole pipeline on val is as accurate as before and the network is clearly faster; the run's int8.json says how much.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import tomlkit
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from convert.faces import augment, data
from convert.faces.ship import Shipment, keep_own, replace
from facelens.engine import open_engine
from facelens.evaluation import engine_fields, evaluate, open_pack
from facelens.runtime import Graph

CALIBRATION_CROPS = 384
PERCENTILES = {"landmarks": 99.9}
PERCENTILE = 99.99
"""Where activations are cut off, by task. Readings suffer more from what is cut off than landmarks do: with 99.9, 17 of
1,000 faces changed their gender, with 99.99 and crops of all packs 8."""
FLOAT_TAIL = {"landmarks": 2}
"""So many convolutions at the end stay in floats, by task."""
PACK_FIGURES = {"mtfl5": ("smile_auc",)}
"""Packs of which only these figures decide: one in 499 faces of mtfl5 val would move its gender by 0.002."""
CALIBRATION_SCENES = 48
SCENE = (640, 384)
"""Width and height of the scenes that the detector is calibrated and timed on, px."""
JUDGED_ON = {
    "detector": ("faces_in_scenes", "no_faces"),
    "attributes": ("fairface", "utkface", "mtfl5", "ferplus", "mebeauty"),
    "landmarks": ("landmarks68",),
    "appearance": ("mebeauty",),
}
"""Packs whose val part decides, by task."""
MAY_LOSE = {
    "age_mae": 0.05, "age_coverage": 0.02, "age_bucket_accuracy": 0.006, "age_bucket_one_off": 0.006,
    "gender_accuracy": 0.004, "expression_accuracy": 0.006, "smile_auc": 0.003,
    "landmarks_nme": 0.0004, "points15_rmse": 0.03, "score_pearson": 0.006, "score_mae": 0.02, "score_rmse": 0.03,
    "ap": 0.003, "recall": 0.005, "recall_at_01": 0.005, "false_per_image": 0.01, "pictures_with_alarm": 0.015,
}  # fmt: skip
"""How much worse each figure may be."""
LOWER_IS_BETTER = (
    "age_mae", "landmarks_nme", "points15_rmse", "score_mae", "score_rmse", "false_per_image", "pictures_with_alarm",
)  # fmt: skip
MUST_GAIN = 0.75
"""The integers must take at most this share of the time."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is made with integers: ``inputs`` N x ... as the network reads them, ``batches`` the sizes that are timed,
    ``beginnings`` those of the names of its figures."""

    name: str
    task: str
    inputs: npt.NDArray[Any]
    batches: tuple[int, ...]
    beginnings: tuple[str, ...]


class _Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: npt.NDArray[Any], size: int) -> None:
        # histograms need batches of one size
        whole = inputs[: len(inputs) // size * size]
        self._batches = iter(np.split(whole, range(size, len(whole), size)))

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"input": batch}


def calibration_crops(module: Any, folder: Path, seed: int) -> npt.NDArray[np.uint8]:
    """Augmented training crops of the packs that the network was trained on, as many of each."""
    rng = np.random.default_rng(seed)
    stored = getattr(module, "STORED", data.STORED)
    crops = []
    packs = module.SHIPMENT.trained_on
    for pack in packs:
        column = "split6040" if pack == "scut_fbp5500" else "split"
        found = data.load(folder, data.CACHE, pack, "train", column=column, stored=stored)
        for row in rng.integers(0, len(found.images), CALIBRATION_CROPS // len(packs)):
            crops.append(augment.sample(rng, np.asarray(found.images[row]), module.CROP, module.STRENGTH, stored)[0])
    return np.stack(crops)


def scenes(folder: Path, seed: int) -> npt.NDArray[np.float32]:
    """Training scenes as the detector reads them, N x 3 x height x width, BGR 0..255."""
    rng = np.random.default_rng(seed)
    found = [row.image for row in open_pack(folder / "faces_in_scenes.parquet", "train", 8 * CALIBRATION_SCENES)]
    known = [image for image in found if image is not None]
    chosen = rng.choice(len(known), CALIBRATION_SCENES, replace=False)
    resized = [cv2.resize(known[i], SCENE, interpolation=cv2.INTER_AREA) for i in chosen]
    return np.stack(resized).transpose(0, 3, 1, 2).astype(np.float32)


def subject(args: Namespace) -> Subject:
    """The network that the arguments name, with its calibration inputs."""
    if args.name == "detector":
        from convert.detector_ship import NAME, PIPELINE_FIGURES

        return Subject(NAME, "detector", scenes(args.data, args.seed), (1,), PIPELINE_FIGURES)
    module = importlib.import_module(f"convert.{args.name}")
    shipment: Shipment = module.SHIPMENT
    crops = calibration_crops(module, args.data, args.seed)
    return Subject(shipment.name, shipment.task, crops, (1, 5), shipment.figures)


def integers(source: Path, target: Path, inputs: npt.NDArray[Any], task: str) -> None:
    """Write the file with integers; ``inputs`` as the network reads them."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(str(prepared)).graph
        convolutions = [node.name for node in graph.node if node.op_type == "Conv"]
        quantization.quantize_static(
            str(prepared),
            str(target),
            # scenes are large: one at a time
            _Reader(inputs, 8 if inputs.dtype == np.uint8 else 1),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Relu", "AveragePool"],
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=quantization.CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": PERCENTILES.get(task, PERCENTILE)},
            nodes_to_exclude=convolutions[len(convolutions) - FLOAT_TAIL.get(task, 0) :],
        )


def times(
    files: Mapping[str, Path], inputs: Mapping[str, npt.NDArray[Any]], batches: Sequence[int], rounds: int = 60
) -> dict[str, dict[str, float]]:
    """Median ms of each file on one thread for each size of a batch, all in turn; ``inputs`` by name of the file."""
    graphs = {name: Graph(path) for name, path in files.items()}
    taken: dict[tuple[str, int], list[float]] = {(name, n): [] for name in files for n in batches}
    for _ in range(rounds):
        for (name, n), values in taken.items():
            start = time.perf_counter()
            graphs[name].run(inputs[name][:n])
            values.append((time.perf_counter() - start) * 1000)
    return {name: {f"batch of {n}": round(median(taken[name, n][2:]), 3) for n in batches} for name in files}


def judged(models: Path, who: Subject, folder: Path, limit: int | None) -> dict[str, float]:
    """The pipeline's figures on val, "pack figure" -> value."""
    out: dict[str, float] = {}
    for pack in JUDGED_ON[who.task]:
        path = folder / f"{pack}.parquet"
        fields = engine_fields(open_pack(path, "val")) | {"models": {who.task: who.name}, "second_opinion": False}
        # integers run in ONNX Runtime only, so that is where both are judged
        with open_engine(models_dir=models, provider="cpu", finder="onnxruntime", **fields) as engine:
            found = evaluate(path, engine, split="val", limit=limit)
        keep_own(found, who.beginnings)
        flat = {**found, **found.get("detection", {})}
        judging = PACK_FIGURES.get(pack, tuple(MAY_LOSE))
        out |= {f"{pack} {k}": v for k, v in flat.items() if isinstance(v, float) and k in judging}
    return out


def worse(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """The figures that lost more than they may, in words."""
    out = []
    for name, value in before.items():
        figure = name.split(" ")[-1]
        loss = (after[name] - value) * (1 if figure in LOWER_IS_BETTER else -1)
        if figure == "age_coverage":
            loss = abs(after[name] - value)
        if loss > MAY_LOSE[figure]:
            out.append(f"{name} {value:.4f} -> {after[name]:.4f}")
    return out


def quantise(args: Namespace) -> None:
    """Make the file, judge it, and enter it into models.toml, or say why not.

    Raises:
        SystemExit: it is less accurate or not faster; nothing is changed.
    """
    args.run.mkdir(parents=True, exist_ok=True)
    who = subject(args)
    toml = args.models / "models.toml"
    document = tomlkit.parse(toml.read_text(encoding="utf-8"))
    entry = next(item for item in document["model"] if item["name"] == who.name)
    name = f"{who.task}/{who.name}-int8.onnx"
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / "models"
        shutil.copytree(args.models, trial, ignore=shutil.ignore_patterns("*.md", "*.png", "*.json", "__pycache__"))
        entry.pop("int8", None)
        (trial / "models.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
        before = judged(trial, who, args.data, args.limit)
        integers(trial / entry["file"], trial / name, who.inputs, who.task)
        made = (trial / name).read_bytes()
        table = tomlkit.table()
        table.update({"file": name, "sha256": hashlib.sha256(made).hexdigest(), "bytes": len(made)})
        entry["int8"] = table
        (trial / "models.toml").write_text(tomlkit.dumps(document), encoding="utf-8")
        after = judged(trial, who, args.data, args.limit)
        files = {"float": trial / entry["file"], "int8": trial / name}
        ms = times(files, dict.fromkeys(files, who.inputs), who.batches)
    result = {"ms": ms, "float": before, "int8": after, "bytes": len(made)}
    (args.run / "int8.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result, indent=1))
    if lost := worse(before, after):
        raise SystemExit("The integers lose accuracy, nothing was changed: " + "; ".join(lost))
    share = ms["int8"]["batch of 1"] / ms["float"]["batch of 1"]
    if share > MUST_GAIN:
        raise SystemExit(f"The integers take {share:.2f} of the time, nothing was changed")
    replace(args.models / name, made)
    replace(toml, tomlkit.dumps(document).encode())
