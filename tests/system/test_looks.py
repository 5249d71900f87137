"""`posewire run` with crops that follow one animal, a budget, and hints to the system: the real command."""

from __future__ import annotations

import numpy as np
import pytest

from filmed import walk, write_video
from paths import shared
from program import ANY_PORT, end, free_endpoint, posewire, read_poses, start


def test_a_followed_mouse_of_the_real_video_is_where_the_whole_frame_has_it():
    video = shared("dlc-openfield") / "videos" / "m3v1mp4.mp4"
    poses, reports = [], []
    for crop in ("full", "follow"):
        endpoint = free_endpoint()
        process = start(
            *("run", "--source", video, "--model", "mouse-topview", "--pace", "max", "--frames", 150, "--crop", crop),
            *("--wait-subscribers", 1, "--publish", endpoint, "--json"),
        )
        messages = read_poses(endpoint, process)
        ended = end(process)
        assert ended.status == 0, ended.stderr
        assert [message["frame"] for message in messages] == list(range(150))
        poses.append([np.frombuffer(message["poses"], "<f4").reshape(message["shape"])[0] for message in messages])
        reports.append(ended.report)
    whole, followed = np.array(poses[0]), np.array(poses[1])
    both = np.isfinite(whole[..., 0]) & np.isfinite(followed[..., 0])
    assert both.mean() > 0.9
    apart = np.linalg.norm(whole[..., :2] - followed[..., :2], axis=-1)[both]
    assert np.median(apart) < 1.5
    assert (apart < 15).mean() > 0.99
    assert "looks" not in reports[0]
    looks = reports[1]["looks"]
    assert looks["crop"] > 130
    assert looks["crop"] + looks["whole"] - looks["doubtful"] == 150


def test_a_budget_is_chosen_for_and_told():
    ended = posewire(
        *("run", "--source", "synthetic:frames=120", "--pace", "max", "--crop", "auto", "--budget-ms", 40),
        *("--publish", ANY_PORT, "--json"),
    )
    assert ended.status == 0, ended.stderr
    assert "chosen for 40 ms: synthetic-animal on" in ended.stderr
    assert ended.report["looks"]["budget_ms"] == 40
    assert ended.report["frames"]["processed"] == 120
    assert ended.report["truth_px"] < 6


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--budget-ms", 5), "--budget-ms is for --crop auto"),
        (("--crop", "auto", "--model", "synthetic-animals"), "--crop auto: synthetic-animals is a model of several"),
        (("--crop", "auto", "--budget-ms", 0), "--budget-ms"),
        (("--source", "RECORDING", "--show", "RECORDING"), "is, or lies in, the source"),
        (("--crop", "folow"), "--crop folow: expected full, follow, auto, or X,Y,W,H"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, arguments, sentence):
    recording = write_video(tmp_path / "walk.mp4", walk(3))
    before = recording.read_bytes()
    arguments = [recording if argument == "RECORDING" else argument for argument in arguments]
    ended = posewire("run", *arguments, "--publish", ANY_PORT, "--frames", 3)
    assert ended.status == 2
    assert sentence in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert recording.read_bytes() == before


def test_hints_to_the_system_are_told_one_by_one():
    ended = posewire("run", "--realtime", "--source", "synthetic:frames=30,loop=10", "--publish", ANY_PORT, "--json")
    assert ended.status == 0, ended.stderr
    assert sum(line.startswith("realtime: ") for line in ended.stderr.splitlines()) == 3
    assert ended.report["frames"]["offered"] == 30


def test_a_recording_without_a_model_is_told_what_it_is_run_with(tmp_path):
    recording = write_video(tmp_path / "walk.avi", walk(3))
    ended = posewire("run", "--source", recording, "--pace", "max", "--publish", ANY_PORT)
    assert "no --model given: synthetic-animal is taken, which finds drawn animals" in ended.stderr
