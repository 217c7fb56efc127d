"""The landmarks network: 68 points (iBUG order) on the aligned crop; the 15- and 5-point schemes are read from them.

A linear layer on the flattened last stage gives offsets from the mean shape (a hidden layer there died at once and left
the mean shape). Wing loss: Feng et al., "Wing Loss for Robust Facial Landmark Localisation", CVPR 2018.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from convert.faces import augment, data, network, training
from convert.faces.ship import Shipment, card_for, evaluate_with, export_model
from facelens.geometry import CropSpec, transform
from facelens.vision.schemes import FLIP68

CROP = CropSpec(112, 0.62)
WIDTHS, DEPTHS = (48, 96, 128), (1, 1, 1)
BATCH = 64
SCHEDULE = training.Schedule(minutes=25, rate=2e-3, sizes=((1.0, 112),), average=0.998, epoch_steps=100)
STRENGTH = augment.Strength(rotation=11.0, scale=0.09, shift=0.03)
WING_WIDTH, WING_CURVE = 0.06, 0.01
"""In shares of the crop's size."""

SHIPMENT = Shipment(
    name="landmarks-1",
    task="landmarks",
    crop=CROP,
    outputs=("points",),
    licence="Research use, as the YouTube Faces frames are (labels MIT)",
    trained_on=("landmarks68",),
    figures=("landmarks",),
    note=(
        "Trained in two sittings on one core: 11 minutes with a whole cosine, then resumed to 19 minutes. The error "
        "was still falling."
    ),
    relative=float(CROP.size),
)


def build(mean: np.ndarray[Any, Any], precision: str = "float32") -> Any:
    """Input uint8 N x 112 x 112 x 3 BGR; output {"points": N x 136 in shares of the crop's size}."""
    keras.mixed_precision.set_global_policy(precision)
    image = L.Input((CROP.size, CROP.size, 3), name="input", dtype="uint8")
    x = network.trunk(network.scaled(image), WIDTHS, DEPTHS)
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(32, 1, use_bias=False)(x)))
    bias = keras.initializers.Constant(mean.reshape(-1))
    small = keras.initializers.RandomNormal(stddev=0.002)
    points = L.Dense(136, name="points", dtype="float32", kernel_initializer=small, bias_initializer=bias)
    return keras.Model(image, {"points": points(L.Flatten()(x))})


def served(model: Any) -> Any:
    """The graph that ships: N x 68 x 2 in crop pixels."""
    image = L.Input((CROP.size, CROP.size, 3), name="input", dtype="uint8")
    points = L.Rescaling(float(CROP.size))(model(image)["points"])
    return keras.Model(image, [L.Reshape((68, 2), name="points_px")(points)])


def loss(targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Wing loss."""
    distance = tf.abs(targets["points"] - outputs["points"])
    constant = WING_WIDTH - WING_WIDTH * np.log(1 + WING_WIDTH / WING_CURVE)
    near = WING_WIDTH * tf.math.log(1 + distance / WING_CURVE)
    return {"wing": 100 * tf.reduce_mean(tf.where(distance < WING_WIDTH, near, distance - constant))}


def nme(points: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    """Mean distance over the distance of the outer eye corners."""
    eyes = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
    return float((np.linalg.norm(points - truth, axis=2).mean(1) / eyes).mean())


def figures(model: Any, val: data.Crops) -> dict[str, float]:
    """NME on val crops aligned by the machine points."""
    assert val.points is not None
    truth = np.stack([transform(augment.placement(CROP), p) for p in val.points])
    images = augment.plain(val.images, CROP)
    out = np.concatenate([model.predict_on_batch(images[i : i + 64])["points"] for i in range(0, len(images), 64)])
    return {"NME": nme(out.reshape(-1, 68, 2) * CROP.size, truth)}


def _mean_shape(crops: data.Crops) -> np.ndarray[Any, Any]:
    assert crops.points is not None
    return np.asarray(transform(augment.placement(CROP), crops.points.mean(0)) / CROP.size)


def train(args: Namespace) -> None:
    """Train with the time of SCHEDULE."""
    training.set_up(args.seed, args.threads)
    cache = Path("runs/cache/faces")
    crops = data.load(args.data, cache, "landmarks68", "train", points="points68")
    val = data.load(args.data, cache, "landmarks68", "val", points="points68")
    flip = np.array(FLIP68)
    hand = crops.points
    assert hand is not None

    def make(rng: np.random.Generator, size: int) -> training.Batch:
        images = np.empty((BATCH, size, size, 3), np.uint8)
        points = np.empty((BATCH, 136), np.float32)
        for i, row in enumerate(rng.integers(0, len(crops.images), BATCH)):
            images[i], matrix, mirrored = augment.sample(rng, np.asarray(crops.images[row]), CROP, STRENGTH)
            placed = transform(matrix, hand[row])
            points[i] = (placed[flip] if mirrored else placed).reshape(-1) / CROP.size
        return images, {"points": points}

    model = build(_mean_shape(crops), "mixed_bfloat16")
    schedule = replace(SCHEDULE, minutes=args.minutes or SCHEDULE.minutes)
    check = lambda m, _: figures(m, val)  # noqa: E731
    training.fit(model, loss, make, check, schedule, args.run, seed=args.seed, resume=args.resume)


def export(args: Namespace) -> None:
    """Export with tf2onnx, check parity, and enter the model into models.toml."""
    model = build(np.zeros((68, 2)), "float32")
    training.restore(args.run / "average.npz", model.weights)
    val = data.load(args.data, Path("runs/cache/faces"), "landmarks68", "val", points="points68")
    crops = augment.plain(val.images[:39], CROP)
    export_model(served(model), SHIPMENT, crops, args, figures(model, val), {})


def evaluate(args: Namespace) -> None:
    """The whole pipeline on the pack with 68 points."""
    evaluate_with(SHIPMENT, ("landmarks68",), args)


def card(args: Namespace) -> None:
    """Write the model's card."""
    card_for(SHIPMENT, __doc__ or "", args)
