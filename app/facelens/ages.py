"""Distributions of age over whole years."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facelens.types import AGE_COUNT

_EDGES = np.arange(AGE_COUNT + 1) - 0.5
# numpy's interp needs a strictly rising curve to invert a plateau at a defined place
_RISE = np.arange(AGE_COUNT + 1) * 1e-12


def quantiles(probabilities: npt.ArrayLike, shares: Sequence[float]) -> tuple[float, ...]:
    """The ages, 0..100, below which ``shares`` of a distribution over the years 0..100 lie.

    The mass of year y is spread evenly over y - 0.5 .. y + 0.5, so that the figures move smoothly.
    """
    reached = np.zeros(AGE_COUNT + 1)
    np.cumsum(probabilities, dtype=np.float64, out=reached[1:])
    reached /= max(float(reached[-1]), 1e-12)
    reached += _RISE
    top = AGE_COUNT - 1.0
    return tuple(min(max(age, 0.0), top) for age in np.interp(shares, reached, _EDGES).tolist())
