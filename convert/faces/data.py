"""Pack rows as aligned crops, decoded once and kept in a memory map."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image

from facelens.geometry import CropSpec, alignment, transform
from facelens.vision.crop import align

STORED = CropSpec(144, 0.8 * 112 / 144)
"""Crops are kept with the resolution of CropSpec(112, 0.8) and 16 px more on each side, room for augmentation."""
MIN_SCORE = 0.6
"""Rows whose machine points are less certain than this are left out of training."""


@dataclass(frozen=True, slots=True)
class Crops:
    """Aligned crops of one pack and split: ``images`` N x S x S x 3 BGR uint8, ``table`` columns by name,
    ``points`` N x K x 2 hand points in crop pixels (or None), ``stored`` how the crops were cut."""

    images: npt.NDArray[np.uint8]
    table: dict[str, list[Any]]
    points: npt.NDArray[np.float32] | None
    stored: CropSpec = STORED


def decode(data: bytes) -> npt.NDArray[np.uint8]:
    """Picture bytes to BGR uint8."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1])


def load(
    data: Path,
    cache: Path,
    pack: str,
    split: str,
    column: str = "split",
    points: str | None = None,
    stored: CropSpec = STORED,
) -> Crops:
    """Crops of the rows of a split whose five points are known.

    Args:
        data: folder of the packs.
        cache: folder for the memory maps.
        column: the column that holds the split.
        points: column with hand points (flat x, y fractions of the picture), mapped into the crop.
        stored: how the crops are cut.
    """
    cache.mkdir(parents=True, exist_ok=True)
    file = data / f"{pack}.parquet"
    names = [n for n in pq.read_schema(file).names if n not in ("image", "det_box")]
    table = pq.read_table(file, columns=names)
    rows = table.to_pydict()
    keep = [
        i
        for i, (s, five, certain) in enumerate(zip(rows[column], rows["landmarks5"], rows["det_score"]))
        if s == split and five is not None and (certain or 0) >= MIN_SCORE
    ]
    mark = "" if stored == STORED else f"-{stored.size}-{stored.scale:.3f}"
    path = cache / f"{pack}-{column}-{split}{mark}.npy"
    size = stored.size
    kept = {name: [values[i] for i in keep] for name, values in rows.items()}
    if not path.exists():
        partial = path.with_suffix(".part")
        out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(keep), size, size, 3))
        wanted = dict(zip(keep, range(len(keep))))
        row = 0
        for batch in pq.ParquetFile(file).iter_batches(512, columns=["image"]):
            for value in batch.column(0):
                if row in wanted:
                    image = decode(value.as_py())
                    five = _pixels(rows["landmarks5"][row], image)
                    out[wanted[row]] = align(image, five, stored)[0]
                row += 1
        out.flush()
        del out
        partial.rename(path)
    hand = None
    if points is not None:
        hand = np.stack(
            [
                transform(alignment(_place(five, w, h), stored), _place(p, w, h))
                for five, p, w, h in zip(kept["landmarks5"], kept[points], kept["width"], kept["height"])
            ]
        )
    return Crops(np.load(path, mmap_mode="r"), kept, hand, stored)


def _place(flat: Sequence[float], width: int, height: int) -> npt.NDArray[np.float64]:
    """Fractions of the picture to pixel-centre coordinates."""
    return np.asarray(flat, np.float64).reshape(-1, 2) * (width, height) - 0.5


def _pixels(flat: Sequence[float], image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    return _place(flat, image.shape[1], image.shape[0])
