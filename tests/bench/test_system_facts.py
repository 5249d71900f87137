"""What is told of the machine is what its counters say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from posewire_bench.system import Usage, between, gpus, machine, resident_mb, usage, versions


def test_facts_go_into_a_report() -> None:
    facts = json.loads(json.dumps({"machine": machine(), "versions": versions(), "gpus": gpus()}))
    assert facts["machine"]["cores"] == os.cpu_count()
    assert facts["machine"]["processor"]
    assert facts["versions"]["numpy"]
    memory = resident_mb()
    assert memory is None or memory > 10


def test_cores_are_seconds_over_seconds() -> None:
    found = between(Usage(100.0, 50.0, 1.0, 10.0), Usage(104.0, 56.0, 3.0, 12.0))
    assert (found["busy_cores"], found["ours_cores"], found["others_cores"]) == (1.5, 0.5, 1.0)
    assert found["stolen_cores"] == 0.5
    unknown = between(Usage(0.0, None, None, 0.0), Usage(1.0, None, None, 1.0))
    assert (unknown["busy_cores"], unknown["others_cores"], unknown["ours_cores"]) == (None, None, 1.0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc/stat is Linux's")
def test_a_busy_neighbour_shows() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            before = usage()
            time.sleep(0.6)  # the time over which is counted
            found = between(before, usage())
        finally:
            neighbour.kill()
    assert found["others_cores"] > 0.2
    assert found["ours_cores"] < 0.2
