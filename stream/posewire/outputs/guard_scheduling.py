"""What the guard asks of the system without any right of its own: to be woken when something is due.

Nothing here takes time from other programs: the guard works for some 0.1 ms and sleeps again. `posewire.realtime` asks
for more, which not every user gets.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

SLICE_NS = 100_000
_PR_SET_TIMERSLACK = 29
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}  # numbers of the system call, of which libc has no function
# struct sched_attr, version 0: size, policy, flags, nice, priority, runtime, deadline, period
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")


def ask_for_fine_waits() -> None:
    """Waits of the calling thread end when they are due, as nearly as the system can. Never raises."""
    if sys.platform == "win32":
        ctypes.windll.winmm.timeBeginPeriod(1)  # ms; 15.6 otherwise
    elif sys.platform == "linux":
        # Linux lets a wait be 50 us too long, so as to wake up seldom.
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        _ask_for_short_turns()


def _ask_for_short_turns() -> None:
    """Who asks for short turns waits less for them: Linux (from 6.12 on) lets no running program finish its own first.

    Under load that is the difference between 0.1 and 3 ms for the end of a pulse (docs/guard.md).
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_OTHER, 0, nice, 0, SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, attributes, 0)
