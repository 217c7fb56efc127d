"""Apparent age, perceived gender, smile, glasses and expression from the attributes network's outputs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from facelens.ages import quantiles
from facelens.errors import ModelShapeError
from facelens.types import EXPRESSIONS, AgeEstimate, Expression, GenderEstimate
from facelens.vision.trust import sharpened, tempered

TASK = "attributes"
BAND = 0.8
"""Share of the age distribution inside the band low..high."""
_SHARES = ((1 - BAND) / 2, 0.5, (1 + BAND) / 2)
SUM_SLACK = 0.01
"""How far from 1 the sum of an expression's probabilities may lie, as it does in networks of half precision."""


def age_estimate(probabilities: npt.ArrayLike) -> AgeEstimate:
    """The median and the central 80 % band of a distribution over years 0..100."""
    p = np.asarray(probabilities, np.float32)
    low, years, high = quantiles(p, _SHARES)
    return AgeEstimate(years, low, high, p)


def gender_estimate(female: float) -> GenderEstimate:
    """The likelier label from P(perceived as female)."""
    return GenderEstimate("female", female) if female >= 0.5 else GenderEstimate("male", 1 - female)


def expression_estimate(probabilities: npt.ArrayLike) -> Expression:
    """The expression from the probabilities of the eight ``EXPRESSIONS``, scaled to sum exactly 1.

    Raises:
        ModelShapeError: they are not eight values from 0 that sum to 1 within 1 %.
    """
    p = np.asarray(probabilities, np.float64)
    # a network with other classes, or without its softmax, would be read as something it did not say
    if p.shape != (len(EXPRESSIONS),) or p.min() < 0 or not abs(p.sum() - 1) <= SUM_SLACK:
        raise ModelShapeError(
            "Cannot read the expression that the attributes network gives",
            f"it gives values of shape {p.shape} with the sum {p.sum():.3g}, not {len(EXPRESSIONS)} probabilities",
            "Use the model file that belongs to this version of Facelens",
        )
    return Expression(np.asarray(p / p.sum(), np.float32))


def read(
    outputs: Mapping[str, npt.NDArray[np.float32]], row: int, trust: float = 1.0
) -> tuple[AgeEstimate, GenderEstimate, float | None, float | None, Expression | None]:
    """Age, gender, smile, glasses and expression of one face of a batch; those that the network lacks are None.

    Args:
        outputs: by name: age N x 101, female, smile and glasses N x 1, expression N x 8 in the order of
            ``EXPRESSIONS``; all probabilities 0..1. Only the first two must be there.
        row: which of the N faces.
        trust: how far they can be trusted, see ``vision.trust``; below 1 all of them become less sure.

    Raises:
        ModelShapeError: see ``expression_estimate``.
    """
    smile, glasses, expression = (outputs.get(name) for name in ("smile", "glasses", "expression"))
    look = None if expression is None else expression_estimate(expression[row])
    return (
        age_estimate(sharpened(outputs["age"][row], trust)),
        gender_estimate(tempered(float(outputs["female"][row, 0]), trust)),
        None if smile is None else tempered(float(smile[row, 0]), trust),
        None if glasses is None else tempered(float(glasses[row, 0]), trust),
        look if look is None or trust == 1.0 else Expression(sharpened(look.probabilities, trust)),
    )
