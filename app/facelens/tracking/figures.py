"""Picture quality and face score of one person, so steady that they can be read."""

from __future__ import annotations

import math

import numpy as np

from facelens.tracking.labels import Settled, Steady
from facelens.tracking.smoothing import Cutoff, OneEuro
from facelens.types import AGE_RANGES, AgeEstimate, Face, FaceScore, Quality, ScoreComponent

CUTOFF = Cutoff(0.25, 0.01, 15.0)
"""A minute's noise goes, and a smile still shows in the score within half a second. Unit: a point of 100."""
STEP, SETTLING_SECONDS = 1.5, 1.0
"""Points by which a figure must have moved before the shown ones follow; less while a person is new, from 0 on."""
TIPS_SECONDS = 0.5
"""Tips appear when they have lasted so long."""
_POINTS = dict.fromkeys(("sharpness", "exposure", "contrast", "pose", "resolution", "yaw", "pitch", "roll"), 1.0)
_POINTS |= {"brightness": 100.0, "light_balance": 100.0}
"""What is measured, and how many points of 100 one of its units is worth."""


class Figures:
    """Quality and score of one person; None where the newest reading does not give them."""

    __slots__ = ("_at", "_filter", "_quality_shown", "_rule", "_score_shown", "_since", "_tips", "quality", "score")

    def __init__(self) -> None:
        self._rule: tuple[object, ...] = ()
        self._at = self._since = 0.0
        self._tips = Settled(TIPS_SECONDS)
        self.quality: Quality | None = None
        self.score: FaceScore | None = None

    def add(self, face: Face, age: AgeEstimate | None, now: float) -> None:
        """Take in what one reading says at ``now`` s; ``age`` is the fused one, by which the published rule goes."""
        quality, score = face.quality, face.score
        if quality is None and score is None:
            self.quality = self.score = None
            return
        parts = () if score is None else score.components
        rule = (quality is None, score is None or score.preset, *(part.name for part in parts))
        if rule != self._rule:
            # another rule gives other figures: nothing of the old ones is carried over
            self._rule, self._filter, self._since = rule, OneEuro(math.inf), now
            self._quality_shown, self._score_shown = Steady(), Steady()
        values = [part.value for part in parts]
        if quality is not None:
            values += [points * getattr(quality, name) for name, points in _POINTS.items()]
        steady = self._filter.step(np.array(values)[:, None], now - self._at, 1.0, CUTOFF)[:, 0].tolist()
        self._at = now
        step = min((now - self._since) / SETTLING_SECONDS, 1.0) * STEP
        self.quality = self.score = None
        if quality is not None:
            shown = self._quality_shown.step(tuple(steady[len(parts) :]), step)
            self.quality = Quality(**{name: v / points for (name, points), v in zip(_POINTS.items(), shown)})
        if score is not None:
            self.score = self._steady_score(score, steady[: len(parts)], age, now, step)

    def _steady_score(
        self, score: FaceScore, values: list[float], age: AgeEstimate | None, now: float, step: float
    ) -> FaceScore:
        weights = [part.weight for part in score.components]
        if score.preset == "classic" and age is not None and len(weights) == len(AGE_RANGES):
            weights = age.range_probabilities.tolist()
        # the whole beside its parts, as small changes of all of them add up
        *shown, _ = self._score_shown.step((*values, _mean(values, weights)), step)
        parts = tuple(ScoreComponent(part.name, v, w) for part, v, w in zip(score.components, shown, weights))
        return FaceScore(_mean(shown, weights), parts, self._tips.step(score.tips, now), score.preset)


def _mean(values: list[float], weights: list[float]) -> float:
    """The weighted mean, 0..100."""
    total = sum(value * weight for value, weight in zip(values, weights))
    return min(max(total / max(sum(weights), 1e-9), 0.0), 100.0)
