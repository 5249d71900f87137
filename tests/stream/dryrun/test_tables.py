"""Tables in DeepLabCut's layout."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.dryrun.poses import read_poses
from posewire_models.errors import InputError

ONE = """scorer,net,net,net,net,net,net
bodyparts,snout,snout,snout,tail,tail,tail
coords,x,y,likelihood,x,y,likelihood
0,1.5,2,0.9,3,4,0.8
1,,,,5,6,0.7
3,7,8,0.1,9,10,0.6
"""
TWO = """scorer,net,net,net,net,net,net
individuals,a,a,a,b,b,b
bodyparts,snout,snout,snout,snout,snout,snout
coords,x,y,likelihood,x,y,likelihood
0,1,2,0.9,3,4,0.8
1,,,,5,6,0.7
2,,,,,,
"""


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_one_animal(tmp_path):
    poses = read_poses(written(tmp_path / "a.csv", ONE), 20.0)
    assert poses.keypoints == ("snout", "tail")
    assert poses.animals == "one"
    assert poses.frames == [0, 1, 3]
    assert poses.times_ns == [0, 50_000_000, 150_000_000]
    assert poses.ids == [None] * 3
    np.testing.assert_array_equal(poses.poses[0], np.array([[[1.5, 2, 0.9], [3, 4, 0.8]]], np.float32))
    assert np.isnan(poses.poses[1][0, 0]).all()


def test_several_animals_are_known_by_their_place_in_the_header(tmp_path):
    poses = read_poses(written(tmp_path / "a.csv", TWO), 20.0)
    assert poses.animals == "many"
    assert [len(frame) for frame in poses.poses] == [2, 1, 0]
    assert [None if who is None else who.tolist() for who in poses.ids] == [[0, 1], [1], []]


@pytest.mark.parametrize("text", [ONE, TWO])
def test_hdf5_says_the_same_as_csv(tmp_path, text):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    path = written(tmp_path / "a.csv", text)
    header = list(range(text.count("\n", 0, text.index("coords")) + 1))
    table = pandas.read_csv(path, header=header, index_col=0)
    table.to_hdf(tmp_path / "a.h5", key="df_with_missing", format="table")
    ours, theirs = read_poses(path, 20.0), read_poses(tmp_path / "a.h5", 20.0)
    assert (ours.keypoints, ours.frames, ours.times_ns) == (theirs.keypoints, theirs.frames, theirs.times_ns)
    for a, b in zip(ours.poses, theirs.poses, strict=True):
        np.testing.assert_array_equal(a, b)


def test_times_beside_the_table_count_unless_a_rate_is_given(tmp_path):
    path = written(tmp_path / "clip.posewire.csv", ONE)
    written(tmp_path / "clip.posewire.times.csv", "frame,time_s\n0,0.0\n1,0.1\n3,0.3\n")
    poses = read_poses(path, None)
    assert poses.times_ns == [0, 100_000_000, 300_000_000]
    assert poses.fps == pytest.approx(1 / 0.15)
    assert read_poses(path, 50.0).times_ns == [0, 20_000_000, 60_000_000]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "not a table of poses"),
        (ONE.replace("likelihood,x", "z,x", 1), "expected x, y, likelihood"),
        (ONE.replace("bodyparts,snout,snout,snout,tail", "bodyparts,snout,snout,snout,snout"), "once"),
        (ONE + "4,1,2\n", ":7: 3 cells"),
        (ONE + "labeled-data/img1.png,1,2,1,1,1,1\n", ":7: expected a frame's number"),
        (ONE + "2,1,2,1,1,1,1\n", "not in order"),
        ("", "not a table of poses"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_poses(written(tmp_path / "a.csv", text), 20.0)
    assert "a.csv" in str(caught.value)


def test_a_table_without_times_asks_for_the_rate(tmp_path):
    with pytest.raises(InputError, match="give --fps"):
        read_poses(written(tmp_path / "a.csv", ONE), None)
