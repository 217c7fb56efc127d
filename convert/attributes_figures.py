"""Figures of the attributes networks on crops of val, and the temperatures found there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from convert.faces import augment, data
from facelens.geometry import CropSpec

Labels = Mapping[str, np.ndarray[Any, Any]]
"""Those of ``attributes.labels``."""


def some(count: int, limit: int | None) -> np.ndarray[Any, Any]:
    """At most ``limit`` rows of ``count``, evenly spread: packs may be sorted, by age for one."""
    return np.linspace(0, count - 1, min(count, limit or count)).astype(int)


def logits_of(
    model: Any, crops: data.Crops, spec: CropSpec, limit: int | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """Logits of ``some`` of the unaugmented crops, cut as ``spec`` says."""
    rows = some(len(crops.images), limit)
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


def figures(model: Any, val: Mapping[str, Any], spec: CropSpec, limit: int | None = None) -> dict[str, float]:
    """Accuracies on aligned val crops, of at most ``limit`` rows of each pack."""
    found: dict[str, float] = {}
    for pack, (crops, every) in val.items():
        out = logits_of(model, crops, spec, limit)
        rows = some(len(crops.images), limit)
        truth = {k: v[rows] for k, v in every.items()}
        p = softmax(out["age"])
        if truth["is_bucket"].any():
            found[f"{pack} bucket"] = float((buckets_off(p, truth) == 0).mean())
        if truth["is_years"].any():
            found[f"{pack} MAE"] = float(np.abs(medians(p) - truth["low"]).mean())
        if truth["votes"].any():
            ordered = np.sort(truth["votes"], 1)
            clear = ordered[:, -1] > ordered[:, -2]
            right = out["expression"].argmax(1) == truth["votes"].argmax(1)
            found[f"{pack} expression"] = float(right[clear].mean())
        for name in ("female", "smile", "glasses"):
            known = truth[name] >= 0
            if known.any() and not (pack == "mtfl5" and name == "female"):
                right = (out[name][known, 0] > 0) == (truth[name][known] > 0.5)
                found[f"{pack} {'gender' if name == 'female' else name}"] = float(right.mean())
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
