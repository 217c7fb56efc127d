"""Apparent age, perceived gender, smile and glasses from the attributes network's outputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from facelens.types import AGE_COUNT, AgeEstimate, GenderEstimate

TASK = "attributes"
BAND = 0.8
"""Share of the age distribution inside the band low..high."""


def quantile(probabilities: npt.ArrayLike, share: float) -> float:
    """The age below which ``share`` of a distribution over whole years lies.

    The mass of year y is spread evenly over y - 0.5 .. y + 0.5, so that the figure moves smoothly; result in 0..100.
    """
    p = np.asarray(probabilities, np.float64)
    edges = np.concatenate([[0.0], np.cumsum(p) / max(p.sum(), 1e-12)])
    # a strictly rising curve: numpy's interp needs one to invert a plateau at a defined place
    edges = edges + np.arange(len(edges)) * 1e-12
    return float(np.clip(np.interp(share, edges, np.arange(len(edges)) - 0.5), 0, AGE_COUNT - 1))


def age_estimate(probabilities: npt.ArrayLike) -> AgeEstimate:
    """The median and the central 80 % band of a distribution over years 0..100."""
    p = np.asarray(probabilities, np.float32)
    low, years, high = (quantile(p, share) for share in ((1 - BAND) / 2, 0.5, (1 + BAND) / 2))
    return AgeEstimate(years, low, high, p)


def gender_estimate(female: float) -> GenderEstimate:
    """The likelier label from P(perceived as female)."""
    return GenderEstimate("female", female) if female >= 0.5 else GenderEstimate("male", 1 - female)


def read(
    outputs: Mapping[str, npt.NDArray[np.float32]], row: int
) -> tuple[AgeEstimate, GenderEstimate, float | None, float | None]:
    """Age, gender, smile and glasses of one face of a batch; smile and glasses None where the network has none."""
    smile, glasses = outputs.get("smile"), outputs.get("glasses")
    return (
        age_estimate(outputs["age"][row]),
        gender_estimate(float(outputs["female"][row, 0])),
        None if smile is None else float(smile[row, 0]),
        None if glasses is None else float(glasses[row, 0]),
    )
