"""Identities over time: crossings, absence, a known number of animals, recorded tracks of others, any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paths import shared
from posewire.track import Tracker, TrackRules

BODY = np.array([[25, 0], [12, 4], [12, -4], [0, 0], [-15, 0], [-30, 3]], np.float32)
SKELETON = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)]
FPS = 50


def pose(x, y, heading, rng):
    cos, sin = np.cos(heading), np.sin(heading)
    turned = BODY @ np.array([[cos, sin], [-sin, cos]])
    points = turned + np.array([x, y]) + rng.normal(0, 0.7, BODY.shape)
    return np.concatenate([points, np.ones((len(BODY), 1))], axis=1).astype(np.float32)


def follow(frames, animals=None):
    """``frames``: lists of (who, pose) -> for each frame {who: (id, score)}."""
    tracker = Tracker(len(BODY), SKELETON, animals=animals)
    rng = np.random.default_rng(0)
    told = []
    for n, frame in enumerate(frames):
        shuffled = [frame[i] for i in rng.permutation(len(frame))]
        poses = np.array([p for _, p in shuffled], np.float32).reshape(-1, len(BODY), 3)
        tracker.step(poses, n * 1_000_000_000 // FPS)
        told.append(
            {who: (int(i), float(s)) for (who, _), i, s in zip(shuffled, tracker.ids, tracker.id_scores, strict=True)}
        )
    return told


def ids_of(told, who):
    return {frame[who][0] for frame in told if who in frame} - {-1}


def crossing(hidden=()):
    """Two animals walk through each other at 150 px/s; in ``hidden`` frames neither is found."""
    rng = np.random.default_rng(1)
    frames = []
    for n in range(120):
        x = 3.0 * n
        both = [(0, pose(x, 100 + 0.2 * n, 0.0, rng)), (1, pose(360 - x, 124 - 0.2 * n, np.pi, rng))]
        frames.append([] if n in hidden else both)
    return frames


@pytest.mark.parametrize("animals", [None, 2])
def test_animals_that_cross_keep_their_ids(animals):
    told = follow(crossing(), animals)
    assert ids_of(told, 0) | ids_of(told, 1) == {0, 1}
    assert len(ids_of(told, 0)) == len(ids_of(told, 1)) == 1
    assert all(score > 0.5 for frame in told[5:] for _, score in frame.values())


@pytest.mark.parametrize("animals", [None, 2])
def test_animals_that_come_back_are_known(animals):
    told = follow(crossing(hidden=range(30, 40)), animals)
    assert len(ids_of(told, 0)) == len(ids_of(told, 1)) == 1


def test_an_id_comes_after_three_frames_and_no_number_twice():
    rng = np.random.default_rng(2)
    frames = [[(0, pose(100, 100, 0, rng))] for _ in range(10)]
    frames += [[(0, pose(100, 100, 0, rng)), (1, pose(400, 300, 1, rng))] for _ in range(10)]
    told = follow(frames)
    assert [frame[0][0] for frame in told[:4]] == [-1, -1, 0, 0]
    assert ids_of(told, 1) == {1}


def test_a_known_number_is_never_exceeded():
    rng = np.random.default_rng(3)
    frames = []
    for n in range(300):
        here = [(0, pose(100 + n % 50, 100, 0, rng)), (1, pose(400, 300, 1, rng))]
        if n % 40 > 20:
            here.append((2, pose(rng.uniform(0, 600), rng.uniform(0, 400), 2, rng)))
        if n % 90 > 60:
            here.pop(0)
        frames.append(here)
    told = follow(frames, animals=2)
    assert {number for frame in told for number, _ in frame.values()} <= {-1, 0, 1}


def test_a_fragment_begins_no_animal():
    rng = np.random.default_rng(4)
    frames = []
    for _ in range(30):
        part = pose(300, 300, 0, rng)
        part[1:, :2] = np.nan
        frames.append([(0, pose(100, 100, 0, rng)), (1, part)])
    assert ids_of(follow(frames), 1) == set()


@pytest.mark.parametrize("animals", [None, 2])
@pytest.mark.parametrize(
    ("raw", "clean", "fps"),
    [
        ("sleap-flies-pair/labels/pair_raw_tracks.npz", "pair_clean.npz", 15),
        ("sleap-mice-clip/labels/mice_raw_tracks.npz", "mice_proofread.npz", 47),
    ],
)
def test_no_more_switches_than_the_tracks_that_were_proofread(raw, clean, fps, animals):
    path = shared(raw.split("/")[0]).parent / raw
    stored, proof = np.load(path), np.load(path.with_name(clean))
    rows = {int(f): n for n, f in enumerate(proof["frame_index"])}
    points = stored["points"]
    tracker = Tracker(points.shape[2], [(int(a), int(b)) for a, b in stored["edges"]], animals=animals)
    last: dict[tuple[str, int], int] = {}
    switches = {"ours": 0, "theirs": 0}
    for n, frame in enumerate(stored["frame_index"]):
        there = np.flatnonzero(np.isfinite(points[n]).any(axis=(1, 2)))
        poses = np.concatenate([points[n, there], np.ones((len(there), points.shape[2], 1))], axis=-1)
        tracker.step(poses.astype(np.float32), int(frame) * 1_000_000_000 // fps)
        if int(frame) not in rows:
            continue
        for who, animal in enumerate(proof["points"][rows[int(frame)]]):
            at = [m for m, k in enumerate(there) if np.array_equal(points[n, k], animal, equal_nan=True)]
            if np.isnan(animal).all() or not at:
                continue
            for name, number in (("ours", int(tracker.ids[at[0]])), ("theirs", int(there[at[0]]))):
                if number >= 0:
                    switches[name] += last.get((name, who), number) != number
                    last[name, who] = number
    assert switches["ours"] <= switches["theirs"]


anything = st.sampled_from([np.float32(v) for v in (0, 1, 50, 51, 400, -1e30, 1e38, np.nan, np.inf, -np.inf)])


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from([None, 1, 3]), st.integers(1, 4))
def test_any_input_gives_an_answer(data, animals, keypoints):
    tracker = Tracker(keypoints, [(k, k + 1) for k in range(keypoints - 1)], animals=animals, most=5)
    for _ in range(data.draw(st.integers(1, 12))):
        count = data.draw(st.integers(0, 8))
        poses = data.draw(hnp.arrays(np.float32, (count, keypoints, 3), elements=anything))
        tracker.step(poses, data.draw(st.sampled_from([0, 1, 10**7, -(10**9), 10**18])))
        assert tracker.ids.shape == tracker.id_scores.shape == (count,)
        known = tracker.ids[tracker.ids >= 0].tolist()
        assert len(set(known)) == len(known)
        assert animals is None or all(number < animals for number in known)
        assert ((tracker.id_scores >= 0) & (tracker.id_scores <= 1)).all()


def test_after_a_reset_it_is_as_new():
    tracker = Tracker(len(BODY), SKELETON)
    rng = np.random.default_rng(5)
    poses = np.stack([pose(100, 100, 0, rng), pose(300, 200, 0, rng)])
    told = []
    for _ in range(2):
        told.append([])
        for n in range(5):
            tracker.step(poses, n * 20_000_000)
            told[-1].append((tracker.ids.tolist(), tracker.id_scores.tolist()))
        tracker.reset()
    assert told[0] == told[1]


@pytest.mark.parametrize("animals", [None, 2])
def test_a_tracker_that_recalls_goes_on_as_the_other(animals):
    rng = np.random.default_rng(4)
    frames = []
    for n in range(60):
        # They cross at frame 30, and a third one is there at times.
        walkers = [pose(100 + 3 * n, 100 + n, 0, rng), pose(280 - 3 * n, 130 - n, np.pi, rng)]
        frames.append(np.array(walkers + [pose(400, 300, 1, rng)] * (n % 3 == 0), np.float32))
    first, second = (Tracker(len(BODY), SKELETON, animals=animals) for _ in range(2))
    second.recall(first.remembered())  # knows nobody
    for n, poses in enumerate(frames):
        if n == 28:
            second.recall(first.remembered())
        mine, theirs = poses.copy(), poses.copy()
        first.step(mine, n * 20_000_000)
        if n >= 28:
            second.step(theirs, n * 20_000_000)
            np.testing.assert_array_equal(second.ids, first.ids)
            np.testing.assert_array_equal(second.id_scores, first.id_scores)
            np.testing.assert_array_equal(theirs, mine)
    assert second.remembered() == first.remembered()
    with pytest.raises(ValueError, match="another size"):
        Tracker(3, [(0, 1)]).recall(first.remembered())


def test_rules_that_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="detected"):
        TrackRules(detected=1.0)
    with pytest.raises(ValueError, match="recovery_s"):
        TrackRules(recovery_s=0.0)
    with pytest.raises(ValueError, match="animals"):
        Tracker(3, [], animals=0)
