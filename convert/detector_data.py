"""The detector's pictures: packs decoded once into one flat file, and their faces as pixel boxes and points."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from convert.faces.packfile import named
from facelens.errors import UsageError
from facelens.vision.schemes import SHARES

Array = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]

FACE_PACKS = {"fairface": 9000, "mtfl5": 7000, "landmarks68": 3393, "mebeauty": 1709}
"""How many train pictures of each pack are pasted; the large, sharp ones (landmarks68, mebeauty) all."""


BY_HAND = ("mtfl5", "landmarks68")
"""Packs with points that people set."""


@dataclass(frozen=True)
class Labelled:
    """Pictures and the faces of each: ``boxes`` F x 4 (x y w h px), ``points`` F x 10, ``known`` and ``ignore`` F."""

    pictures: Sequence[Picture]
    boxes: list[Array]
    points: list[Array]
    known: list[Array]
    ignore: list[npt.NDArray[np.bool_]]
    kinds: list[str] = field(default_factory=list)


class Flat(Sequence[Picture]):
    """Pictures of several sizes in one memory-mapped file."""

    def __init__(self, path: Path) -> None:
        index = json.loads(path.with_suffix(".json").read_text())
        self._shapes: list[tuple[int, int]] = [(h, w) for h, w in index]
        sizes = [h * w * 3 for h, w in self._shapes]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._bytes = np.memmap(path, np.uint8, "r", shape=(int(self._starts[-1]),))

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: Any) -> Any:
        height, width = self._shapes[index]
        return np.asarray(self._bytes[self._starts[index] : self._starts[index + 1]]).reshape(height, width, 3)


def _decoded(rows: list[bytes], cache: Path, name: str) -> Flat:
    """Decode ``rows`` (encoded pictures) to BGR once; later calls map the file of the first."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(len(row).to_bytes(8, "little") + row[:64])
    path = cache / f"{name}-{digest.hexdigest()[:16]}.bgr"
    if not path.with_suffix(".json").exists():
        cache.mkdir(parents=True, exist_ok=True)
        shapes = []
        with path.open("wb") as out:
            for row in rows:
                picture = cv2.imdecode(np.frombuffer(row, np.uint8), cv2.IMREAD_COLOR)
                if picture is None:
                    raise UsageError(
                        "Cannot read a pack", f"a picture of {name} cannot be decoded", "Get the file again"
                    )
                out.write(np.ascontiguousarray(picture).tobytes())
                shapes.append(picture.shape[:2])
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(shapes))
        temporary.replace(path.with_suffix(".json"))
    return Flat(path)


def _rows(data: Path, pack: str, split: str, limit: int | None, seed: int) -> list[dict[str, Any]]:
    file = data / f"{pack}.parquet"
    with named(file):
        rows: list[dict[str, Any]] = pq.read_table(file, filters=[("split", "=", split)]).to_pylist()
    if limit is not None and limit < len(rows):
        chosen = np.random.default_rng(seed).choice(len(rows), limit, replace=False)
        rows = [rows[i] for i in np.sort(chosen)]
    return rows


def scenes(data: Path, cache: Path, split: str, limit: int | None = None) -> Labelled:
    """The pack faces_in_scenes: photographs with every face boxed, doubtful ones to be ignored."""
    rows = _rows(data, "faces_in_scenes", split, limit, 0)
    boxes, points, known, ignore = [], [], [], []
    for row in rows:
        marks = row["landmarks"] or [None] * len(row["boxes"])
        boxes.append(np.array(row["boxes"], np.float32).reshape(-1, 4))
        points.append(np.array([m or [0.0] * 10 for m in marks], np.float32).reshape(-1, 10))
        known.append(np.array([m is not None for m in marks], np.float32))
        ignore.append(np.array(row["ignore"], bool))
    pictures = _decoded([row["image"] for row in rows], cache, f"scenes-{split}")
    return Labelled(pictures, boxes, points, known, ignore, [row["label_kind"] for row in rows])


def empty(data: Path, cache: Path, split: str, limit: int | None = None) -> Sequence[Picture]:
    """The pack no_faces."""
    return _decoded([row["image"] for row in _rows(data, "no_faces", split, limit, 0)], cache, f"empty-{split}")


Tell = Callable[[Sequence[Picture], Array, str], tuple[Array, Array]]
"""(pictures, five points N x 10 px, name) -> better points, and which of them are known."""


def faces(
    data: Path, cache: Path, split: str, packs: dict[str, int] | None = None, tell: Tell | None = None
) -> Labelled:
    """Close pictures of one face each, from the face packs: the pack's box, hand points where there are any, and where
    there are none those that ``tell`` says or, without it, the pack's."""
    pictures: list[Picture] = []
    boxes, points, known, ignore, kinds = [], [], [], [], []
    for pack, limit in (packs or FACE_PACKS).items():
        rows = _rows(data, pack, split, limit, 1)
        rows = [row for row in rows if row["det_box"] is not None and (row["det_score"] or 0) > 0.7]
        mine = list(_decoded([row["image"] for row in rows], cache, f"{pack}-{split}"))
        pictures += mine
        for row in rows:
            scale = np.array([row["width"], row["height"]], np.float32)
            five = np.array(row["landmarks5"], np.float32).reshape(5, 2)
            if pack == "mtfl5":
                five = np.array(row["points5"], np.float32).reshape(5, 2)
            elif pack == "landmarks68":
                five = SHARES["five"] @ np.asarray(row["points68"], np.float32).reshape(68, 2)
            boxes.append((np.array(row["det_box"], np.float32).reshape(2, 2) * scale).reshape(1, 4))
            points.append((five * scale).reshape(1, 10))
            known.append(np.ones(1, np.float32))
            ignore.append(np.zeros(1, bool))
            kinds.append(pack)
        if rows and tell is not None and pack not in BY_HAND:
            said, sure = tell(mine, np.concatenate(points[-len(rows) :]), f"{pack}-{split}")
            points[-len(rows) :] = [row.reshape(1, 10) for row in said]
            known[-len(rows) :] = [row.reshape(1) for row in sure]
    return Labelled(pictures, boxes, points, known, ignore, kinds)
