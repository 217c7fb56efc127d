"""Rows of several packs with what people and teachers say of them, drawn as augmented batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.faces import augment, data, teach, training
from facelens.geometry import CropSpec

OWN = 0.65
"""Share of the faces that are aligned by our own detector's points, as at run time; the others by the packs'."""
MIXED, ALPHA = 0.5, 0.3
"""Share of the batches in which pictures are mixed, and how; see ``mix``."""
SOFT_WEIGHT = {"age": 0.6, "female": 1.0, "smile": 0.5, "glasses": 0.5, "expression": 0.3}
"""Weights of the cross-entropies to what teachers say, beside those of the labels."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Crops, hard and soft labels of a pack, and the running sum of the chances of its rows."""

    crops: data.Crops
    labels: dict[str, npt.NDArray[Any]]
    soft: teach.Soft
    steps: npt.NDArray[Any]


Change = Callable[[np.random.Generator, str, augment.Picture], augment.Picture]


def draw(
    packs: Mapping[str, Pack],
    shares: Mapping[str, float],
    count: int,
    rng: np.random.Generator,
    spec: CropSpec,
    strength: augment.Strength,
    change: Change | None = None,
) -> training.Batch:
    """``count`` augmented crops with hard labels and, named soft_*, soft ones.

    Args:
        shares: of each pack in a batch, sum 1.
        change: (random generator, pack, stored crop) -> stored crop, before it is augmented.
    """
    images = np.empty((count, spec.size, spec.size, 3), np.uint8)
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(rng.choice(list(shares), count, p=list(shares.values()))):
        pack = packs[name]
        row = min(int(np.searchsorted(pack.steps, rng.random())), len(pack.crops.images) - 1)
        picture = np.asarray(pack.crops.images[row])
        if change is not None:
            picture = change(rng, name, picture)
        five = pack.crops.own(row) if rng.random() < OWN else None
        images[i] = augment.sample(rng, picture, spec, strength, pack.crops.stored, five)[0]
        soft = {f"soft_{k}": v[row] if v.shape[1] > 1 else v[row, 0] for k, v in pack.soft.items()}
        rows.append({k: v[row] for k, v in pack.labels.items()} | soft)
    return images, {k: np.array([r[k] for r in rows], np.float32) for k in rows[0]}


def mix(rng: np.random.Generator, batch: training.Batch, often: float = MIXED) -> training.Batch:
    """Each picture faded into the one before it in the batch, all by the same ``share``, which becomes a target.

    ``often``: share of the batches in which this is done. H. Zhang et al., "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018; a picture keeps more than half of itself.
    """
    images, targets = batch
    part = float(rng.beta(ALPHA, ALPHA)) if rng.random() < often else 1.0
    part = max(part, 1 - part)
    if part < 1:
        images = np.asarray(cv2.addWeighted(images, part, np.roll(images, 1, 0), 1 - part, 0), np.uint8)
    return images, targets | {"share": np.full(len(images), part, np.float32)}


Loss = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


def mixed(loss: Loss) -> Loss:
    """The loss for batches of ``mix``."""

    def both(targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        part = targets["share"][0]
        own = {k: v for k, v in targets.items() if k != "share"}
        first, other = loss(own, outputs), loss({k: tf.roll(v, 1, 0) for k, v in own.items()}, outputs)
        return {name: part * first[name] + (1 - part) * other[name] for name in first}

    return both


def soft_loss(targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
    """Cross-entropies of the heads of the attributes task to what the teacher says, N."""
    total = 0.0
    for name, weight in SOFT_WEIGHT.items():
        goal, logits = targets[f"soft_{name}"], outputs[name]
        if logits.shape[-1] == 1:
            value = tf.nn.sigmoid_cross_entropy_with_logits(goal, logits[:, 0])
        else:
            value = -tf.reduce_sum(goal * tf.nn.log_softmax(logits), 1)
        total += weight * value
    return total
