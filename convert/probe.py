"""How steady the readings are, and whether doubt shows: ``python -m convert probe --data DATA``.

Writes runs/probe.json and models/robustness.md:

- steadiness: the same faces a little moved, turned, mirrored, lit and compressed; how far each reading ranges;
- doubt: the same faces made dark, blown out, blurred, tiny, rolled or half hidden; a reading should become unsure;
- unreal: the same faces drawn, masked, cut in stone, turned away, printed (``convert.kinds``), smileys and drawn faces,
  and the face-free pictures of no_faces;
- jitter: a still face of 200 px in noise; how far its landmarks wander.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from convert.faces.ship import replace
from convert.kinds import DRAWN, KINDS
from facelens import images
from facelens.engine import Engine, open_engine
from facelens.evaluation import central, open_pack
from facelens.evaluation.packs import padded
from facelens.resources import asset
from facelens.types import Face, Image

PACKS = ("mebeauty", "fairface", "utkface")
ROWS = 40
"""Pictures of each pack's val part."""
DRAWN_ROWS = 40
"""Smileys, and drawn faces."""
JITTER_FACE, JITTER_FRAMES, JITTER_NOISE = 200, 60, 4.0
"""Height of the face in px, frames, and the standard deviation of the noise in grey levels."""

Change = Callable[[Image], Image]


def _warp(angle: float = 0.0, zoom: float = 1.0, move: float = 0.0) -> Change:
    def change(image: Image) -> Image:
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
        matrix[:, 2] += move * min(height, width)
        out = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(114, 114, 114))
        return np.asarray(out, np.uint8)

    return change


def _light(gain: float) -> Change:
    return lambda image: np.clip(image.astype(np.float32) * gain, 0, 255).astype(np.uint8)


def _jpeg(quality: int) -> Change:
    def change(image: Image) -> Image:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)

    return change


def _blur(share: float) -> Change:
    return lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), share * min(image.shape[:2])), np.uint8)


def _tiny(share: float) -> Change:
    def change(image: Image) -> Image:
        size = (max(round(image.shape[1] * share), 1), max(round(image.shape[0] * share), 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)

    return change


def _half(image: Image) -> Image:
    out = image.copy()
    out[:, image.shape[1] // 2 :] = 114
    return out


STEADY: dict[str, Change] = {
    "moved 2 %": _warp(move=0.02),
    "5 % larger": _warp(zoom=1.05),
    "5 % smaller": _warp(zoom=0.95),
    "turned 4 degrees": _warp(angle=4),
    "turned -4 degrees": _warp(angle=-4),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "15 % darker": _light(0.85),
    "15 % brighter": _light(1.15),
    "JPEG 60": _jpeg(60),
}
"""Changes that should change no reading."""

DOUBT: dict[str, Change] = {
    "as it is": lambda image: image,
    "dark (x 0.2)": _light(0.2),
    "very dark (x 0.07)": _light(0.07),
    "blown out (x 3)": _light(3.0),
    "blurred": _blur(0.02),
    "very blurred": _blur(0.05),
    "a quarter of the pixels a side": _tiny(0.25),
    "a tenth of the pixels a side": _tiny(0.1),
    "turned 45 degrees": _warp(angle=45),
    "turned 90 degrees": _warp(angle=90),
    "half hidden": _half,
}
"""Changes after which a reading should be less sure."""


def _face(engine: Engine, image: Image) -> Face | None:
    return central(engine.analyze(image).faces, image)


def _female(face: Face) -> float:
    assert face.gender is not None
    return face.gender.probability if face.gender.label == "female" else 1 - face.gender.probability


def _appearance(face: Face) -> float:
    assert face.score is not None
    return next(c.value for c in face.score.components if c.name == "appearance")


def steadiness(engine: Engine, pictures: list[Image]) -> dict[str, dict[str, float]]:
    """For each reading the range over all changes of ``STEADY``: median and 90th percentile over the faces."""
    ranges: dict[str, list[float]] = {"appearance, points of 100": [], "age, years": [], "P(female)": []}
    for picture in track(pictures, description="steadiness"):
        faces = [_face(engine, picture), *(_face(engine, change(picture)) for change in STEADY.values())]
        seen = [face for face in faces if face is not None]
        if len(seen) < len(faces):
            continue
        ranges["appearance, points of 100"].append(float(np.ptp([_appearance(f) for f in seen])))
        ranges["age, years"].append(float(np.ptp([f.age.years for f in seen if f.age is not None])))
        ranges["P(female)"].append(float(np.ptp([_female(f) for f in seen])))
    return {
        name: {"median": float(np.median(v)), "p90": float(np.quantile(v, 0.9)), "faces": len(v)}
        for name, v in ranges.items()
    }


def doubt(engine: Engine, pictures: list[Image]) -> dict[str, dict[str, float]]:
    """For each change of ``DOUBT``: how many faces are found, and how sure the readings of those are."""
    found: dict[str, list[Face | None]] = {name: [] for name in DOUBT}
    for picture in track(pictures, description="doubt"):
        for name, change in DOUBT.items():
            found[name].append(_face(engine, change(picture)))
    usual = [band for face in found["as it is"] if (band := _band(face)) is not None]
    return {name: _sureness(faces, float(np.median(usual)) if usual else 0.0) for name, faces in found.items()}


def unreal(engine: Engine, pictures: list[Image], usual: float) -> dict[str, dict[str, float]]:
    """The same for what ``KINDS`` makes of the pictures, and for ``DRAWN_ROWS`` each of ``DRAWN``.

    ``usual``: the median band of the faces as they are, years.
    """
    found: dict[str, list[Face | None]] = {name: [] for name in (*KINDS, *DRAWN)}
    for picture in track(pictures, description="unreal"):
        face = _face(engine, picture)
        if face is None or face.landmarks is None or face.landmarks.scheme != "ibug68":
            continue
        points = face.landmarks.points.astype(np.float64)
        for name, kind in KINDS.items():
            found[name].append(_face(engine, kind(picture, points)))
    for name, draw in DRAWN.items():
        found[name] = [_face(engine, draw(seed)) for seed in range(DRAWN_ROWS)]
    return {name: _sureness(faces, usual) for name, faces in found.items()}


def empty(engine: Engine, pictures: list[Image]) -> dict[str, float]:
    """Of pictures without a face: how many, the share in which one is found, and in which one is told with confidence.

    Found is from ``EngineOptions.min_confidence`` on; told with confidence means that its gender is named as well.
    """
    found = [engine.analyze(picture).faces for picture in track(pictures, description="empty")]
    named = [any(face.gender is not None and face.gender.sure for face in faces) for faces in found]
    count = max(len(found), 1)
    return {"pictures": len(found), "found": sum(map(bool, found)) / count, "confident": sum(named) / count}


def _band(face: Face | None) -> float | None:
    return None if face is None or face.age is None else face.age.high - face.age.low


def _sureness(faces: list[Face | None], usual: float) -> dict[str, float]:
    """How sure the readings are; ``confident``: the share of all pictures in which a face is found, its gender is named
    and its age band is narrower than ``usual``."""
    seen = [face for face in faces if face is not None and face.gender is not None and face.age is not None]
    sure = [face.gender.probability for face in seen if face.gender is not None]
    bands = [band for face in seen if (band := _band(face)) is not None]
    named = [face.gender.sure for face in seen if face.gender is not None]
    looks = [face.expression.sure for face in seen if face.expression is not None]
    count = max(len(faces), 1)
    return {
        "found": len(seen) / count,
        "gender_probability": _mean(sure),
        "not_sure": 1 - _mean(named),
        "band_years": _mean(bands),
        "usual_years": usual,
        "expression_not_sure": 1 - _mean(looks),
        "confident": sum(n and band < usual for n, band in zip(named, bands)) / count,
    }


def _mean(values: list[Any]) -> float:
    return float(np.mean(values)) if values else float("nan")


def jitter(engine: Engine) -> dict[str, float]:
    """Standard deviation of each landmark of a still face in noise, px, averaged over the points."""
    picture = images.load(asset("samples/astronaut.jpg")).image
    face = _face(engine, picture)
    assert face is not None
    scale = JITTER_FACE / face.detection.box.height
    still = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR), np.uint8)
    rng = np.random.default_rng(0)
    points, five = [], []
    for _ in range(JITTER_FRAMES):
        noise = rng.normal(0, JITTER_NOISE, still.shape)
        seen = _face(engine, np.clip(still + noise, 0, 255).astype(np.uint8))
        if seen is not None and seen.landmarks is not None:
            points.append(seen.landmarks.points)
            five.append(seen.detection.landmarks.points)
    return {
        "landmarks_px": float(np.std(points, axis=0).mean()),
        "detector_points_px": float(np.std(five, axis=0).mean()),
        "frames": len(points),
    }


def _table(rows: dict[str, dict[str, float]]) -> list[str]:
    lines = [
        "| picture | found | mean gender probability | *not sure* | expression *not sure* | mean age band, years | "
        "confident |",
        "|---" * 7 + "|",
    ]
    for name, v in rows.items():
        shares = [f"{v[key]:.0%}" if np.isfinite(v[key]) else "" for key in ("not_sure", "expression_not_sure")]
        said = [f"{v['gender_probability']:.3f}", f"{v['band_years']:.1f}"] if v["found"] else ["", ""]
        lines.append(
            f"| {name} | {v['found']:.0%} | {said[0]} | {' | '.join(shares)} | {said[1]} | {v['confident']:.0%} |"
        )
    return lines


def page(results: dict[str, Any], names: list[str]) -> str:
    """The results as Markdown."""
    lines = [
        "# How steady the readings are",
        "",
        f"Whole pipeline with {', '.join(names)}, on {results['pictures']} val pictures.",
    ]
    lines += ["", "The range of each reading when the same face is changed a little:", ", ".join(STEADY) + ".", ""]
    lines += ["| reading | median range | 90 % of faces below |", "|---|---|---|"]
    lines += [f"| {name} | {v['median']:.2f} | {v['p90']:.2f} |" for name, v in results["steadiness"].items()]
    usual = results["doubt"]["as it is"]["usual_years"]
    lines += [
        "",
        "The same faces spoilt. Readings of what is still found should be less sure. *Confident* is the share of",
    ]
    lines += [
        f"pictures that are told with confidence: a gender is named, and the band is below {usual:.1f} years, as it"
    ]
    lines += ["is for half of the faces as they are.", "", *_table(results["doubt"])]
    none = results["empty"]
    lines += [
        "",
        "No living face, or not all of one, made by code from the same pictures or drawn (`convert/kinds.py`):",
    ]
    lines += ["", *_table(results["unreal"]), ""]
    lines += [
        f"Of the {none['pictures']:.0f} face-free pictures of no_faces val, a face is found in {none['found']:.1%},"
    ]
    lines += [f"and one whose gender is named in {none['confident']:.1%}."]
    j = results["jitter"]
    lines += [
        "",
        f"A still face of {JITTER_FACE} px in noise of {JITTER_NOISE:g} grey levels, frame by frame without smoothing:",
        f"landmarks wander by {j['landmarks_px']:.2f} px (standard deviation), the detector's five points by",
        f"{j['detector_points_px']:.2f} px.",
    ]
    return "\n".join(lines) + "\n"


def probe(args: Namespace) -> None:
    """Run all of it and write the page."""
    pictures = []
    for name in PACKS:
        for row in open_pack(args.data / f"{name}.parquet", "val", args.limit or ROWS):
            if row.image is not None:
                pictures.append(padded(row.image)[0])
    without = open_pack(args.data / "no_faces.parquet", "val", args.limit)
    with open_engine(models_dir=args.models) as engine:
        spoilt = doubt(engine, pictures)
        results = {
            "pictures": len(pictures),
            "steadiness": steadiness(engine, pictures),
            "doubt": spoilt,
            "unreal": unreal(engine, pictures, spoilt["as it is"]["usual_years"]),
            "empty": empty(engine, [row.image for row in without if row.image is not None]),
            "jitter": jitter(engine),
        }
        names = list(engine.providers)
    Path("runs").mkdir(exist_ok=True)
    Path("runs/probe.json").write_text(json.dumps(results, indent=1))
    replace(args.models / "robustness.md", page(results, names).encode())
