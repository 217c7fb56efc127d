"""The probe, on the bundled portrait."""

from __future__ import annotations

import numpy as np
import pytest

from convert import probe
from convert.changes import DOUBT, STEADY
from facelens import Engine, images, open_engine
from facelens.resources import asset
from facelens.types import Image


@pytest.fixture(scope="module")
def engine() -> Engine:
    return open_engine(provider="cpu")


@pytest.fixture(scope="module")
def portrait() -> Image:
    return images.load(asset("samples/astronaut.jpg")).image[0:260, 90:350]


def test_every_change_keeps_the_form_and_changes_the_picture(portrait: Image) -> None:
    for name, change in (STEADY | DOUBT).items():
        out = change(portrait)
        assert out.shape == portrait.shape, name
        assert out.dtype == np.uint8, name
        assert name == "as it is" or (out != portrait).any(), name
    darker, brighter = STEADY["15 % darker"](portrait), STEADY["15 % brighter"](portrait)
    assert darker.mean() < portrait.mean() * 0.9 < brighter.mean()


def test_readings_range_little_and_doubt_grows(
    engine: Engine, portrait: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "DRAWN_ROWS", 4)
    steady = probe.steadiness(engine, [portrait])
    assert {v["faces"] for v in steady.values()} == {1}
    assert 0 < steady["P(female)"]["median"] < 0.5
    assert 0 < steady["age, years"]["p90"] < 20
    shown = probe.Picture(portrait, {"gender": "female", "age": 90})
    doubt = probe.doubt(engine, [shown])
    assert doubt["as it is"]["found"] == 1
    assert (doubt["as it is"]["gender_right"], doubt["as it is"]["held"]) == (1, 0)
    assert doubt["a face of 24 px"]["found"] == 1
    assert doubt["a face of 24 px"]["band_years"] > doubt["as it is"]["band_years"]
    assert doubt["a tenth of the pixels a side"]["band_years"] > doubt["as it is"]["band_years"]
    usual = doubt["as it is"]["usual_years"]
    assert 5 < usual < 30
    unreal = probe.unreal(engine, [shown], usual)
    assert set(unreal) == {*probe.KINDS, *probe.DRAWN}
    assert unreal["drawn faces"]["found"] > 0.9
    assert unreal["drawn faces"]["not_sure"] > 0.9
    assert unreal["drawn faces"]["confident"] == unreal["white full mask"]["confident"] == 0
    none = probe.empty(engine, [np.full((90, 120, 3), 90, np.uint8), portrait])
    assert none == {"pictures": 2, "found": 0.5, "confident": 0.5}
    results = {"steadiness": steady, "doubt": doubt, "unreal": unreal, "empty": none, "jitter": probe.jitter(engine)}
    results["pictures"] = 7
    page = probe.page(results, ["a", "b"])
    assert "Whole pipeline with a, b, on 7 val pictures" in page
    assert "| as it is | 100% |" in page
    assert "| white full mask | 100% |" in page
    assert "a face is found in 50.0%," in page
    assert "nan" not in page


def test_jitter_is_measured_in_pixels(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "JITTER_FRAMES", 5)
    noisy = probe.jitter(engine)
    assert noisy["frames"] == 5
    assert 0.02 < noisy["landmarks_px"] < 2
    monkeypatch.setattr(probe, "JITTER_NOISE", 0.0)
    assert probe.jitter(engine)["landmarks_px"] == pytest.approx(0, abs=1e-4)
