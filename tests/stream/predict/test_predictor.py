"""Predicted keypoints: the kernel against its slow plain twin, and what an experimenter may rely on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.predict import BANK, Member, Predictor, PredictRules
from reference_prediction import SlowPredictor

FRAME_NS = 10_000_000
MS = 1_000_000


@pytest.fixture(scope="module")
def shared_predictor():
    return Predictor(3, slots=4)


def walks(rng, frames, animals, keypoints, step_px, missing, away):
    """Smooth random courses with holes: [frames, animals, keypoints, 3], and who is in view: bool [frames, animals]."""
    pushes = rng.normal(0, step_px, (frames, animals, keypoints, 2))
    speeds = np.zeros_like(pushes)
    for n in range(1, frames):
        speeds[n] = 0.9 * speeds[n - 1] + pushes[n]
    places = 200 + np.cumsum(speeds, axis=0) + rng.normal(0, 0.3, pushes.shape)
    poses = np.concatenate([places, rng.uniform(0.05, 1, (*places.shape[:-1], 1))], axis=-1).astype(np.float32)
    poses[rng.random(poses.shape[:-1]) < missing, :2] = np.nan
    return poses, rng.random((frames, animals)) >= away


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    step_px=st.sampled_from([0.0, 0.1, 2.0, 30.0]),
    missing=st.sampled_from([0.0, 0.1, 0.5]),
    away=st.sampled_from([0.0, 0.3]),
    lead_ms=st.sampled_from([0.0, 5.0, 20.0, 33.0, 150.0]),
    jitter=st.sampled_from([0.0, 0.3, 4.0]),
)
def test_the_kernel_says_what_its_slow_twin_says(shared_predictor, seed, step_px, missing, away, lead_ms, jitter):
    rng = np.random.default_rng(seed)
    poses, there = walks(rng, 45, 3, 3, step_px, missing, away)
    fast, slow = shared_predictor, SlowPredictor(3)
    fast.reset()
    time_ns = 10**15
    for n in range(len(poses)):
        time_ns += round(FRAME_NS * (1 + jitter * rng.random())) * (0 if rng.random() < 0.02 else 1)
        target_ns = time_ns + round(lead_ms * MS + rng.random() * 8 * MS)
        rows = rng.permutation(np.flatnonzero(there[n]))
        ids = np.where(rng.random(len(rows)) < 0.1, -1, rows + 7)
        frame = np.ascontiguousarray(poses[n, rows])
        expected, expected_used = slow.step(frame, ids.tolist(), time_ns, target_ns)
        found = fast.step(frame, ids, time_ns, target_ns)
        np.testing.assert_array_equal(fast.used, expected_used)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
    figures = fast.figures()
    assert figures["scored"] == len(slow.scored)
    if slow.scored:
        _, used, held = (np.array(column) for column in zip(*slow.scored, strict=True))
        assert figures["error_px"] == pytest.approx(used.mean(), rel=1e-4, abs=1e-4)
        assert figures["hold_px"] == pytest.approx(held.mean(), rel=1e-4, abs=1e-4)


def course(frames, place, noise=0.0, seed=0):
    """One keypoint on ``place`` (s -> x, y), measured every 10 ms: float32 [frames, 1, 1, 3]."""
    rng = np.random.default_rng(seed)
    poses = np.ones((frames, 1, 1, 3), np.float32)
    for n in range(frames):
        poses[n, 0, 0, :2] = place(n / 100) + rng.normal(0, noise, 2)
    return poses


def predict(poses, lead_ms, predictor=None):
    predictor = predictor or Predictor(poses.shape[2], slots=1)
    times = [n * FRAME_NS for n in range(len(poses))]
    out = [predictor.step(pose, None, t, t + round(lead_ms * MS)).copy() for pose, t in zip(poses, times, strict=True)]
    return np.array(out), predictor


def test_what_runs_on_steadily_is_met():
    poses = course(300, lambda s: np.array([100 + 200 * s, 50 - 90 * s]))
    predicted, predictor = predict(poses, 25)
    np.testing.assert_allclose(predicted[100:, 0, 0, 0], poses[100:, 0, 0, 0] + 5, atol=0.2)
    np.testing.assert_allclose(predicted[100:, 0, 0, 1], poses[100:, 0, 0, 1] - 2.25, atol=0.2)
    np.testing.assert_array_equal(predicted[..., 2], poses[..., 2])
    assert predictor.figures()["gain"] > 0.8


def test_a_course_that_bends_is_followed_better_than_by_holding():
    poses = course(600, lambda s: 200 + 80 * np.array([np.cos(5 * s), np.sin(5 * s)]), noise=0.2)
    _, predictor = predict(poses, 30)
    assert predictor.figures()["gain"] > 0.8


def test_what_cannot_be_predicted_is_held():
    """Jumps to and fro: whoever extrapolates is worse than the last pose, and must not be given out for long."""
    rng = np.random.default_rng(3)
    poses = course(2000, lambda s: np.zeros(2))
    poses[:, 0, 0, :2] += rng.normal(0, 20, (2000, 2)).cumsum(axis=0)  # a random walk: the last place is the best guess
    predicted, predictor = predict(poses, 20)
    figures = predictor.figures()
    assert figures["gain"] > -0.02
    held = (predicted[:, 0, 0, :2] == poses[:, 0, 0, :2]).all(axis=1)
    assert held.mean() > 0.5
    assert held[:10].all()  # nothing has been scored yet


def test_a_stroll_that_ends_makes_it_hold_again():
    rng = np.random.default_rng(5)
    poses = course(1600, lambda s: np.array([300 * min(s, 8.0), 0.0]))
    poses[800:, 0, 0, :2] += rng.normal(0, 30, (800, 2)).cumsum(axis=0)
    predicted, predictor = predict(poses, 20)
    assert (predicted[700, 0, 0, :2] != poses[700, 0, 0, :2]).any()
    assert predictor.used[0, 0] == 0
    np.testing.assert_array_equal(predicted[-1], poses[-1])


def test_the_score_is_what_anybody_would_compute_afterwards():
    """The mean error told is the mean distance from the places measured at the predictions' times."""
    poses = course(400, lambda s: np.array([100 + 60 * np.sin(7 * s), 80 * s]), noise=0.5)
    predicted, predictor = predict(poses, 20)
    away = np.linalg.norm(predicted[:-2, 0, 0, :2] - poses[2:, 0, 0, :2], axis=-1)
    held = np.linalg.norm(poses[:-2, 0, 0, :2] - poses[2:, 0, 0, :2], axis=-1)
    figures = predictor.figures()
    assert figures["scored"] == 398
    assert figures["error_px"] == pytest.approx(away.mean(), rel=1e-3)
    assert figures["hold_px"] == pytest.approx(held.mean(), rel=1e-3)
    assert figures["gain"] == pytest.approx(1 - away.mean() / held.mean(), rel=1e-3)
    assert figures["keypoints"] == [{name: figures[name] for name in ("error_px", "hold_px", "gain")}]
    assert figures["lately"]["error_px"] == pytest.approx(figures["error_px"], rel=0.3)


def test_a_keypoint_out_of_sight_coasts_and_is_then_unknown():
    poses = course(200, lambda s: np.array([100 * s, 0.0]))
    poses[150:, 0, 0, :2] = np.nan
    poses[150:, 0, 0, 2] = 0.1
    predicted, _ = predict(poses, 20)
    x, score = predicted[:, 0, 0, 0], predicted[:, 0, 0, 2]
    np.testing.assert_allclose(x[150:159], np.arange(150, 159) + 2, atol=0.3)
    np.testing.assert_allclose(score[150:159], 1 - np.arange(1, 10) / 10, atol=1e-6)
    assert np.isnan(x[160:]).all()
    assert (score[160:] == np.float32(0.1)).all()


def test_a_new_animal_begins_anew_and_an_unknown_one_is_held():
    predictor = Predictor(1, slots=2)
    for n in range(100):
        pose = np.array([[[2.0 * n, 0, 1]]], np.float32)
        predictor.step(pose, np.array([4]), n * FRAME_NS, (n + 2) * FRAME_NS)
    assert predictor.predicted[0, 0, 0] == pytest.approx(202, abs=0.5)
    both = np.array([[[198.0, 0, 1]], [[10.0, 0, 1]]], np.float32)
    predictor.step(both, np.array([5, -1]), 100 * FRAME_NS, 102 * FRAME_NS)
    np.testing.assert_array_equal(predictor.predicted, both)
    np.testing.assert_array_equal(predictor.used, [[0], [0]])


def test_with_more_animals_than_places_the_longest_gone_is_forgotten():
    predictor = Predictor(1, slots=2)

    def meet(numbers, n):
        poses = np.array([[[3.0 * n + 50 * number, 0, 1]] for number in numbers], np.float32)
        predictor.step(poses, np.array(numbers), n * FRAME_NS, (n + 1) * FRAME_NS)
        return predictor.predicted[:, 0, 0] - poses[:, 0, 0]

    for n in range(60):
        ahead = meet([0, 1], n)
    np.testing.assert_allclose(ahead, 3, atol=0.2)
    meet([1], 60)
    meet([1, 2], 61)
    np.testing.assert_allclose(meet([1, 0], 62), [3, 0], atol=0.2)


def test_what_has_no_room_to_wait_is_counted():
    poses = course(100, lambda s: np.array([100 * s, 0.0]))
    predicted, predictor = predict(poses, 500, Predictor(1, slots=1, waiting=8))
    assert predictor.figures()["unscored"] > 40
    assert np.isfinite(predicted).all()


def test_forgetting_keeps_what_was_told():
    poses = course(100, lambda s: np.array([100 * s, 0.0]))
    _, predictor = predict(poses, 20)
    told = predictor.figures()
    predictor.forget()
    assert predictor.figures()["scored"] == told["scored"] > 0
    np.testing.assert_array_equal(predictor.step(poses[50], None, 0, 20 * MS), poses[50])
    predictor.reset()
    assert predictor.figures()["error_px"] is None


def test_the_error_against_the_truth_is_told_where_the_network_states_its_own():
    poses = course(300, lambda s: np.array([100 * s, 0.0]), noise=1.0)
    _, predictor = predict(poses, 20, Predictor(1, slots=1, network_px=3.0))
    figures = predictor.figures()
    assert figures["true_px"] == pytest.approx(np.hypot(figures["error_px"], 3.0))
    assert predict(poses, 20)[1].figures()["true_px"] is None


def test_a_frame_without_animals_and_a_clock_that_stands_are_met():
    predictor = Predictor(2)
    assert predictor.step(np.zeros((0, 2, 3), np.float32), np.zeros(0, np.int64), 0, 0).shape == (0, 2, 3)
    pose = np.array([[[1, 2, 1], [3, 4, 1]]], np.float32)
    for time_ns in (5, 5, 3, 5):
        np.testing.assert_array_equal(predictor.step(pose, None, time_ns, time_ns - 10), pose)


def test_each_kind_is_told_by_its_name():
    names = [member.name for member in BANK]
    assert len(set(names)) == len(names)
    assert names[0] == "hold"


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: Member("guess"), "one of hold, velocity"),
        (lambda: Member("velocity"), "averages_s is 0.0: expected a number above 0"),
        (
            lambda: Member("one-euro", least_hz=1.0, per_noise=-1.0, speed_hz=1.0),
            "per_noise is -1.0: expected 0 or more",
        ),
        (lambda: PredictRules(memory_s=float("nan")), "memory_s is nan"),
        (lambda: Predictor(1, bank=[Member("velocity", averages_s=0.1)]), "a bank begins with hold"),
        (lambda: Predictor(1, bank=[]), "a bank begins with hold"),
    ],
)
def test_settings_that_cannot_be_are_refused(build, text):
    with pytest.raises(ValueError, match=text):
        build()
