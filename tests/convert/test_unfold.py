"""A file that ships as the beginning of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")

import cv2
import keras
import onnx
import tensorflow as tf

from convert import attributes, detector, detector_start, reader
from convert.detector_export import rows_of, session
from convert.faces import ship, training, unfold
from facelens.registry import load_registry, select
from facelens.resources import models_dir

HEADS = {name: name for name in attributes.HEADS}


def crops(count: int = 32, size: int = 96) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 12, 12, 3))
    return np.repeat(np.repeat(coarse, size // 12, 1), size // 12, 2).astype(np.uint8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A network with statistics of its own, and its file."""
    model = attributes.build("float32")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        elif weight.path.endswith(("beta", "moving_mean", "bias")):
            weight.assign(rng.normal(0, 0.3, weight.shape))
    path = tmp_path_factory.mktemp("file") / "some.onnx"
    heads = keras.Model(model.inputs, {name: model.output[name] for name in HEADS})
    path.write_bytes(ship.to_onnx(attributes.served(heads, {"age": 1.3}), tuple(HEADS)))
    return model, path


def test_it_says_what_the_file_says_and_may_be_trained_on(trained: tuple[Any, Path]) -> None:
    old, path = trained
    new = attributes.build("float32")
    group = np.asarray(new.get_layer("group").kernel)
    unfold.unfold(new, path, HEADS, crops())
    before, after = old.predict_on_batch(crops()), new.predict_on_batch(crops())
    for name in HEADS:
        assert np.allclose(before[name], after[name], atol=2e-3 * np.abs(before[name]).max()), name
    assert np.array_equal(group, new.get_layer("group").kernel), "the file has no such head"
    # in training each batch is normalised by its own statistics: these are near those that were set
    training_says = new(tf.constant(crops()), training=True)
    for name in HEADS:
        spread = float(after[name].std()) + 1e-3
        assert float(np.abs(training_says[name] - after[name]).mean()) < 0.2 * spread, name
    assert list(path.parent.iterdir()) == [path], "nothing is left beside the file"


def test_the_reader_that_ships_can_be_gone_on_with() -> None:
    spec = select(load_registry(models_dir()), "attributes")
    model = reader.build("float32")
    unfold.unfold(model, spec.path, HEADS | {"scut": "distribution"}, crops())
    from facelens.runtime import Graph

    graph = Graph(spec.path)
    said = dict(zip(graph.outputs, graph.run(crops(8))))
    ours = model.predict_on_batch(crops(8))
    assert np.array_equal(said["expression"].argmax(1), np.asarray(ours["expression"]).argmax(1))
    assert np.array_equal(said["distribution"].argmax(1), np.asarray(ours["scut"]).argmax(1))
    assert np.array_equal(said["female"][:, 0] > 0.5, np.asarray(ours["female"])[:, 0] > 0)


def test_a_file_with_integers_or_none_is_refused(tmp_path: Path) -> None:
    integers = models_dir() / "attributes" / f"{reader.SHIPMENT.name}-int8.onnx"
    heads = {name: name for name in attributes.HEADS}
    for path, why in ((integers, "holds integers"), (tmp_path / "none.onnx", "There is no")):
        with pytest.raises(SystemExit, match=why):
            unfold.start(reader.build, path, heads, crops)
    for path, why in (
        (models_dir() / "detector" / "detector-1-int8.onnx", "no detector"),
        (tmp_path / "a.npz", "is none"),
    ):
        with pytest.raises(SystemExit, match=why):
            detector_start.start(path, crops(2, 64))


def test_another_trunk_is_refused(trained: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = trained
    with pytest.raises(SystemExit, match="another trunk"):
        unfold.unfold(reader.build("float32"), path, HEADS, crops())
    monkeypatch.setattr(attributes, "DEPTHS", (1, 1, 1))
    monkeypatch.setattr(attributes, "WIDTHS", (32, 64, 128))
    with pytest.raises(SystemExit, match="left over"):
        unfold.unfold(attributes.build("float32"), path, HEADS, crops())


def test_a_training_starts_from_a_file_a_checkpoint_or_nothing(trained: tuple[Any, Path], tmp_path: Path) -> None:
    old, path = trained
    training.save(tmp_path / "old.npz", old.weights)
    said = [
        unfold.start(attributes.build, start, HEADS, lambda: crops(16)).predict_on_batch(crops(8))["age"]
        for start in (path, tmp_path / "old.npz", None)
    ]
    expected = old.predict_on_batch(crops(8))["age"]
    scale = np.abs(expected).max()
    # numbers of half the precision
    assert np.abs(said[0] - expected).max() < 0.1 * scale
    assert np.abs(said[1] - expected).max() < 0.1 * scale
    assert np.abs(said[2] - expected).max() > 0.2 * scale
    assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
    keras.mixed_precision.set_global_policy("float32")


def test_the_detector_that_ships_may_be_trained_on(tmp_path: Path) -> None:
    source = select(load_registry(models_dir()), "detector").path
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (8, 12, 12, 3), np.uint8)
    pictures = np.stack([cv2.resize(p, (192, 192), interpolation=cv2.INTER_CUBIC) for p in coarse])
    model = detector_start.start(source, pictures)
    says = np.array(model(pictures[:1].astype(np.float32), training=False))[0]
    theirs = rows_of(session(source), pictures[0])
    says[:, :2] = 1 / (1 + np.exp(-says[:, :2]))
    assert np.abs(says - theirs).max() < 1e-3 * np.abs(theirs).max()
    # what it learns begins there: statistics of a batch are near those that were set
    batch = np.asarray(model(pictures.astype(np.float32), training=True))
    usual = np.asarray(model(pictures.astype(np.float32), training=False))
    assert np.abs(batch - usual).mean() < 0.1 * usual.std()
    trainer = detector.Trainer()
    trainer.begin(model)
    again = np.asarray(trainer.averaged()(pictures[:1].astype(np.float32), training=False))
    assert np.allclose(again, usual[:1], atol=1e-3)

    other = onnx.load(str(source))
    other.graph.node[2].name = other.graph.node[4].name
    onnx.save(other, str(tmp_path / "other.onnx"))
    with pytest.raises(SystemExit, match="another trunk"):
        detector_start.start(tmp_path / "other.onnx", pictures)
