"""The cheapest one-to-one assignment of rows to columns, for tracks and detections of a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


def assign(cost: npt.ArrayLike, limit: float) -> tuple[tuple[int, int], ...]:
    """The set of pairs (row, column), each row and column at most once, with the least total cost.

    Staying alone costs ``limit``: a pair is made only where it costs less, and a dear pair never makes way for two
    dearer ones. Shortest augmenting paths, O(n^3): R. Jonker and A. Volgenant, "A Shortest Augmenting Path Algorithm
    for Dense and Sparse Linear Assignment Problems", Computing 38, 1987, in the rectangular form of D. F. Crouse, "On
    Implementing 2D Rectangular Assignment Algorithms", IEEE Transactions on Aerospace and Electronic Systems 52, 2016.

    Args:
        cost: n x m; what is not below ``limit``, NaN included, is no pair.
        limit: finite.

    Returns:
        Pairs in the order of their rows.
    """
    given = np.asarray(cost, np.float64)
    if given.size == 0:
        return ()
    # a pair at the limit is as good as none, so that every row can have some column
    clipped = np.where(given < limit, given, limit)
    tall = clipped.shape[0] > clipped.shape[1]
    columns = _columns(clipped.T if tall else clipped)
    pairs = ((column, row) if tall else (row, column) for row, column in enumerate(columns))
    return tuple(sorted(pair for pair in pairs if clipped[pair] < limit))


def _columns(cost: Matrix) -> list[int]:
    """The column of each row in the cheapest assignment of all rows; n x m finite values, n <= m."""
    rows, columns = cost.shape
    nearest = cost.argmin(axis=1).tolist()
    if len(set(nearest)) == rows:
        # nothing is wanted twice: no other assignment can be cheaper
        return list(nearest)
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    column_of = np.full(rows, -1)
    for row in range(rows):
        # the shortest path, in prices above the agreed ones, from this row to a column that is free
        distance, done = np.full(columns, np.inf), np.zeros(columns, bool)
        came_from = np.full(columns, -1)
        at, so_far = row, 0.0
        while True:
            through = so_far + cost[at] - row_price[at] - column_price
            shorter = (through < distance) & ~done
            distance[shorter] = through[shorter]
            came_from[shorter] = at
            column = int(np.where(done, np.inf, distance).argmin())
            so_far = float(distance[column])
            done[column] = True
            if row_of[column] < 0:
                break
            at = int(row_of[column])
        row_price[row] += so_far
        passed = np.flatnonzero(done & (row_of >= 0))
        row_price[row_of[passed]] += so_far - distance[passed]
        column_price[done] -= so_far - distance[done]
        while True:
            at = int(came_from[column])
            row_of[column] = at
            column_of[at], column = column, int(column_of[at])
            if at == row:
                break
    return [int(column) for column in column_of]
