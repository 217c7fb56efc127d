"""The one JSON and CSV form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from facelens import open_engine, report
from facelens.errors import OutputError, PictureError
from facelens.resources import asset


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return report.to_dict(open_engine().analyze(asset("samples/astronaut.jpg")), "astronaut.jpg")


def test_the_form_has_the_agreed_keys(found: dict[str, object]) -> None:
    assert list(found) == ["schema", "source", "width", "height", "faces", "timings_ms", "providers"]
    assert found["schema"] == "facelens/1"
    (face,) = found["faces"]  # type: ignore[misc]
    assert {"id", "box", "confidence", "age", "gender", "smile", "landmarks", "quality", "score"} <= set(face)
    assert set(face["box"]) == {"x", "y", "width", "height"}
    assert set(face["age"]) == {"years", "low", "high", "range", "probabilities"}
    assert len(face["age"]["probabilities"]) == 101
    assert set(face["gender"]) == {"label", "probability"}
    assert face["landmarks"]["scheme"] == "ibug68"
    assert len(face["landmarks"]["points"]) == 68
    assert {"sharpness", "exposure", "contrast", "pose", "resolution"} <= set(face["quality"])
    assert {"value", "components", "tips"} <= set(face["score"])
    json.dumps(found, allow_nan=False)


def test_rows_and_a_table_that_reads_back(tmp_path: Path) -> None:
    found = open_engine().analyze(asset("samples/group.jpg"))
    rows = report.to_rows(found, "Gruppe ü.jpg")
    report.write_csv(tmp_path / "a.csv", rows)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        back = list(csv.DictReader(stream))
    assert len(back) == 5
    assert back[0]["source"] == "Gruppe ü.jpg"
    assert float(back[0]["score"]) == pytest.approx(found.faces[0].score.value, abs=0.1)  # type: ignore[union-attr]


def test_an_error_is_an_entry() -> None:
    entry = report.error_dict("x.jpg", PictureError("Cannot read x.jpg", "it is empty", "Get another"))
    assert entry == {"schema": "facelens/1", "source": "x.jpg", "error": "Cannot read x.jpg: it is empty. Get another."}


def test_a_failed_write_names_the_folder_and_keeps_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        report.write_json(tmp_path / "missing" / "a.json", {})
    path = tmp_path / "a.json"
    report.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        report.write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
