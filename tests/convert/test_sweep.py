"""The sweep's sums and its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")

from convert import sweep
from convert.faces.data import Crops
from convert.reader import Pack


def result(name: str, ms: float, gender: float) -> dict[str, Any]:
    figures = dict.fromkeys(sweep.FIGURES, 0.5) | {"fairface gender": gender, "utkface MAE": 10 * (1 - gender)}
    return {
        "name": name,
        "figures": figures,
        "parameters": 1000,
        "multiply_adds": 2e6,
        "ms_float": 2 * ms,
        "ms_int8": ms,
    }


def test_multiply_adds_by_hand() -> None:
    found = sweep.multiply_adds(sweep.Variant((16,), (1,), 32))
    # 3x3x3 to 8 at 16 x 16, 3x3x8 to 16 at 8 x 8, two of 3x3x16 to 16 at 8 x 8
    assert found == 27 * 8 * 256 + 72 * 16 * 64 + 2 * 144 * 16 * 64


def test_the_front_is_what_nothing_beats() -> None:
    rows = [result("slow", 2.0, 0.92), result("fast", 0.5, 0.88), result("poor", 1.0, 0.87), result("fair", 1.0, 0.9)]
    assert sweep.front(rows, "fairface gender", lower=False) == [0, 1, 3]
    assert sweep.front(rows, "utkface MAE", lower=True) == [0, 1, 3]


def test_the_page_and_the_plot(tmp_path: Path) -> None:
    rows = [result("a", 1.0, 0.9), result("b", 2.0, 0.8)]
    less = [{"name": "a half", "share": 0.5, "figures": dict.fromkeys(sweep.FIGURES, 0.25)}]
    rows[0]["share"] = 1.0
    page = sweep.page(rows, less, 10)
    assert "| 50% | 0.250 |" in page
    assert "| 100% | " in page
    assert "| **a** | 1,000 | 2 | 2.00 | 1.00 | 0.900 |" in page
    assert "| b | " in page
    sweep.plot(rows, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 5000
    assert len({variant.name for variant in sweep.VARIANTS}) == len(sweep.VARIANTS)


def test_fewer_rows_are_drawn_and_the_rest_as_often_as_before() -> None:
    chances = np.array([0.1, 0.2, 0.3, 0.1, 0.1, 0.2])
    pack = Pack(Crops(np.zeros((6, 2, 2, 3), np.uint8), {}, None, None), {}, {}, np.cumsum(chances))  # type: ignore[arg-type]
    half = np.diff(sweep.fewer(pack, 0.5).steps, prepend=0.0)
    assert np.allclose(half, np.array([0.1, 0, 0.3, 0, 0.1, 0]) / 0.5)
    assert np.allclose(np.diff(sweep.fewer(pack, 1.0).steps, prepend=0.0), chances)
