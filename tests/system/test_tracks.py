"""`posewire tracks refine` as its user meets it: recorded live, or somebody else's arrays."""

from __future__ import annotations

import numpy as np
import pytest

from program import end, free_endpoint, posewire, start


def test_what_listen_printed_is_refined(tmp_path):
    endpoint = free_endpoint()
    running = start(
        *("run", "--source", "synthetic:animals=3,size=320x240,seed=2", "--model", "synthetic-animals"),
        *("--frames", 60, "--pace", "max", "--wait-subscribers", 1, "--publish", endpoint),
    )
    heard = posewire("listen", endpoint, "--count", 60, "--json")
    assert heard.status == 0, heard.stderr
    assert end(running).status == 0
    lines = tmp_path / "poses.jsonl"
    lines.write_text(heard.stdout)
    ended = posewire("tracks", "refine", lines, "--animals", 3, "--json")
    assert ended.status == 0, ended.stderr
    report = ended.report
    assert (report["frames"], report["out"]) == (60, str(tmp_path / "poses.refined.npz"))
    assert 1 <= report["animals"] <= 3
    with np.load(tmp_path / "poses.refined.npz") as file:
        assert file["points"].shape == (60, report["animals"], 12, 2)
        assert file["frame_index"].tolist() == list(range(60))
        assert (np.diff(file["time_ns"]) > 0).all()
        named = np.isfinite(file["points"]).all(axis=-1).any(axis=-1)  # [frames, animals]
        np.testing.assert_array_equal(named, np.isfinite(file["id_score"]))
        assert named.sum() == report["poses"] - report["nobody"]


def arrays(path):
    """Two animals that change columns in the middle."""
    body = np.array([[0, 0], [20, 0], [40, 0]], np.float32)
    points = np.zeros((40, 2, 3, 2), np.float32)
    for n in range(40):
        points[n, 0] = body + np.array([100 + n, 100])
        points[n, 1] = body + np.array([300 - n, 300])
    true = points.copy()
    points[20:] = points[20:, ::-1]
    np.savez(path, points=points, frame_index=np.arange(40), node_names=np.array(["a", "b", "c"]))
    return true


def test_columns_that_were_exchanged_are_put_right(tmp_path):
    true = arrays(tmp_path / "a.npz")
    ended = posewire("tracks", "refine", tmp_path / "a.npz", "--fps", 50, "--out", tmp_path / "b.npz")
    assert ended.status == 0, ended.stderr
    assert "2 animals in 40 frames, 80 poses" in ended.stdout
    with np.load(tmp_path / "b.npz") as file:
        np.testing.assert_array_equal(file["points"], true)
        assert (file["id_score"] == 1).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.npz"], "give --fps"),
        (["none.npz", "--fps", 50], "no such file"),
        (["a.npz", "--fps", 50, "--animals", 0], "--animals 0: expected 1 or more"),
        (["a.npz", "--fps", 50, "--out", "b.csv"], "ends in .npz"),
        (["a.npz", "--fps", 50, "--out", "a.npz"], "is the file that is read"),
        (["a.npz", "--fps", 50, "--out", "no/b.npz"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(tmp_path, arguments, message):
    arrays(tmp_path / "a.npz")
    before = sorted(path.name for path in tmp_path.iterdir())
    ended = posewire("tracks", "refine", *arguments, cwd=tmp_path)
    assert ended.status == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before
