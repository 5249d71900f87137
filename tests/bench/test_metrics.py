"""Figures of errors, against twins that loop over every keypoint."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from posewire_bench.metrics import (
    body_length,
    keypoint_errors,
    mean_interval,
    pck,
    precision_recall,
    spread,
)

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4))


@st.composite
def points(draw, shape=None):
    """float32 [F, A, K, 2] with gaps."""
    shape = shape or draw(SHAPES)
    places = draw(arrays.arrays(np.float32, (*shape, 2), elements=st.floats(0, 500, width=32)))
    gaps = draw(arrays.arrays(np.bool_, shape))
    places[gaps] = np.nan
    return places


@st.composite
def pairs(draw):
    labels = draw(points())
    return draw(points(labels.shape[:3])), labels


@given(pairs())
def test_errors_are_distances_absent_labels_nan_and_missed_ones_infinite(pair):
    found, labels = pair
    errors = keypoint_errors(found, labels)
    for place in np.ndindex(errors.shape):
        (x, y), (u, v) = found[place].tolist(), labels[place].tolist()
        if math.isnan(u):
            assert math.isnan(errors[place])
        elif math.isnan(x):
            assert errors[place] == math.inf
        else:
            assert errors[place] == pytest.approx(math.hypot(x - u, y - v))


@given(points())
def test_a_body_length_is_the_median_diagonal_of_the_labelled_boxes(labels):
    diagonals = []
    for animal in labels.reshape(-1, *labels.shape[2:]).tolist():
        known = [(x, y) for x, y in animal if not math.isnan(x)]
        if len(known) >= 2:
            xs, ys = zip(*known, strict=True)
            diagonals.append(math.hypot(max(xs) - min(xs), max(ys) - min(ys)))
    if diagonals and statistics.median(diagonals) > 0:
        assert body_length(labels) == pytest.approx(statistics.median(diagonals), rel=1e-5)
    else:
        assert math.isnan(body_length(labels))


@given(pairs(), st.lists(st.floats(0, 600), min_size=1, max_size=5))
def test_pck_is_the_share_within_each_threshold(pair, thresholds):
    errors = keypoint_errors(*pair)
    known = [error for error in errors.ravel().tolist() if not math.isnan(error)]
    for share, threshold in zip(pck(errors, thresholds), thresholds, strict=True):
        if known:
            assert share == pytest.approx(sum(error <= threshold for error in known) / len(known))
        else:
            assert math.isnan(share)


@given(pairs())
def test_a_spread_counts_what_was_found(pair):
    errors = keypoint_errors(*pair)
    known = sorted(error for error in errors.ravel().tolist() if math.isfinite(error))
    found = spread(errors)
    assert found.count == len(known)
    if not known:
        assert math.isnan(found.mean)
        assert math.isnan(found.p95)
        return
    assert found.mean == pytest.approx(statistics.fmean(known))
    assert found.median == pytest.approx(statistics.median(known))
    place = 0.95 * (len(known) - 1)
    low, high = known[math.floor(place)], known[math.ceil(place)]
    assert found.p95 == pytest.approx(low + (place - math.floor(place)) * (high - low))


def test_the_interval_resamples_whole_frames():
    """Twin: one resample at a time, of the same draws. Errors of a frame that are all alike tell as much as one."""
    rng = np.random.default_rng(3)
    errors = rng.gamma(2, 2, (12, 1, 5))
    errors[rng.random(errors.shape) < 0.2] = np.nan
    errors[0] = np.inf
    errors[1] = np.nan
    frames = [[e for e in frame.ravel().tolist() if math.isfinite(e)] for frame in errors]
    frames = [frame for frame in frames if frame]
    means = [
        statistics.fmean(e for n in drawn for e in frames[n])
        for drawn in np.random.default_rng(7).integers(0, len(frames), (300, len(frames))).tolist()
    ]
    assert mean_interval(errors, seed=7, resamples=300) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])))
    one_each = rng.gamma(2, 2, (30, 1, 1))
    assert mean_interval(np.repeat(one_each, 8, axis=2)) == pytest.approx(mean_interval(one_each))


def test_the_interval_covers_the_true_mean_about_95_times_in_100():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        low, high = mean_interval(rng.gamma(4, 0.5, (60, 1)), resamples=400)
        hits += low <= 2.0 <= high
    assert 180 <= hits <= 199


def test_one_frame_has_no_interval():
    assert np.isnan(mean_interval(np.ones((1, 1, 4)))).all()


def test_precision_and_recall_of_animals():
    assert precision_recall([2, 1, 0], [2, 2, 1], [2, 1, 0]) == (1.0, 0.6)
    assert precision_recall([3], [1], [1]) == (pytest.approx(1 / 3), 1.0)
    assert np.isnan(precision_recall([0], [0], [0])).all()
