"""Two-sided identities: what only the future tells, sizes, a known number, long recordings, nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paths import shared
from posewire.recorded import read_recording
from posewire.track import Tracker
from posewire.track import refine as module
from posewire.track.refine import refine

BODY = np.array([[25, 0], [12, 4], [12, -4], [0, 0], [-15, 0], [-30, 3]], np.float64)
SKELETON = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)]
STEP_NS = 20_000_000


def pose(x, y, heading, rng, size=1.0):
    cos, sin = np.cos(heading), np.sin(heading)
    points = size * BODY @ np.array([[cos, sin], [-sin, cos]]) + [x, y] + rng.normal(0, 0.5, BODY.shape)
    return np.concatenate([points, np.ones((len(BODY), 1))], axis=1).astype(np.float32)


def recorded(frames, rng):
    """Lists of (who, pose) -> poses in random order, and who each is."""
    poses, whose = [], []
    for frame in frames:
        order = rng.permutation(len(frame))
        poses.append(np.array([frame[i][1] for i in order], np.float32).reshape(-1, len(BODY), 3))
        whose.append([frame[i][0] for i in order])
    return poses, whose


def ids_by_animal(whose, ids):
    found: dict[int, set[int]] = {}
    for who, frame in zip(whose, ids, strict=True):
        for animal, number in zip(who, frame.tolist(), strict=True):
            found.setdefault(animal, set()).add(number)
    return found


def meeting(sizes, rng):
    """Two animals walk to one place, are not seen for 0.8 s, and come out on the sides they came from."""
    frames = []
    for n in range(160):
        if 60 <= n < 100:
            frames.append([])
            continue
        x = 3.0 * (60 - n if n < 60 else n - 100) + 10
        heading = 0.0 if n < 60 else np.pi
        frames.append(
            [(0, pose(300 - x, 200, heading, rng, sizes[0])), (1, pose(300 + x, 205, np.pi - heading, rng, sizes[1]))]
        )
    return frames


@pytest.mark.parametrize("animals", [None, 2])
def test_sizes_of_the_whole_recording_tell_who_came_out(animals):
    rng = np.random.default_rng(0)
    poses, whose = recorded(meeting((1.0, 1.25), rng), rng)
    result = refine(poses, [n * STEP_NS for n in range(len(poses))], SKELETON, animals=animals)
    found = ids_by_animal(whose, result.ids)
    assert len(found[0]) == len(found[1]) == 1
    assert found[0] | found[1] == {0, 1}
    assert result.joins >= 2


def test_alike_animals_that_nobody_saw_are_said_to_be_unsure():
    rng = np.random.default_rng(0)
    poses, _ = recorded(meeting((1.0, 1.0), rng), rng)
    result = refine(poses, [n * STEP_NS for n in range(len(poses))], SKELETON, animals=2)
    assert result.unsure == [100]
    assert all((score < 1.0).all() for score in (result.scores[59], result.scores[100]))
    assert (result.scores[20] == 1.0).all()


def test_recorded_poses_are_left_as_they_are():
    rng = np.random.default_rng(1)
    poses, _ = recorded(meeting((1.0, 1.0), rng), rng)
    kept = [frame.copy() for frame in poses]
    refine(poses, [n * STEP_NS for n in range(len(poses))], SKELETON)
    for before, after in zip(kept, poses, strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_long_recording_is_joined_part_by_part(monkeypatch):
    """Every pose is a tracklet of its own: far more than one assignment takes."""
    monkeypatch.setattr(module, "_links", lambda ids: {})
    monkeypatch.setattr(module, "_MOST_AT_ONCE", 20)
    rng = np.random.default_rng(2)
    frames = []
    for n in range(300):
        here = [
            (0, pose(150 + 40 * np.sin(n / 50), 100, 0.0, rng)),
            (1, pose(450, 300 + 40 * np.sin(n / 40), 1.0, rng)),
        ]
        frames.append([one for one in here if (n + 13 * one[0]) % 40 < 28])
    poses, whose = recorded(frames, rng)
    result = refine(poses, [n * STEP_NS for n in range(len(poses))], SKELETON, animals=2)
    found = ids_by_animal(whose, result.ids)
    assert found[0] | found[1] == {0, 1}
    assert len(found[0]) == len(found[1]) == 1
    assert result.joins == sum(len(frame) for frame in poses) - 2


@pytest.mark.parametrize("animals", [None, 2])
@pytest.mark.parametrize(
    "raw", ["sleap-flies-pair/labels/pair_raw_tracks.npz", "sleap-mice-clip/labels/mice_raw_tracks.npz"]
)
def test_a_known_number_is_kept_and_every_pose_answered(raw, animals):
    recording = read_recording(shared(raw.split("/")[0]).parent / raw, 30.0)
    result = refine(recording.poses, recording.times_ns.tolist(), recording.skeleton, animals=animals)
    for poses, ids, scores in zip(recording.poses, result.ids, result.scores, strict=True):
        known = ids[ids >= 0]
        assert len(ids) == len(scores) == len(poses)
        assert len(set(known.tolist())) == len(known)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert (scores[ids < 0] == 0).all()
    if animals:
        assert {int(number) for ids in result.ids for number in ids} <= {-1, 0, 1}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.sampled_from([None, 1, 3]))
def test_any_poses_have_an_answer(seed, count, animals):
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(count):
        frame = rng.normal(0, 10 ** rng.uniform(-3, 7), (int(rng.integers(4)), 6, 3)).astype(np.float32)
        frame[rng.random(frame.shape[:2]) < 0.3, :2] = np.nan
        poses.append(frame)
    result = refine(poses, [n * STEP_NS for n in range(count)], SKELETON, animals=animals)
    for frame, ids, scores in zip(poses, result.ids, result.scores, strict=True):
        assert len(ids) == len(scores) == len(frame)
        assert np.isfinite(scores).all()
        known = ids[ids >= 0].tolist()
        assert len(set(known)) == len(known)
        assert animals is None or all(number < animals for number in known)


def test_the_two_passes_agree_with_the_tracker_where_all_is_plain():
    rng = np.random.default_rng(3)
    frames = [[(0, pose(100 + n, 100, 0, rng)), (1, pose(400 - n, 300, np.pi, rng))] for n in range(80)]
    poses, _ = recorded(frames, rng)
    result = refine(poses, [n * STEP_NS for n in range(80)], SKELETON)
    tracker = Tracker(len(BODY), SKELETON)
    for n, frame in enumerate(poses):
        tracker.step(frame.copy(), n * STEP_NS)
        if n > 3:
            same = {(int(a), int(b)) for a, b in zip(tracker.ids, result.ids[n], strict=True)}
            assert same in ({(0, 0), (1, 1)}, {(0, 1), (1, 0)})
    assert result.joins == 0
    assert all((score == 1.0).all() for score in result.scores)
