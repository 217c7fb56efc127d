"""``facelens score`` from files to JSON, CSV and annotated pictures."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from facelens import images
from facelens.cli.score import annotated_path
from facelens.engine import Engine, open_engine
from facelens.options import FINDERS, EngineOptions
from facelens.registry import load_registry, select
from facelens.types import AGE_RANGES, Expression, Image

Facelens = Callable[..., Any]


def only_face(result: Any) -> dict[str, Any]:
    assert result.code == 0, result.err
    (face,) = json.loads(result.out)["faces"]
    assert isinstance(face, dict)
    return face


def copies(portrait_path: Path, folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(portrait_path, path)
    return paths


# what is said of a face


def test_the_portrait(facelens: Facelens, portrait_path: Path, all_names: frozenset[str]) -> None:
    result = facelens("score", portrait_path, "--json", "-")
    face = only_face(result)
    report = json.loads(result.out)
    assert (report["schema"], report["source"]) == ("facelens/1", str(portrait_path))
    width, height = report["width"], report["height"]
    assert (width, height) == (512, 512)
    box = face["box"]
    # where the head of this picture is
    assert 150 < box["x"] + box["width"] / 2 < 300
    assert 50 < box["y"] + box["height"] / 2 < 180
    assert face["confidence"] > 0.6
    assert face["landmarks"]["scheme"] == "ibug68"
    points = np.array(face["landmarks"]["points"])
    assert points.shape == (68, 2)
    assert (points >= 0).all()
    assert (points < [width, height]).all()
    age = face["age"]
    assert age["low"] <= age["years"] <= age["high"]
    assert len(age["probabilities"]) == 101
    assert sum(age["probabilities"]) == pytest.approx(1, abs=1e-3)
    assert 0.5 <= face["gender"]["probability"] <= 1
    assert 0 <= face["smile"] <= 1
    score = face["score"]
    assert sum(part["weight"] for part in score["components"]) == pytest.approx(1, abs=1e-3)
    mean = sum(part["weight"] * part["value"] for part in score["components"])
    assert score["value"] == pytest.approx(mean, abs=0.2)
    assert set(report["providers"]) == all_names
    assert report["timings_ms"]["total"] > 0
    assert "Traceback" not in result.err


def test_what_the_networks_read_in_the_portrait(facelens: Facelens, portrait_path: Path) -> None:
    """A smiling woman of 42; wide bounds, as one picture says little of a network."""
    face = only_face(facelens("score", portrait_path, "--json", "-"))
    assert face["gender"]["label"] == "female"
    assert 22 <= face["age"]["years"] <= 60
    assert face["smile"] > 0.5
    points = np.array(face["landmarks"]["points"])
    box = face["box"]
    eyes, mouth = points[36:48].mean(0), points[48:68].mean(0)
    assert box["y"] < eyes[1] < mouth[1] < box["y"] + 1.1 * box["height"]
    assert points[36:42, 0].mean() < points[42:48, 0].mean()


@pytest.mark.parametrize("finder", FINDERS)
def test_either_finder(facelens: Facelens, portrait_path: Path, monkeypatch: pytest.MonkeyPatch, finder: str) -> None:
    used: list[str] = []

    def opened(options: EngineOptions) -> Engine:
        used.append(options.finder)
        return open_engine(options)

    monkeypatch.setattr("facelens.cli.score.open_engine", opened)
    result = facelens("score", portrait_path, "--finder", finder, "--json", "-")
    assert result.code == 0, result.err
    assert len(json.loads(result.out)["faces"]) == 1
    assert used == [finder]


def test_the_classic_preset_is_the_published_sum(facelens: Facelens, portrait_path: Path) -> None:
    face = only_face(facelens("score", portrait_path, "--json", "-", "--preset", "classic"))
    p = np.array(face["age"]["probabilities"])
    sums = np.array([p[low : high + 1].sum() for low, high in AGE_RANGES])
    published = sums / sums.sum() @ [100, 100, 95, 90, 80, 50, 40, 20]
    assert face["score"]["value"] == pytest.approx(published, abs=0.1)


def test_weights_are_the_users(facelens: Facelens, portrait_path: Path) -> None:
    face = only_face(
        facelens("score", portrait_path, "--json", "-", "--weight", "expression=2", "--weight", "quality=2")
    )
    weights = {part["name"]: part["weight"] for part in face["score"]["components"]}
    assert {name: weight for name, weight in weights.items() if weight} == {"expression": 0.5, "quality": 0.5}


def test_five_people(facelens: Facelens) -> None:
    group = Path(__file__).resolve().parents[2] / "assets" / "samples" / "group.jpg"
    result = facelens("score", group, "--json", "-")
    faces = json.loads(result.out)["faces"]
    assert len(faces) == 5
    assert sorted(face["id"] for face in faces) == [1, 2, 3, 4, 5]


def test_no_face_is_no_failure(facelens: Facelens, tmp_path: Path) -> None:
    path = tmp_path / "wall.png"
    PIL.Image.new("RGB", (320, 240), (90, 120, 140)).save(path)
    result = facelens("score", path, "--json", "-", "--csv", tmp_path / "out.csv")
    assert result.code == 0
    assert json.loads(result.out)["faces"] == []
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines())
    assert (row["source"], row["face"], row["error"]) == (str(path), "", "")


def test_one_pixel(facelens: Facelens, tmp_path: Path) -> None:
    PIL.Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    assert json.loads(facelens("score", tmp_path / "dot.png", "--json", "-").out)["faces"] == []


def test_sixty_faces(facelens: Facelens, portrait: Image, tmp_path: Path) -> None:
    head = PIL.Image.fromarray(portrait[:, :, ::-1]).crop((124, 2, 330, 208)).resize((120, 120))
    wall = PIL.Image.new("RGB", (10 * 120, 6 * 120), (128, 128, 128))
    for index in range(60):
        wall.paste(head, (index % 10 * 120, index // 10 * 120))
    wall.save(tmp_path / "wall.png")
    faces = json.loads(facelens("score", tmp_path / "wall.png", "--json", "-").out)["faces"]
    assert len(faces) == 60
    cells = {(int((f["box"]["x"] + f["box"]["width"] / 2) // 120), int(f["box"]["y"] // 120)) for f in faces}
    assert len(cells) == 60


@pytest.mark.parametrize("kind", ["grey", "CMYK", "palette", "16 bit", "alpha", "HEIC", "animated"])
def test_the_same_face_in_every_kind_of_file(facelens: Facelens, portrait: Image, tmp_path: Path, kind: str) -> None:
    picture = PIL.Image.fromarray(portrait[:, :, ::-1])
    path = tmp_path / "picture"
    if kind == "grey":
        picture.convert("L").save(path, "PNG")
    elif kind == "CMYK":
        picture.convert("CMYK").save(path, "JPEG")
    elif kind == "palette":
        picture.quantize(128).save(path, "PNG")
    elif kind == "16 bit":
        PIL.Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(path, "PNG")
    elif kind == "alpha":
        picture.putalpha(255)
        picture.save(path, "PNG")
    elif kind == "HEIC":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(path, format="HEIF")
    else:
        picture.save(path, "GIF", save_all=True, append_images=[PIL.Image.new("RGB", picture.size)])
    box = only_face(facelens("score", path, "--json", "-"))["box"]
    assert 150 < box["x"] + box["width"] / 2 < 300
    assert 50 < box["y"] + box["height"] / 2 < 180


def test_coordinates_are_those_of_the_picture_as_it_is_seen(
    facelens: Facelens, portrait: Image, portrait_path: Path, tmp_path: Path
) -> None:
    upright = only_face(facelens("score", portrait_path, "--json", "-"))["box"]
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    lying = PIL.Image.fromarray(np.ascontiguousarray(np.rot90(portrait, 1)[:, :, ::-1]))
    lying.save(tmp_path / "lying.png", exif=exif)
    seen = only_face(facelens("score", tmp_path / "lying.png", "--json", "-"))["box"]
    assert seen == pytest.approx(upright, abs=1)


# many pictures


def test_a_failed_picture_loses_nothing(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    missing, text = tmp_path / "missing.jpg", tmp_path / "text.jpg"
    text.write_text("hello")
    result = facelens("score", missing, portrait_path, text, "--json", "-", "--csv", tmp_path / "out.csv")
    assert result.code == 1
    first, second, third = json.loads(result.out)
    assert set(first) == {"schema", "source", "error"}
    assert (first["schema"], first["source"]) == ("facelens/1", str(missing))
    assert "there is no such file" in first["error"]
    assert len(second["faces"]) == 1
    assert "not a picture" in third["error"]
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines()))
    assert [bool(row["error"]) for row in rows] == [True, False, True]
    assert [line for line in result.err.splitlines() if line.startswith("facelens: ")] == [
        f"facelens: {first['error']}",
        f"facelens: {third['error']}",
    ]


def test_one_failed_picture_is_one_object(facelens: Facelens, tmp_path: Path) -> None:
    result = facelens("score", tmp_path / "missing.jpg", "--json", "-")
    assert result.code == 1
    assert json.loads(result.out)["error"]


def test_folders(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    copies(portrait_path, tmp_path, "10.jpg", "2.jpg", "below/1.jpg")
    (tmp_path / "notes.txt").touch()

    def sources(*options: str) -> list[str]:
        result = facelens("score", tmp_path, "--json", "-", *options)
        assert result.code == 0
        return [Path(report["source"]).name for report in json.loads(result.out)]

    assert sources() == ["2.jpg", "10.jpg"]
    assert sources("--recursive") == ["2.jpg", "10.jpg", "1.jpg"]


def test_a_folder_with_one_picture_is_still_an_array(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    copies(portrait_path, tmp_path, "1.jpg")
    assert len(json.loads(facelens("score", tmp_path, "--json", "-").out)) == 1


def test_an_empty_folder_is_a_failed_input(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    result = facelens("score", tmp_path, portrait_path, "--json", "-")
    assert result.code == 1
    empty, good = json.loads(result.out)
    assert "holds no pictures" in empty["error"]
    assert good["faces"]


def test_the_table_is_for_people(facelens: Facelens, portrait_path: Path) -> None:
    result = facelens("score", portrait_path)
    assert result.code == 0
    assert result.out == ""
    assert "astronaut" in result.err
    assert "apparent" in result.err


HAPPY = Expression(np.float32([0.11, 0.82, 0.04, 0.01, 0.01, 0, 0, 0.01]))
TORN = Expression(np.float32([0.44, 0.08, 0.03, 0.38, 0.05, 0, 0, 0.02]))


@pytest.mark.parametrize(("seen", "words"), [(HAPPY, "happiness 82%"), (TORN, "not sure")], ids=["sure", "not sure"])
def test_an_expression_that_is_known_is_in_the_table(
    facelens: Facelens, portrait_path: Path, expression: Any, seen: Expression, words: str
) -> None:
    expression(seen)
    said = " ".join(facelens("score", portrait_path).err.split())
    assert "smile expression score" in said
    assert re.search(rf"% {words} \d+\b", said), said


def test_an_expression_that_is_not_known_has_no_column(
    facelens: Facelens, portrait_path: Path, expression: Any, tmp_path: Path
) -> None:
    expression(None)
    assert "expression" not in facelens("score", portrait_path).err
    face = only_face(facelens("score", portrait_path, "--json", "-", "--csv", tmp_path / "out.csv"))
    assert face["expression"] is None
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines())
    assert (row["expression"], row["expression_probability"]) == ("", "")


def test_an_expression_in_the_files(facelens: Facelens, portrait_path: Path, expression: Any, tmp_path: Path) -> None:
    expression(HAPPY)
    face = only_face(facelens("score", portrait_path, "--json", "-", "--csv", tmp_path / "out.csv"))
    assert (face["expression"]["label"], face["expression"]["probability"]) == ("happiness", 0.82)
    assert sum(face["expression"]["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text("utf-8-sig").splitlines())
    assert (row["expression"], row["expression_probability"]) == ("happiness", "0.82")


def test_a_picture_without_faces_stands_in_a_table_of_expressions(
    facelens: Facelens, portrait_path: Path, expression: Any, tmp_path: Path
) -> None:
    PIL.Image.new("RGB", (320, 240), (90, 120, 140)).save(tmp_path / "wall.png")
    expression(HAPPY)
    said = facelens("score", tmp_path / "wall.png", portrait_path).err
    assert "none found" in said
    assert "happiness 82%" in " ".join(said.split())


def test_names_of_any_kind(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    (path,) = copies(portrait_path, tmp_path, "Été 写真 [red] 🙂.jpg")
    result = facelens("score", path, "--json", "-", "--annotate", tmp_path / "out")
    assert json.loads(result.out)["source"] == str(path)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["Été 写真 [red] 🙂-facelens.jpg"]
    assert "[red]" in facelens("score", path).err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has names that are no Unicode")
def test_a_name_that_is_no_unicode(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    shutil.copy(portrait_path, os.fsdecode(name))
    result = facelens("score", tmp_path, "--json", "-", "--csv", tmp_path / "out.csv")
    assert result.code == 0
    assert Path(json.loads(result.out)[0]["source"]).name == "caf\ufffd.jpg"


# where results go


def test_annotated_copies(facelens: Facelens, portrait_path: Path, portrait: Image, tmp_path: Path) -> None:
    first, second = copies(portrait_path, tmp_path, "a/face.jpg", "b/face.jpg")
    before = first.read_bytes()
    out = tmp_path / "new" / "out"
    assert facelens("score", first, second, "--annotate", out).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["face-facelens-2.jpg", "face-facelens.jpg"]
    image = images.load(out / "face-facelens.jpg").image
    assert image.shape == portrait.shape
    changed = np.abs(image.astype(int) - portrait).max(2) > 60
    assert 200 < changed.sum() < changed.size / 3
    assert first.read_bytes() == before


def test_a_copy_replaces_no_picture_that_is_read(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    first, second = copies(portrait_path, tmp_path, "face.jpg", "face-facelens.jpg")
    before = second.read_bytes()
    assert facelens("score", first, second, "--annotate", tmp_path).code == 0
    assert second.read_bytes() == before
    assert (tmp_path / "face-facelens-2.jpg").exists()


def test_a_long_name_still_fits(tmp_path: Path) -> None:
    path = annotated_path(tmp_path, Path("ä" * 125 + ".jpg"), set())
    path.write_bytes(b"")
    assert path.name.endswith("-facelens.jpg")


def test_annotated_copies_that_cannot_be_written_lose_no_report(
    facelens: Facelens, portrait_path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "astronaut-facelens.jpg").mkdir(parents=True)
    result = facelens("score", portrait_path, "--annotate", out, "--json", "-")
    assert result.code == 1
    assert "a folder has that name" in result.err
    assert len(json.loads(result.out)["faces"]) == 1


def test_csv_on_standard_output(facelens: Facelens, portrait_path: Path) -> None:
    result = facelens("score", portrait_path, "--csv", "-")
    (row,) = csv.DictReader(result.out.splitlines())
    assert row["source"] == str(portrait_path)
    assert float(row["age_low"]) <= float(row["age"]) <= float(row["age_high"])


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_a_missing_output_folder_is_told_before_the_work(
    facelens: Facelens, portrait_path: Path, tmp_path: Path, option: str
) -> None:
    result = facelens("score", portrait_path, option, tmp_path / "none" / "out")
    assert result.code == 1
    assert "there is no folder" in result.err
    assert "apparent" not in result.err
    assert list(tmp_path.iterdir()) == []


def test_an_old_result_is_replaced_whole(facelens: Facelens, portrait_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")
    assert facelens("score", portrait_path, "--json", path).code == 0
    assert json.loads(path.read_text("utf-8"))["faces"]
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


# what stops it


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--weight", "beauty=1"], "no component beauty"),
        (["--weight", "quality"], "not NAME=NUMBER"),
        (["--weight", "quality=-1"], "0 or more"),
        (["--preset", "fancy"], "Unknown preset"),
        (["--json", "-", "--csv", "-"], "standard output"),
        (["--provider", "abacus"], "abacus"),
        (["--detail", "3"], "detail"),
    ],
)
def test_usage(facelens: Facelens, portrait_path: Path, options: list[str], words: str) -> None:
    result = facelens("score", portrait_path, *options)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err


def test_without_paths(facelens: Facelens) -> None:
    assert facelens("score").code == 2


def test_a_provider_that_is_absent_is_told(facelens: Facelens, portrait_path: Path) -> None:
    result = facelens("score", portrait_path, "--json", "-", "--provider", "cuda")
    assert result.code == 0
    providers = json.loads(result.out)["providers"]
    got = providers[select(load_registry(), "attributes").name]
    assert got in ("cuda", "cpu")
    assert ("cuda" in result.err) == (got == "cpu")


def test_stopped_by_the_user(portrait_path: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle of many pictures: exit code 130, and everything so far is in the file."""
    names = [f"{index}.jpg" for index in range(400)]
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(portrait_path)
    command = [sys.executable, "-m", "facelens.cli", "score", str(folder)]
    command += ["--annotate", str(out), "--json", str(tmp_path / "faces.json")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (out.is_dir() and len(list(out.glob("*-facelens.jpg"))) >= 3):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopped after" in said
    assert "Traceback" not in said
    results = json.loads((tmp_path / "faces.json").read_text("utf-8"))
    assert 3 <= len(results) < len(names)
    assert all(len(report["faces"]) == 1 for report in results)
    assert not list(out.glob(".facelens-*"))
