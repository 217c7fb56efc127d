"""Reads packs: Parquet files of pictures with labels."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from facelens import images
from facelens.errors import PictureError, UsageError
from facelens.evaluation.columns import wrong_type, wrong_value
from facelens.files import shown
from facelens.types import EXPRESSIONS, Image

PAD = 0.7
"""Border added to face crops on each side, as a share of the longer side. Of 0.4 to 0.9, most faces of the tight packs'
val parts are found at 0.7 (with detector-1: fairface 99.8 % and ferplus 97 %, at 0.4 98.3 % and 95.3 %)."""
SMALL = 160
"""Face crops whose longer side is shorter than this are enlarged first, by the nearest whole factor."""

SPLIT_COLUMNS = ("split", "split6040")
USUAL_SPLITS = ("test", "val")
"""Of these the first that a pack has is read where none is asked for: some packs have no test part."""
LABELS: dict[str, tuple[str, ...]] = {
    "age": (), "age_low": ("age_high",), "gender": (), "points68": ("width", "height"),
    "points5": ("width", "height"), "smile": (), "glasses": (), "happiness": (), "score": (),
    "neutral": EXPRESSIONS[1:],
}  # fmt: skip
"""Columns that figures are made of, each with the columns it needs beside it."""
FACE_COLUMNS = frozenset(LABELS) | {"landmarks5", "det_box"}
"""Any of these tells that each picture is one face."""

PARTS: dict[str, tuple[str, ...]] = {
    "attributes": ("age", "age_low", "gender", "smile", "glasses", "happiness", "neutral"),
    "landmarks": ("points68", "points5"),
    "appearance": ("score",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One picture and its labels. ``image`` is None where it cannot be decoded."""

    labels: dict[str, Any]
    image: Image | None


@dataclass(frozen=True, slots=True)
class Pack:
    """An opened pack.

    ``rows``: how many rows will be read, of the ``total`` that the split has. ``split_column``: None where the pack has
    no splits and all rows are read. ``kind``: "faces", one face a picture; "scenes", pictures with boxes; "empty",
    pictures without any face.
    """

    path: Path
    columns: tuple[str, ...]
    split_column: str | None
    split: str
    rows: int
    kind: Literal["faces", "scenes", "empty"]
    total: int

    @property
    def parts(self) -> frozenset[str]:
        """The engine's parts that the labels can be compared with."""
        if self.kind != "faces":
            return frozenset()
        return frozenset(part for part, labels in PARTS.items() if set(labels) & set(self.columns))

    def __iter__(self) -> Iterator[Row]:
        """The rows in their order, evenly spread over the split where they are not all of it: packs may be sorted.

        Raises:
            UsageError: the file is damaged further in, or a row's labels have another form.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        wanted = np.arange(self.rows) * self.total // max(self.rows, 1)
        first = 0
        batches = pq.ParquetFile(self.path).iter_batches(256)
        while first < self.total:
            try:
                batch = next(batches, None)
            except (OSError, pa.ArrowException) as error:
                why = f"it is damaged after the first {first} rows of its split"
                raise UsageError(_refused(self.path), why, "Get the file again") from error
            if batch is None:
                return
            if self.split_column:
                batch = batch.filter(_is(batch[self.split_column], self.split))
            here = wanted[(wanted >= first) & (wanted < first + batch.num_rows)] - first
            for place, labels in zip(here, batch.take(pa.array(here, pa.int64())).to_pylist()):
                if wrong := wrong_value(labels):
                    where = f"row {first + place + 1}" + (f" of split '{self.split}'" if self.split_column else "")
                    raise UsageError(_refused(self.path), f"{where}: {wrong}", "Correct it, or leave the column out")
                yield Row(labels, _decoded(labels.pop("image")))
            first += batch.num_rows


def _refused(path: Path) -> str:
    return f"Cannot evaluate on {shown(path)}"


def _is(values: Any, split: str) -> Any:
    """Which values of a column of splits, whatever their type, are this one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.equal(pc.cast(values, pa.string()), split)


def _decoded(data: bytes | dict[str, Any] | None) -> Image | None:
    if isinstance(data, dict):
        data = data.get("bytes")
    try:
        return None if data is None else images.load(data).image
    except PictureError:
        return None


def open_pack(path: str | Path, split: str | None = None, limit: int | None = None) -> Pack:
    """Open a pack and check its columns.

    Args:
        split: rows whose ``split`` (or ``split6040``, where there is no ``split``) is this; None for the first of
            ``USUAL_SPLITS`` that there is. A pack without such a column is read whole.
        limit: at most so many rows, evenly spread.

    Raises:
        UsageError: no such file, not Parquet, no pictures in it, a column is missing or holds something else, no
            row of that split, or pyarrow is not installed.
    """
    path = Path(path)
    what = _refused(path)
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError(what, "the library pyarrow, which reads packs, is not installed", "Run: pip install pyarrow")
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    remedy = "Give a Parquet file with a column 'image' and labels"
    if path.is_dir():
        raise UsageError(what, "it is a folder", remedy)
    try:
        schema = pq.read_schema(path)
        columns = tuple(schema.names)
        if "image" not in columns:
            raise UsageError(what, "it has no column 'image'", remedy)
        column = next((name for name in SPLIT_COLUMNS if name in columns), None)
        counts: dict[str, int] = {}
        if column:
            values = pc.cast(pq.read_table(path, columns=[column]).column(0), pa.string())
            found = {item["values"].as_py(): item["counts"].as_py() for item in pc.value_counts(values)}
            counts = {name: count for name, count in found.items() if name is not None}
            if split is None:
                split = next((name for name in USUAL_SPLITS if name in counts), USUAL_SPLITS[0])
            rows = counts.get(split, 0)
        else:
            rows = pq.read_metadata(path).num_rows
    except FileNotFoundError as error:
        raise UsageError(what, "there is no such file", "Check the name") from error
    except PermissionError as error:
        raise UsageError(what, "you may not read it", "Change its permissions") from error
    except (OSError, pa.ArrowException) as error:
        raise UsageError(what, _unreadable(path), remedy) from error
    if wrong := wrong_type(schema):
        raise UsageError(what, *wrong)
    for label, beside in LABELS.items():
        lacking = [name for name in beside if label in columns and name not in columns]
        if lacking:
            raise UsageError(what, f"it has a column '{label}' and no column '{lacking[0]}'", "Add the column")
    split = split or USUAL_SPLITS[0]
    if not rows and column:
        known = f"it has {', '.join(sorted(counts))}" if counts else "its rows have none"
        remedy = "Choose another split with --split" if counts else "Fill the column, or leave it out"
        raise UsageError(what, f"there is no row of split '{split}' ({known})", remedy)
    if not rows:
        raise UsageError(what, "it has no rows", "Give one with at least one picture")
    faces = bool(FACE_COLUMNS & set(columns))
    kind: Literal["faces", "scenes", "empty"] = "scenes" if "boxes" in columns else "faces" if faces else "empty"
    read = rows if limit is None else min(rows, limit)
    return Pack(path, columns, column, split, read, kind, rows)


def _unreadable(path: Path) -> str:
    """Why a file is no Parquet file that can be read: those begin and end with the four bytes PAR1."""
    with path.open("rb") as stream:
        begins = stream.read(4) == b"PAR1"
        size = stream.seek(0, 2)
        stream.seek(max(size - 4, 0))
        ends = stream.read() == b"PAR1"
    if begins and not ends:
        return "it is not a readable Parquet file: its end is missing, as where a download broke off"
    return "it is not a readable Parquet file" + ("" if size else ": it is empty")


def padded(image: Image) -> tuple[Image, float, tuple[float, float]]:
    """A face crop with a border, so that a face that fills it can be detected, and small ones enlarged.

    Returns:
        The picture, and scale and offset (x, y) in px. The pixel with centre p of the crop has its centre at
        (p + 0.5) * scale - 0.5 + offset of the picture.
    """
    longer = max(image.shape[:2])
    factor = max(1, round(SMALL / longer))
    if factor > 1:
        size = (image.shape[1] * factor, image.shape[0] * factor)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    border = round(longer * factor * PAD)
    # flat: with a mirrored border, which shows a second mouth or pair of eyes, up to a tenth fewer faces are found
    sides = (border, border, border, border)
    out = cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return np.asarray(out, np.uint8), float(factor), (float(border), float(border))
