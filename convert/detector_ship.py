"""From a trained checkpoint to what ships: the calibrated ONNX file, figures, models.toml entry and card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tomlkit

from convert import detector_data as data
from convert.detector_augment import close_crop
from convert.detector_calibrate import ALARMS_EMPTY, ALARMS_SCENES, calibrate
from convert.detector_card import page
from convert.detector_export import NAMES, exported, parity, session, write
from convert.detector_measure import (
    THRESHOLD,
    Detect,
    alarm_rate,
    figures,
    ious,
    point_error,
    yunet_form,
)
from convert.detector_network import build
from convert.faces.ship import measure_pipeline

NAME = "detector-1"
RUN = Path("runs/detector")
CACHE = Path("runs/cache")
TRAINED_ON = ["faces_in_scenes", "no_faces", *data.FACE_PACKS]
LICENCE = "Non-commercial research, as MTFL is"
LONGEST = 640
PIPELINE_FIGURES = ("ap", "recall", "false", "pictures")
"""Beginnings of the names of the figures that the whole pipeline gives of detection."""


def _run(args: Any) -> Path:
    return Path(getattr(args, "run", None) or RUN)


def _models(args: Any) -> Path:
    return Path(getattr(args, "models", None) or "models")


def averaged(run: Path) -> keras.Model:
    """The float32 training network with the mean weights of the last checkpoint in ``run``."""
    keras.mixed_precision.set_dtype_policy("float32")
    model = build()
    with np.load(run / "last.npz") as arrays:
        model.set_weights([arrays[f"mean{i}"] for i in range(len(model.weights))])
    return model


def large_faces(detect: Detect, truth: data.Labelled, count: int = 200) -> float:
    """Share found of faces that span 40 to 92 % of a square picture (IoU 0.4, score 0.6)."""
    rng = np.random.default_rng(11)
    hits = 0
    for which in rng.integers(len(truth.pictures), size=count):
        span = float(rng.uniform(0.4, 0.92)) * LONGEST
        crop = close_crop(rng, truth, int(which), span, LONGEST)
        faces = detect(crop.image)
        faces = faces[faces[:, 14] >= THRESHOLD]
        hits += bool(len(crop.boxes) and len(faces) and ious(crop.boxes[0], faces[:, :4]).max() >= 0.4)
    return hits / count


def measure(file: Path, folder: Path, split: str, limit: int | None = None) -> dict[str, float]:
    """All figures of a detector file on the ``split`` parts, run by OpenCV with the longest side at 640 px."""
    detect = yunet_form(file, LONGEST)
    scenes = data.scenes(folder, CACHE, split, limit)
    found = [detect(picture) for picture in scenes.pictures]
    everyone = range(len(found))
    by_hand = [i for i in everyone if scenes.kinds[i] == "hand"]
    result: dict[str, float] = {}
    for smallest in (12, 24, 48):
        part = figures(found, scenes, everyone, smallest)
        result |= {f"scenes {split} {key} {smallest}px": value for key, value in asdict(part).items()}
    if by_hand:
        part = figures(found, scenes, by_hand, 24)
        result |= {f"scenes {split} hand {key} 24px": value for key, value in asdict(part).items()}
    result[f"no_faces {split} alarms"] = alarm_rate(detect, data.empty(folder, CACHE, split, limit))
    for pack in ("mtfl5", "landmarks68"):
        faces = data.faces(folder, CACHE, split, {pack: min(limit or 250, 250)})
        error, share = point_error(detect, faces, range(len(faces.pictures)))
        result |= {f"{pack} {split} points": error, f"{pack} {split} found": share}
    portraits = data.faces(folder, CACHE, split, {"mebeauty": limit or 10_000, "landmarks68": min(limit or 250, 250)})
    result[f"portraits {split} large faces found"] = large_faces(detect, portraits)
    return result


def export(args: Any) -> None:
    """Calibrate the mean weights of the last checkpoint and write models/detector/detector-1.onnx, entry and card.

    Raises ParityError when Keras, ONNX Runtime and OpenCV do not agree within 1e-4; nothing is replaced then.
    """
    run, models, folder = _run(args), _models(args), Path(args.data)
    limit = getattr(args, "limit", None)
    model = averaged(run)
    raw = run / "raw.onnx"
    write(exported(model, 0.0), raw)
    scenes = data.scenes(folder, CACHE, "val", limit)
    choice = calibrate(session(raw), scenes, data.empty(folder, CACHE, "val", limit))
    print(f"calibration: {choice}")
    final = exported(model, choice.shift)
    staged = run / f"{NAME}.onnx"
    write(final, staged)
    worst = parity(final, staged)
    print(f"largest difference: {worst}")
    measured = measure(staged, folder, "val", limit)
    parameters = int(sum(np.prod(w.shape) for w in model.trainable_variables))
    record = {"parity": worst, "choice": asdict(choice), "figures": measured, "parameters": parameters}
    record |= {"allowed": [ALARMS_EMPTY, ALARMS_SCENES], "sha256": hashlib.sha256(staged.read_bytes()).hexdigest()}
    (run / "figures.json").write_text(json.dumps(record, indent=1))

    target = models / "detector" / f"{NAME}.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".part")
    temporary.write_bytes(staged.read_bytes())
    temporary.replace(target)
    enter(models, target, parameters, measured)
    card(args)


SHOWN = {
    "ap": "AP", "recall": "recall at 0.1 false alarms", "recall_at_threshold": "recall at 0.6",
    "alarms_at_threshold": "false alarms a picture at 0.6",
}  # fmt: skip


def enter(models: Path, target: Path, parameters: int, measured: dict[str, float]) -> None:
    """Put the detector's entry into models.toml in place of an older one; other entries stay as they are."""
    path = models / "models.toml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    document = tomlkit.parse(text)
    content = target.read_bytes()
    entry = tomlkit.table()
    for key, value in {
        "name": NAME, "task": "detector", "file": target.relative_to(models).as_posix(),
        "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "parameters": parameters,
        "input": [], "colour": "BGR", "layout": "NCHW", "outputs": list(NAMES), "labels": [],
        "licence": LICENCE, "trained_on": TRAINED_ON,
    }.items():  # fmt: skip
        entry[key] = value
    accuracy = tomlkit.table()
    for key, value in measured.items():
        if key.rsplit(" ", 1)[-1] in ("alarms", "points", "found") or " 24px" in key:
            name = key
            for short, long in SHOWN.items():
                name = name.replace(f" {short} 24px", f" {long}, faces from 24 px")
            if name != key or not name.endswith("px"):
                accuracy[name] = round(float(value), 4)
    entry["accuracy"] = accuracy
    listed = document.get("model")
    if listed is None:
        listed = tomlkit.aot()
        document["model"] = listed
    for index, other in enumerate(listed):
        if other["name"] == NAME:
            del listed[index]
            listed.insert(index, entry)
            break
    else:
        listed.append(entry)
    temporary = path.with_suffix(".toml.detector")
    temporary.write_text(tomlkit.dumps(document), encoding="utf-8")
    temporary.replace(path)


def evaluate(args: Any) -> dict[str, float]:
    """Print and return the figures of the shipped file on ``split`` (val by default), and enter those of the whole
    pipeline into models.toml."""
    split = getattr(args, "split", None) or "val"
    if split != "val":
        raise SystemExit(f"faces_in_scenes and no_faces have no {split} part: measure the detector with --split val")
    file = Path(getattr(args, "file", None) or _models(args) / "detector" / f"{NAME}.onnx")
    measured = measure(file, Path(args.data), split, getattr(args, "limit", None))
    for key, value in measured.items():
        print(f"{key:60s} {value:.4f}")
    measure_pipeline("detector", NAME, PIPELINE_FIGURES, ("faces_in_scenes", "no_faces"), args)
    return measured


def card(args: Any) -> None:
    """Write models/detector/detector-1.md from the run's log and the figures of its last export.

    Raises:
        SystemExit: the run is not the training of the file that ships.
    """
    run, models = _run(args), _models(args)
    if not (run / "figures.json").exists():
        raise SystemExit(f"{run} holds no export of a training: its card is left as it is")
    log = json.loads((run / "log.json").read_text())
    record = json.loads((run / "figures.json").read_text())
    content = (models / "detector" / f"{NAME}.onnx").read_bytes()
    if record.get("sha256") != hashlib.sha256(content).hexdigest():
        raise SystemExit(f"{run} holds another network than {NAME}: its card is left as it is")
    target = models / "detector" / f"{NAME}.md"
    temporary = target.with_suffix(".part")
    text = page(log, record, LICENCE)
    integers = models / "detector" / f"{NAME}-int8.onnx"
    if integers.exists() and (run / "int8.json").exists():
        from convert.faces.card import variants

        found = json.loads((run / "int8.json").read_text())
        text += "\n".join(variants(found, (models / "detector" / f"{NAME}.onnx").stat().st_size, ships=True)) + "\n"
        text += "\nOpenCV's DNN runs the floats; the integers are for ONNX Runtime, as both were measured here.\n"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(target)
