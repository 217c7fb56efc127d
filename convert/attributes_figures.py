"""Figures of the attributes networks on crops of val, and the temperatures found there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convert.faces import augment, data
from facelens.geometry import CropSpec

Labels = Mapping[str, np.ndarray[Any, Any]]
"""Those of ``attributes.labels``."""


def logits_of(
    model: Any, crops: data.Crops, spec: CropSpec, limit: int | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Logits of ``limit`` evenly spread rows of the unaugmented crops, cut as ``spec`` says."""
    rows = data.evenly(len(crops.images), limit)
    parts: list[dict[str, Any]] = []
    for start in range(0, len(rows), 256):
        out = model.predict_on_batch(augment.plain(crops.images[rows[start : start + 256]], spec, crops.stored))
        parts.append({k: np.asarray(v) for k, v in out.items()})
    return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}


def medians(probabilities: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The median year of each distribution."""
    return np.asarray(np.argmax(np.cumsum(probabilities, 1) >= 0.5, axis=1))


def softmax(logits: np.ndarray[Any, Any], temperature: float = 1.0) -> np.ndarray[Any, Any]:
    """Probabilities of each row."""
    e = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
    return np.asarray(e / e.sum(1, keepdims=True))


def buckets_off(p: np.ndarray[Any, Any], truth: Labels) -> np.ndarray[Any, Any]:
    """By how many buckets of the labels the likeliest one is off, of each row of distributions over the years."""
    pairs = list(zip(truth["low"].tolist(), truth["high"].tolist()))
    edges = sorted(set(pairs))
    mass = np.stack([p[:, int(low) : int(high) + 1].sum(1) for low, high in edges], 1)
    return np.asarray(np.abs(mass.argmax(1) - np.array([edges.index(pair) for pair in pairs])))


def of_rows(age: np.ndarray[Any, Any], female: np.ndarray[Any, Any], truth: Labels) -> dict[str, float]:
    """ "gender", and "bucket" and "one-off" or "MAE", as far as the labels tell.

    Args:
        age: N x 101, probabilities.
        female: N, whether female is said.
    """
    found: dict[str, float] = {}
    known = truth["female"] >= 0
    if known.any():
        found["gender"] = float((female == (truth["female"] > 0.5))[known].mean())
    if truth["is_bucket"].any():
        off = buckets_off(age, truth)
        found |= {"bucket": float((off == 0).mean()), "one-off": float((off <= 1).mean())}
    elif truth["is_years"].any():
        found["MAE"] = float(np.abs(medians(age) - truth["low"]).mean())
    return found


def figures(model: Any, val: Mapping[str, Any], spec: CropSpec, limit: int | None = None) -> dict[str, float]:
    """Accuracies on aligned val crops, of at most ``limit`` rows of each pack."""
    found: dict[str, float] = {}
    for pack, (crops, every) in val.items():
        out = logits_of(model, crops, spec, limit)
        rows = data.evenly(len(crops.images), limit)
        truth = {k: v[rows] for k, v in every.items()}
        part = of_rows(softmax(out["age"]), out["female"][:, 0] > 0, truth)
        if truth["votes"].any():
            ordered = np.sort(truth["votes"], 1)
            clear = ordered[:, -1] > ordered[:, -2]
            right = out["expression"].argmax(1) == truth["votes"].argmax(1)
            part["expression"] = float(right[clear].mean())
        for name in ("smile", "glasses"):
            if (known := truth[name] >= 0).any():
                part[name] = float(((out[name][known, 0] > 0) == (truth[name][known] > 0.5)).mean())
        found |= {f"{pack} {name}": value for name, value in part.items()}
    return found


def calibrate(model: Any, val: Mapping[str, Any], spec: CropSpec) -> dict[str, float]:
    """Temperatures on val: age so that the 80 % band holds 80 % of UTKFace's years, gender so that its log loss on
    FairFace and UTKFace is least."""
    grid = np.exp(np.linspace(np.log(0.5), np.log(3), 60))
    fair, fair_truth = logits_of(model, val["fairface"][0], spec), val["fairface"][1]
    utk, utk_truth = logits_of(model, val["utkface"][0], spec), val["utkface"][1]

    def coverage(t: float) -> float:
        c = np.cumsum(softmax(utk["age"], t), 1)
        low, high = np.argmax(c >= 0.1, 1), np.argmax(c >= 0.9, 1)
        return float(((utk_truth["low"] >= low) & (utk_truth["low"] <= high)).mean())

    age = float(min(grid, key=lambda t: abs(coverage(t) - 0.8)))
    x = np.concatenate([fair["female"][:, 0], utk["female"][:, 0]])
    y = np.concatenate([fair_truth["female"], utk_truth["female"]])
    gender = float(min(grid, key=lambda t: float(np.mean(np.logaddexp(0, np.where(y > 0.5, -x, x) / t)))))
    votes, faces = val["ferplus"][1]["votes"], logits_of(model, val["ferplus"][0], spec)["expression"]
    surprise = lambda t: float(-np.mean(np.sum(votes * np.log(softmax(faces, t) + 1e-9), 1)))  # noqa: E731
    expression = float(min(grid, key=surprise))
    return {"age": age, "female": gender, "expression": expression, "age_coverage": coverage(age)}
