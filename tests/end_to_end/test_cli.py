"""The command line as a whole: start, help, models, doctor, evaluate, errors and exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import facelens as package
from facelens import engine, registry
from facelens.resources import models_dir
from facelens.sources import DemoSource
from facelens.types import EXPRESSIONS, Expression, Image

Facelens = Callable[..., Any]
HEAVY = ("cv2", "onnxruntime", "PySide6", "PIL", "pyarrow")


def encoded(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(image[:, :, ::-1]).save(buffer, "PNG")
    return buffer.getvalue()


# start


def test_version(facelens: Facelens) -> None:
    result = facelens("--version")
    assert (result.code, result.out) == (0, f"facelens {package.__version__}\n")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["score", "--help"], ["evaluate", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"""
import json, sys
from facelens.cli import main
try:
    main({arguments!r})
except SystemExit as left:
    print(json.dumps([left.code, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_the_package_runs_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "facelens", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"facelens {package.__version__}\n"), done.stderr


def test_every_command_is_in_the_help(facelens: Facelens) -> None:
    said = facelens("--help").out
    assert all(name in said for name in ("score", "live", "evaluate", "bench", "models", "doctor", "--debug"))


@pytest.mark.parametrize("arguments", [["paint"], ["--colour"], ["models", "burn"], ["score"], ["evaluate"]])
def test_what_is_no_command(facelens: Facelens, arguments: list[str]) -> None:
    result = facelens(*arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there always is a display")
def test_without_a_display_there_is_no_window_but_a_sentence() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-m", "facelens.cli"], capture_output=True, text=True, check=False, env=environment, timeout=60
    )
    assert done.returncode == 3
    assert "there is no display" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_window_opens_on_a_source_and_closes_after_its_time(tmp_path: Path) -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "facelens.cli", "live", "--source", "demo", "--seconds", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


# errors


def test_a_fault_of_ours_is_one_sentence_and_with_debug_a_trace(
    facelens: Facelens, portrait_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr(engine.Engine, "analyze", broken)
    result = facelens("score", portrait_path)
    assert result.code == 3
    assert "RuntimeError: the sky fell" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in facelens("score", portrait_path, "--debug").err


@pytest.fixture
def models_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The engine's models, copied so that they can be damaged."""
    folder = tmp_path / "models"
    shutil.copytree(models_dir(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(registry, "models_dir", lambda: folder)
    return folder


def test_models_list(facelens: Facelens) -> None:
    result = facelens("models", "list")
    assert result.code == 0
    for spec in registry.load_registry():
        assert spec.name in result.out


def test_models_verify(facelens: Facelens, models_copy: Path) -> None:
    result = facelens("models", "verify")
    assert result.code == 0
    assert result.out.count("whole") == sum(len(spec.files) for spec in registry.load_registry())
    harmed, other = (registry.select(registry.load_registry(), task) for task in ("attributes", "landmarks"))
    path = models_copy / harmed.file
    path.write_bytes(path.read_bytes()[:-1])
    result = facelens("models", "verify")
    assert result.code == 3
    assert f"{harmed.name} is damaged" in result.err
    assert f"{other.name}.onnx whole" in result.out


@pytest.mark.parametrize("harm", ["missing", "truncated", "another", "no list", "broken list"])
def test_nothing_runs_without_its_models(facelens: Facelens, portrait_path: Path, models_copy: Path, harm: str) -> None:
    needed, different = (registry.select(registry.load_registry(), task) for task in ("landmarks", "attributes"))
    path = models_copy / needed.file
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif harm == "another":
        shutil.copy(models_copy / different.file, path)
    elif harm == "no list":
        (models_copy / "models.toml").unlink()
    else:
        (models_copy / "models.toml").write_text("[[model]\n")
    result = facelens("score", portrait_path, "--json", "-")
    assert result.code == 3
    assert result.out == ""
    assert len(result.err.strip().splitlines()) == 1
    # and the doctor names it
    told = json.loads(facelens("doctor", "--json").out)
    assert told["engine"]["opens"] is False
    assert told["engine"]["why"] in result.err


# doctor


def test_doctor(facelens: Facelens, all_names: frozenset[str]) -> None:
    result = facelens("doctor", "--json")
    assert result.code == 0
    told = json.loads(result.out)
    assert set(told) == {
        "system", "versions", "providers", "engine", "networks", "cameras", "fonts", "models", "display",
    }  # fmt: skip
    assert told["versions"]["numpy"] == np.__version__
    assert set(told["engine"]["providers"]) == all_names
    if set(told["engine"]["providers"].values()) == {"cpu"} and told["providers"]["cuda"]["built in"]:
        assert any("cuda" in note for note in told["engine"]["notes"]), "it must say why not a better one"
    assert set(told["networks"]) == set(told["engine"]["providers"])
    for name, proof in told["networks"].items():
        assert proof["got"] == told["engine"]["providers"][name]
        assert (proof["ms"] is None) == (proof["asked"] == proof["got"] == "cpu")
        assert proof.get("threads", 1) == 1, "no self-test in tests"
    assert all(state.startswith("whole") for state in told["models"].values())
    assert isinstance(told["display"]["works"], bool)
    plain = facelens("doctor")
    assert plain.code == 0
    assert "onnxruntime" in plain.out


# evaluate


def test_evaluate_scenes(facelens: Facelens, tmp_path: Path) -> None:
    """Demo frames, whose truth is known, and one empty picture."""
    demo = DemoSource(size=(640, 360), faces=2, paced=False)
    pictures = [encoded(demo.draw(index * 15)) for index in range(6)] + [encoded(np.full((90, 160, 3), 99, np.uint8))]
    boxes = [[[b.x, b.y, b.width, b.height] for b in demo.truth(index * 15).boxes] for index in range(6)]
    table = {"image": pictures, "split": ["val"] * 7, "boxes": [*boxes, []]}
    table["ignore"] = [[False] * len(row) for row in table["boxes"]]
    path = tmp_path / "scenes.parquet"
    pq.write_table(pa.table(table), path)
    result = facelens("evaluate", path, "--split", "val", "--json", "-")
    assert result.code == 0, result.err
    figures = json.loads(result.out)
    assert figures["rows"] == 7
    detection = figures["detection"]
    assert {"ap", "recall", "false_per_image", "recall_at_01", "min_face"} <= set(detection)
    assert detection["recall"] >= 0.75
    assert detection["ap"] >= 0.75
    assert detection["false_per_image"] <= 0.3
    usual = facelens("evaluate", path, "--limit", "1", "--json", "-")
    assert usual.code == 0
    assert json.loads(usual.out)["split"] == "val"
    assert "has no test part; measuring on val" in usual.err
    wrong = facelens("evaluate", path, "--split", "test")
    assert wrong.code == 2
    assert "no row of split 'test'" in wrong.err


def test_evaluate_faces(facelens: Facelens, portrait: Image, tmp_path: Path) -> None:
    """Tight crops of the portrait, one of them no face at all."""
    crop = portrait[50:190, 160:290]
    small = np.asarray(PIL.Image.fromarray(crop[:, :, ::-1]).resize((60, 65)))[:, :, ::-1]
    table = {
        "image": [encoded(crop), encoded(small), encoded(np.full((80, 80, 3), 120, np.uint8)), b"no picture"],
        "split6040": ["test"] * 4,
        "age": [47, 47, 47, 20],
        "gender": ["female", "female", "female", "male"],
        "smile": [True, True, False, False],
        "score": [3.0, 3.0, 2.0, 2.5],
    }
    path = tmp_path / "faces.parquet"
    pq.write_table(pa.table(table), path)
    result = facelens("evaluate", path, "--json", tmp_path / "out.json", "--intervals")
    # one of the pictures is none: an input failed
    assert result.code == 1, result.err
    assert "1 of 4 pictures cannot be decoded" in result.err
    assert "age_mae" in result.err
    figures = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (figures["rows"], figures["detected"], figures["unreadable"]) == (4, 2, 1)
    assert {"age_mae", "gender_accuracy", "smile_auc", "score_mae", "score_rmse", "by_group", "found_only"} <= set(
        figures
    )
    assert figures["gender_accuracy"] == pytest.approx(figures["found_only"]["gender_accuracy"] / 2)
    assert set(figures["by_group"]) == {"age", "gender", "light", "sharpness", "face_size"}
    low, high = figures["intervals"]["age_mae"]
    assert low <= figures["age_mae"] <= high
    assert json.loads(facelens("evaluate", path, "--limit", "1", "--json", "-").out)["rows"] == 1


def test_evaluate_expressions(facelens: Facelens, portrait: Image, expression: Any, tmp_path: Path) -> None:
    """The portrait twice, a wall, and the portrait with votes that tie; the engine says happiness of every face."""
    expression(Expression(np.eye(8)[EXPRESSIONS.index("happiness")]))
    crop, wall = encoded(portrait[50:190, 160:290]), encoded(np.full((48, 48, 3), 120, np.uint8))
    votes = {name: [0.0] * 4 for name in EXPRESSIONS}
    votes["happiness"] = [0.8, 0.1, 0.7, 0.5]
    votes["neutral"] = [0.2, 0.9, 0.3, 0.5]
    path = tmp_path / "votes.parquet"
    pq.write_table(pa.table({"image": [crop, crop, wall, crop], "split": ["test"] * 4} | votes), path)
    result = facelens("evaluate", path, "--json", tmp_path / "out.json", "--intervals")
    assert result.code == 0, result.err
    assert "expression_accuracy" in result.err
    figures = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert (figures["rows"], figures["detected"]) == (4, 3)
    assert figures["expression_accuracy"] == pytest.approx(1 / 3)
    assert figures["found_only"]["expression_accuracy"] == pytest.approx(1 / 2)
    groups = figures["by_group"]["expression"]
    assert {name: group["n"] for name, group in groups.items()} == {"happiness": 2, "neutral": 1}
    assert groups["happiness"]["expression_accuracy"] == 0.5
    assert groups["neutral"]["expression_accuracy"] == 0.0
    low, high = figures["intervals"]["expression_accuracy"]
    assert low <= figures["expression_accuracy"] <= high


def test_evaluate_pictures_without_faces(facelens: Facelens, tmp_path: Path, portrait: Image) -> None:
    table = {"image": [encoded(np.full((200, 200, 3), 99, np.uint8)), encoded(portrait)]}
    pq.write_table(pa.table(table), tmp_path / "empty.parquet")
    figures = json.loads(facelens("evaluate", tmp_path / "empty.parquet", "--json", "-").out)
    assert figures["detection"]["pictures_with_alarm"] == 0.5
    assert figures["split"] == "all"


def test_evaluate_on_what_is_no_pack(facelens: Facelens, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("hello")
    pq.write_table(pa.table({"image": [b"no picture"], "age": [3]}), tmp_path / "junk.parquet")
    pq.write_table(pa.table({"image": [b"no picture"], "gender": ["F"]}), tmp_path / "row.parquet")
    for name in ("none.parquet", "text.parquet", "junk.parquet", "row.parquet", "."):
        result = facelens("evaluate", tmp_path / name)
        assert result.code == 2
        assert len(result.err.strip().splitlines()) == 1
