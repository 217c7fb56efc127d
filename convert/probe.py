"""How steady the readings are, and whether doubt shows: ``python -m convert probe --data DATA``.

Writes runs/probe.json and models/robustness.md:

- steadiness: the same faces a little moved, turned, mirrored, lit and compressed; how far each reading ranges;
- doubt: the same faces made dark, blown out, blurred, tiny, rolled or half hidden; a reading should become unsure, and
  what it still says be right as often as it says;
- unreal: the same faces drawn, masked, cut in stone, turned away, printed (``convert.kinds``), smileys and drawn faces,
  and the face-free pictures of no_faces;
- jitter: a still face of 200 px in noise; how far its landmarks wander.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from convert.changes import DOUBT, STEADY, smaller
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
TINY = (32, 24, 16)
"""Larger sides in px to which faces are made smaller."""
JITTER_FACE, JITTER_FRAMES, JITTER_NOISE = 200, 60, 4.0
"""Height of the face in px, frames, and the standard deviation of the noise in grey levels."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of one face, and what people say of it: "gender", "age" in years, where known."""

    image: Image
    labels: Mapping[str, Any] = field(default_factory=dict)


Read = tuple[Face | None, Mapping[str, Any]]
"""What was read in a picture, None where no face was found, and its labels."""


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
        name: {
            "median": float(np.median(v)) if v else float("nan"),
            "p90": float(np.quantile(v, 0.9)) if v else float("nan"),
            "faces": len(v),
        }
        for name, v in ranges.items()
    }


def doubt(engine: Engine, pictures: list[Picture]) -> dict[str, dict[str, float]]:
    """For each change of ``DOUBT`` and each size of ``TINY``: how many faces are found, and how sure and how right the
    readings of those are."""
    found: dict[str, list[Read]] = {name: [] for name in (*DOUBT, *map(_tiny_name, TINY))}
    for picture in track(pictures, description="doubt"):
        for name, change in DOUBT.items():
            found[name].append((_face(engine, change(picture.image)), picture.labels))
        whole = found["as it is"][-1][0]
        for size in TINY if whole is not None else ():
            assert whole is not None
            box = whole.detection.box
            scale = size / max(box.width, box.height)
            if scale < 1:
                found[_tiny_name(size)].append((_face(engine, smaller(picture.image, scale)), picture.labels))
    usual = [band for face, _ in found["as it is"] if (band := _band(face)) is not None]
    return {name: _sureness(read, float(np.median(usual)) if usual else 0.0) for name, read in found.items()}


def _tiny_name(size: int) -> str:
    return f"a face of {size} px"


def unreal(engine: Engine, pictures: list[Picture], usual: float) -> dict[str, dict[str, float]]:
    """The same for what ``KINDS`` makes of the pictures, and for ``DRAWN_ROWS`` each of ``DRAWN``.

    ``usual``: the median band of the faces as they are, years.
    """
    found: dict[str, list[Read]] = {name: [] for name in (*KINDS, *DRAWN)}
    for picture in track(pictures, description="unreal"):
        face = _face(engine, picture.image)
        if face is None or face.landmarks is None or face.landmarks.scheme != "ibug68":
            continue
        points = face.landmarks.points.astype(np.float64)
        for name, kind in KINDS.items():
            found[name].append((_face(engine, kind(picture.image, points)), picture.labels))
    for name, draw in DRAWN.items():
        found[name] = [(_face(engine, draw(seed)), {}) for seed in range(DRAWN_ROWS)]
    return {name: _sureness(read, usual) for name, read in found.items()}


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


def _sureness(read: list[Read], usual: float) -> dict[str, float]:
    """How sure the readings are, and how right.

    ``confident``: the share of all pictures in which a face is found, its gender is named and its age band is narrower
    than ``usual``. ``gender_right``: the share of right genders, named or not; ``held``: of the ages in the 80 % band.
    """
    seen = [(face, labels) for face, labels in read if face is not None and face.gender and face.age]
    sure = [face.gender.probability for face, _ in seen if face.gender]
    bands = [band for face, _ in seen if (band := _band(face)) is not None]
    named = [face.gender.sure for face, _ in seen if face.gender]
    looks = [face.expression.sure for face, _ in seen if face.expression is not None]
    right = [face.gender.label == said for face, labels in seen if face.gender and (said := labels.get("gender"))]
    years = [(face.age, labels["age"]) for face, labels in seen if face.age and labels.get("age") is not None]
    count = max(len(read), 1)
    return {
        "found": len(seen) / count,
        "gender_probability": _mean(sure),
        "gender_right": _mean(right),
        "not_sure": 1 - _mean(named),
        "band_years": _mean(bands),
        "held": _mean([age.low <= said <= age.high for age, said in years]),
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
        "| picture | found | mean gender probability | genders right | *not sure* | expression *not sure* | "
        "mean age band, years | band holds the age | confident |",
        "|---" * 9 + "|",
    ]
    for name, v in rows.items():

        def share(key: str, v: dict[str, float] = v) -> str:
            return f"{v[key]:.0%}" if np.isfinite(v[key]) else ""

        said = [f"{v['gender_probability']:.3f}", f"{v['band_years']:.1f}"] if v["found"] else ["", ""]
        right = f"{v['gender_right']:.3f}" if np.isfinite(v["gender_right"]) else ""
        cells = [name, f"{v['found']:.0%}", said[0], right, share("not_sure"), share("expression_not_sure")]
        lines.append(f"| {' | '.join([*cells, said[1], share('held'), share('confident')])} |")
    return lines


def page(results: dict[str, Any], names: list[str]) -> str:
    """The results as Markdown."""
    lines = [
        "# How steady the readings are",
        "",
        f"Whole pipeline with {', '.join(names)}, on {results['pictures']} val pictures.",
    ]
    faces = next(iter(results["steadiness"].values()))["faces"]
    lines += [
        "",
        f"The range of each reading when the same face ({faces} that are found each time) is changed a little:",
    ]
    lines += [", ".join(STEADY) + ".", ""]
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
    lines += [
        "is for half of the faces as they are. A reading is honest where the genders are right as often as their",
        "probabilities say, and where the 80 % band holds the age in 80 % (UTKFace's faces, whose years are known).",
    ]
    lines += ["", *_table(results["doubt"])]
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
                pictures.append(Picture(padded(row.image)[0], row.labels))
    without = open_pack(args.data / "no_faces.parquet", "val", args.limit)
    with open_engine(models_dir=args.models) as engine:
        spoilt = doubt(engine, pictures)
        results = {
            "pictures": len(pictures),
            "steadiness": steadiness(engine, [picture.image for picture in pictures]),
            "doubt": spoilt,
            "unreal": unreal(engine, pictures, spoilt["as it is"]["usual_years"]),
            "empty": empty(engine, [row.image for row in without if row.image is not None]),
            "jitter": jitter(engine),
        }
        names = list(engine.providers)
    Path("runs").mkdir(exist_ok=True)
    Path("runs/probe.json").write_text(json.dumps(results, indent=1))
    replace(args.models / "robustness.md", page(results, names).encode())
