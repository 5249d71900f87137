"""What `posewire_bench.prediction` computes, on courses whose errors can be told beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.predict import Predictor
from posewire_bench.prediction import Recording, between, outcome


def steady(frames=300, off_px=0.0):
    """One keypoint that runs 2 px a frame at 100 frames/s, measured ``off_px`` to the side of where it is."""
    truth = np.zeros((frames, 1, 2))
    truth[:, 0, 0] = 2.0 * np.arange(frames)
    poses = np.ones((frames, 1, 1, 3), np.float32)
    poses[:, 0, 0, :2] = truth[:, 0] + [0.0, off_px]
    return Recording(poses, truth, np.ones((frames, 1), bool), 100.0)


def test_a_steady_course_seen_rightly_is_predicted_and_held_as_far_off_as_it_runs():
    found = outcome(steady(), Predictor(1, slots=1), 5.0, 20.0, 100)
    assert found.hold == pytest.approx(5.0)
    assert found.error == pytest.approx(0.0, abs=0.05)
    assert found.network == pytest.approx(0.0)
    assert found.said == pytest.approx(found.came, abs=0.01)
    assert found.gain > 0.98


def test_what_the_network_is_off_by_adds_to_every_error_but_not_to_what_came():
    found = outcome(steady(off_px=3.0), Predictor(1, slots=1, network_px=3.0), 0.0, 20.0, 100)
    assert (found.network, found.hold) == (pytest.approx(3.0), pytest.approx(5.0))
    assert found.error == pytest.approx(3.0, abs=0.05)
    assert found.said == pytest.approx(0.0, abs=0.05)
    assert found.said_true == pytest.approx(3.0, abs=0.05)
    assert found.said_card == pytest.approx(3.0, abs=0.05)


def test_places_between_frames_lie_on_the_line_and_a_whole_frame_needs_no_next():
    places = np.array([[[0.0, 0.0]], [[2.0, 4.0]], [[np.nan, np.nan]]])
    np.testing.assert_array_equal(between(places, np.array([0.5, 1.0])), [[[1.0, 2.0]], [[2.0, 4.0]]])
