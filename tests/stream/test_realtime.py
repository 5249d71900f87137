"""What the system is asked for, is granted or refused with a reason, and is given back."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from posewire import realtime


def in_a_thread(work):
    """What ``work`` returns in a thread of its own, whose scheduling and cores are nobody else's."""
    found = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_every_hint_is_granted_or_says_what_to_do():
    hints = realtime.what_is_allowed()
    assert [hint.what for hint in hints] == [
        "scheduling before other programs", "locked memory", "core of its own for the loop",
    ]  # fmt: skip
    for hint in hints:
        assert hint.granted != bool(hint.reason)
        assert str(hint).startswith("realtime: no " if not hint.granted else "realtime: ")


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes of Linux")
def test_asking_tells_the_truth_and_giving_back_leaves_an_ordinary_thread():
    def work():
        cores = realtime.usable_cores()
        hints = realtime.ask_for_scheduling(), realtime.ask_for_core()
        during = os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK, os.sched_getaffinity(0)
        child = in_a_thread(lambda: os.sched_getscheduler(0))
        realtime.give_back(cores)
        return hints, during, child, (os.sched_getscheduler(0), os.sched_getaffinity(0)), cores

    (scheduling, core), (policy, pinned), child, after, cores = in_a_thread(work)
    assert (policy == os.SCHED_FIFO) == scheduling.granted
    assert (len(pinned) == 1) == (core.granted or len(cores) == 1)
    assert child == os.SCHED_OTHER, "helpers of the network must not spin in the loop's class"
    assert after == (os.SCHED_OTHER, cores)


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes of Linux")
def test_a_refusal_names_the_mend(monkeypatch):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    hint = realtime.ask_for_scheduling()
    assert not hint.granted
    assert "rtprio" in hint.reason
    assert "Operation not permitted" in hint.reason
    assert not realtime.ask_for_core().granted
