"""Accuracy against time of what ships: the sums, the page, and a file that reads another size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")

from convert import attributes, attributes_figures, pareto
from facelens.registry import load_registry, select
from facelens.resources import models_dir
from facelens.runtime import Graph


def test_figures_by_hand() -> None:
    age = np.full((4, 101), 1e-6, np.float32)
    age[[0, 1, 2, 3], [25, 33, 45, 28]] = 1
    female = np.array([True, False, True, False])
    truth: dict[str, Any] = {"female": np.array([1, 0, 0, 0], np.float32), "is_years": np.zeros(4)}
    truth |= {"is_bucket": np.ones(4), "low": np.array([20, 20, 20, 40]), "high": np.array([29, 29, 29, 49])}
    found = attributes_figures.of_rows(age, female, truth)
    # with two buckets known, 20 to 29 and 40 to 49, each answer is right or one off
    assert found == {"gender": 0.75, "bucket": 0.5, "one-off": 1.0}
    truth |= {"is_bucket": np.zeros(4), "is_years": np.ones(4), "low": np.array([25, 30, 45, 20])}
    found = attributes_figures.of_rows(age, female, truth)
    assert found == {"gender": 0.75, "MAE": (0 + 3 + 0 + 8) / 4}


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_a_file_that_ships_reads_another_size(tmp_path: Path, kind: str) -> None:
    spec = select(load_registry(models_dir()), "attributes")
    source = spec.path if kind == "float" else spec.path_on("cpu")
    said = {}
    for size in (64, spec.input[0]):
        (tmp_path / "file.onnx").write_bytes(pareto.resized(source, size))
        graph = Graph(tmp_path / "file.onnx")
        picture = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
        crops = np.repeat(np.repeat(picture, size // 16, 1), size // 16, 2)
        said[size] = dict(zip(graph.outputs, graph.run(crops)))
        assert said[size]["age"].shape == (1, 101)
        assert said[size]["age"].sum() == pytest.approx(1, abs=1e-4)
    usual = dict(zip(Graph(source).outputs, Graph(source).run(crops)))
    assert np.array_equal(usual["age"], said[spec.input[0]]["age"])


def test_a_file_of_16_bits_says_the_same_in_half_the_bytes(tmp_path: Path) -> None:
    spec = select(load_registry(models_dir()), "attributes")
    (tmp_path / "half.onnx").write_bytes(pareto.half(spec.path))
    assert (tmp_path / "half.onnx").stat().st_size < 0.55 * spec.path.stat().st_size
    size = spec.input[0]
    crops = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 256, (2, 6, 6, 3), np.uint8), 16, 1), 16, 2)
    assert crops.shape[1] == size
    exact, near = (Graph(path).run(crops) for path in (spec.path, tmp_path / "half.onnx"))
    assert all(np.abs(a - b).max() < 0.02 for a, b in zip(exact, near))
    assert [a.dtype for a in exact] == [b.dtype for b in near], "what comes out stays as it is"


def test_the_page_and_the_plot(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []
    for network, kind, size, ms, gender in (
        ("a-1", "int8", 64, 0.5, 0.86), ("a-1", "int8", 96, 1.0, 0.9), ("a-1", "float", 96, 2.0, 0.9),
    ):  # fmt: skip
        figures = dict.fromkeys(pareto.FIGURES, 0.5) | {"fairface gender": gender, "utkface MAE": 10 * (1 - gender)}
        rows.append({"network": network, "kind": kind, "size": size, "ms": ms, "figures": figures, "ships": size == 96})
        rows[-1]["bytes"] = 1_234_000
    page = pareto.page(rows)
    assert "| **a-1** | 96* | int8 | 1.23 | 1.00 | 0.900 |" in page
    assert "| a-1 | 96* | float | 1.23 | 2.00 |" in page
    assert page.index("| 64 |") < page.index("| 96* |")
    pareto.plot(rows, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 5000
    assert set(pareto.SIZES) >= {attributes.CROP.size}
