"""The one JSON and CSV form of results, for the command line, the window and the service."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facelens.errors import FacelensError
from facelens.files import write_bytes
from facelens.types import EXPRESSIONS, Expression, Face, FrameReport

SCHEMA = "facelens/1"

CSV_COLUMNS = (
    "source", "width", "height", "face", "x", "y", "box_width", "box_height", "confidence", "age", "age_low",
    "age_high", "age_range", "gender", "gender_probability", "smile", "expression", "expression_probability", "quality",
    "score", "tips", "error",
)  # fmt: skip


def _round(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(float(value), digits)


def _expression(seen: Expression) -> dict[str, Any]:
    return {
        "label": seen.label,
        "probability": _round(seen.probability, 4),
        "probabilities": {name: _round(p, 4) for name, p in zip(EXPRESSIONS, seen.probabilities)},
    }


def _face(face: Face) -> dict[str, Any]:
    box = face.detection.box
    sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
    out: dict[str, Any] = {
        "id": face.track_id,
        "box": {k: _round(v) for k, v in sides.items()},
        "confidence": _round(face.detection.confidence, 4),
    }
    if face.age is not None:
        low, high = face.age.range
        out["age"] = {
            "years": _round(face.age.years, 1),
            "low": _round(face.age.low, 1),
            "high": _round(face.age.high, 1),
            "range": f"{low}-{high}",
            "probabilities": [round(float(p), 5) for p in face.age.probabilities],
        }
    if face.gender is not None:
        out["gender"] = {"label": face.gender.label, "probability": _round(face.gender.probability, 4)}
    for name in ("smile", "glasses"):
        if getattr(face, name) is not None:
            out[name] = _round(getattr(face, name), 4)
    out["expression"] = None if face.expression is None else _expression(face.expression)
    landmarks = face.landmarks or face.detection.landmarks
    points = [[round(float(x), 2), round(float(y), 2)] for x, y in landmarks.points]
    out["landmarks"] = {"scheme": landmarks.scheme, "points": points}
    if landmarks.spread is not None:
        out["landmarks"]["spread"] = [round(float(s), 2) for s in landmarks.spread]
    if face.quality is not None:
        q = face.quality
        names = ("value", "sharpness", "exposure", "contrast", "pose", "resolution", "yaw", "pitch", "roll")
        out["quality"] = {name: _round(getattr(q, name), 1) for name in names}
    if face.score is not None:
        out["score"] = {
            "value": _round(face.score.value, 1),
            "preset": face.score.preset,
            "components": [
                {"name": c.name, "value": _round(c.value, 1), "weight": _round(c.weight, 4)}
                for c in face.score.components
            ],
            "tips": list(face.score.tips),
        }
    return out


def to_dict(report: FrameReport, source: str) -> dict[str, Any]:
    """A report in form ``facelens/1``; coordinates in pixels of the picture."""
    return {
        "schema": SCHEMA,
        "source": source,
        "width": report.image_size[0],
        "height": report.image_size[1],
        "faces": [_face(face) for face in report.faces],
        "timings_ms": {name: _round(value, 3) for name, value in report.timings.items()},
        "providers": dict(report.providers),
    }


def error_dict(source: str, error: FacelensError) -> dict[str, Any]:
    """A picture that failed, in form ``facelens/1``."""
    return {"schema": SCHEMA, "source": source, "error": str(error)}


def to_rows(report: FrameReport, source: str) -> list[dict[str, Any]]:
    """One row a face for CSV; a picture without faces gives one row with empty cells."""
    base = {"source": source, "width": report.image_size[0], "height": report.image_size[1]}
    rows = []
    for face in report.faces:
        box = face.detection.box
        row = dict(base, face=face.track_id, x=_round(box.x), y=_round(box.y))
        row |= {"box_width": _round(box.width), "box_height": _round(box.height)}
        row["confidence"] = _round(face.detection.confidence, 4)
        if face.age is not None:
            low, high = face.age.range
            row |= {"age": _round(face.age.years, 1), "age_low": _round(face.age.low, 1)}
            row |= {"age_high": _round(face.age.high, 1), "age_range": f"{low}-{high}"}
        if face.gender is not None:
            row |= {"gender": face.gender.label, "gender_probability": _round(face.gender.probability, 4)}
        row["smile"] = _round(face.smile, 4)
        if face.expression is not None:
            row |= {"expression": face.expression.label}
            row |= {"expression_probability": _round(face.expression.probability, 4)}
        row["quality"] = None if face.quality is None else _round(face.quality.value, 1)
        if face.score is not None:
            row |= {"score": _round(face.score.value, 1), "tips": "; ".join(face.score.tips)}
        rows.append(row)
    return rows or [base]


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON to a file, or to standard output for "-".

    Raises:
        OutputError: see ``write_bytes``.
    """
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        write_bytes(Path(path), text.encode())


def write_csv(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of ``to_rows`` as CSV (UTF-8 with a mark, so that spreadsheets read names right), or to "-".

    Raises:
        OutputError: see ``write_bytes``.
    """
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, CSV_COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    if str(path) == "-":
        sys.stdout.write(buffer.getvalue())
    else:
        write_bytes(Path(path), buffer.getvalue().encode("utf-8-sig"))
