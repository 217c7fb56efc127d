"""From a trained network to a file that ships: export, parity, the entry in models.toml, measurement, card."""

from __future__ import annotations

import hashlib
import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tomlkit

from facelens.geometry import CropSpec

TOLERANCE = 1e-4
OPSET = 17


@dataclass(frozen=True, slots=True)
class Shipment:
    """What models.toml says of a network beside its figures."""

    name: str
    task: str
    crop: CropSpec
    outputs: tuple[str, ...]
    licence: str
    trained_on: tuple[str, ...]
    figures: tuple[str, ...]
    """Beginnings of the names of the figures that speak of this network."""
    note: str = ""
    """What the card must add about how the shipped weights came about."""
    weight: float = 1.0
    """How much it counts where several networks are asked; chosen on val."""
    first: bool = False
    """It is listed before the others of its task, and so is the usual one."""
    relative: float = 1.0
    """Outputs are compared after division by this (1 for probabilities, the crop's size for pixels)."""


def replace(path: Path, data: bytes) -> None:
    """Write beside, then replace: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_bytes(data)
    partial.replace(path)


def to_onnx(model: Any, outputs: Sequence[str]) -> bytes:
    """The graph of a Keras model that reads uint8, with its outputs named as wanted."""
    import onnx
    import tensorflow as tf
    import tf2onnx

    shape = (None, *model.inputs[0].shape[1:])
    signature = (tf.TensorSpec(shape, tf.uint8, name="input"),)
    proto, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
    graph = proto.graph
    names = dict(zip([o.name for o in graph.output], outputs))
    for node in graph.node:
        for values in (node.input, node.output):
            for index, value in enumerate(values):
                if value in names:
                    values[index] = names[value]
    for output, name in zip(graph.output, outputs):
        output.name = name
        output.type.tensor_type.shape.dim[0].dim_param = "faces"
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "faces"
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def parity(model: Any, data: bytes, crops: npt.NDArray[np.uint8], outputs: Sequence[str]) -> dict[str, float]:
    """Largest difference of Keras and ONNX Runtime at batch 1 and more, whole and for the preprocessing alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (crops[:1], crops[1:8], crops):
        ours = session.run(list(outputs), {"input": batch})
        theirs = model.predict_on_batch(batch)
        theirs = theirs if isinstance(theirs, (list, tuple)) else [theirs]
        for a, b in zip(ours, theirs):
            worst = max(worst, float(np.abs(a - np.asarray(b)).max()))
    return {"network": worst, "preprocess": _preprocess_parity(model, crops)}


def _preprocess_parity(model: Any, crops: npt.NDArray[np.uint8]) -> float:
    """The same for the graph cut after the preprocessing, against plain numpy."""
    import keras
    import onnxruntime

    inner = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
    head = keras.Model(inner.inputs, inner.get_layer("preprocess").output)
    fixed = keras.layers.Input(crops.shape[1:], name="input", dtype="uint8")
    session = onnxruntime.InferenceSession(
        to_onnx(keras.Model(fixed, head(fixed)), ("scaled",)), providers=["CPUExecutionProvider"]
    )
    (ours,) = session.run(None, {"input": crops[:4]})
    return float(np.abs(ours - (crops[:4].astype(np.float32) / 64 - 2)).max())


def export_model(
    model: Any,
    shipment: Shipment,
    crops: npt.NDArray[np.uint8],
    args: Namespace,
    figures: dict[str, float],
    extra: dict[str, Any],
) -> None:
    """Export, fail unless Keras and ONNX agree, write the file and its entry.

    Raises:
        SystemExit: outputs differ by more than TOLERANCE.
    """
    data = to_onnx(model, shipment.outputs)
    found = parity(model, data, crops, shipment.outputs)
    if found["network"] / shipment.relative > TOLERANCE or found["preprocess"] > TOLERANCE:
        raise SystemExit(f"Keras and ONNX disagree: {found}; nothing was written")
    path = args.models / shipment.task / f"{shipment.name}.onnx"
    replace(path, data)
    parameters = int(sum(np.prod(v.shape) for v in model.weights))
    facts = {"parity": found, "val": figures, "extra": extra, "parameters": parameters, "bytes": len(data)}
    facts["sha256"] = hashlib.sha256(data).hexdigest()
    (args.run / "export.json").write_text(json.dumps(facts, indent=1))
    accuracy = {f"val crops {k}": round(v, 4) for k, v in figures.items()}
    enter(args.models, shipment, facts, accuracy)
    print(json.dumps(facts, indent=1))


def enter(models: Path, shipment: Shipment, facts: dict[str, Any], accuracy: dict[str, float]) -> None:
    """Add or replace the model's entry in models.toml."""
    path = models / "models.toml"
    document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    old = document.get("model", [])
    entry: dict[str, Any] = {
        "name": shipment.name,
        "task": shipment.task,
        "file": f"{shipment.task}/{shipment.name}.onnx",
        "sha256": facts["sha256"],
        "bytes": facts["bytes"],
        "parameters": facts["parameters"],
        "input": [shipment.crop.size, shipment.crop.size],
        "colour": "BGR",
        "layout": "NHWC",
        "crop_scale": shipment.crop.scale,
        "outputs": list(shipment.outputs),
        "labels": [],
        "licence": shipment.licence,
        "trained_on": list(shipment.trained_on),
        "weight": shipment.weight,
        "accuracy": accuracy,
    }
    table = tomlkit.table()
    table.update(entry)
    items = [item for item in old if item["name"] != shipment.name]
    for item in items:
        if item["task"] == shipment.task:
            # it was found for the mean with the network that is now replaced: ``convert calibrate`` finds it anew
            item.pop("age_power", None)
    others = [place for place, item in enumerate(items) if item["task"] == shipment.task]
    items.insert(others[0] if shipment.first and others else len(items), table)
    array = tomlkit.aot()
    for item in items:
        array.append(item)
    document["model"] = array
    replace(path, tomlkit.dumps(document).encode())


TOGETHER = " with second opinions"
MEASURED = "## Whole pipeline on"


def evaluate_with(shipment: Shipment, packs: Sequence[str], args: Namespace) -> None:
    """Measure the whole pipeline on packs; keeps the figures for the card and models.toml."""
    results = measure_pipeline(shipment.task, shipment.name, shipment.figures, packs, args)
    if shipment.first:
        results |= measure_pipeline(shipment.task, shipment.name, shipment.figures, packs, args, together=True)
    replace(args.models / shipment.task / f"{shipment.name}.{args.split}.json", json.dumps(results, indent=1).encode())


def measure_pipeline(
    task: str, name: str, beginnings: tuple[str, ...], packs: Sequence[str], args: Namespace, together: bool = False
) -> dict[str, dict[str, Any]]:
    """The whole pipeline's figures on packs, with this model of its task, whichever is the usual one; those whose names
    have one of the beginnings. Also enters them in models.toml.

    Args:
        together: with all networks that read pictures, as they are read usually; the figures' packs are named so.
    """
    from facelens.engine import open_engine
    from facelens.evaluation import engine_fields, evaluate, open_pack

    results = {}
    for pack in packs:
        path = args.data / f"{pack}.parquet"
        fields = engine_fields(open_pack(path, args.split)) | (
            {} if together else {"models": {task: name}, "second_opinion": False}
        )
        if task != "detector":
            # it finds the same faces in half the time
            fields["finder"] = "onnxruntime"
        with open_engine(models_dir=args.models, **fields) as engine:
            found = evaluate(path, engine, split=args.split, limit=args.limit)
        keep_own(found, beginnings)
        results[f"{pack}{TOGETHER if together else ''}"] = found
        print(pack, together, json.dumps({k: v for k, v in found.items() if k != "by_group"}))
    document = tomlkit.parse((args.models / "models.toml").read_text(encoding="utf-8"))
    for item in document["model"]:
        if item["name"] == name:
            for pack, figures in results.items():
                for key, value in {**figures, **figures.get("detection", {})}.items():
                    if isinstance(value, float) and key != "min_face":
                        item["accuracy"][f"{pack} {args.split} {key}"] = round(float(value), 4)
    replace(args.models / "models.toml", tomlkit.dumps(document).encode())
    return results


def keep_own(found: dict[str, Any], beginnings: tuple[str, ...]) -> None:
    """Drop, in place and at every depth, the figures of other networks."""
    for key in list(found):
        value = found[key]
        if isinstance(value, dict):
            keep_own(value, beginnings)
        elif isinstance(value, float) and not key.startswith(beginnings):
            del found[key]
