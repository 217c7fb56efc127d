"""Compares what was read in single faces with a pack's labels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from facelens.evaluation.conditions import groups as condition_groups
from facelens.evaluation.metrics import Array, auc, nme, nme5, pearson, points15_error
from facelens.types import EXPRESSIONS, Face

GROUPS = ("gender", "race", "ethnicity", "glasses", "pose", "subset")
"""Columns that figures are also given for apart, beside age and the expression that most votes went to."""
SMILE_HAPPINESS = 0.5
"""Share of 'happiness' votes from which an emotion pack's face counts as smiling."""
MISSED_NME = 1.0
"""Error of a face not found: as if every point were an eye distance away."""
MISSED_STEPS = 99
RESAMPLES = 500

Rows = npt.NDArray[np.intp]


class FaceTally:
    """Collects one face a row and sums up; the conventions are those of ``evaluation.evaluate``."""

    def __init__(self, columns: Collection[str]) -> None:
        self._columns = frozenset(columns)
        self._labels: list[dict[str, Any]] = []
        self._faces: list[dict[str, Any] | None] = []
        self._conditions: list[dict[str, float] | None] = []

    def add(
        self,
        labels: dict[str, Any],
        face: Face | None,
        scale: float,
        offset: tuple[float, float],
        conditions: dict[str, float] | None = None,
    ) -> None:
        """One row of the pack, the face found in the picture that ``packs.padded`` made of it, and
        ``conditions.measure`` of the stored picture."""
        self._labels.append(labels)
        self._conditions.append(conditions)
        if face is None:
            self._faces.append(None)
            return
        read: dict[str, Any] = {"smile": face.smile, "glasses": face.glasses}
        if face.age is not None:
            read |= {"years": face.age.years, "low": face.age.low, "high": face.age.high}
            read["probabilities"] = face.age.probabilities.astype(np.float64)
        if face.gender is not None:
            read["gender"] = face.gender.label
        if face.expression is not None:
            read["expression"] = face.expression.label
        if face.score is not None:
            read["appearance"] = next((c.value for c in face.score.components if c.name == "appearance"), None)
        if face.landmarks is not None and face.landmarks.scheme == "ibug68":
            read["points"] = (face.landmarks.points - np.array(offset) + 0.5) / scale - 0.5
        self._faces.append(read)

    def figures(self, intervals: bool = False) -> dict[str, Any]:
        """All figures of the rows so far; see ``evaluation.evaluate``."""
        values = self._values()
        every = np.arange(len(self._labels))
        found = np.array([face is not None for face in self._faces], bool)
        out: dict[str, Any] = {"rows": len(every), "detected": int(found.sum()), **summary(values, every)}
        groups = self._groups()
        if groups:
            out["by_group"] = {
                name: {
                    value: {"n": len(rows), "detected": int(found[rows].sum()), **summary(values, rows)}
                    for value, rows in members.items()
                }
                for name, members in groups.items()
            }
        out["found_only"] = summary(values, every[found])
        if intervals:
            out["intervals"] = bootstrap(values, every)
        return out

    @property
    def _has_expressions(self) -> bool:
        return self._columns.issuperset(EXPRESSIONS)

    def _expressions(self) -> list[str | None]:
        return [voted(labels) for labels in self._labels]

    def _column(self, name: str) -> list[Any]:
        return [labels.get(name) for labels in self._labels]

    def _read(self, name: str) -> list[Any]:
        """What the engine read, None where the face was not found; empty where the engine was not asked for it."""
        read = [None if face is None else face.get(name) for face in self._faces]
        return read if any(value is not None for value in read) or not any(self._faces) else []

    def _values(self) -> dict[str, Array]:
        """Figures of each row as arrays, with the convention for faces not found applied; NaN: no label."""
        out: dict[str, Array] = {}
        if "age" in self._columns and (years := self._read("years")):
            out |= self._years(years)
        if "age_low" in self._columns and (probabilities := self._read("probabilities")):
            out["age_steps"] = self._age_steps(probabilities)
            out["age_inside"] = self._buckets_inside(probabilities)
        if "gender" in self._columns and (genders := self._read("gender")):
            out["gender_right"] = _floats(
                None if label is None else guess == label for guess, label in zip(genders, self._column("gender"))
            )
        if self._has_expressions and (expressions := self._read("expression")):
            out["expression_right"] = _floats(
                None if label is None else guess == label for guess, label in zip(expressions, self._expressions())
            )
        if "points68" in self._columns and (points := self._read("points")):
            out |= self._point_errors(points)
        if "points5" in self._columns and (points := self._read("points")):
            out["nme5"] = self._five_errors(points)
        if "score" in self._columns and (looks := self._read("appearance")):
            out |= self._scores(_floats(looks))
        if self._columns & {"smile", "happiness"} and (smiles := self._read("smile")):
            out["smile"] = np.nan_to_num(_floats(smiles), nan=0.5)
            out["smiling"] = _floats(_smiles(labels) for labels in self._labels)
        if "glasses" in self._columns and (worn := self._read("glasses")):
            out["glasses"] = np.nan_to_num(_floats(worn), nan=0.5)
            out["glassed"] = _floats(self._column("glasses"))
            out["glasses_right"] = _floats(
                None if label is None else guess is not None and (guess > 0.5) == bool(label)
                for guess, label in zip(worn, self._column("glasses"))
            )
        return out

    def _years(self, years: Sequence[float | None]) -> dict[str, Array]:
        truth, guess = _floats(self._column("age")), _floats(years)
        labelled = truth[~np.isnan(truth)]
        middle = float(np.median(labelled)) if len(labelled) else 0.0
        low, high = _floats(self._read("low")), _floats(self._read("high"))
        inside = np.where(np.isnan(low) | np.isnan(truth), np.nan, (np.round(low) <= truth) & (truth <= np.round(high)))
        return {"age_error": np.abs(np.where(np.isnan(guess), middle, guess) - truth), "age_inside": inside}

    def _age_steps(self, probabilities: Sequence[Array | None]) -> Array:
        """How many buckets lie between the label and the bucket that holds most of the distribution."""
        labels = list(zip(self._column("age_low"), self._column("age_high")))
        buckets = sorted({pair for pair in labels if None not in pair})
        steps: list[float | None] = []
        for p, label in zip(probabilities, labels):
            if label not in buckets:
                steps.append(None)
            elif p is None:
                steps.append(MISSED_STEPS)
            else:
                guess = int(np.argmax([p[low : high + 1].sum() for low, high in buckets]))
                steps.append(abs(guess - buckets.index(label)))
        return _floats(steps)

    def _buckets_inside(self, probabilities: Sequence[Array | None]) -> Array:
        """Which share of each labelled bucket lies inside the band that is shown, in whole years.

        The year itself is not known; within the bucket it counts as the distribution says, and where that holds
        nothing of the bucket evenly. So a distribution that fits the ages has a coverage of just its band's share (the
        idea is that of C. Czado, T. Gneiting and L. Held, "Predictive Model Assessment for Count Data", Biometrics 65,
        2009).
        """
        rows = zip(self._read("low"), self._read("high"), self._column("age_low"), self._column("age_high"))
        shares: list[float | None] = []
        for p, (low, high, first, last) in zip(probabilities, rows):
            if p is None or first is None or last is None:
                shares.append(None)
                continue
            years = np.arange(first, min(last, len(p) - 1) + 1)
            weights = p[years] + 1e-9
            shares.append(float(weights[(round(low) <= years) & (years <= round(high))].sum() / weights.sum()))
        return _floats(shares)

    def _point_errors(self, points: Sequence[Array | None]) -> dict[str, Array]:
        errors: dict[str, list[float | None]] = {"nme": [], "squares15": []}
        for guess, labels in zip(points, self._labels):
            found: tuple[float | None, float | None] = (None, None)
            if labels.get("points68") is None:
                pass
            elif guess is None:
                # no number of pixels stands for a face that was not found
                found = (MISSED_NME, None)
            else:
                truth = _pixels(labels, "points68")
                found = (nme(guess, truth), points15_error(guess, truth))
            errors["nme"].append(found[0])
            errors["squares15"].append(found[1])
        return {name: _floats(values) for name, values in errors.items()}

    def _five_errors(self, points: Sequence[Array | None]) -> Array:
        errors: list[float | None] = []
        for guess, labels in zip(points, self._labels):
            if labels.get("points5") is None:
                errors.append(None)
            else:
                errors.append(MISSED_NME if guess is None else nme5(guess, _pixels(labels, "points5")))
        return _floats(errors)

    def _scores(self, looks: Array) -> dict[str, Array]:
        truth = _floats(self._column("score"))
        labelled = truth[~np.isnan(truth)]
        if not len(labelled):
            return {}
        if labelled.min() >= 1 and labelled.max() <= 5:
            guess = looks / 25 + 1
            missed = float(labelled.mean())
        else:
            known = looks[~np.isnan(looks)]
            centre, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
            guess = (looks - centre) / (spread or 1.0) * labelled.std() + labelled.mean()
            missed = float(labelled.mean())
        return {"score_guess": np.where(np.isnan(guess), missed, guess), "score_truth": truth}

    def _groups(self) -> dict[str, dict[str, Rows]]:
        keys: dict[str, list[str | None]] = {}
        if "age_low" in self._columns:
            pairs = zip(self._column("age_low"), self._column("age_high"))
            keys["age"] = [None if low is None else f"{low:02d}-{high:02d}" for low, high in pairs]
        elif "age" in self._columns:
            keys["age"] = [None if age is None else _decade(age) for age in self._column("age")]
        for name in GROUPS:
            if name in self._columns:
                keys[name] = [None if value is None else str(value) for value in self._column(name)]
        if self._has_expressions:
            keys["expression"] = self._expressions()
        keys |= condition_groups(self._conditions)
        return {
            name: {
                value: np.flatnonzero([v == value for v in values])
                for value in sorted({v for v in values if v is not None})
            }
            for name, values in keys.items()
        }


def _pixels(labels: dict[str, Any], name: str) -> Array:
    """Points of a label in px: fractions are of the picture's edges, points are of pixel centres."""
    size = (labels["width"], labels["height"])
    return np.asarray(np.asarray(labels[name], np.float64).reshape(-1, 2) * size - 0.5)


def summary(values: dict[str, Array], rows: Rows) -> dict[str, float]:
    """The figures of some rows; a figure without a labelled row is left out."""
    part = {name: array[rows] for name, array in values.items()}
    out: dict[str, float] = {}

    def mean(key: str, name: str, of: Any = lambda array: array) -> None:
        known = part[name][~np.isnan(part[name])] if name in part else ()
        if len(known):
            out[key] = float(np.mean(of(known)))

    mean("age_mae", "age_error")
    mean("age_coverage", "age_inside")
    mean("age_bucket_accuracy", "age_steps", lambda steps: steps == 0)
    mean("age_bucket_one_off", "age_steps", lambda steps: steps <= 1)
    mean("gender_accuracy", "gender_right")
    mean("expression_accuracy", "expression_right")
    mean("landmarks_nme", "nme")
    mean("landmarks5_nme", "nme5")
    mean("points15_rmse", "squares15")
    if "points15_rmse" in out:
        out["points15_rmse"] = float(np.sqrt(out["points15_rmse"]))
    if "score_truth" in part:
        kept = ~np.isnan(part["score_truth"])
        guess, truth = part["score_guess"][kept], part["score_truth"][kept]
        if len(truth):
            r = pearson(guess, truth)
            out |= {} if r is None else {"score_pearson": r}
            out["score_mae"] = float(np.abs(guess - truth).mean())
            out["score_rmse"] = float(np.sqrt(((guess - truth) ** 2).mean()))
    for key, said, label in (("smile_auc", "smile", "smiling"), ("glasses_auc", "glasses", "glassed")):
        if label in part:
            kept = ~np.isnan(part[label])
            area = auc(part[said][kept], part[label][kept] > 0)
            out |= {} if area is None else {key: area}
    mean("glasses_accuracy", "glasses_right")
    return out


def bootstrap(values: dict[str, Array], rows: Rows, resamples: int = RESAMPLES) -> dict[str, list[float]]:
    """95 % intervals of the figures: B. Efron's percentile bootstrap over rows, with a fixed seed."""
    rng = np.random.default_rng(0)
    drawn = [summary(values, rng.choice(rows, len(rows))) for _ in range(resamples)]
    keys = summary(values, rows)
    return {
        key: [float(v) for v in np.percentile([s[key] for s in drawn if key in s], [2.5, 97.5])] for key in keys
    }  # fmt: skip


def _floats(values: Any) -> Array:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)


def _decade(age: float) -> str:
    low = int(age) // 10 * 10
    return f"{low:02d}-{low + 9:02d}" if low < 80 else "80+"


def voted(labels: dict[str, Any]) -> str | None:
    """The expression with the largest share of votes; None where a share is missing or two share the first place."""
    shares: list[Any] = [labels.get(name) for name in EXPRESSIONS]
    if None in shares or shares.count(largest := max(shares)) > 1:
        return None
    return EXPRESSIONS[shares.index(largest)]


def _smiles(labels: dict[str, Any]) -> bool | None:
    if labels.get("smile") is not None:
        return bool(labels["smile"])
    if labels.get("happiness") is not None:
        return bool(labels["happiness"] >= SMILE_HAPPINESS)
    return None
