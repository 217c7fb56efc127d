"""Calibration of the ages of several networks' mean, on ages made here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomlkit

from convert import calibrate
from convert.faces.ship import Shipment
from convert.faces.ship import enter as ship
from facelens.geometry import CropSpec
from facelens.registry import load_registry
from facelens.vision.attributes import age_estimate


def made(count: int, read_sigma: float, true_sigma: float, bucket: int = 1) -> calibrate.Labelled:
    """Readings that are normal around 20 to 70 years, and ages that lie around the same middles, in buckets."""
    rng = np.random.default_rng(1)
    middles = rng.uniform(20, 70, count)
    read = np.exp(-0.5 * ((np.arange(101)[None] - middles[:, None]) / read_sigma) ** 2)
    ages = np.clip(np.round(rng.normal(middles, true_sigma)), 0, 100).astype(np.intp)
    first = ages // bucket * bucket
    return calibrate.Labelled((read / read.sum(1, keepdims=True)).astype(np.float32), first, first + bucket - 1)


def test_the_band_is_that_of_the_program() -> None:
    read = made(50, 12.0, 10.0).read
    ends = [age_estimate(p) for p in read]
    low, high = calibrate.bands(read)
    assert low.tolist() == [round(e.low) for e in ends]
    assert high.tolist() == [round(e.high) for e in ends]


@pytest.mark.parametrize("bucket", [1, 10])
def test_readings_that_are_too_wide_are_sharpened_by_as_much(bucket: int) -> None:
    """A normal distribution to the power k has the standard deviation over the root of k; the band reaches another
    half a year to each side, since it is told in whole years."""
    wide = made(2000, 11.5, 10.0, bucket)
    assert calibrate.coverage(wide, 1.0) > 0.83
    power = calibrate.best([wide])
    reach = 1.2816 * 11.5 / np.sqrt(power) + 0.5
    assert reach == pytest.approx(1.2816 * 10.0, abs=0.4)
    assert calibrate.coverage(wide, power) == pytest.approx(0.8, abs=0.01)


def test_readings_that_are_too_narrow_are_widened_and_packs_count_alike() -> None:
    narrow, wide = made(2000, 9.0, 10.0), made(300, 11.5, 10.0)
    assert calibrate.best([narrow]) < 1
    assert calibrate.best([narrow]) < calibrate.best([narrow, wide]) < calibrate.best([wide])


def entry(name: str, **more: Any) -> dict[str, Any]:
    said = {"name": name, "task": "attributes", "file": "a.onnx", "sha256": "0", "input": [9, 9]}
    return said | more | {"accuracy": {"one": 1.0}, "int8": {"file": "b.onnx", "sha256": "1", "bytes": 3}}


def test_the_power_is_read_again_and_a_new_network_takes_it_away(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    path.write_text(tomlkit.dumps({"model": [entry("first"), entry("second", weight=3.0)]}), encoding="utf-8")
    for power in (1.12, 1.07):
        calibrate.enter(tmp_path, "first", power)
        first, second = load_registry(tmp_path)
        assert (first.age_power, second.age_power) == (power, 1.0)
        assert first.int8 is not None
        assert dict(first.accuracy) == {"one": 1.0}
    facts = {"sha256": "2", "bytes": 4, "parameters": 5}
    ship(tmp_path, Shipment("second", "attributes", CropSpec(9, 0.9), ("age",), "", (), ()), facts, {})
    assert [spec.age_power for spec in load_registry(tmp_path)] == [1.0, 1.0]
