"""The measuring room: who is measured on what, and the table."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq

from convert.compare import measure, table
from facelens import images
from facelens.resources import asset, models_dir
from facelens.types import AgeEstimate, Box, Detection, Face, FrameReport, GenderEstimate, Image, Landmarks


class Stranger:
    """A pipeline that says the same of every picture, and nothing of a dark one."""

    name, size, threshold = "Stranger", 1_000_000, 0.5

    def analyze(self, frame: Image) -> FrameReport:
        size = (frame.shape[1], frame.shape[0])
        if frame[size[1] // 2, size[0] // 2].max() < 5:
            return FrameReport(0, 0.0, size, ())
        p = np.zeros(101)
        p[25] = 1
        middle = Box(size[0] / 2 - 50, size[1] / 2 - 50, 100, 100)
        found = Detection(middle, 0.55, Landmarks(np.zeros((5, 2)), "five"))
        face = Face(1, found, age=AgeEstimate(25, 25, 25, p), gender=GenderEstimate("male", 0.9))
        return FrameReport(0, 0.0, size, (face,))


def pack(path: Path) -> Path:
    portrait = images.load(asset("samples/astronaut.jpg")).image[40:220, 130:310]
    pictures = []
    for picture in (portrait, portrait[:, ::-1], np.zeros_like(portrait)):
        buffer = io.BytesIO()
        PIL.Image.fromarray(picture[..., ::-1]).save(buffer, "PNG")
        pictures.append(buffer.getvalue())
    columns = {"image": pictures, "split": ["val"] * 3, "age": [25, 35, 30], "gender": ["female"] * 3}
    pq.write_table(pa.table(columns), path)
    return path


def test_all_see_the_same_rows_and_each_by_its_own_threshold(tmp_path: Path) -> None:
    path = pack(tmp_path / "a.parquet")
    found = measure(path, "val", None, [Stranger()], models_dir())
    assert list(found) == ["Facelens", "Stranger"]
    ours, other = found["Facelens"], found["Stranger"]
    assert (ours["rows"], other["rows"]) == (3, 3)
    assert (ours["detected"], other["detected"]) == (2, 2)
    # 0, 10, and the median 30 for the one it did not find
    assert other["age_mae"] == (0 + 10 + 0) / 3
    assert other["gender_accuracy"] == 0
    assert ours["gender_accuracy"] > 0.6
    assert other["ms_median"] > 0
    assert ours["bytes"] > other["bytes"] == 1_000_000
    assert (
        measure(path, "val", None, [Stranger()], models_dir(), lambda row: row.labels["age"] < 30)["Stranger"]["rows"]
        == 1
    )

    page = table({"a": found}, "val", None)
    assert "| missed | 33.3 % | 33.3 % |" in page
    assert "| MB | " in page
    line = next(row for row in page.splitlines() if row.startswith("| gender_accuracy"))
    assert "**" in line.split("|")[2]
    assert "**" not in line.split("|")[3]
    assert "[" in line
    assert "trial" not in page
    assert "trial on 3 rows" in table({"a": found}, "val", 3)
    assert "by group" not in page
    named = table({"utkface": found, "mtfl5": found}, "test", None)
    # of utkface the errors in years of everyone, by group
    assert "| age: 30-39 | 2 | " in named
    assert "| gender: female | 3 | " in named
    assert f"| {(0 + 10 + 0) / 3:.3f} |" in next(row for row in named.splitlines() if "gender: female" in row)
    assert named.count("an offset of the labels") == 1
