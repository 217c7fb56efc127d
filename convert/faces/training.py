"""One training loop for all face networks: a time budget, a cosine, averaged weights, a checkpoint every epoch."""

from __future__ import annotations

import json
import math
import queue
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
import tensorflow as tf
from rich.progress import Progress

from convert.faces.muon import KernelMuon

matplotlib.use("Agg")

SETTLE_BATCHES = 60
Batch = tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]
MakeBatch = Callable[[np.random.Generator, int], Batch]
"""(random generator, crop size in px) -> (uint8 crops, targets)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """``minutes`` of training; learning rate ``rate`` after ``warm_up`` steps, then a cosine over the time.

    ``steps``, where given, take the place of the minutes.

    ``sizes``: (share of the time, crop size) in turn; a fully convolutional trunk learns most of what it knows on
    small crops at a third of the cost (after Touvron et al., "Fixing the train-test resolution discrepancy", 2019).
    """

    minutes: float
    rate: float
    sizes: tuple[tuple[float, int], ...]
    warm_up: int = 300
    decay: float = 0.05
    clip: float = 3.0
    average: float = 0.999
    epoch_steps: int = 250
    steps: int = 0
    muon: bool = False
    """Kernels between layers learn by ``convert.faces.muon`` instead of AdamW."""


def set_up(seed: int, threads: int) -> None:
    """Fixed seeds, few threads."""
    keras.utils.set_random_seed(seed)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def stream(make: Callable[[], Batch], ahead: int = 6) -> Iterator[Batch]:
    """Batches made by a thread of their own, a few ahead."""
    slots: queue.Queue[Batch | BaseException] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Batch | BaseException) -> None:
        while not stop.is_set():
            try:
                slots.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            while not stop.is_set():
                put(make())
        except BaseException as error:  # noqa: BLE001 - delivered to the training loop, which raises it
            put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            item = slots.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()


PLACES = ("--data", "--models", "--run", "--threads")
"""Options that say where things lie or how fast to go, not what is trained."""


def command(arguments: Sequence[str]) -> str:
    """What was asked for, as a card tells it: without the folders of this machine."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and argument != "--resume" and not argument.startswith(tuple(f"{place}=" for place in PLACES)):
            skip = argument in PLACES
            kept += [] if skip else [argument]
        else:
            skip = False
    return " ".join(["python -m convert", *kept])


def commit() -> str:
    """The commit of the source, marked where files differ from it."""
    words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not committed yet"


def save(path: Path, weights: Sequence[Any], log: dict[str, Any] | None = None) -> None:
    """Write weights in their order, and the log that belongs to them, beside and then over ``path``."""
    partial = path.with_suffix(".part.npz")
    np.savez(partial, *[np.asarray(w) for w in weights], log=np.array(json.dumps(log)))
    partial.replace(path)


def restore(path: Path, variables: Sequence[Any]) -> None:
    """Give ``variables`` the first arrays of a file of ``save``, in their order.

    Raises:
        SystemExit: the file is not there, or is of another network.
    """
    if not path.exists():
        raise SystemExit(f"There is no {path}: train the network first")
    with np.load(path) as stored:
        try:
            for index, variable in enumerate(variables):
                variable.assign(stored[f"arr_{index}"])
        except (KeyError, ValueError) as error:
            raise SystemExit(f"{path} is of another network: {error}") from error


def planned(schedule: Schedule, args: Namespace) -> Schedule:
    """The schedule with the minutes of the command line or, where a run is resumed, the plan that it began with."""
    if args.resume and (args.run / "last.npz").exists():
        with np.load(args.run / "last.npz") as stored:
            begun = json.loads(str(stored["log"]))["plan"]
        schedule = replace(schedule, **begun)
    return replace(schedule, minutes=args.minutes or schedule.minutes)


def settle(model: Any, batches: Iterator[Batch], count: int) -> None:
    """Measure the statistics of all batch normalisations anew, for the weights that the model now has.

    The running statistics belong to the weights of the last steps, not to their average; with a high learning rate
    that costs the average 2 % of gender accuracy. Method: Wu and Johnson, "Rethinking 'Batch' in BatchNorm", 2021.
    """
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    usual = [layer.momentum for layer in layers]
    for index in range(count):
        for layer in layers:
            layer.momentum = index / (index + 1)
        model(tf.constant(next(batches)[0]), training=True)
    for layer, momentum in zip(layers, usual):
        layer.momentum = momentum


def fit(
    model: Any,
    loss: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
    make: MakeBatch,
    validate: Callable[[Any, int], dict[str, float]],
    schedule: Schedule,
    run: Path,
    *,
    seed: int,
    resume: bool,
) -> dict[str, Any]:
    """Train ``model`` (dict of outputs) and leave the averaged weights in it, with ``settle``d statistics.

    Writes run/last.npz (model, averages, optimiser, log), run/log.json (with command and commit of its beginning) and
    run/curves.png after every epoch; ``resume`` goes on from there with the time that is left. ``validate`` gets the
    model with averaged weights and the crop size of the moment.
    """
    run.mkdir(parents=True, exist_ok=True)
    kind = KernelMuon if schedule.muon else keras.optimizers.AdamW
    optimizer = kind(schedule.rate, weight_decay=schedule.decay, global_clipnorm=schedule.clip)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    averages = [tf.Variable(w, trainable=False) for w in model.trainable_variables]
    everything = [*model.weights, *averages, *optimizer.variables]
    log: dict[str, Any] = {"spent": 0.0, "step": 0, "command": command(sys.argv[1:]), "commit": commit()}
    log |= {"plan": {"minutes": schedule.minutes, "rate": schedule.rate}, "epochs": []}
    if resume and (run / "last.npz").exists():
        restore(run / "last.npz", everything)
        # the log stands in the same file, so that weights and steps are always of one moment
        with np.load(run / "last.npz") as stored:
            log = json.loads(str(stored["log"]))

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(images: Any, targets: Any, average: Any) -> Any:
        with tf.GradientTape() as tape:
            parts = loss(targets, model(images, training=True))
            total = tf.add_n(list(parts.values()))
        optimizer.apply(tape.gradient(total, model.trainable_variables), model.trainable_variables)
        for mean, weight in zip(averages, model.trainable_variables):
            mean.assign(mean * average + tf.cast(weight, tf.float32) * (1 - average))
        return {**parts, "loss": total}

    budget, began = schedule.minutes * 60, time.monotonic() - log["spent"]

    def progress_now() -> float:
        if schedule.steps:
            return float(min(log["step"] / schedule.steps, 1.0))
        return float(min((time.monotonic() - began) / budget, 1.0))

    def size_now() -> int:
        done, share = progress_now(), 0.0
        for part, size in schedule.sizes:
            share += part
            if done < share:
                return size
        return schedule.sizes[-1][1]

    rng = np.random.default_rng((seed, log["step"]))
    batches = stream(lambda: make(rng, size_now()))
    with Progress() as bar:
        task = bar.add_task("training", total=1.0)
        while progress_now() < 1:
            sums: dict[str, float] = {}
            count = 0
            for _ in range(schedule.epoch_steps):
                done = progress_now()
                if done >= 1:
                    break
                warm = min(1.0, (log["step"] + 1) / schedule.warm_up)
                optimizer.learning_rate.assign(schedule.rate * warm * max(0.005, 0.5 * (1 + math.cos(math.pi * done))))
                images, targets = next(batches)
                average = min(schedule.average, (1 + log["step"]) / (10 + log["step"]))
                tensors = {k: tf.constant(v) for k, v in targets.items()}
                values = step(tf.constant(images), tensors, tf.constant(average))
                for name, value in values.items():
                    sums[name] = sums.get(name, 0.0) + float(value)
                count += 1
                log["step"] += 1
                bar.update(task, completed=progress_now())
            log["spent"] = time.monotonic() - began
            kept = [np.asarray(w) for w in model.trainable_variables]
            assign(model, averages)
            figures = validate(model, size_now())
            save(run / "average.npz", model.weights)
            assign(model, kept)
            entry = {"minutes": round(log["spent"] / 60, 2), "size": size_now(), "step": log["step"]}
            entry |= {k: round(v / max(count, 1), 4) for k, v in sums.items()}
            entry |= {f"val {k}": round(v, 4) for k, v in figures.items()}
            log["epochs"].append(entry)
            save(run / "last.npz", everything, log)
            (run / "log.json").write_text(json.dumps(log, indent=1))
            curves(log["epochs"], run / "curves.png")
            print(entry, flush=True)
    restore(run / "average.npz", model.weights)
    settle(model, batches, SETTLE_BATCHES)
    batches.close()  # type: ignore[attr-defined]
    save(run / "average.npz", model.weights)
    print("settled", validate(model, size_now()), flush=True)
    return log


def assign(model: Any, values: Sequence[Any]) -> None:
    """Give the model's trainable weights these values, in their order."""
    for variable, value in zip(model.trainable_variables, values):
        variable.assign(value)


def curves(epochs: Sequence[dict[str, float]], path: Path) -> None:
    """The loss and every validation figure against minutes, as a picture."""
    from matplotlib import pyplot

    names = ["loss", *[n for n in epochs[-1] if n.startswith("val ")]]
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.2 * len(names), 2.6), constrained_layout=True)
    minutes = [e["minutes"] for e in epochs]
    for axis, name in zip(np.atleast_1d(axes), names):
        axis.plot(minutes, [e.get(name, np.nan) for e in epochs], color="#0E8F7E", marker=".", markersize=3)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("minutes", fontsize=8)
        axis.grid(alpha=0.25)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
