from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posewire.dryrun.poses import Poses, is_poses_file, keep, read_poses
from posewire.recorded import read_recording
from posewire_models.errors import InputError


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.booleans())
def test_kept_poses_come_back_as_they_were(tmp_path, seed, several):
    draw = np.random.default_rng(seed)
    poses = Poses(("a", "b", "c"), ((0, 2),), 29.97, (64, 48), "many" if several else "one", {"model": "sha"})
    for n in range(int(draw.integers(1, 6))):
        rows = int(draw.integers(0, 4)) if several else 1
        pose = draw.normal(50, 20, (rows, 3, 3)).astype(np.float32)
        pose[draw.random((rows, 3)) < 0.3, :2] = np.nan
        ids = draw.permutation(5)[:rows].astype(np.int64) - 1 if several else None
        scores = draw.random(rows).astype(np.float32) if several else None
        poses.add(2 * n, 33_333_333 * n, pose, ids, scores)
    keep(tmp_path / "kept.npz", poses)
    again = read_poses(tmp_path / "kept.npz", None)
    for name in ("keypoints", "skeleton", "fps", "size", "animals", "about", "frames", "times_ns"):
        assert getattr(again, name) == getattr(poses, name), name
    for name in ("poses", "ids", "id_scores"):
        for a, b in zip(getattr(again, name), getattr(poses, name), strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b)


def test_other_readers_of_recorded_poses_read_what_was_kept(tmp_path):
    poses = Poses(("a", "b"), ((0, 1),), 10.0, (64, 48), "many")
    poses.add(0, 0, np.ones((2, 2, 3), np.float32), np.array([1, -1]), np.ones(2, np.float32))
    keep(tmp_path / "kept.npz", poses)
    recording = read_recording(tmp_path / "kept.npz")
    assert recording.keypoints == ("a", "b")
    assert recording.ids[0].tolist() == [1]  # who is nobody is in no column


def test_lines_of_listen_are_poses_of_one_animal_if_nobody_is_numbered(tmp_path):
    path = tmp_path / "poses.jsonl"
    lines = [{"frame": n, "time_ns": n * 20_000_000, "animals": [{"a": [1, 2, 0.9]}]} for n in range(3)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    poses = read_poses(path, None)
    assert poses.animals == "one"
    assert poses.ids == [None] * 3
    assert poses.fps == pytest.approx(50.0)


def test_keypoints_are_taken_by_name(tmp_path):
    poses = Poses(("tail", "ear", "snout"), ((0, 1), (0, 2)))
    poses.add(0, 0, np.arange(9, dtype=np.float32).reshape(1, 3, 3), None, None)
    poses.named(("snout", "tail"), tmp_path / "x.csv")
    assert poses.skeleton == ((1, 0),)
    assert poses.poses[0][0, :, 0].tolist() == [6.0, 0.0]
    with pytest.raises(InputError, match="'paw'"):
        poses.named(("snout", "paw"), tmp_path / "x.csv")


def test_low_scores_become_unknown_and_keep_their_score():
    poses = Poses(("a", "b"))
    given_pose = np.array([[[1, 2, 0.2], [3, 4, 0.9]]], np.float32)
    poses.add(0, 0, given_pose, None, None)
    poses.hide(0.5)
    np.testing.assert_array_equal(poses.poses[0], np.array([[[np.nan, np.nan, 0.2], [3, 4, 0.9]]], np.float32))


def test_a_table_of_another_kind_is_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="csv"):
        is_poses_file(str(tmp_path / "a.parquet"))
    assert is_poses_file("poses.NPZ")
    assert not is_poses_file("mouse.mp4")


def test_a_torn_file_is_refused_in_one_line(tmp_path):
    poses = Poses(("a",))
    poses.add(0, 0, np.ones((1, 1, 3), np.float32), None, None)
    keep(tmp_path / "kept.npz", poses)
    content = (tmp_path / "kept.npz").read_bytes()
    (tmp_path / "kept.npz").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"kept\.npz"):
        read_poses(tmp_path / "kept.npz", None)
