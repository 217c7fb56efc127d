"""The variant with integers: what it says, where it runs, and what keeps it out."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import tomlkit

pytest.importorskip("onnx", reason="the training extra is not installed")

from convert import quantise
from facelens import images
from facelens.errors import ModelCorruptError
from facelens.registry import load_registry, select, verify
from facelens.resources import asset, models_dir
from facelens.runtime import open_network
from facelens.sources.portrait import FIVE
from facelens.vision.crop import align


def crops(count: int = 16) -> np.ndarray:
    """The portrait's face, a little moved each time."""
    picture = images.load(asset("samples/astronaut.jpg")).image
    spec = select(load_registry(), "landmarks").crop
    assert spec is not None
    rng = np.random.default_rng(0)
    return np.stack([align(picture, FIVE + rng.normal(0, 2, 2), spec)[0] for _ in range(count)])


def test_integers_say_nearly_the_same_and_run_on_the_cpu(tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(models_dir(), models, ignore=shutil.ignore_patterns("*.md", "*.png", "*.json", "__pycache__"))
    spec = dataclasses.replace(select(load_registry(models), "landmarks"), int8=None)
    path = models / "landmarks" / "landmarks-int8.onnx"
    quantise.integers(spec.path, path, crops(), spec.task)
    assert path.stat().st_size < 0.6 * spec.path.stat().st_size
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    document = tomlkit.parse((models / "models.toml").read_text("utf-8"))
    entry = next(item for item in document["model"] if item["name"] == spec.name)
    entry["int8"] = {"file": "landmarks/landmarks-int8.onnx", "sha256": digest, "bytes": 1}
    (models / "models.toml").write_text(tomlkit.dumps(document), "utf-8")
    both = select(load_registry(models), "landmarks")
    assert (both.path_on("cpu"), both.path_on("cuda")) == (path, spec.path)
    verify(both)
    shown = crops(4)
    ours = open_network(both, "cpu").run(shown)["points"]
    exact = open_network(spec, "cpu").run(shown)["points"]
    assert (ours != exact).any()
    assert np.abs(ours - exact).max() < 3
    assert np.linalg.norm(ours - exact, axis=2).mean() < 1
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelCorruptError, match=r"landmarks-int8\.onnx"):
        verify(both)


def test_what_is_worse_is_named() -> None:
    before = {"a age_mae": 5.0, "a gender_accuracy": 0.9, "b landmarks_nme": 0.05, "a age_coverage": 0.8}
    assert quantise.worse(before, before) == []
    assert quantise.worse(before, {**before, "a age_mae": 4.0, "a gender_accuracy": 0.95}) == []
    assert quantise.worse(before, {**before, "a age_mae": 5.1}) == ["a age_mae 5.0000 -> 5.1000"]
    assert quantise.worse(before, {**before, "a gender_accuracy": 0.89}) == ["a gender_accuracy 0.9000 -> 0.8900"]
    # a band that holds too many is as wrong as one that holds too few
    assert len(quantise.worse(before, {**before, "a age_coverage": 0.85, "b landmarks_nme": 0.052})) == 2


def test_times_are_of_one_and_of_five_faces() -> None:
    path = select(load_registry(), "landmarks").path
    found = quantise.times({"a": path, "b": path}, {"a": crops(5), "b": crops(5)}, (1, 5), rounds=4)
    assert set(found) == {"a", "b"}
    assert found["a"]["batch of 5"] > found["a"]["batch of 1"] > 0
