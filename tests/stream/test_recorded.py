"""Files of recorded poses: both kinds, what is missing in them, and what is no such file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from posewire.recorded import read_recording, steady_pairs, write_recording
from posewire_models.errors import InputError


def arrays(**changes):
    points = np.zeros((3, 2, 2, 2), np.float32)
    points[..., 0] = np.arange(3)[:, None, None] + [[[0, 10], [100, 120]]]
    points[1, 0] = np.nan
    points[2, 1, 1] = np.nan
    held = {"points": points, "frame_index": np.array([4, 5, 7]), "node_names": np.array(["nose", "tail"])}
    held.update(changes)
    return {name: value for name, value in held.items() if value is not None}


def test_arrays_come_back_as_they_were_written(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays(edges=np.array([[0, 1]])))
    recording = read_recording(tmp_path / "a.npz", 50.0)
    assert recording.keypoints == ("nose", "tail")
    assert recording.skeleton == ((0, 1),)
    assert recording.times_ns.tolist() == [80_000_000, 100_000_000, 140_000_000]
    assert [len(poses) for poses in recording.poses] == [2, 1, 2]
    assert recording.ids[1].tolist() == [1]
    scores = [np.full(len(ids), 0.25, np.float32) for ids in recording.ids]
    write_recording(tmp_path / "b.npz", recording, recording.ids, scores)
    again = read_recording(tmp_path / "b.npz")
    assert again.times_ns.tolist() == recording.times_ns.tolist()
    for one, other in zip(recording.poses, again.poses, strict=True):
        np.testing.assert_array_equal(one[..., :2], other[..., :2])
    with np.load(tmp_path / "b.npz") as file:
        assert file["track_names"].tolist() == ["0", "1"]
        assert np.isnan(file["id_score"][1, 0])
        assert file["id_score"][1, 1] == 0.25


def line(frame, animals, **more):
    return json.dumps({"seq": frame, "frame": frame, "animals": animals, "ids": [-1] * len(animals), **more})


def test_lines_of_listen_are_read_and_its_report_is_passed_over(tmp_path):
    animal = {"nose": [1.0, 2.0, 0.9], "tail": [None, None, 0.1]}
    path = tmp_path / "poses.jsonl"
    path.write_text(
        "\n".join([line(0, [], time_ns=10), line(1, [animal], time_ns=20), line(3, [animal, animal], time_ns=30)])
        + '\n{"received": 3, "lost": 0}\n'
    )
    recording = read_recording(path)
    assert recording.keypoints == ("nose", "tail")
    assert recording.frames.tolist() == [0, 1, 3]
    assert recording.times_ns.tolist() == [10, 20, 30]
    assert [poses.shape for poses in recording.poses] == [(0, 2, 3), (1, 2, 3), (2, 2, 3)]
    assert np.isnan(recording.poses[1][0, 1, :2]).all()
    assert read_recording(path, 10.0).times_ns.tolist() == [0, 100_000_000, 300_000_000]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": None}, "expected arrays points"),
        ({"node_names": np.array(["nose"])}, "points has shape [3, 2, 2, 2]; expected [3, 2, 1, 2]"),
        ({"points": np.zeros((3, 2), np.float32)}, "points has shape [3, 2]"),
        ({"points": np.full((3, 2, 2, 2), np.nan, np.float32)}, "holds no pose"),
        ({"frame_index": np.array([5, 4, 7])}, "frame 4 is not later than the one before"),
        ({"edges": np.array([[0, 2]])}, "beyond the 2 there are"),
        ({"point_score": np.zeros((3, 1, 2))}, "points has shape"),
    ],
)
def test_arrays_that_do_not_fit_are_named(tmp_path, changes, message):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(InputError) as caught:
        read_recording(tmp_path / "a.npz", 50.0)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", "line 1 is no JSON object"),
        ("[1]\n", "line 1 is no JSON object"),
        ("", "holds no pose"),
        (line(0, [{"nose": [1, 2]}], time_ns=1), "line 1 is no pose"),
        (
            line(0, [{"nose": [1, 2, 3]}], time_ns=1) + "\n" + line(1, [{"tail": [1, 2, 3]}], time_ns=2),
            "line 2 is no pose",
        ),
        (line(0, [{"nose": [1, 2, 3]}]), "give --fps"),
        (line(0, [{"nose": [1, 2, 3]}], time_ns=1, ids=[1, 2]), "2 ids of 1 animals"),
    ],
)
def test_lines_that_are_no_poses_are_named(tmp_path, content, message):
    path = tmp_path / "poses.txt"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_recording(path)
    assert message in str(caught.value)


def test_no_file_no_times_and_no_rate_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", **arrays())
    for path, fps, message in (
        (tmp_path / "b.npz", None, "no such file"),
        (tmp_path / "a.npz", None, "give --fps"),
        (tmp_path / "a.npz", 0.0, "expected frames per second, above 0"),
    ):
        with pytest.raises(InputError) as caught:
            read_recording(path, fps)
        assert message in str(caught.value)
    (tmp_path / "c.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="expected arrays"):
        read_recording(tmp_path / "c.npz", 10.0)


def test_without_a_skeleton_the_steadiest_pairs_are_its_edges():
    rng = np.random.default_rng(0)
    turns = rng.uniform(-np.pi, np.pi, (200, 2))
    a = rng.uniform(0, 100, (200, 2))
    b = a + 10 * np.stack([np.cos(turns[:, 0]), np.sin(turns[:, 0])], axis=1)
    c = b + 20 * np.stack([np.cos(turns[:, 1]), np.sin(turns[:, 1])], axis=1)
    points = np.stack([a, c, b, np.full_like(a, np.nan)], axis=1)
    frames = [np.concatenate([one, np.ones((4, 1))], axis=1)[None].astype(np.float32) for one in points]
    assert sorted(tuple(sorted(pair)) for pair in steady_pairs(frames, 4)) == [(0, 2), (1, 2)]
    assert steady_pairs(frames, 0) == ()
