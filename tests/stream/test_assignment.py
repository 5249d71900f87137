"""The assignment kernel against SciPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posewire.assignment import Workspace, assign

optimize = pytest.importorskip("scipy.optimize")


def assigned(cost: np.ndarray, rows: int, columns: int) -> np.ndarray:
    space = Workspace(max(rows, columns))
    partner = np.full(max(rows, 1), 99, np.int64)
    assign(cost, rows, columns, partner, space.floats, space.integers)
    return partner[:rows]


@settings(deadline=None, max_examples=300)
@given(st.data(), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_total_cost_equals_that_of_scipy(data, rows, columns, whole):
    elements = st.integers(-3, 3).map(float) if whole else st.floats(-1e3, 1e3)
    cost = data.draw(hnp.arrays(np.float64, (rows + 2, columns + 1), elements=elements))
    partner = assigned(cost, rows, columns)
    used = partner[partner >= 0]
    assert len(used) == min(rows, columns) == len(set(used.tolist()))
    best = optimize.linear_sum_assignment(cost[:rows, :columns])
    ours = sum(cost[i, j] for i, j in enumerate(partner) if j >= 0)
    assert ours == pytest.approx(cost[best].sum(), abs=1e-6)


def test_of_equal_assignments_always_the_same_is_taken():
    cost = np.zeros((4, 4))
    assert assigned(cost, 4, 4).tolist() == assigned(cost.copy(), 4, 4).tolist() == [0, 1, 2, 3]


def test_work_space_may_be_larger_and_used_again():
    space, rng = Workspace(12), np.random.default_rng(0)
    for rows, columns in [(12, 3), (1, 12), (5, 5), (12, 12)]:
        cost = rng.normal(size=(rows, columns))
        partner = np.empty(rows, np.int64)
        assign(cost, rows, columns, partner, space.floats, space.integers)
        fresh = assigned(cost, rows, columns)
        assert partner.tolist() == fresh.tolist()
