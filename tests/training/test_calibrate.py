"""Calibration: a temperature is got back from scores that were made with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_training.calibrate import (
    calibration_error,
    cross_tempered,
    fit_temperature,
    log_loss,
    reliability,
    tempered,
)


def simulated(temperature, count=20_000, seed=0):
    """Scores that are too sure by ``temperature`` (too doubtful below 1), and what came true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(1, 2, count)
    correct = rng.random(count) < 1 / (1 + np.exp(-logits))
    return 1 / (1 + np.exp(-logits * temperature)), correct


@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.0, 2.0, 4.0])
def test_a_temperature_is_got_back(temperature):
    scores, correct = simulated(temperature)
    found = fit_temperature(scores, correct)
    assert found == pytest.approx(temperature, rel=0.06)
    after = calibration_error(reliability(tempered(scores, found), correct))
    assert after < 0.015
    if temperature != 1:
        assert after < calibration_error(reliability(scores, correct)) / 3


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.floats(0.2, 5))
def test_no_temperature_of_a_fine_grid_is_better(seed, temperature):
    scores, correct = simulated(temperature, 200, seed)
    if min(correct.sum(), (~correct).sum()) < 10:
        assert fit_temperature(scores, correct) == 1
        return
    best = log_loss(scores, correct, fit_temperature(scores, correct))
    assert all(best <= log_loss(scores, correct, t) + 1e-6 for t in np.geomspace(0.1, 10, 60))


def test_too_few_right_or_wrong_ones_leave_the_scores_alone():
    scores = np.linspace(0.01, 0.99, 100)
    assert fit_temperature(scores, np.arange(100) >= 9) == 1
    assert fit_temperature(scores, np.arange(100) < 9) == 1
    assert fit_temperature(scores, np.arange(100) >= 10) != 1
    assert fit_temperature([], []) == 1


def test_scores_of_zero_and_one_are_borne():
    correct = np.arange(40) % 2 == 0
    assert 0.05 <= fit_temperature(correct.astype(float), correct) <= 20
    assert 0.05 <= fit_temperature((~correct).astype(float), correct) <= 20
    assert np.isfinite(tempered([0.0, 1.0], 0.5)).all()


def test_bins_are_counted_one_by_one():
    rng = np.random.default_rng(1)
    scores, correct = np.append(rng.random(300), [0.0, 1.0, 0.5]), rng.random(303) < 0.6
    bins = reliability(scores, correct, 7)
    assert sum(one.count for one in bins) == 303
    weighted = 0.0
    for n, one in enumerate(bins):
        inside = [i for i in range(303) if min(int(scores[i] * 7), 6) == n]
        assert one.count == len(inside)
        assert one.score == pytest.approx(np.mean(scores[inside]))
        assert one.correct == pytest.approx(np.mean(correct[inside]))
        weighted += len(inside) * abs(one.score - one.correct)
    assert calibration_error(bins) == pytest.approx(weighted / 303)
    assert math.isnan(calibration_error(reliability(np.empty(0), np.empty(0, bool))))


def test_no_frame_takes_part_in_its_own_temperature():
    scores, correct = simulated(3.0, 500)
    frames = np.arange(500) // 10
    found = cross_tempered(scores, correct, frames)
    mine = frames % 5 == 2
    assert found[mine] == pytest.approx(tempered(scores[mine], fit_temperature(scores[~mine], correct[~mine])))
    assert calibration_error(reliability(found, correct)) < calibration_error(reliability(scores, correct))
