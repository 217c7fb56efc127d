"""Contact sheets of the worst errors, to be looked at and explained: ``python -m convert worst NAME --data DATA``.

Each sheet, runs/worst/NAME-KIND-SPLIT.png, shows up to 100 faces as the network saw them (missed faces as stored), the
worst first, with what was said and what the label says.
"""

from __future__ import annotations

import heapq
import importlib
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.progress import track

from facelens.engine import open_engine
from facelens.evaluation import LOW_CONFIDENCE, THRESHOLD, central, open_pack
from facelens.evaluation.faces import voted
from facelens.evaluation.metrics import nme
from facelens.evaluation.packs import Row, padded
from facelens.geometry import CropSpec, iou_matrix, transform
from facelens.types import EXPRESSIONS, Box, Detection, Face, Image
from facelens.vision.crop import align

TILES, TILE, CAPTION = 100, 128, 30
VIEW = CropSpec(TILE, 0.7)
GREEN, RED = (110, 200, 90), (80, 80, 235)


@dataclass(order=True, slots=True)
class Mistake:
    """One tile of a sheet: the larger ``size``, the worse."""

    size: float
    turn: int
    tile: Image = field(compare=False)
    words: tuple[str, str] = field(compare=False)


Found = Iterator[tuple[str, float, Image, tuple[str, str]]]


def sheet(mistakes: list[Mistake]) -> Image:
    """Ten tiles a row, the worst first."""
    rows = -(-max(len(mistakes), 1) // 10)
    page = np.full((rows * (TILE + CAPTION), 10 * TILE, 3), 24, np.uint8)
    for index, mistake in enumerate(sorted(mistakes, reverse=True)):
        y, x = index // 10 * (TILE + CAPTION), index % 10 * TILE
        page[y : y + TILE, x : x + TILE] = mistake.tile
        for line, words in enumerate(mistake.words):
            place = (x + 3, y + TILE + 12 + 13 * line)
            cv2.putText(page, words[:20], place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (225, 225, 225), 1, cv2.LINE_AA)
    return page


def whole(image: Image) -> Image:
    """A picture as a tile."""
    scale = TILE / max(image.shape[:2])
    size = (max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    tile = np.full((TILE, TILE, 3), 24, np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return tile


def _attributes(row: Row, face: Face, tile: Image, _: Any) -> Found:
    labels = row.labels
    if face.gender is not None and labels.get("gender"):
        female = face.gender.probability if face.gender.label == "female" else 1 - face.gender.probability
        wrong = female if labels["gender"] == "male" else 1 - female
        if wrong > 0.5:
            yield "gender", wrong, tile, (f"{face.gender.label} {wrong:.2f}", f"label {labels['gender']}")
    if face.age is not None:
        low = labels.get("age_low", labels.get("age"))
        high = labels.get("age_high", labels.get("age"))
        if low is not None and high is not None:
            outside = max(low - face.age.years, face.age.years - high, 0.0)
            yield "age", outside, tile, (f"age {face.age.years:.0f}", f"label {low}-{high}")
    if face.smile is not None and labels.get("smile") is not None:
        wrong = 1 - face.smile if labels["smile"] else face.smile
        yield "smile", wrong, tile, (f"smile {face.smile:.2f}", f"label {labels['smile']}")


def _landmarks(row: Row, face: Face, tile: Image, place: Callable[[Any], Any]) -> Found:
    labels = row.labels
    if face.landmarks is None or labels.get("points68") is None:
        return
    size = (labels["width"], labels["height"])
    truth = place(np.asarray(labels["points68"], np.float64).reshape(68, 2) * size - 0.5)
    ours = place(None)
    tile = tile.copy()
    for points, colour in ((truth, GREEN), (ours, RED)):
        for x, y in points:
            cv2.circle(tile, (round(float(x)), round(float(y))), 1, colour, -1, cv2.LINE_AA)
    yield "points", nme(ours, truth), tile, (f"NME {nme(ours, truth):.3f}", "green: label")


def _appearance(row: Row, face: Face, tile: Image, _: Any) -> Found:
    score = (
        None if face.score is None else next((c.value for c in face.score.components if c.name == "appearance"), None)
    )
    if score is None or row.labels.get("score") is None:
        return
    # MEBeauty says 1..10, SCUT 1..5
    label = float(row.labels["score"])
    scale = (label - 1) * 25 if "split6040" in row.labels else (label - 1) / 9 * 100
    yield "score", abs(score - scale), tile, (f"said {score:.0f}", f"label {scale:.0f}")


def _reader(row: Row, face: Face, tile: Image, place: Any) -> Found:
    yield from _attributes(row, face, tile, place)
    yield from _appearance(row, face, tile, place)
    label = voted(row.labels)
    if face.expression is not None and label is not None and face.expression.label != label:
        wrong = 1 - float(face.expression.probabilities[EXPRESSIONS.index(label)])
        said = f"{face.expression.label} {face.expression.probability:.2f}"
        yield "expression", wrong, tile, (said, f"label {label}")


READERS: dict[str, tuple[tuple[str, ...], Any]] = {
    "attributes": (("fairface", "utkface", "mtfl5"), _attributes),
    "reader": (("fairface", "utkface", "mtfl5", "ferplus", "mebeauty"), _reader),
    "landmarks": (("landmarks68",), _landmarks),
    "appearance": (("mebeauty", "scut_fbp5500"), _appearance),
}


def _faces(args: Namespace, note: Callable[..., None]) -> None:
    packs, reader = READERS[args.name]
    # the reader's are those of pictures as they are usually read, with second opinions
    parts = frozenset({"attributes", "appearance"} if args.name == "reader" else {args.name})
    named: dict[str, Any] = {}
    if args.name != "reader":
        ships = importlib.import_module(f"convert.{args.name}").SHIPMENT.name
        named = {"models": {args.name: ships}, "second_opinion": False}
    with open_engine(models_dir=args.models, parts=parts, min_confidence=THRESHOLD, **named) as engine:
        for name in packs:
            if name == "scut_fbp5500" and args.split == "val":
                continue
            pack = open_pack(args.data / f"{name}.parquet", args.split, args.limit)
            for row in track(pack, description=name, total=pack.rows):
                if row.image is None:
                    continue
                image, scale, offset = padded(row.image)
                face = central(engine.analyze(image).faces, image)
                if face is None:
                    note("missed", 1.0, whole(row.image), ("not found", str(row.labels.get("id", ""))[-18:]))
                    continue
                tile, matrix = align(image, face.detection.landmarks.points, VIEW)

                def place(
                    points: Any, face: Face = face, matrix: Any = matrix, s: float = scale, o: Any = offset
                ) -> Any:
                    if points is None:
                        assert face.landmarks is not None
                        return transform(matrix, face.landmarks.points)
                    return transform(matrix, (points + 0.5) * s - 0.5 + np.array(o))

                for kind, size, picture, words in reader(row, face, tile, place):
                    note(kind, size, picture, words)


def _around(image: Image, box: Box) -> Image:
    side = 1.6 * max(box.width, box.height)
    x, y = box.centre
    x, y, size = round(x - side / 2), round(y - side / 2), max(round(side), 2)
    out = np.full((size, size, 3), 24, np.uint8)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + size, image.shape[1]), min(y + size, image.shape[0])
    if right > left and bottom > top:
        out[top - y : bottom - y, left - x : right - x] = image[top:bottom, left:right]
    return whole(out)


def _scenes(args: Namespace, note: Callable[..., None]) -> None:
    with open_engine(models_dir=args.models, parts=frozenset(), min_confidence=LOW_CONFIDENCE) as engine:
        for name in ("faces_in_scenes", "no_faces"):
            pack = open_pack(args.data / f"{name}.parquet", args.split, args.limit)
            for row in track(pack, description=name, total=pack.rows):
                if row.image is None:
                    continue
                found: list[Detection] = [face.detection for face in engine.analyze(row.image).faces]
                boxes = [Box(*map(float, box)) for box in row.labels.get("boxes") or []]
                ignored = row.labels.get("ignore") or [False] * len(boxes)
                overlap = iou_matrix([d.box for d in found], boxes)
                for index, detection in enumerate(found):
                    if detection.confidence >= 0.3 and (not boxes or overlap[index].max() < 0.2):
                        words = (f"alarm {detection.confidence:.2f}", f"{detection.box.width:.0f} px")
                        note("alarms", detection.confidence, _around(row.image, detection.box), words)
                for index, box in enumerate(boxes):
                    sure = [d.confidence for i, d in enumerate(found) if overlap[i, index] >= 0.4]
                    if max(box.width, box.height) >= 24 and not ignored[index] and max(sure, default=0.0) < THRESHOLD:
                        words = (f"missed {max(sure, default=0.0):.2f}", f"{box.width:.0f} px")
                        note("missed", 1 - max(sure, default=0.0), _around(row.image, box), words)


def worst(args: Namespace) -> None:
    """Run the pipeline over the packs of one network and write its sheets."""
    kept: dict[str, list[Mistake]] = {}
    turn = iter(range(10**9))

    def note(kind: str, size: float, tile: Image, words: tuple[str, str]) -> None:
        heap = kept.setdefault(kind, [])
        mistake = Mistake(float(size), next(turn), tile, words)
        if len(heap) < TILES:
            heapq.heappush(heap, mistake)
        else:
            heapq.heappushpop(heap, mistake)

    (_scenes if args.name == "detector" else _faces)(args, note)
    folder = Path("runs/worst")
    folder.mkdir(parents=True, exist_ok=True)
    for kind, mistakes in kept.items():
        path = folder / f"{args.name}-{kind}-{args.split}.png"
        cv2.imwrite(str(path), sheet(mistakes))
        print(path)
