"""The only reader of time: one monotonic clock for every stamp of a session.

`now_ns` is ``time.perf_counter_ns``: system-wide on one machine and fine-grained on Linux, Windows and macOS
(``time.monotonic`` ticks at 15 ms on Windows before Python 3.13). Wall time appears once a session, as an offset.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path

CLOCK_NAME = "perf_counter_ns"
now_ns = time.perf_counter_ns


@dataclass(frozen=True)
class ClockInfo:
    """What a reader needs to compare its own clock with a session's.

    ``wall_minus_clock_ns`` added to a stamp gives Unix time. Stamps of two programs may be subtracted only if
    ``host`` and ``boot`` are equal.
    """

    name: str
    wall_minus_clock_ns: int
    host: str
    boot: str


def clock_info() -> ClockInfo:
    """The clock of this program, with the wall offset taken between two readings of the clock."""
    before = now_ns()
    wall = time.time_ns()
    after = now_ns()
    return ClockInfo(CLOCK_NAME, wall - (before + after) // 2, platform.node(), boot_id())


def boot_id() -> str:
    """Names the present boot of this machine: equal in all its programs, another after a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # The clock starts with the machine on Windows and macOS; a minute absorbs the wall clock's corrections.
        return f"boot-{round((time.time_ns() - now_ns()) / 60e9)}"


def resolution_ns() -> int:
    """The smallest step seen between two different readings of the clock."""
    steps = []
    for _ in range(200):
        first = now_ns()
        while (second := now_ns()) == first:
            pass
        steps.append(second - first)
    return min(steps)
