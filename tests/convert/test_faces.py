"""Trainings on face crops: points follow crops, missing labels teach nothing, files equal networks."""

from __future__ import annotations

import json
import shutil
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")
pytest.importorskip("tensorflow", reason="the training extra is not installed")

import cv2
import keras
import tensorflow as tf

from convert import appearance, attributes, landmarks, reader
from convert.faces import augment, card, data, muon, network, ship, teach, training
from convert.faces.packs import Pack
from facelens.engine import Engine
from facelens.geometry import CropSpec, transform
from facelens.registry import load_registry, select, verify
from facelens.resources import models_dir
from facelens.runtime import open_network
from facelens.vision.crop import align
from facelens.vision.schemes import FLIP5

SPEC = CropSpec(112, 0.8)


def test_a_stored_crop_gives_the_run_time_crop() -> None:
    """Cutting the stored crop must show what cutting the picture itself shows, or training and run time differ."""
    rng = np.random.default_rng(1)
    picture = cv2.GaussianBlur(rng.integers(0, 256, (300, 300, 3), np.uint8), (0, 0), 2)
    five = data.STORED.template @ np.array([[0.9, 0.3], [-0.3, 0.9]]) + [60, 40]
    stored = align(picture, five, data.STORED)[0]
    for spec in (attributes.CROP, landmarks.CROP, CropSpec(64, 0.8)):
        ours = augment.plain(stored[None], spec)[0].astype(float)
        direct = align(picture, five, spec)[0].astype(float)
        inner = slice(spec.size // 5, -spec.size // 5)
        assert np.abs(ours - direct)[inner, inner].mean() < 4


def test_points_follow_the_augmented_picture() -> None:
    rng = np.random.default_rng(2)
    calm = augment.Strength(degrade=0, grey=0, dark=0, erase=0)
    for _ in range(12):
        matrix, flip = augment.warp(rng, SPEC, calm)
        points = transform(matrix, data.STORED.template)
        if flip:
            points = points[list(FLIP5)]
        # after the swap the subject's right eye is on the viewer's left again
        assert points[0, 0] < points[1, 0]
        assert points[3, 0] < points[4, 0]
        assert np.abs(points - SPEC.template).max() < 30


def test_degrading_keeps_the_form_and_changes_the_picture() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (64, 64, 3), np.uint8)
    strong = augment.Strength(degrade=1, grey=0.5, dark=0.5, erase=0.5)
    changed = 0
    for _ in range(40):
        out = augment.degrade(rng, image, strong)
        assert out.shape == image.shape
        assert out.dtype == np.uint8
        changed += bool((out != image).any())
    assert changed == 40


def targets(n: int = 4) -> dict[str, Any]:
    names = ("low", "high", "is_bucket", "is_years")
    values = {name: np.zeros(n, np.float32) for name in names}
    values["votes"], values["groups"] = np.zeros((n, 8), np.float32), np.zeros((n, 7), np.float32)
    return values | {name: np.full(n, -1, np.float32) for name in ("female", "smile", "glasses")}


def answers(n: int) -> dict[str, Any]:
    """Random logits of all heads."""
    return {name: tf.random.normal((n, width)) for name, width in attributes.TRAINED.items()}


def test_missing_labels_teach_nothing() -> None:
    parts = attributes.loss({k: tf.constant(v) for k, v in targets().items()}, answers(4))
    assert set(parts) == set(attributes.TRAINED)
    assert all(abs(float(value)) < 1e-6 for value in parts.values())


def test_the_age_loss_prefers_the_right_bucket_and_year() -> None:
    def value(kind: str, low: float, high: float, guess: int) -> float:
        t = targets(1)
        t["low"][:], t["high"][:], t[kind][:] = low, high, 1
        logits = np.full((1, 101), -4, np.float32)
        logits[0, guess] = 4
        tensors = {k: tf.constant(v) for k, v in t.items()}
        return float(attributes.loss(tensors, answers(1) | {"age": tf.constant(logits)})["age"])

    assert value("is_bucket", 20, 29, 25) < value("is_bucket", 20, 29, 33) < value("is_bucket", 20, 29, 80)
    assert value("is_years", 40, 40, 40) < value("is_years", 40, 40, 46) < value("is_years", 40, 40, 90)


def test_the_expression_loss_is_least_at_the_shares_of_the_votes() -> None:
    t = targets(1)
    t["votes"][0, [0, 1]] = 0.25, 0.75
    tensors = {k: tf.constant(v) for k, v in t.items()}

    def value(*shares: float) -> float:
        logits = np.log(np.array([[*shares, *[1e-4] * 6]], np.float32))
        return float(attributes.loss(tensors, answers(1) | {"expression": tf.constant(logits)})["expression"])

    assert value(0.25, 0.75) < value(0.1, 0.9)
    assert value(0.25, 0.75) < value(0.5, 0.5) < value(0.9, 0.1)


def test_rare_ages_and_expressions_are_drawn_more_often_but_not_without_end() -> None:
    t = targets(110)
    t["is_years"][:] = 1
    t["low"][:] = [35] * 90 + [65] * 10 + [5] * 9 + [85]
    p = attributes.chances(t)
    assert p.sum() == pytest.approx(1)
    assert p[90] / p[0] == pytest.approx(attributes.MOST_OFTEN)  # nine times as rare, the root would be 3
    assert p[-1] / p[0] == pytest.approx(attributes.MOST_OFTEN)
    t["low"][:] = [35] * 60 + [65] * 50
    p = attributes.chances(t)
    assert p[-1] / p[0] == pytest.approx(1.2**0.5)
    t = targets(3)
    t["votes"][:, 0] = 1
    t["votes"][2] = np.eye(8)[3]
    p = attributes.chances(t)
    assert p[2] / p[0] == pytest.approx(2**0.5)
    assert np.ptp(attributes.chances(targets(10))) == 0


def test_groups_have_the_names_of_both_packs_and_a_coarse_name_is_any_of_its_parts() -> None:
    names = ["White", "East Asian", "Asian", "Other", "Caucasian"]
    crops = data.Crops(np.zeros((5, 2, 2, 3), np.uint8), {"race": names}, None)
    groups = attributes.labels(crops)["groups"]
    assert groups.sum(1).tolist() == [1, 1, 2, 2, 0]
    t = {k: tf.constant(v) for k, v in (targets(1) | {"groups": groups[2:3]}).items()}

    def value(group: str) -> float:
        logits = 5 * np.eye(7, dtype=np.float32)[[attributes.GROUPS.index(group)]]
        return float(attributes.loss(t, answers(1) | {"group": tf.constant(logits)})["group"])

    assert value("East Asian") == pytest.approx(value("Southeast Asian"))
    assert value("East Asian") < 0.1 < value("White")


def test_a_step_of_muon_has_equal_singular_values() -> None:
    rng = np.random.default_rng(0)
    for shape in ((288, 32), (32, 96)):
        rough = rng.normal(size=shape) @ np.diag(np.logspace(0, -1, shape[1]))
        values = np.linalg.svd(np.asarray(muon.orthogonal(tf.constant(rough, tf.float32))), compute_uv=False)
        spread = np.linalg.svd(rough, compute_uv=False)[: len(values)]
        assert spread.max() / spread.min() > 5
        assert values.max() / values.min() < 3
        assert np.all((values > 0.4) & (values < 1.4))


def test_muon_moves_kernels_of_convolutions_and_adamw_the_rest() -> None:
    keras.mixed_precision.set_global_policy("float32")
    model = keras.Sequential(
        [keras.layers.Input((6, 6, 3)), keras.layers.Conv2D(8, 3), keras.layers.Conv2D(16, 3), keras.layers.Dense(2)]
    )
    optimizer = muon.KernelMuon(1e-2, weight_decay=0.0, global_clipnorm=1.0)
    optimizer.build(model.trainable_variables)
    before = [np.asarray(v) for v in model.trainable_variables]
    gradients = [tf.random.normal(v.shape, seed=1) for v in model.trainable_variables]
    optimizer.apply(gradients, model.trainable_variables)
    moved = [np.asarray(v) - b for v, b in zip(model.trainable_variables, before)]
    kernel = moved[2].reshape(-1, 16)
    singular = np.linalg.svd(kernel, compute_uv=False)
    assert singular.max() / singular.min() < 3
    # scaled so that the root mean square change is 0.2 of the rate, as that of AdamW is
    assert np.sqrt((kernel**2).mean()) == pytest.approx(1e-2 * 0.2, rel=0.4)
    for other in (0, 1, 3, 4, 5):  # the first step of Adam is the sign of the gradient
        assert np.quantile(np.abs(moved[other] + 1e-2 * np.sign(gradients[other])), 0.9) < 1e-4


def tiny_pack(kind: str, n: int = 20) -> Pack:
    """Random crops whose labels and soft labels say which pack they came from."""
    rng = np.random.default_rng(len(kind))
    crops = data.Crops(rng.integers(0, 256, (n, 160, 160, 3)).astype(np.uint8), {}, None, attributes.STORED)
    labels = targets(n) | {"scut": np.full(n, -1, np.float32), "other": np.full(n, -1, np.float32)}
    if kind == "scut_fbp5500":
        labels["scut"][:] = 3.5
    soft = {"age": np.full((n, 101), 1 / 101), "distribution": np.full((n, 41), 1 / 41)}
    soft["expression"] = np.full((n, 8), 1 / 8)
    soft |= {name: np.full((n, 1), 0.7) for name in ("female", "smile", "glasses")}
    return Pack(crops, labels, {k: v.astype(np.float32) for k, v in soft.items()}, np.linspace(1 / n, 1, n))


def test_a_batch_of_the_reader_mixes_all_packs() -> None:
    packs = {name: tiny_pack(name) for name in reader.SHARES}
    images, found = reader.batch(packs, np.random.default_rng(0), 32)
    assert images.shape == (reader.BATCH, 32, 32, 3)
    assert found["soft_age"].shape == (reader.BATCH, 101)
    assert found["soft_female"].shape == (reader.BATCH,)
    rated = float((found["scut"] == 3.5).mean())
    assert 0 < rated < 0.2
    assert sum(reader.SHARES.values()) == pytest.approx(1)
    parts = reader.loss({k: tf.constant(v) for k, v in found.items()}, {
        name: tf.zeros((reader.BATCH, n)) for name, n in reader.HEADS.items()
    })  # fmt: skip
    assert {"soft", "scut", "other", *attributes.HEADS} == set(parts)
    assert all(np.isfinite(float(value)) for value in parts.values())


def test_the_reader_comes_nearer_to_its_teachers() -> None:
    soft = np.zeros((1, 101), np.float32)
    soft[0, 30] = 1
    known = targets(1) | {"scut": np.array([-1.0], np.float32), "other": np.array([-1.0], np.float32)}
    known |= {"soft_age": soft, "soft_distribution": np.eye(41, dtype=np.float32)[[20]]}
    known["soft_expression"] = np.eye(8, dtype=np.float32)[[1]]
    known |= {f"soft_{name}": np.array([0.9], np.float32) for name in ("female", "smile", "glasses")}

    def value(year: int, female: float, score: int) -> float:
        answer = {name: np.zeros((1, n), np.float32) for name, n in reader.HEADS.items()}
        answer["age"][0, year] = answer["scut"][0, score] = 5
        answer["female"][:] = female
        tensors = {k: tf.constant(v, tf.float32) for k, v in known.items()}
        return float(reader.loss(tensors, {k: tf.constant(v) for k, v in answer.items()})["soft"])

    best = value(30, 2.2, 20)
    assert best < min(value(60, 2.2, 20), value(30, -2.2, 20), value(30, 2.2, 39))
    known["scut"][:] = 4.0  # a rated face: the rating counts, not the teacher
    assert value(30, 2.2, 20) == pytest.approx(value(30, 2.2, 39))


def test_teachers_read_both_ways(tmp_path: Path) -> None:
    # coarse, as what noise is read as hangs on each pixel
    coarse = np.random.default_rng(0).integers(0, 256, (3, 5, 5, 3)).astype(np.uint8)
    smooth = [cv2.resize(picture, (160, 160), interpolation=cv2.INTER_CUBIC) for picture in coarse]
    crops = data.Crops(np.stack(smooth), {}, None, attributes.STORED)
    soft = teach.soft_labels(crops, "few", tmp_path, models_dir(), 1)
    assert soft["age"].shape == (3, 101)
    assert np.allclose(soft["distribution"].sum(1), 1, atol=1e-2)
    mirrored = replace(crops, images=crops.images[:, :, ::-1])
    again = teach.soft_labels(mirrored, "mirrored", tmp_path, models_dir(), 1)
    # the template is not quite symmetric
    assert np.allclose(soft["female"], again["female"], atol=0.03)
    (kept, _) = sorted(tmp_path.glob("*.npz"))
    stamp = kept.stat().st_mtime_ns
    teach.soft_labels(crops, "few", tmp_path, models_dir(), 1)
    assert kept.stat().st_mtime_ns == stamp


def test_rows_are_spread_evenly_over_a_sorted_pack() -> None:
    assert data.evenly(9, 3).tolist() == [0, 4, 8]
    assert data.evenly(3, None).tolist() == data.evenly(3, 7).tolist() == [0, 1, 2]


def test_nme_by_hand() -> None:
    truth = np.zeros((1, 68, 2))
    truth[0, 45, 0] = 100
    assert landmarks.nme(truth + np.array([3, 4]), truth) == pytest.approx(0.05)


def test_filling_keeps_the_face_and_replaces_the_black() -> None:
    rng = np.random.default_rng(0)
    face = np.zeros((80, 80, 3), np.uint8)
    cv2.ellipse(face, (40, 40), (25, 32), 0, 0, 360, (120, 140, 180), -1)
    out = appearance.filled(rng, face, np.full((80, 80, 3), 240, np.uint8))
    assert np.abs(out[30:50, 30:50].astype(int) - face[30:50, 30:50]).max() <= 1
    assert out[2, 2].min() > 230
    # at other times the ground is plain
    plain = [
        appearance.filled(np.random.default_rng(seed), face, np.full((80, 80, 3), 240, np.uint8)) for seed in range(9)
    ]
    assert any(p[2, 2].min() < 230 and p[2, 2].max() > 10 and (p[2, 2] == p[77, 77]).all() for p in plain)


def small() -> Any:
    """A network with the attributes' outputs that trains in a second."""
    keras.mixed_precision.set_global_policy("float32")
    image = keras.layers.Input((None, None, 3), name="input", dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 64.0, offset=-2.0, name="preprocess")(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, strides=4, activation="relu")(scaled))
    return keras.Model(image, {n: keras.layers.Dense(k, name=n)(x) for n, k in attributes.HEADS.items()})


def make(rng: np.random.Generator, size: int) -> training.Batch:
    """Bright pictures are female, dark ones male."""
    bright = rng.integers(0, 2, 32).astype(np.float32)
    images = (bright[:, None, None, None] * 150 + rng.integers(0, 90, (32, size, size, 3))).astype(np.uint8)
    values = targets(32)
    values["female"] = bright
    return images, values


class Clock:
    """Time that goes on when it is asked for, so that a slow machine trains as long as a fast one."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.004
        return self.now


def test_training_learns_leaves_a_checkpoint_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "time", Clock())
    schedule = training.Schedule(minutes=0.05, rate=0.05, sizes=((0.5, 24), (0.5, 32)), warm_up=2, epoch_steps=15)
    model = small()
    log = training.fit(model, attributes.loss, make, lambda *_: {"x": 1.0}, schedule, tmp_path, seed=0, resume=False)
    assert {"last.npz", "average.npz", "log.json", "curves.png"} <= {p.name for p in tmp_path.iterdir()}
    assert log["command"].startswith("python -m convert")
    assert log["commit"]
    assert len(log["epochs"]) > 1
    assert log["epochs"][-1]["female"] < log["epochs"][0]["female"]
    images, truth = make(np.random.default_rng(9), 32)
    guess = np.asarray(model.predict_on_batch(images)["female"])[:, 0] > 0
    assert (guess == (truth["female"] > 0.5)).mean() > 0.9
    more = training.Schedule(minutes=0.08, rate=0.05, sizes=((1.0, 32),), warm_up=2, epoch_steps=15)
    again = training.fit(small(), attributes.loss, make, lambda *_: {"x": 1.0}, more, tmp_path, seed=0, resume=True)
    assert again["step"] > log["step"]
    assert again["epochs"][: len(log["epochs"])] == log["epochs"]


def test_the_command_of_a_card_names_no_folder_of_this_machine() -> None:
    asked = [
        "train",
        "reader",
        "--data",
        "/somewhere/data",
        "--models=m",
        "--minutes",
        "48",
        "--resume",
        "--start",
        "a.onnx",
    ]
    assert training.command(asked) == "python -m convert train reader --minutes 48 --start a.onnx"


def test_a_run_that_was_killed_goes_on_from_one_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = training.Schedule(minutes=7, rate=0.01, sizes=((1.0, 24),), epoch_steps=4, steps=12)
    written = training.curves

    def killed(epochs: Any, path: Path) -> None:
        if len(epochs) == 2:
            # the weights are written, what people read is not
            (tmp_path / "log.json").unlink()
            raise KeyboardInterrupt
        written(epochs, path)

    check = lambda *_: {}  # noqa: E731
    monkeypatch.setattr(training, "curves", killed)
    with pytest.raises(KeyboardInterrupt):
        training.fit(small(), attributes.loss, make, check, schedule, tmp_path, seed=0, resume=False)
    monkeypatch.setattr(training, "curves", written)
    log = training.fit(small(), attributes.loss, make, check, schedule, tmp_path, seed=0, resume=True)
    assert [epoch["step"] for epoch in log["epochs"]] == [4, 8, 12]


def test_a_resumed_run_keeps_the_plan_that_it_began_with(tmp_path: Path) -> None:
    usual = training.Schedule(minutes=90, rate=2e-3, sizes=((1.0, 24),), epoch_steps=2, steps=2)
    args = Namespace(resume=False, minutes=17, run=tmp_path)
    begun = training.planned(replace(usual, rate=8e-4), args)
    assert (begun.minutes, begun.rate) == (17, 8e-4)
    training.fit(small(), attributes.loss, make, lambda *_: {}, begun, tmp_path, seed=0, resume=False)
    again = training.planned(usual, Namespace(resume=True, minutes=None, run=tmp_path))
    assert (again.minutes, again.rate, again.sizes) == (17, 8e-4, usual.sizes)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="train the network first"):
        training.restore(tmp_path / "none.npz", [])
    training.save(tmp_path / "some.npz", [np.zeros(3)])
    with pytest.raises(SystemExit, match="another network"):
        training.restore(tmp_path / "some.npz", small().weights)


def test_as_many_steps_as_were_asked_for(tmp_path: Path) -> None:
    schedule = training.Schedule(minutes=1e9, rate=0.01, sizes=((0.5, 24), (0.5, 32)), epoch_steps=4, steps=6)
    sizes: list[int] = []
    check = lambda _, size: sizes.append(size) or {}  # noqa: E731
    log = training.fit(small(), attributes.loss, make, check, schedule, tmp_path, seed=0, resume=False)
    assert log["step"] == 6
    assert [epoch["step"] for epoch in log["epochs"]] == [4, 6]
    assert sizes == [32, 32, 32]


def test_statistics_are_measured_anew() -> None:
    keras.mixed_precision.set_global_policy("float32")
    image = keras.layers.Input((8, 8, 3), dtype="uint8")
    norm = network.BatchNorm()
    model = keras.Model(image, norm(keras.layers.Rescaling(1.0)(image)))
    rng = np.random.default_rng(0)
    pictures = [rng.integers(40 * i, 40 * i + 100, (16, 8, 8, 3)).astype(np.uint8) for i in range(4)]
    norm.moving_mean.assign([1e3, 1e3, 1e3])
    training.settle(model, iter([(p, {}) for p in pictures]), 4)
    assert norm.momentum == 0.99
    expected = np.mean([p.reshape(-1, 3).mean(0) for p in pictures], axis=0)
    assert np.allclose(norm.moving_mean, expected, rtol=1e-4)
    variances = np.mean([p.reshape(-1, 3).astype(float).var(0, ddof=1) for p in pictures], axis=0)
    assert np.allclose(norm.moving_variance, variances, rtol=1e-3)


def test_the_fused_normalisation_is_keras_own() -> None:
    keras.mixed_precision.set_global_policy("float32")
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (32, 6, 6, 4)).astype(np.float32)
    ours, theirs = network.BatchNorm(momentum=0.5), keras.layers.BatchNormalization(momentum=0.5)
    assert np.allclose(ours(x, training=True), theirs(x, training=True), atol=1e-4)
    assert np.allclose(ours.moving_mean, theirs.moving_mean, atol=1e-5)
    assert np.allclose(ours.moving_variance, theirs.moving_variance, rtol=2e-3)
    assert np.allclose(ours(x, training=False), theirs(x, training=False), rtol=2e-3, atol=1e-3)


def test_the_exported_file_opens_and_says_what_the_network_says(tmp_path: Path) -> None:
    model = small()
    served = attributes.served(model, {"age": 1.3, "female": 1.1})
    crops = np.random.default_rng(4).integers(0, 256, (9, 96, 96, 3), np.uint8)
    args = Namespace(models=tmp_path / "models", run=tmp_path)
    ship.export_model(served, attributes.SHIPMENT, crops, args, {"figure": 0.5}, {"age": 1.3})
    spec = select(load_registry(tmp_path / "models"), "attributes")
    verify(spec)
    assert spec.crop == attributes.CROP
    out = open_network(spec, "cpu").run(crops)
    assert out["age"].shape == (9, 101)
    assert np.allclose(out["age"].sum(1), 1, atol=1e-5)
    assert out["expression"].shape == (9, 8)
    assert np.allclose(out["expression"].sum(1), 1, atol=1e-5)
    expected = 1 / (1 + np.exp(-np.asarray(model.predict_on_batch(crops)["female"]) / 1.1))
    assert np.allclose(out["female"], expected, atol=1e-5)
    facts = json.loads((tmp_path / "export.json").read_text())
    assert facts["parity"]["network"] < 1e-4


def test_the_network_that_is_named_is_measured_not_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    shutil.copytree(models_dir(), models, ignore=shutil.ignore_patterns("*.md", "*.png", "*.json", "__pycache__"))
    crops = np.random.default_rng(4).integers(0, 256, (9, 96, 96, 3), np.uint8)
    args = Namespace(models=models, run=tmp_path, data=tmp_path, split="val", limit=None)
    second = replace(attributes.SHIPMENT, name="attributes-9")
    ship.export_model(attributes.served(small(), {}), second, crops, args, {}, {})
    asked: list[str] = []

    def watched(path: Path, engine: Engine, **_: Any) -> dict[str, Any]:
        asked.append(engine.networks["attributes"].spec.name)
        return {"rows": 1, "gender_accuracy": 0.25}

    monkeypatch.setattr("facelens.evaluation.evaluate", watched)
    monkeypatch.setattr("facelens.evaluation.open_pack", lambda *_: Namespace(kind="faces", parts={"attributes"}))
    ship.evaluate_with(second, ["some"], args)
    assert asked == ["attributes-9"]
    specs = load_registry(models)
    assert select(specs, "attributes", "attributes-9").accuracy["some val gender_accuracy"] == 0.25
    assert "some val gender_accuracy" not in select(specs, "attributes").accuracy


def test_export_refuses_a_file_that_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = attributes.served(small(), {"age": 1.0})
    crops = np.zeros((9, 112, 112, 3), np.uint8)
    monkeypatch.setattr(ship, "parity", lambda *_: {"network": 3e-4, "preprocess": 0.0})
    with pytest.raises(SystemExit, match="disagree"):
        ship.export_model(served, attributes.SHIPMENT, crops, Namespace(models=tmp_path / "m", run=tmp_path), {}, {})
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("left", ["nothing", "another network"])
def test_a_card_whose_run_is_gone_tells_the_newest_measurements(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "models" / "attributes"
    folder.mkdir(parents=True)
    (tmp_path / "models" / "models.toml").write_text(
        f'[[model]]\nname = "{attributes.SHIPMENT.name}"\nsha256 = "aa"\ntrained_on = []\n'
    )
    if left == "another network":
        (tmp_path / "gone").mkdir()
        (tmp_path / "gone" / "export.json").write_text(json.dumps({"sha256": "bb", "val": {}, "extra": {}}))
    page = folder / f"{attributes.SHIPMENT.name}.md"
    page.write_text(
        "# a card\n\nas it was trained\n\n## Whole pipeline on val, old\n\n- old: 1\n\n## Whole pipeline on test\n"
    )
    measured = {"fairface": {"gender_accuracy": 0.9123, "by_group": {"age": {"0-2": {"n": 3, "gender_accuracy": 0.5}}}}}
    (folder / f"{attributes.SHIPMENT.name}.val.json").write_text(json.dumps(measured))
    card.card_for(attributes.SHIPMENT, "", Namespace(models=tmp_path / "models", run=tmp_path / "gone"))
    text = page.read_text()
    assert text.startswith("# a card\n\nas it was trained\n\n## Whole pipeline on val, a face not found")
    assert "- fairface: gender_accuracy 0.9123" in text
    assert "| 0-2 | 3 | 0.500 |" in text
    assert "old" not in text
    assert "on test" not in text
