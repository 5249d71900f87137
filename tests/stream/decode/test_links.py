"""Scores of pairs against the slow twin; lines that leave the map, of no length, or on fields that are no numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.decode.links import WORTHLESS, match_greedily, score_pairs
from reference_several import link_score


def scores(start, stop, field, points=10, sharp=False, longest=np.inf, weight=1.0, same_place=1.0):
    """Scores of every pair: start [n, 2], stop [m, 2], field [h, w, 2]; the grid of stride 8."""
    most = max(len(start), len(stop))
    peaks = np.zeros((2, most, 3))
    peaks[0, : len(start), :2], peaks[1, : len(stop), :2] = start, stop
    peaks[..., 2] = 1.0
    table = np.full((1, most, most), 7.0)
    score_pairs(
        peaks, np.array([len(start), len(stop)]), most, 0.0, np.array([[0, 1]]),
        np.ascontiguousarray(field[:, :, None], np.float32), *field.shape[:2], 8.0, 3.5, points,
        np.array([longest]), weight, same_place, sharp, -1.0, table,
    )  # fmt: skip
    return table[0, : len(start), : len(stop)]


@settings(deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([2, 5, 10]), st.booleans())
def test_scores_equal_the_slow_twin(seed, points, sharp):
    rng = np.random.default_rng(seed)
    field = rng.normal(size=(5, 6, 2)).astype(np.float32)
    start, stop = rng.uniform(-10, 60, (3, 2)), rng.uniform(-10, 60, (2, 2))
    limb = stop[0] - start[0]
    field[rng.integers(5), rng.integers(6)] = limb / np.linalg.norm(limb)  # where one limb may be drawn exactly
    found = scores(start, stop, field, points, sharp)
    for i, j in np.ndindex(3, 2):
        twin = link_score(start[i], stop[j], field, (5, 6), 8, 3.5, points, sharp)
        assert found[i, j] == pytest.approx(twin, abs=1e-6)


def test_a_line_beyond_the_longest_loses():
    field = np.zeros((4, 20, 2), np.float32)
    field[..., 0] = 1.0
    start, stop = np.array([[3.5, 3.5]]), np.array([[103.5, 3.5]])
    assert scores(start, stop, field)[0, 0] == pytest.approx(1.0)
    assert scores(start, stop, field, longest=50.0)[0, 0] == pytest.approx(0.5)
    assert scores(start, stop, field, longest=50.0, weight=2.0)[0, 0] == pytest.approx(0.0)


def test_two_peaks_at_one_place_have_the_score_they_are_given():
    field = np.ones((4, 4, 2), np.float32)
    assert scores([[5, 5]], [[5, 5]], field)[0, 0] == 1.0
    assert scores([[5, 5]], [[5, 5]], field, same_place=-3.0)[0, 0] == -3.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_a_field_that_is_no_number_gives_the_worst_score_or_a_finite_one(value):
    field = np.full((4, 4, 2), value, np.float32)
    for sharp in (False, True):
        found = scores([[5, 5]], [[25, 20]], field, sharp=sharp)[0, 0]
        assert np.isfinite(found)
        assert found <= 1 or sharp
    assert scores([[5, 5]], [[25, 20]], field)[0, 0] == WORTHLESS


def test_sharp_keeps_a_crossed_limb_and_drops_a_line_across_others():
    field = np.zeros((3, 12, 2), np.float32)
    field[1, :, 0] = 1.0  # a limb along the middle row
    field[1, 4:6] = (0.0, 1.0)  # another crosses it
    start, stop = np.array([[3.5, 11.5]]), np.array([[91.5, 11.5]])
    assert scores(start, stop, field, sharp=True)[0, 0] > 0.75
    across = np.zeros((12, 12, 2), np.float32)
    across[...] = (0.6, 0.8)
    assert scores(start, stop, across, sharp=True)[0, 0] < 0.05
    assert scores(start, stop, across)[0, 0] == pytest.approx(0.6)


def test_of_a_short_limb_one_cell_may_be_left():
    field = np.zeros((8, 8, 2), np.float32)
    field[..., 0] = -1.0  # others lie all over it
    start, stop = np.array([[20.0, 20.0]]), np.array([[33.0, 30.0]])
    assert scores(start, stop, field, sharp=True)[0, 0] < 0.01
    field[3, 3] = (stop - start)[0] / np.linalg.norm(stop - start)
    assert scores(start, stop, field, 3, sharp=True)[0, 0] >= 0.3
    assert scores(start, stop, field, 3)[0, 0] < 0


def test_matching_greedily_takes_the_best_pair_first():
    peaks = np.ones((2, 3, 3))
    table = np.array([[[0.9, 0.8, 0.0], [0.85, 0.1, 0.0], [0.0, 0.0, 0.0]]])
    partner = np.zeros((1, 3), np.int64)
    match_greedily(table, peaks, np.array([2, 2]), np.array([[0, 1]]), 3, 0.0, 0.2, partner)
    assert partner[0].tolist() == [0, -1, -1]
    match_greedily(table, peaks, np.array([2, 2]), np.array([[0, 1]]), 3, 0.0, 0.05, partner)
    assert partner[0].tolist() == [0, 1, -1]
