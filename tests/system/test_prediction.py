"""`posewire run --lead-ms`: a bare reader gets what was predicted, and the program's own score is the true one."""

from __future__ import annotations

import numpy as np
import pytest

from program import end, free_endpoint, read_poses, start

LEAD_MS = 20


@pytest.fixture(scope="module")
def run():
    """Messages and report of a short live run on a drawn scene."""
    endpoint = free_endpoint()
    process = start(
        *("run", "--source", "synthetic:seed=11,fps=50,size=320x240,frames=200", "--lead-ms", LEAD_MS),
        *("--wait-subscribers", 1, "--publish", endpoint, "--json"),
    )
    messages = read_poses(endpoint, process)
    ended = end(process)
    assert ended.status == 0, ended.stderr
    return messages, ended.report


def arrays(messages):
    poses, predicted = (
        np.array([np.frombuffer(m[key], "<f4").reshape(m["shape"])[0] for m in messages], np.float64)
        for key in ("poses", "predicted")
    )
    taken = np.array([m["stamps"]["grabbed"] for m in messages])
    return poses, predicted, taken, taken + np.array([m["lead_ns"] for m in messages])


def test_a_bare_reader_gets_predictions_for_when_the_stimulus_acts(run):
    messages, report = run
    for message in messages:
        stamps = message["stamps"]
        assert message["lead_ns"] == stamps["decoded"] - stamps["grabbed"] + LEAD_MS * 1_000_000
    poses, predicted, _, _ = arrays(messages)
    assert np.isfinite(predicted[..., :2]).mean() > 0.9
    assert (predicted[..., 0] != poses[..., 0]).mean() > 0.3
    assert report["latency_ms"]["track"]["p50"] > 0


def test_the_programs_own_score_is_what_the_messages_say(run):
    """Each prediction against the places measured about its time, computed from nothing but the messages."""
    messages, report = run
    poses, predicted, taken, targets = arrays(messages)
    errors, held = [], []
    for n, target in enumerate(targets):
        after = int(np.searchsorted(taken, target))
        if after >= len(taken) or taken[after] - taken[after - 1] > 100_000_000:
            continue
        share = (target - taken[after - 1]) / (taken[after] - taken[after - 1])
        there = poses[after - 1, :, :2] + share * (poses[after, :, :2] - poses[after - 1, :, :2])
        errors.append(np.linalg.norm(predicted[n, :, :2] - there, axis=-1))
        held.append(np.linalg.norm(poses[n, :, :2] - there, axis=-1))
    told = report["prediction"]
    assert told["lead_ms"] == LEAD_MS
    assert told["error_px"] == pytest.approx(np.nanmean(errors), rel=0.05)
    assert told["hold_px"] == pytest.approx(np.nanmean(held), rel=0.05)
    assert told["gain"] > 0
    assert 0 < told["truth_px"] < 20
