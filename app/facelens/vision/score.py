"""The face score: a weighted mean of components that can each be shown, with tips."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from facelens.errors import UsageError
from facelens.types import AGE_RANGES, AgeEstimate, FaceScore, Landmarks, Quality, ScoreComponent
from facelens.vision.symmetry import symmetry

DEFAULT_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"appearance": 0.35, "expression": 0.25, "symmetry": 0.15, "quality": 0.25}
)
CLASSIC_VALUES = (100, 100, 95, 90, 80, 50, 40, 20)
"""What each of the eight age ranges is worth in the published rule."""
PRESETS = ("default", "classic")
APPEARANCE_SCORES = np.arange(41) / 10 + 1
"""The scores 1.0 .. 5.0 that the appearance network's distribution is over (SCUT-FBP5500's scale)."""
MAX_TIPS = 3


OUTPUT = "distribution"
"""Name of the output that holds the appearance, in a network of its own or among the attributes."""


def appearance_value(distribution: npt.ArrayLike) -> float:
    """The mean rating of a distribution over ``APPEARANCE_SCORES``, as 0..100 (1 is 0, 5 is 100)."""
    p = np.asarray(distribution, np.float64)
    return float(((p @ APPEARANCE_SCORES) / max(p.sum(), 1e-12) - 1) * 25)


def check_weights(weights: Mapping[str, float] | None) -> Mapping[str, float]:
    """Weights scaled to sum 1; components left out weigh nothing.

    Raises:
        UsageError: an unknown name, a negative or not finite weight, or all zero.
    """
    if weights is None:
        return DEFAULT_WEIGHTS
    unknown = set(weights) - set(DEFAULT_WEIGHTS)
    known = ", ".join(DEFAULT_WEIGHTS)
    if unknown:
        raise UsageError(
            "Cannot use these weights", f"there is no component {', '.join(sorted(unknown))}", f"Known: {known}"
        )
    values = {name: float(weights.get(name, 0.0)) for name in DEFAULT_WEIGHTS}
    total = sum(values.values())
    if not np.isfinite(total) or min(values.values()) < 0 or total <= 0:
        raise UsageError("Cannot use these weights", "they must be 0 or more, and not all 0", f"Weigh {known}")
    return MappingProxyType({name: value / total for name, value in values.items()})


def face_score(
    weights: Mapping[str, float],
    *,
    appearance: float | None,
    smile: float | None,
    landmarks: Landmarks | None,
    quality: Quality | None,
) -> FaceScore | None:
    """The weighted mean of the components that could be measured; None where there is none, or none with a weight.

    Args:
        weights: from ``check_weights``.
        appearance: 0..100, see ``appearance_value``.
        smile: probability of a smile, 0..1.
        landmarks: scheme 'ibug68', for symmetry.
    """
    values: dict[str, float] = {}
    if appearance is not None:
        values["appearance"] = appearance
    if smile is not None:
        values["expression"] = 100 * smile
    if landmarks is not None:
        values["symmetry"] = symmetry(landmarks.points)
    if quality is not None:
        values["quality"] = quality.value
    total = sum(weights[name] for name in values)
    if total <= 0:
        return None
    components = tuple(ScoreComponent(name, value, weights[name] / total) for name, value in values.items())
    value = float(np.clip(sum(c.value * c.weight for c in components), 0, 100))
    return FaceScore(value, components, tips(smile, quality))


def classic_score(age: AgeEstimate, quality: Quality | None = None, smile: float | None = None) -> FaceScore:
    """The published rule, exactly, without its random jitter: each range's value weighted by its probability."""
    p = age.range_probabilities
    components = tuple(
        ScoreComponent(f"{low}-{high}", float(value), float(share))
        for (low, high), value, share in zip(AGE_RANGES, CLASSIC_VALUES, p)
    )
    return FaceScore(float(p @ np.array(CLASSIC_VALUES)), components, tips(smile, quality), "classic")


def tips(smile: float | None, quality: Quality | None) -> tuple[str, ...]:
    """Up to three things that would improve the picture, the most useful first."""
    found: list[tuple[float, str]] = []
    if quality is not None:
        q = quality
        if q.resolution < 45:
            found.append((q.resolution, "Come closer"))
        if q.pose < 65:
            found.append((q.pose, _pose_tip(q)))
        if q.exposure < 65:
            found.append((q.exposure, "More light on the face" if q.brightness < 0.5 else "Less light on the face"))
        if abs(q.light_balance) > 0.16:
            side = "right" if q.light_balance > 0 else "left"
            found.append((70 - 100 * abs(q.light_balance), f"Turn towards the light on the {side} of the picture"))
        if q.sharpness < 35 and q.resolution >= 45:
            found.append((q.sharpness, "Hold still, or clean the lens"))
        if q.contrast < 40 and q.exposure >= 65:
            found.append((q.contrast, "Softer background light, more light from the front"))
    if smile is not None and smile < 0.35:
        found.append((40 + 60 * smile, "A slight smile would warm the picture"))
    return tuple(text for _, text in sorted(found)[:MAX_TIPS])


def _pose_tip(quality: Quality) -> str:
    yaw, pitch, roll = abs(quality.yaw), 0.8 * abs(quality.pitch), 0.4 * abs(quality.roll)
    if roll > max(yaw, pitch):
        return "Hold the head upright"
    if yaw >= pitch:
        return "Turn towards the camera"
    return "Raise the chin a little" if quality.pitch < 0 else "Lower the chin a little"
