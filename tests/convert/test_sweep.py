"""Small trials: what they draw, their figures, and the pages of cost and of learning."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the training extra is not installed")

from convert import attributes, landmarks, learning, sweep, trials
from convert.faces.data import Crops
from convert.faces.packs import Pack
from facelens.types import EXPRESSIONS


def crops_of(count: int, table: dict[str, list[Any]]) -> Crops:
    return Crops(np.zeros((count, 2, 2, 3), np.uint8), table, None, None)  # type: ignore[arg-type]


def result(widths: tuple[int, ...], ms: float, gender: float) -> dict[str, Any]:
    figures = dict.fromkeys(sweep.FIGURES, 0.5) | {"fairface gender": gender, "utkface MAE": 10 * (1 - gender)}
    return {"widths": widths, "size": 64, "pictures": 192_000, "figures": figures, "parameters": 1000,
            "multiply_adds": 2e6, "ms_float": 2 * ms, "ms_int8": ms}  # fmt: skip


def test_multiply_adds_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attributes, "DEPTHS", (1,))
    found = trials.multiply_adds(trials.Trial(widths=(16,), size=32))
    # 3x3x3 to 16 at 16 x 16, then two of 3x3x16 to 16 there
    assert found == 27 * 16 * 256 + 2 * 144 * 16 * 256


def test_the_front_is_what_nothing_beats() -> None:
    rows = [result((1,), 2.0, 0.92), result((2,), 0.5, 0.88), result((3,), 1.0, 0.87), result((4,), 1.0, 0.9)]
    assert sweep.front(rows, "fairface gender", lower=False) == [0, 1, 3]
    assert sweep.front(rows, "utkface MAE", lower=True) == [0, 1, 3]
    assert sweep.front([*rows, result((6,), 2.0, 0.91)], "fairface gender", lower=False) == [0, 1, 3]
    # of two that are alike neither beats the other
    assert sweep.front([*rows, result((5,), 0.5, 0.88)], "fairface gender", lower=False) == [0, 1, 3, 4]


def test_the_page_and_the_plot_of_cost(tmp_path: Path) -> None:
    rows = [result((8, 16), 2.0, 0.8), result((4, 8), 1.0, 0.9)]
    page = sweep.page(rows)
    assert page.index("| **4-8** | 64 | 1,000 | 2 | 2.00 | 1.00 | 0.900 |") < page.index("| 8-16 | 64 |")
    assert "on 192,000 augmented pictures" in page
    sweep.plot(rows, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").stat().st_size > 5000


def test_every_trial_has_a_folder_of_its_own() -> None:
    every = {*sweep.VARIANTS, *learning.BY_ROWS, *learning.BY_TRAINING}
    points = {*learning.POINTS_BY_PERSONS, *learning.POINTS_BY_TRAINING}
    assert len({trial.name for trial in every} | {trial.name for trial in points}) == len(every) + len(points)


def test_fewer_rows_are_drawn_and_the_rest_as_often_as_before() -> None:
    chances = np.array([0.1, 0.2, 0.3, 0.1, 0.1, 0.2])
    pack = Pack(crops_of(6, {}), {}, {}, np.cumsum(chances))
    half = np.diff(trials.fewer(pack, 0.5).steps, prepend=0.0)
    assert np.allclose(half, np.array([0.1, 0, 0.3, 0, 0.1, 0]) / 0.5)
    assert np.allclose(np.diff(trials.fewer(pack, 1.0).steps, prepend=0.0), chances)


def test_a_trial_is_run_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    count = 12

    def crops(**table: list[Any]) -> Crops:
        images = rng.integers(0, 256, (count, 160, 160, 3)).astype(np.uint8)
        return Crops(images, table, None, attributes.STORED)

    sexes = ["female", "male"] * (count // 2)
    made = {
        "fairface": crops(
            age_low=[20] * count, age_high=[29] * count, gender=sexes, race=[*attributes.GROUPS, *["White"] * 5]
        ),
        "utkface": crops(age=[30] * count, gender=sexes),
        "mtfl5": crops(smile=[True, True, False, False] * 3, gender=sexes),
        "ferplus": crops(**{name: [0.125] * count for name in EXPRESSIONS}), "mebeauty": crops(gender=sexes),
    }  # fmt: skip
    every = {name: Pack(c, attributes.labels(c), {}, np.linspace(1 / count, 1, count)) for name, c in made.items()}
    val = {name: (pack.crops, pack.labels) for name, pack in every.items()}
    monkeypatch.setattr(attributes, "BATCH", 16)
    monkeypatch.setattr(trials.training, "SETTLE_BATCHES", 2)
    trial = trials.Trial(steps=3, share=0.5, widths=(4, 4, 4, 4), size=48)
    found = trials.run(trial, every, val, tmp_path)
    assert (found["pictures"], found["rows"], found["share"]) == (48, 6, 0.5)
    assert {"fairface bucket", "fairface worst group's error", "utkface MAE", "mtfl5 smile AUC"} <= set(found["val"])
    assert set(found["seen"]) == set(found["val"])
    assert json.loads((tmp_path / trial.name / "log.json").read_text())["step"] == 3
    monkeypatch.setattr(trials.training, "fit", None)
    assert trials.run(trial, every, val, tmp_path) == found
    again = trials.weights(trial, tmp_path)
    assert trials.figures(again, val, 48) == pytest.approx(found["val"])


def test_trials_learn_from_labels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    few = crops_of(3, {"age": [1, 2, 3], "gender": ["male"] * 3})
    monkeypatch.setattr(trials.data, "load", lambda *_, **__: few)
    every = trials.load(Namespace(data=Path(), models=Path()))
    assert all(pack.soft == {} for pack in every.values())
    assert "landmarks68" not in every


def test_figures_of_rows_seen_are_of_rows_that_are_drawn() -> None:
    chances = np.array([0.5, 0, 0.25, 0, 0.25, 0])
    pack = Pack(crops_of(6, {"name": list("abcdef")}), {"female": np.arange(6)}, {}, np.cumsum(chances))
    crops, truth = trials.learned(pack, 2)
    assert crops.table["name"] == ["a", "e"]
    assert truth["female"].tolist() == [0, 4]


def test_figures_by_hand() -> None:
    truth = attributes.labels(
        crops_of(4, {"age_low": [0, 0, 3, 10], "age_high": [2, 2, 9, 19], "gender": ["female", "male", "male", "male"]})
    )
    age = np.full((4, 101), -20.0)
    for row, year in enumerate((1, 12, 5, 15)):
        age[row, year] = 5
    logits = {"age": age, "female": np.array([[1.0], [1.0], [-1.0], [-1.0]])}
    found = trials.of_rows(logits, truth, None)
    assert found == {"gender": 0.75, "bucket": 0.75, "one-off": 0.75}
    named = ["White", "Black", "White", "White"]
    groups = [g for g in attributes.GROUPS if g not in named]
    more = trials.of_rows(
        {k: np.concatenate([v, v[[0] * len(groups)]]) for k, v in logits.items()},
        {k: np.concatenate([v, v[[0] * len(groups)]]) for k, v in truth.items()},
        named + groups,
    )
    assert (more["worst group's error"], more["best group's error"]) == (1.0, 0.0)


def test_fewer_persons_are_drawn() -> None:
    names = ["b", "a", "c", "a", "d"]
    none = np.full((5, 68, 2), np.nan, np.float32)
    pack = landmarks.Labelled(crops_of(5, {"person": names}), none, none[:, :5], np.arange(5), True)
    assert learning.fewer_persons(pack, 0.5).rows.tolist() == [1, 2, 3]  # a and c


def test_the_page_and_the_plot_of_learning(tmp_path: Path) -> None:
    def row(share: float, steps: int, value: float) -> dict[str, Any]:
        figures = dict.fromkeys([*learning.FIGURES, *learning.POINTS], value)
        seen = dict.fromkeys(figures, 0.75)
        return {"share": share, "rows": round(share * 100), "steps": steps, "pictures": steps * 128, "val": figures,
                "seen": seen}  # fmt: skip

    rows = [row(0.5, 100, 0.25), row(1.0, 100, 0.5)]
    longer = [row(1.0, 50, 0.375), row(1.0, 100, 0.5)]
    curves = learning.Curves(rows, longer, rows, longer)
    page = learning.page(curves)
    assert "| 50%, 50 of FairFace | 0.250 (0.750) |" in page
    assert "The last doubling brought: fairface gender +0.250" in page
    assert "| 6,400 | 0.375 (0.750) |" in page
    assert "| 100%, 100 persons | 0.5000 (0.7500) | 0.50 (0.75) |" in page
    learning.plot(curves, tmp_path / "learning.png")
    assert (tmp_path / "learning.png").stat().st_size > 5000


def test_what_people_wrote_below_the_curves_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def result(trial: Any, *_: Any) -> dict[str, Any]:
        figures = dict.fromkeys([*learning.FIGURES, *learning.POINTS], 0.5)
        asked.append(trial.seed)
        return {"share": trial.share, "rows": round(trial.share * 100), "steps": trial.steps,
                "pictures": trial.steps * 128, "val": figures, "seen": figures}  # fmt: skip

    asked: list[int] = []
    monkeypatch.setattr(trials, "run", result)
    monkeypatch.setattr(learning, "run_points", result)
    monkeypatch.setattr(attributes, "load", lambda *_: {})
    monkeypatch.setattr(trials, "load", lambda _: {})
    page = tmp_path / "learning.md"
    page.write_text(f"# old figures\n\n{learning.FOLLOWS}\n\nTwice as many.\n")
    monkeypatch.setattr(learning.training, "set_up", lambda *_: None)
    learning.learning(Namespace(data=tmp_path, models=tmp_path, threads=1, seed=7))
    text = page.read_text()
    assert "old figures" not in text
    assert "| 25%, 25 of FairFace | 0.500 (0.500) |" in text
    assert text.endswith(f"\n{learning.FOLLOWS}\n\nTwice as many.\n")
    assert set(asked) == {7}
