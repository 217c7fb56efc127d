"""How steady the readings are, and whether doubt shows: ``python -m convert probe --data DATA``.

Writes runs/probe.json and models/robustness.md:

- steadiness: the same faces a little moved, turned, mirrored, lit and compressed; how far each reading ranges;
- doubt: the same faces made dark, blown out, blurred, tiny, rolled or half hidden; a reading should become unsure;
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
from facelens import images
from facelens.engine import Engine, open_engine
from facelens.evaluation import central, open_pack
from facelens.evaluation.packs import padded
from facelens.resources import asset
from facelens.types import Face, Image

PACKS = ("mebeauty", "fairface", "utkface")
ROWS = 40
"""Pictures of each pack's val part."""
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
    out = {}
    for name, faces in found.items():
        seen = [face for face in faces if face is not None]
        sure = [face.gender.probability for face in seen if face.gender is not None]
        bands = [face.age.high - face.age.low for face in seen if face.age is not None]
        out[name] = {
            "found": len(seen) / len(faces),
            "gender_probability": float(np.mean(sure)) if sure else float("nan"),
            "not_sure": float(np.mean([p < 0.65 for p in sure])) if sure else float("nan"),
            "band_years": float(np.mean(bands)) if bands else float("nan"),
        }
    return out


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


def page(results: dict[str, Any], names: list[str]) -> str:
    """The results as Markdown."""
    lines = ["# How steady the readings are", "", f"Whole pipeline with {', '.join(names)}, on val pictures."]
    lines += ["", "The range of each reading when the same face is changed a little:", ", ".join(STEADY) + ".", ""]
    lines += ["| reading | median range | 90 % of faces below |", "|---|---|---|"]
    lines += [f"| {name} | {v['median']:.2f} | {v['p90']:.2f} |" for name, v in results["steadiness"].items()]
    lines += ["", "The same faces spoilt. Readings of what is still found should be less sure:", ""]
    lines += [
        "| picture | found | mean gender probability | *not sure* | mean age band, years |",
        "|---|---|---|---|---|",
    ]
    for name, v in results["doubt"].items():
        cells = f"{v['found']:.0%} | {v['gender_probability']:.3f} | {v['not_sure']:.0%} | {v['band_years']:.1f}"
        lines.append(f"| {name} | {cells} |")
    j = results["jitter"]
    lines += [
        "",
        f"A still face of {JITTER_FACE} px in noise of {JITTER_NOISE:g} grey levels, frame by frame without smoothing:",
        f"landmarks wander by {j['landmarks_px']:.2f} px (standard deviation), the detector's five points by",
        f"{j['detector_points_px']:.2f} px.",
    ]
    return "\n".join(lines) + "\n"


def probe(args: Namespace) -> None:
    """Run all three and write the page."""
    pictures = []
    for name in PACKS:
        for row in open_pack(args.data / f"{name}.parquet", "val", args.limit or ROWS):
            if row.image is not None:
                pictures.append(padded(row.image)[0])
    with open_engine(models_dir=args.models) as engine:
        results = {
            "steadiness": steadiness(engine, pictures),
            "doubt": doubt(engine, pictures),
            "jitter": jitter(engine),
        }
        names = list(engine.providers)
    Path("runs").mkdir(exist_ok=True)
    Path("runs/probe.json").write_text(json.dumps(results, indent=1))
    replace(args.models / "robustness.md", page(results, names).encode())
