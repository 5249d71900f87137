"""Optimal one-to-one assignment for small tables, without allocation: linking and tracking both need it.

Shortest augmenting paths with potentials (Jonker and Volgenant 1987, "A shortest augmenting path algorithm for dense
and sparse linear assignment problems"; Crouse 2016, DOI 10.1109/TAES.2016.140952, for rectangular tables). Of equally
good assignments the result depends on the table alone, so it is the same on every machine. The twin is SciPy's
``linear_sum_assignment``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

NONE = -1


class Workspace:
    """Scratch memory for tables of up to ``most`` rows and columns, made once and passed to the kernels."""

    def __init__(self, most: int) -> None:
        self.floats: npt.NDArray[np.float64] = np.zeros((3, most + 1), np.float64)
        self.integers: npt.NDArray[np.int64] = np.zeros((3, most + 1), np.int64)


@njit(nogil=True, cache=True)
def assign_edges(scores, peaks, counts, edges, most, least, floor, forced, cost, partner, floats, integers):  # type: ignore[no-untyped-def]
    """For each edge the assignment of peaks of largest worth.

    ``scores`` float64 [E, M, M]; ``peaks`` float64 [K, M, 3] with their score last, best first, and ``counts`` int64
    [K]; the best ``most`` that reach ``least`` take part. ``edges`` int64 [E, 2]; ``cost`` float64 [M, M] is scratch.
    A pair is worth its score beyond ``floor`` times the square root of its length, or nothing; ``forced``: its score.
    ``partner`` int64 [E, M] gets the second end's peak of each first end's peak, -1 for none.
    """
    for e in range(edges.shape[0]):
        a, b = edges[e]
        rows = columns = 0
        while rows < min(counts[a], most) and peaks[a, rows, 2] >= least:
            rows += 1
        while columns < min(counts[b], most) and peaks[b, columns, 2] >= least:
            columns += 1
        for i in range(rows, partner.shape[1]):
            partner[e, i] = -1
        for i in range(rows):
            for j in range(columns):
                if forced:
                    cost[i, j] = -scores[e, i, j]
                elif scores[e, i, j] > floor:
                    dx, dy = peaks[b, j, 0] - peaks[a, i, 0], peaks[b, j, 1] - peaks[a, i, 1]
                    # As standard deviations add up: a line twice as long is evidence of twice as many cells.
                    cost[i, j] = -(scores[e, i, j] - floor) * np.sqrt(np.sqrt(dx * dx + dy * dy) + 1.0)
                else:
                    cost[i, j] = 0.0
        assign(cost, rows, columns, partner[e], floats, integers)


@njit(nogil=True, cache=True)
def assign(cost, rows, columns, partner, floats, integers):  # type: ignore[no-untyped-def]
    """The assignment of least total cost.

    ``cost``: float64, at least [rows, columns], finite; ``partner``: int64 [rows or more], gets the column of each row,
    -1 for a row left over (with more rows than columns). ``floats`` and ``integers`` are those of a `Workspace` for the
    larger of ``rows`` and ``columns``.
    """
    for i in range(rows):
        partner[i] = -1
    flipped = rows > columns
    n, m = (columns, rows) if flipped else (rows, columns)
    if n == 0:
        return
    # Position 0 of the columns stands for "the row that is being placed"; rows and columns count from 1.
    row_price, column_price, slack = floats[0], floats[1], floats[2]
    owner, way, seen = integers[0], integers[1], integers[2]
    for i in range(n + 1):
        row_price[i] = 0.0
    for j in range(m + 1):
        column_price[j] = 0.0
        owner[j] = 0
    for i in range(1, n + 1):
        owner[0] = i
        here = 0
        for j in range(m + 1):
            slack[j] = np.inf
            seen[j] = 0
        while True:
            seen[here] = 1
            row = owner[here]
            step = np.inf
            there = 0
            for j in range(1, m + 1):
                if seen[j] == 0:
                    value = cost[j - 1, row - 1] if flipped else cost[row - 1, j - 1]
                    reduced = value - row_price[row] - column_price[j]
                    if reduced < slack[j]:
                        slack[j] = reduced
                        way[j] = here
                    if slack[j] < step:
                        step = slack[j]
                        there = j
            for j in range(m + 1):
                if seen[j] == 1:
                    row_price[owner[j]] += step
                    column_price[j] -= step
                else:
                    slack[j] -= step
            here = there
            if owner[here] == 0:
                break
        while here != 0:
            before = way[here]
            owner[here] = owner[before]
            here = before
    for j in range(1, m + 1):
        if owner[j] > 0:
            if flipped:
                partner[j - 1] = owner[j] - 1
            else:
                partner[owner[j] - 1] = j - 1
