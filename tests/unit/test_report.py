"""The one JSON and CSV form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from facelens import open_engine, report
from facelens.errors import OutputError, PictureError
from facelens.resources import asset
from facelens.types import EXPRESSIONS, Box, Detection, Expression, Face, FrameReport, Landmarks


@pytest.fixture(scope="module")
def found() -> dict[str, object]:
    return report.to_dict(open_engine().analyze(asset("samples/astronaut.jpg")), "astronaut.jpg")


def test_the_form_has_the_agreed_keys(found: dict[str, object]) -> None:
    assert list(found) == ["schema", "source", "width", "height", "faces", "timings_ms", "providers"]
    assert found["schema"] == "facelens/1"
    (face,) = found["faces"]  # type: ignore[misc]
    assert {"id", "box", "confidence", "age", "gender", "smile", "landmarks", "quality", "score"} <= set(face)
    assert "expression" in face
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


HAPPY = Expression(np.float32([0.11, 0.82004, 0.04, 0.01, 0.01, 0, 0, 0.01]))


def of_faces(*expressions: Expression | None) -> FrameReport:
    found = Detection(Box(1, 2, 30, 40), 0.9, Landmarks(np.zeros((5, 2)), "five"))
    faces = tuple(Face(number, found, expression=seen) for number, seen in enumerate(expressions, 1))
    return FrameReport(0, 0.0, (64, 48), faces)


def test_an_expression_in_json_is_all_eight_or_null() -> None:
    known, unknown = report.to_dict(of_faces(HAPPY, None), "a.jpg")["faces"]
    assert known["expression"] == {
        "label": "happiness",
        "probability": 0.82,
        "probabilities": {
            "neutral": 0.11, "happiness": 0.82, "surprise": 0.04, "sadness": 0.01, "anger": 0.01, "disgust": 0.0,
            "fear": 0.0, "contempt": 0.01,
        },
    }  # fmt: skip
    assert list(known["expression"]["probabilities"]) == list(EXPRESSIONS)
    assert unknown["expression"] is None
    assert set(known) == set(unknown) == {"id", "box", "confidence", "landmarks", "expression"}
    assert json.loads(json.dumps(known, allow_nan=False)) == known


def test_the_spread_of_points_is_there_where_the_network_gives_it() -> None:
    found = Detection(Box(1, 2, 30, 40), 0.9, Landmarks(np.zeros((5, 2)), "five"))
    points = np.zeros((68, 2))
    faces = (
        Face(1, found, landmarks=Landmarks(points, "ibug68", np.full(68, 1.234))),
        Face(2, found, landmarks=Landmarks(points, "ibug68")),
    )
    with_spread, without = report.to_dict(FrameReport(0, 0.0, (64, 48), faces), "a.jpg")["faces"]
    assert with_spread["landmarks"]["spread"] == [1.23] * 68
    assert set(without["landmarks"]) == {"scheme", "points"}


def test_an_unsure_expression_keeps_its_label() -> None:
    (face,) = report.to_dict(of_faces(Expression(np.float32([0.4, 0, 0, 0.3, 0.3, 0, 0, 0]))), "a.jpg")["faces"]
    assert (face["expression"]["label"], face["expression"]["probability"]) == ("neutral", 0.4)


def test_an_expression_in_a_table(tmp_path: Path) -> None:
    report.write_csv(tmp_path / "a.csv", report.to_rows(of_faces(HAPPY, None), "a.jpg"))
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as stream:
        first, second = csv.DictReader(stream)
    assert (first["expression"], first["expression_probability"]) == ("happiness", "0.82")
    assert (second["expression"], second["expression_probability"]) == ("", "")
    before = report.CSV_COLUMNS.index("smile")
    assert report.CSV_COLUMNS[before + 1 : before + 3] == ("expression", "expression_probability")
    assert report.CSV_COLUMNS[-1] == "error"


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
