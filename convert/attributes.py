"""The attributes network: apparent age as a distribution over 0..100, perceived gender, smile, glasses, expression.

Loss: age in buckets, -log of the probability inside; age in years, cross-entropy to a Gaussian and the distance of the
mean; expression, cross-entropy to the shares of the votes; the rest binary with softened labels. A label that a pack
lacks is masked.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from convert import attributes_figures as measure
from convert.faces import augment, data, network, packs, teach, training, unfold
from convert.faces.card import card_for
from convert.faces.ship import Shipment, evaluate_with, export_model
from facelens.geometry import CropSpec
from facelens.types import EXPRESSIONS

CROP = CropSpec(96, 0.95)
"""The packs' pictures are tight: at a scale of 0.8 half of the crop lay beyond the picture, at 0.95 a third does."""
STORED = CropSpec(160, CROP.scale * 112 / 160)
"""Crops are kept finer, as if 112 px wide, and with 24 px more on each side."""
WIDTHS, DEPTHS = (32, 64, 128, 256), (1, 1, 1, 1)
BATCH = 128
# the averages must forget the small crops within the part of the training that sees large ones
SCHEDULE = training.Schedule(
    minutes=95, rate=2.5e-3, sizes=((0.4, 64), (0.4, 80), (0.2, 96)), average=0.998, epoch_steps=800, muon=True
)
STRENGTH = augment.Strength(degrade=0.25, erase=0.15, grey=0.1, dark=0.08)
"""Milder than for landmarks: the network reads the pictures it learned from little better than others."""
SIGMA = 2.5
SOFT = 0.03
GENDER_WEIGHT, SMILE_WEIGHT, GLASSES_WEIGHT, EXPRESSION_WEIGHT, GROUP_WEIGHT = 1.5, 1.0, 1.0, 1.0, 0.5
YEARS = np.arange(101, dtype=np.float32)
HEADS = {"age": 101, "female": 1, "smile": 1, "glasses": 1, "expression": len(EXPRESSIONS)}
GROUPS = ("White", "Black", "East Asian", "Southeast Asian", "Indian", "Latino_Hispanic", "Middle Eastern")
"""FairFace's names. A head for them helps the trunk to read all groups equally well; it is never exported."""
GROUPS_NAMED = {name: (name,) for name in GROUPS} | {
    "Asian": ("East Asian", "Southeast Asian"), "Other": ("Latino_Hispanic", "Middle Eastern"),
}  # fmt: skip
"""What UTKFace's coarser names stand for."""
TRAINED = HEADS | {"group": len(GROUPS)}
SHARES = {
    "fairface": 0.5, "utkface": 0.21, "mtfl5": 0.1, "ferplus": 0.12, "mebeauty": 0.05, "landmarks68": 0.02,
}  # fmt: skip
"""Share of each pack in a batch; landmarks68 has soft labels only."""
LABELLED = ("fairface", "utkface", "mtfl5", "ferplus")
HARD_GROUPS = {"Black": 1.4}
"""How often faces of groups whose gender networks before this one read worst (val) are drawn."""
MOST_OFTEN = 1.5
"""A row of the rarest age or expression is drawn at most so many times as often as one of the commonest."""
SMILE_HAPPINESS = 0.5
"""Share of 'happiness' votes from which a face counts as smiling."""

SHIPMENT = Shipment(
    name="attributes-3",
    task="attributes",
    crop=CROP,
    outputs=tuple(HEADS),
    licence="Non-commercial research, as UTKFace and MTFL are; FER2013, YouTube Faces and MEBeauty for research",
    trained_on=tuple(SHARES),
    figures=("age", "gender", "smile", "glasses", "expression"),
    weight=6.0,
    note=(
        "Trained in two sittings on two cores, each with a cosine of its own: 90 minutes from nothing (attributes-2), "
        "then 80 from there (`--start models/attributes/attributes-2.onnx`, a file of commit 3bf0eb4). "
        "New in the second: two thirds of the "
        "faces are aligned by the points of our own detector, as at run time; in half of the batches pictures are "
        "mixed; what attributes-2 says of each picture is learned beside its labels (soft labels); MEBeauty's genders "
        "and faces of landmarks68 without labels; faces of FairFace's group Black, whose gender was read worst, are "
        "drawn 1.4 times as often. A head for FairFace's groups helped the trunk in training; it is not in the file."
        "\n\n**What it brought**, before and after, whole parts of val. One view of crops aligned by the packs' "
        "points: gender of FairFace .892 and .898, its buckets .544 and .556, UTKFace 4.83 and 4.59 years, gender "
        ".938 and .946. In ten crops aligned by our detector's: gender .895 and .906, buckets .540 and .560, 4.70 and "
        "4.57 years, gender .943 and .948. Aligned by the packs' points the new network has .908, .564 and 4.51: that "
        "is what points like theirs would bring.\n\n"
        "**Where it stands on its learning curve**, attributes-2 and this. FairFace's gender: .920 and .935 of 2,500 "
        "training crops, .892 and .898 of val; its buckets: .587 and .595, .544 and .556. UTKFace: 4.31 years of "
        "error on training crops, 4.59 on val. So in gender the training crops now gain more than twice what val "
        "gains: more pictures (FairFace has 86,000, of which 37,893 were used) or a trunk that has seen other "
        "faces before will bring more than more minutes. Buckets still gain as much on val. A mean with attributes-2, "
        "with the reader, or over larger and smaller crops is no better on val.\n\n"
        "**The worst hundred of val of each kind, looked at.** Gender: of the twenty surest about half of the labels "
        "look wrong (an old man labelled female, a smiling woman labelled male), and there are a man made up for the "
        "stage and a face painted white; a third are babies and small children, a fifth profiles, the others in the "
        "dark, under hats or blurred. Smile: two thirds are mouths that are open or drawn without a smile, or smiles "
        "with closed lips, where the label could be either; profiles, a doll and drawings. Age: celebrities that "
        "carry the age of another photo, the same picture labelled 26 and 29, profiles, blown and dim light; old "
        "people with dark skin are read ten to twenty years too young. Missed: six, all of them full profiles."
    ),
)


def build(precision: str = "float32", names: Sequence[str] = tuple(TRAINED), widths: tuple[int, ...] = WIDTHS) -> Any:
    """The network with logits for training; input uint8 N x S x S x 3 BGR."""
    keras.mixed_precision.set_global_policy(precision)
    image = L.Input((None, None, 3), name="input", dtype="uint8")
    x = network.fine_trunk(network.scaled(image), widths, DEPTHS)
    x = L.GlobalAveragePooling2D()(x)
    outputs = {name: L.Dense(TRAINED[name], name=name, dtype="float32")(x) for name in names}
    return keras.Model(image, outputs)


def probabilities(logits: dict[str, Any], calibration: dict[str, float]) -> list[Any]:
    """The heads' probabilities in the order of HEADS, with the temperatures found on val."""
    outputs = []
    for name in HEADS:
        scaled = L.Rescaling(1 / calibration.get(name, 1.0))(logits[name])
        last = L.Activation("sigmoid", name=f"{name}_out") if HEADS[name] == 1 else L.Softmax(name=f"{name}_out")
        outputs.append(last(scaled))
    return outputs


def served(model: Any, calibration: dict[str, float]) -> Any:
    """The graph that ships."""
    image = L.Input((CROP.size, CROP.size, 3), name="input", dtype="uint8")
    return keras.Model(image, probabilities(model(image), calibration))


def loss(targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """Parts of the loss, each a mean over the batch with missing labels masked."""
    log_p = tf.nn.log_softmax(outputs["age"])
    low, high = targets["low"][:, None], targets["high"][:, None]
    years = tf.constant(YEARS)[None]
    inside = tf.cast((years >= low) & (years <= high), tf.float32)
    p = tf.exp(log_p)
    outside = tf.maximum(tf.maximum(low - years, years - high), 0.0)
    bucket = -tf.math.log(tf.reduce_sum(p * inside, 1) + 1e-6) + 0.02 * tf.reduce_sum(p * outside, 1)
    soft = tf.exp(-0.5 * tf.square((years - low) / SIGMA))
    soft /= tf.reduce_sum(soft, 1, keepdims=True)
    exact = -0.7 * tf.reduce_sum(soft * log_p, 1) + 0.05 * tf.abs(tf.reduce_sum(p * years, 1) - low[:, 0])
    parts = {"age": tf.reduce_mean(targets["is_bucket"] * bucket + targets["is_years"] * exact)}
    weights = {"female": GENDER_WEIGHT, "smile": SMILE_WEIGHT, "glasses": GLASSES_WEIGHT}
    for name, weight in weights.items():
        label, known = targets[name], tf.cast(targets[name] >= 0, tf.float32)
        goal = tf.clip_by_value(label, SOFT, 1 - SOFT)
        values = tf.nn.sigmoid_cross_entropy_with_logits(goal, outputs[name][:, 0])
        parts[name] = weight * tf.reduce_sum(values * known) / (tf.reduce_sum(known) + 8.0)
    votes = targets["votes"]
    values = -tf.reduce_sum(votes * tf.nn.log_softmax(outputs["expression"]), 1)
    parts["expression"] = EXPRESSION_WEIGHT * tf.reduce_sum(values) / (tf.reduce_sum(votes) + 8.0)
    if "group" in outputs:
        named = targets["groups"]
        known = tf.reduce_max(named, 1)
        values = -tf.math.log(tf.reduce_sum(tf.nn.softmax(outputs["group"]) * named, 1) + 1e-6)
        parts["group"] = GROUP_WEIGHT * tf.reduce_sum(values * known) / (tf.reduce_sum(known) + 8.0)
    return parts


def labels(crops: data.Crops) -> dict[str, np.ndarray[Any, Any]]:
    """Targets of a pack; -1 stands for a label that it lacks."""
    table, n = crops.table, len(crops.images)
    out = {name: np.full(n, -1, np.float32) for name in ("smile", "glasses")}
    out["low"] = out["high"] = np.zeros(n, np.float32)
    out["is_bucket"] = out["is_years"] = np.zeros(n, np.float32)
    if "age_low" in table:
        out["low"], out["high"] = (np.array(table[c], np.float32) for c in ("age_low", "age_high"))
        out["is_bucket"] = np.ones(n, np.float32)
    elif "age" in table:
        out["low"] = out["high"] = np.minimum(np.array(table["age"], np.float32), 100)
        out["is_years"] = np.ones(n, np.float32)
    genders = table.get("gender", [None] * n)
    out["female"] = np.array([{"female": 1.0, "male": 0.0}.get(g, -1.0) for g in genders], np.float32)
    out["groups"] = np.zeros((n, len(GROUPS)), np.float32)
    for row, name in enumerate(table.get("race", ())):
        out["groups"][row] = [group in GROUPS_NAMED.get(name, ()) for group in GROUPS]
    out["votes"] = np.zeros((n, len(EXPRESSIONS)), np.float32)
    if "happiness" in table:
        out["votes"] = np.array([table[name] for name in EXPRESSIONS], np.float32).T
        out["smile"] = (out["votes"][:, EXPRESSIONS.index("happiness")] >= SMILE_HAPPINESS).astype(np.float32)
    for name in ("smile", "glasses"):
        if name in table:
            out[name] = np.array([-1.0 if v is None else float(v) for v in table[name]], np.float32)
    return out


def chances(truth: dict[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """How often each row of a pack is drawn: by the root of how rare its age (by decade) or expression is, so that the
    youngest, the oldest and the rare expressions are not forgotten. Sums to 1."""
    if truth["votes"].any():
        kind = truth["votes"].argmax(1)
    elif truth["is_bucket"].any() or truth["is_years"].any():
        kind = np.minimum((truth["low"] + 1) // 10, 7).astype(int)
    else:
        kind = np.zeros(len(truth["low"]), int)
    share = np.bincount(kind) / len(kind)
    weight = np.minimum(np.sqrt(share.max() / np.maximum(share, 1e-9)), MOST_OFTEN)[kind]
    for group, often in HARD_GROUPS.items():
        weight[truth["groups"][:, GROUPS.index(group)] > 0] *= often
    return np.asarray(weight / weight.sum())


def load(folder: Path, cache: Path, split: str) -> dict[str, tuple[data.Crops, dict[str, np.ndarray[Any, Any]]]]:
    """Crops and labels of one split of the packs that the figures are of."""
    found = {}
    for pack in LABELLED:
        crops = data.load(folder, cache, pack, split, stored=STORED)
        found[pack] = (crops, labels(crops))
    return found


def learn(targets: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
    """The loss of the labels, and one part for what the teacher says."""
    return loss(targets, outputs) | {"soft": tf.reduce_mean(packs.soft_loss(targets, outputs))}


def train(args: Namespace) -> None:
    """Train; the best time is an hour and more, see SCHEDULE. The teacher is the network that ships."""
    training.set_up(args.seed, args.threads)
    cache = data.CACHE
    every: dict[str, packs.Pack] = {}
    for name in SHARES:
        crops = data.load(args.data, cache, name, "train", stored=STORED, models=args.models)
        known = labels(crops)
        soft = teach.soft_labels(crops, name, cache.parent / "soft", args.models, args.threads, ("attributes",))
        every[name] = packs.Pack(crops, known, soft, np.cumsum(chances(known)))
    val = load(args.data, cache, "val")

    def make(rng: np.random.Generator, size: int) -> training.Batch:
        batch = packs.draw(every, SHARES, BATCH, rng, CropSpec(size, CROP.scale), STRENGTH)
        # the last part of the training sees faces as they are
        return packs.mix(rng, batch, packs.MIXED if size < CROP.size else 0.0)

    rng = np.random.default_rng(args.seed)
    model = unfold.start(
        build, None if args.resume else args.start, {name: name for name in HEADS}, lambda: make(rng, CROP.size)[0]
    )
    schedule = training.planned(SCHEDULE, args)
    check = lambda m, size: measure.figures(m, val, CropSpec(size, CROP.scale), 1024)  # noqa: E731
    training.fit(model, packs.mixed(learn), make, check, schedule, args.run, seed=args.seed, resume=args.resume)


def export(args: Namespace) -> None:
    """Calibrate on val, export with tf2onnx, check parity, and enter the model into models.toml."""
    model = build("float32")
    training.restore(args.run / "average.npz", model.weights)
    model = keras.Model(model.inputs, {name: model.output[name] for name in HEADS})
    val = load(args.data, data.CACHE, "val")
    calibration = measure.calibrate(model, val, CROP)
    crops = augment.plain(val["fairface"][0].images[:39], CROP, STORED)
    export_model(served(model, calibration), SHIPMENT, crops, args, measure.figures(model, val, CROP), calibration)


def evaluate(args: Namespace) -> None:
    """The whole pipeline on the packs that show what this network does."""
    evaluate_with(SHIPMENT, ("fairface", "utkface", "mtfl5", "ferplus", "mebeauty"), args)


def card(args: Namespace) -> None:
    """Write the model's card."""
    card_for(SHIPMENT, __doc__ or "", args)
