"""Keeps the processor's cores from falling asleep, as a network that runs without a break does.

A core that idles goes to sleep, and on a virtual machine it may take 50 µs to wake it; three threads are woken one
after the other for every message. What keeps the cores busy here runs at the lowest priority and gives way at once.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# Ends with the program that started it, however that ended.
_SPIN = """
import os, sys
if hasattr(os, "SCHED_IDLE"):
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(sys.argv[1])})
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(300_000):
        pass
"""


def step_back() -> None:
    """Run only where others leave a core free; threads that this process starts later do likewise."""
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif hasattr(os, "nice"):
        os.nice(19)


def lowest_priority() -> int:
    """The flag for a new process on Windows, which has no way to step back later; 0 elsewhere."""
    return int(getattr(subprocess, "IDLE_PRIORITY_CLASS", 0))


@contextmanager
def cores_awake(wanted: bool = True) -> Iterator[None]:
    """While this lasts, every core that this process may use has something to do."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    processes = [
        subprocess.Popen([sys.executable, "-c", _SPIN, str(core)], creationflags=lowest_priority())
        for core in (cores if wanted else [])
    ]
    with ended_afterwards(processes):
        yield


@contextmanager
def ended_afterwards(processes: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Processes that are killed, however what happens beside them ends."""
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
