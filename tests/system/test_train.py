"""Training as a user starts it, and stops it."""

from __future__ import annotations

import json
import re
import signal
import sys
import time

import pytest

from drawn import write_project
from program import end, posewire, start


@pytest.mark.trains
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_a_stopped_training_loses_no_step_and_goes_on(tmp_path):
    pytest.importorskip("tensorflow")
    schedule = {"steps": 80, "validate_every": 80, "checkpoint_every": 3}
    project, run = write_project(tmp_path, schedule=schedule), tmp_path / "run"
    process = start("train", project, "--run", run)
    deadline = time.monotonic() + 120
    while not (run / "checkpoint.npz").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    ended = end(process, 60)
    assert ended.status == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    said = re.search(r"stopped after step (\d+) of 80", ended.stderr)
    assert said is not None, ended.stderr
    record = json.loads((run / "run.json").read_text())
    assert record["step"] == int(said[1])
    assert record["finished"] is None

    again = posewire("train", project, "--run", run, "--no-export")
    assert again.status == 0, again.stderr
    assert f"going on after step {said[1]}" in again.stderr
    assert json.loads((run / "run.json").read_text())["step"] == 80
