"""The face detector ``detector-1``: training, export, measurement and card.

Recipe: crops of 256 and 320 px with faces of 11 px up to the whole crop, from scenes, from face packs pasted on empty
pictures, and from empty pictures; the places on train pictures where the network of the moment raises false alarms come
back as crops. A cell near a face's centre owns it at the strides that fit its size; both scores are focal, boxes learn
generalised IoU, points a smooth L1. The mean of the weights over the last steps is what is exported.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from convert import detector_data as data
from convert.detector_curves import draw
from convert.detector_loss import detector_loss
from convert.detector_mine import dig
from convert.detector_mix import Mixer, stream
from convert.detector_network import build
from convert.detector_ship import CACHE, NAME, RUN, card, evaluate, export
from convert.detector_start import start
from convert.detector_targets import grid
from convert.detector_told import told

__all__ = ["NAME", "Trainer", "card", "evaluate", "export", "train"]

RATE, DECAY, CLIP = 2.5e-3, 0.01, 5.0
AGAIN = 1e-3
"""Learning rate at the start of a further round: a finished run that is resumed, or a file that ships and is begun
with, trains on with a new cosine."""
START_BATCHES = 4
"""From whose crops the statistics of a file that ships are taken."""
WARM_UP = 300
EMA = 0.998
STEPS = 500
"""Batches an epoch (8,000 crops)."""
BATCH = 16
EPOCHS = 30
SIZES = (256, 320)
"""Crop sizes: the first for the first 55 % of the training, then the second, one in eight of all ``WIDE``."""
WIDE = ((6, 448), (3, 640))
"""(count, size) of the batches for faces that fill a frame."""
DIG_EVERY = 4
"""Epochs between two hunts for false alarms."""


def plan(epoch: int, progress: float, steps: int, seed: int, rounds: int = 1) -> list[tuple[int, int]]:
    """(count, size) of each batch of an epoch; a further round is large crops only, and more of the wide ones."""
    rng = np.random.default_rng((seed, epoch, 7))
    size = SIZES[0] if progress < 0.55 and rounds == 1 else SIZES[1]
    wide = 1 / 8 if rounds == 1 else 0.35
    return [WIDE[int(rng.integers(len(WIDE)))] if rng.random() < wide else (BATCH, size) for _ in range(steps)]


def rate(progress: float, step: int, peak: float = RATE) -> float:
    """Learning rate: a linear start, then a cosine to zero."""
    return peak * min(1.0, (step + 1) / WARM_UP) * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


class Trainer:
    """The network, its optimiser, the mean of its weights, and one compiled step."""

    def __init__(self) -> None:
        self.model = build()
        self.optimizer = keras.optimizers.AdamW(RATE, weight_decay=DECAY, global_clipnorm=CLIP, epsilon=1e-7)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.model.trainable_variables)
        self.mean = [tf.Variable(w, trainable=False) for w in self.model.weights]
        self.steps = 0
        self._step = tf.function(self._one, reduce_retracing=True)

    def _one(self, image: Any, target: Any, cells: Any, keep: Any) -> Any:
        with tf.GradientTape() as tape:
            rows = self.model(tf.cast(image, tf.float32), training=True)
            parts = detector_loss(rows, target, cells)
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(parts["loss"], variables), variables)
        for mean, weight in zip(self.mean, self.model.weights):
            mean.assign(mean * keep + tf.cast(weight.value, mean.dtype) * (1 - keep))
        return tf.stack([parts["loss"], parts["scores"], parts["box"], parts["points"]])

    def step(self, image: Any, target: Any, learning_rate: float) -> Any:
        """One batch; returns loss, scores, box, points as a tensor."""
        self.optimizer.learning_rate.assign(learning_rate)
        keep = min(EMA, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        size = image.shape[1]
        return self._step(tf.constant(image), tf.constant(target), tf.constant(grid(size, size)), tf.constant(keep))

    def averaged(self) -> keras.Model:
        """A float32 network that holds the mean weights."""
        policy = keras.mixed_precision.dtype_policy()
        keras.mixed_precision.set_dtype_policy("float32")
        model = build()
        keras.mixed_precision.set_dtype_policy(policy)
        model.set_weights([m.numpy() for m in self.mean])
        return model

    def begin(self, model: keras.Model) -> None:
        """Start from the weights of a network of the same form."""
        for ours, mean, theirs in zip(self.model.weights, self.mean, model.weights):
            ours.assign(theirs)
            mean.assign(theirs)

    def save(self, folder: Path, state: dict[str, Any]) -> None:
        """All that goes on from here: weights, mean, optimiser, counters; the old state is replaced at the end."""
        arrays = {f"weight{i}": w.numpy() for i, w in enumerate(self.model.weights)}
        arrays |= {f"mean{i}": m.numpy() for i, m in enumerate(self.mean)}
        arrays |= {f"optimizer{i}": np.asarray(v.numpy()) for i, v in enumerate(self.optimizer.variables)}
        arrays["state"] = np.array(json.dumps(state | {"steps": self.steps}))
        temporary = folder / "last.part.npz"
        np.savez(temporary, **arrays)
        temporary.replace(folder / "last.npz")

    def load(self, folder: Path) -> dict[str, Any]:
        """Take up what ``save`` wrote."""
        with np.load(folder / "last.npz") as arrays:
            self.model.set_weights([arrays[f"weight{i}"] for i in range(len(self.mean))])
            for i, mean in enumerate(self.mean):
                mean.assign(arrays[f"mean{i}"])
            for i, variable in enumerate(self.optimizer.variables):
                variable.assign(arrays[f"optimizer{i}"])
            state: dict[str, Any] = json.loads(str(arrays["state"]))
        self.steps = int(state["steps"])
        return state


def _progress(batches: Iterator[Any], total: int, epoch: int) -> Iterator[Any]:
    from rich.progress import track

    yield from track(batches, f"epoch {epoch}", total, update_period=1.0)


def train(args: Any) -> None:
    """Train on the train parts of the packs and leave checkpoints, ``log.json`` and ``curves.png`` in the run's folder.

    Args:
        args: ``data`` folder of the packs, ``run`` folder, ``resume``, ``epochs``, ``threads``, ``seed``, ``limit``
            (pictures of each pack, for a trial), and optionally ``minutes``: then the schedule follows the clock.

    ``start`` begins with the weights of a file that ships, as a further round. ``resume`` goes on where an interrupted
    run stood; after a finished one it adds a round that starts at ``AGAIN``.
    """
    run = Path(getattr(args, "run", None) or RUN)
    run.mkdir(parents=True, exist_ok=True)
    seed = int(getattr(args, "seed", 0) or 0)
    epochs = int(getattr(args, "epochs", None) or EPOCHS)
    minutes: float | None = getattr(args, "minutes", None)
    limit = getattr(args, "limit", None)
    steps = max(2, min(STEPS, limit // BATCH)) if limit else STEPS
    folder = Path(args.data)

    keras.utils.set_random_seed(seed)
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    tell = lambda pictures, fives, name: told(pictures, fives, CACHE, name, Path(args.models))  # noqa: E731
    faces = data.faces(folder, CACHE, "train", dict.fromkeys(data.FACE_PACKS, limit) if limit else None, tell)
    mixer = Mixer(data.scenes(folder, CACHE, "train", limit), faces, data.empty(folder, CACHE, "train", limit))
    trainer = Trainer()
    beginning = getattr(args, "start", None)
    if beginning is not None:
        crops = [mixer.batch(np.random.default_rng((seed, i)), BATCH, SIZES[1])[0] for i in range(START_BATCHES)]
        trainer.begin(start(beginning, np.concatenate(crops)))
    state: dict[str, Any] = {
        "epoch": 0, "log": [], "seconds": 0.0, "finished": False, "rounds": 1 if beginning is None else 2, "base": 0,
        "empty_spots": [], "scene_spots": [],
    }  # fmt: skip
    if getattr(args, "resume", False) and (run / "last.npz").exists():
        state |= trainer.load(run)
        mixer.empty_spots = [tuple(s) for s in state["empty_spots"]]
        mixer.scene_spots = [tuple(s) for s in state["scene_spots"]]
        if state["finished"]:
            state |= {"finished": False, "rounds": state["rounds"] + 1, "base": trainer.steps, "seconds": 0.0}
    first = int(state["base"])
    peak = RATE if state["rounds"] == 1 else AGAIN
    began_at = time.monotonic() - float(state["seconds"])

    def progress() -> float:
        if minutes:
            return (time.monotonic() - began_at) / (60 * minutes)
        return (trainer.steps - first) / (epochs * steps)

    def rate_now() -> float:
        return rate(progress(), trainer.steps - first, peak)

    for epoch in itertools.count(int(state["epoch"])):
        if progress() >= 1:
            break
        sums, began, seen = [], time.monotonic(), 0
        batches = stream(mixer, seed + 1000 * epoch, plan(epoch, progress(), steps, seed, state["rounds"]))
        for image, target in _progress(batches, steps, epoch):
            sums.append(trainer.step(image, target, rate_now()))
            seen += len(image)
            if progress() >= 1:
                break
        loss, scores, box, points = np.mean([s.numpy() for s in sums], 0).tolist()
        entry = {
            "epoch": epoch, "loss": loss, "scores": scores, "box": box, "points": points,
            "rate": rate_now(), "crops": seen, "seconds": time.monotonic() - began,
        }  # fmt: skip
        if (epoch + 1) % DIG_EVERY == 0 and progress() < 0.97:
            model = trainer.averaged()
            mixer.empty_spots = dig(model, mixer.empty, None)
            mixer.scene_spots = dig(model, mixer.scenes.pictures, mixer.scenes)
            entry |= {"empty_spots": len(mixer.empty_spots), "scene_spots": len(mixer.scene_spots)}
        state["log"].append(entry)
        state |= {
            "epoch": epoch + 1, "seconds": time.monotonic() - began_at, "finished": progress() >= 1,
            "empty_spots": mixer.empty_spots, "scene_spots": mixer.scene_spots,
        }  # fmt: skip
        trainer.save(run, state)
        (run / "log.json").write_text(json.dumps(state["log"], indent=1))
        draw(state["log"], run / "curves.png")
        print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in entry.items()}), flush=True)
