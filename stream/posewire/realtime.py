"""Hints to the operating system that this program must not wait: asked for by ``--realtime``, each said aloud.

Nothing here makes a system hard real-time. A scheduling class keeps other programs from taking the processor away in
mid-frame, locked memory keeps pages from being written to disk, pinning keeps the loop's caches warm. What the system
refuses is told with the mend, and the run goes on without it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass

PRIORITY = 20  # of SCHED_FIFO: above everything usual, below the kernel's own threads
_MCL_CURRENT, _MCL_FUTURE = 1, 2
_HIGH_PRIORITY_CLASS, _THREAD_PRIORITY_TIME_CRITICAL = 0x80, 15
_LIMITS = "(in /etc/security/limits.d: `USER - rtprio 95` and `USER - memlock unlimited`, then log in again)"


@dataclass(frozen=True)
class Hint:
    """One thing asked of the system: ``what``, whether it was ``granted``, and if not the reason with its mend."""

    what: str
    granted: bool
    reason: str = ""

    def __str__(self) -> str:
        return f"realtime: {self.what}" if self.granted else f"realtime: no {self.what}: {self.reason}"


def ask_for_all() -> list[Hint]:
    """Ask for everything, for the calling thread (scheduling, pinning) and the process (memory). Never raises."""
    return [ask_for_scheduling(), ask_for_memory(), ask_for_core()]


def ask_for_scheduling() -> Hint:
    """The calling thread goes before other programs; threads that it starts later do not."""
    what = "scheduling before other programs"
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        granted = kernel.SetPriorityClass(kernel.GetCurrentProcess(), _HIGH_PRIORITY_CLASS)
        granted = granted and kernel.SetThreadPriority(kernel.GetCurrentThread(), _THREAD_PRIORITY_TIME_CRITICAL)
        return Hint(
            what, bool(granted), "" if granted else "Windows refused it; run as a user who may raise priorities"
        )
    if not hasattr(os, "sched_setscheduler"):
        return Hint(what, False, f"{sys.platform} has no such class")
    try:
        # Helpers of the network and of ZeroMQ that are started afterwards stay ordinary threads: spinning ones of this
        # class would take the machine.
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError as error:
        return Hint(what, False, f"{error.strerror}; allow it {_LIMITS}")
    return Hint(what, True)


def ask_for_memory() -> Hint:
    """All memory of the process, now and later, stays in RAM."""
    what = "locked memory"
    if sys.platform == "win32" or sys.platform == "darwin":
        return Hint(what, False, f"not to be had on {sys.platform} for a whole program")
    library = ctypes.CDLL(None, use_errno=True)
    if library.mlockall(_MCL_CURRENT | _MCL_FUTURE):
        return Hint(what, False, f"{os.strerror(ctypes.get_errno())}; allow it {_LIMITS}")
    return Hint(what, True)


def ask_for_core() -> Hint:
    """The calling thread keeps to the last of the cores that the process may use; its helpers keep all of them."""
    what = "core of its own for the loop"
    if not hasattr(os, "sched_setaffinity"):
        return Hint(what, False, f"{sys.platform} lets no program choose")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return Hint(what, False, "there is only one core for this program")
    try:
        os.sched_setaffinity(0, {cores[-1]})
    except OSError as error:
        return Hint(what, False, f"{error.strerror}; start the program without a limit on its cores")
    return Hint(what, True)


def usable_cores() -> set[int]:
    """The cores that the calling thread may use; empty where the system does not tell."""
    return set(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else set()


def give_back(cores: set[int]) -> None:
    """The calling thread is an ordinary one again, on ``cores``; locked memory stays locked."""
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), 0)
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def what_is_allowed() -> list[Hint]:
    """What `ask_for_all` would be granted here, tried and undone: the first and the last in a thread of their own."""
    import threading

    found: list[Hint] = []

    def work() -> None:
        found.append(ask_for_scheduling())
        found.append(ask_for_core())

    thread = threading.Thread(target=work, name="posewire-realtime")
    thread.start()
    thread.join()
    found.insert(1, ask_for_memory())
    if found[1].granted:
        ctypes.CDLL(None).munlockall()
    return found
