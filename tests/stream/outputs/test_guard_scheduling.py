"""What is asked of the system is granted, where it has it, and changes nothing else."""

from __future__ import annotations

import os
import platform
import sys
import threading
from pathlib import Path

import pytest

from posewire.outputs.guard_scheduling import SLICE_NS, ask_for_fine_waits


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux tells of a thread")
def test_a_thread_gets_exact_waits_and_short_turns() -> None:
    found: dict[str, object] = {}

    def work() -> None:
        before = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), os.sched_getaffinity(0)
        ask_for_fine_waits()
        after = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0), os.sched_getaffinity(0)
        place = Path(f"/proc/self/task/{threading.get_native_id()}")
        facts = (place / "sched").read_text() if (place / "sched").exists() else ""
        found.update(same=before == after, facts=facts)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found["same"]
    kernel = tuple(int(part) for part in platform.release().split(".")[:2])
    if kernel < (6, 12) or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("short turns came with Linux 6.12")
    for line in str(found["facts"]).splitlines():
        if line.startswith("se.slice"):
            assert int(line.split(":")[1]) == SLICE_NS
