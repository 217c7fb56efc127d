"""The assignment is the cheapest there is."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelens.tracking import assign

LIMIT = 5.0


def price(cost: npt.NDArray[np.float64], pairs: tuple[tuple[int, int], ...]) -> float:
    """What an assignment costs, each row that stays alone at the limit."""
    return sum(cost[pair] for pair in pairs) + LIMIT * (cost.shape[0] - len(pairs))


def cheapest(cost: npt.NDArray[np.float64]) -> float:
    """By trying every assignment; columns beyond the matrix stand for nobody."""
    rows, columns = cost.shape
    best = float("inf")
    for order in permutations(range(columns + rows), rows):
        pairs = tuple((row, c) for row, c in enumerate(order) if c < columns and cost[row, c] < LIMIT)
        best = min(best, price(cost, pairs))
    return best


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
def test_no_other_assignment_is_cheaper(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # whole numbers give ties, and some pairs are impossible
    cost = rng.integers(0, 8, (rows, columns)).astype(float)
    cost[rng.random(cost.shape) < 0.2] = np.inf
    pairs = assign(cost, LIMIT)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(cost[pair] < LIMIT for pair in pairs)
    assert price(cost, pairs) == pytest.approx(cheapest(cost))


def test_a_matrix_and_its_transpose_agree() -> None:
    cost = np.random.default_rng(1).random((60, 40))
    there = assign(cost, 2.0)
    back = assign(cost.T, 2.0)
    assert len(there) == 40
    assert sum(cost[pair] for pair in there) == pytest.approx(sum(cost.T[pair] for pair in back))


def test_the_nearest_pair_is_given_up_for_a_cheaper_whole() -> None:
    # best pair first would take (0, 0) and then (1, 1), 0 + 4
    assert assign([[0.0, 1.0], [1.0, 4.0]], LIMIT) == ((0, 1), (1, 0))


def test_a_fitting_pair_does_not_make_way_for_two_that_hardly_fit() -> None:
    # (0, 0) alone costs 0.1 + 5 for the one who stays alone; the two others 9.8
    assert assign([[0.1, 4.9], [4.9, np.inf]], LIMIT) == ((0, 0),)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nobody_and_nothing(shape: tuple[int, int]) -> None:
    assert assign(np.zeros(shape), LIMIT) == ()


def test_what_is_no_number_is_no_pair() -> None:
    assert assign([[np.nan, 1.0], [np.inf, np.nan]], LIMIT) == ((0, 1),)
