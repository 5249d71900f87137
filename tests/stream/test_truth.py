"""Errors against ground truth count visible keypoints of the matched animal."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.frame import Truth
from posewire.truth import PredictionTruth, TruthScore


def truth(points, visible=None, keypoints=("a", "b")):
    points = np.asarray(points, np.float32)
    visible = np.ones(points.shape[:2], bool) if visible is None else np.asarray(visible)
    return Truth(keypoints, points, visible)


def peaks(*places):
    return np.array([[[x, y, 0.01] for x, y in places]], np.float32)


def test_the_error_is_the_mean_distance_whatever_the_score():
    score = TruthScore(["a", "b"])
    score.add(peaks((3, 4), (10, 0)), truth([[(0, 0), (10, 1)]]))
    assert score.mean_px == pytest.approx(3.0)


def test_keypoints_are_paired_by_name_and_hidden_ones_left_out():
    score = TruthScore(["b", "extra", "a"])
    score.add(peaks((0, 2), (50, 50), (90, 90)), truth([[(0, 0), (0, 0)]], [[False, True]]))
    assert score.mean_px == pytest.approx(2.0)


def test_the_nearest_animal_is_the_match():
    score = TruthScore(["a", "b"])
    score.add(peaks((100, 100), (110, 100)), truth([[(0, 0), (10, 0)], [(101, 100), (111, 100)]]))
    assert score.mean_px == pytest.approx(1.0)


def test_without_anything_to_compare_there_is_no_figure():
    score = TruthScore(["a", "b"])
    score.add(peaks((0, 0), (0, 0)), truth([[(0, 0), (0, 0)]], [[False, False]]))
    score.add(peaks((0, 0), (0, 0)), truth(np.zeros((0, 2, 2))))
    score.add(peaks((0, 0), (0, 0)), truth([[(0, 0)]], keypoints=("other",)))
    assert score.mean_px is None


def test_a_prediction_is_held_against_the_truth_of_its_time():
    """Between two frames the truth lies on the straight line; what is hidden at either does not count."""
    score = PredictionTruth(["a", "b"])
    assert set(score.figures().values()) == {None}
    assert score.network_px is None
    pose = peaks((0, 0), (10, 0))
    score.add(0, pose, 15, peaks((3, 0), (14, 0)), truth([[(0, 0), (10, 0)], [(90, 90), (90, 90)]]))
    score.add(10, pose, 99, pose, truth([[(2, 0), (12, 0)], [(90, 90), (90, 90)]]))
    score.add(20, pose, 99, pose, truth([[(6, 0), (16, 0)], [(90, 90), (90, 90)]], [[True, False], [True, True]]))
    # At 15 the first keypoint is at 4: it was said to be at 3, and had last been at 0.
    figures = score.figures()
    told = {name: figures[f"truth_{name}"] for name in ("px", "hold_px", "gain")}
    assert told == {"px": pytest.approx(1.0), "hold_px": pytest.approx(4.0), "gain": pytest.approx(0.75)}
    # The other one, hidden at 20, was at 14 where it was said to be, and had been at 10.
    assert figures["found_truth_px"] == pytest.approx(0.5)
    assert figures["found_truth_hold_px"] == pytest.approx(4.0)
    assert score.network_px == pytest.approx((0 + 0 + 2 + 2 + 6 + 6) / 6)


def test_predictions_of_what_was_not_found_do_not_count():
    score = PredictionTruth(["a", "b"])
    nothing = peaks((np.nan, np.nan), (np.nan, np.nan))
    score.add(0, nothing, 5, nothing, truth([[(0, 0), (10, 0)]]))
    score.add(10, peaks((0, 0), (np.nan, 0)), 15, peaks((1, 0), (np.nan, 0)), truth([[(0, 0), (10, 0)]]))
    score.add(20, nothing, 25, nothing, truth([[(0, 0), (10, 0)]]))
    assert score.figures()["truth_px"] == pytest.approx(1.0)
