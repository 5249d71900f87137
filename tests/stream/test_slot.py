"""The slot against a plain model, call by call, and between real threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from posewire.frame import Frame
from posewire.slot import Slot, SlotCounts

Result = TypeVar("Result")
LONG_S = 30.0  # a bound for what must happen: never reached unless something hangs


class Watched(threading.Condition):
    """Tells when a thread has begun to wait: whoever needs the lock after that finds it waiting."""

    def __init__(self) -> None:
        super().__init__(threading.Lock())
        self.waiting = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waiting.set()
        return super().wait(timeout)


def watched() -> tuple[Slot, threading.Event]:
    """A slot, and the event that a thread waits in it."""
    slot, condition = Slot(), Watched()
    slot._changed = condition
    return slot, condition.waiting


def frame(number: int = 0) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), number)


def beside(function: Callable[..., Result], *arguments: object) -> Future[Result]:
    """Runs a function in a thread of its own; one that hangs does not keep the tests from ending."""
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


class SlotMachine(RuleBasedStateMachine):
    """Any order of calls; the twin is a list of at most one frame and three numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.slot = Slot()
        self.inside: list[Frame] = []
        self.offered = self.taken = self.skipped = 0
        self.finished = False
        self.error: BaseException | None = None
        self.stop = threading.Event()

    @rule()
    def put(self) -> None:
        new = frame(self.offered)
        displaced = self.slot.put(new)
        if self.finished:
            assert displaced is new
            return
        assert displaced is (self.inside[0] if self.inside else None)
        self.skipped += len(self.inside)
        self.inside = [new]
        self.offered += 1

    @precondition(lambda self: not self.inside or self.finished or self.stop.is_set())
    @rule()
    def put_waiting(self) -> None:
        """Only where it need not wait."""
        new = frame(self.offered)
        accepted = self.slot.put_waiting(new, self.stop)
        assert accepted == (not self.finished and not self.stop.is_set())
        if accepted:
            self.inside = [new]
            self.offered += 1

    @rule(timeout_s=st.sampled_from([0.0, 1e-4]))
    def take(self, timeout_s: float) -> None:
        taken = self.slot.take(timeout_s)
        assert taken is (self.inside.pop() if self.inside else None)
        self.taken += taken is not None

    @rule(fails=st.booleans())
    def finish(self, fails: bool) -> None:
        error = OSError("broken") if fails else None
        self.slot.finish(error)
        if not self.finished:
            self.finished, self.error = True, error

    @rule()
    def close(self) -> None:
        assert self.slot.close() is (self.inside[0] if self.inside else None)
        self.skipped += len(self.inside)
        self.inside = []
        self.finished = True

    @rule()
    def set_stop(self) -> None:
        self.stop.set()
        self.slot.wake()

    @invariant()
    def counts_agree(self) -> None:
        counts = self.slot.counts
        assert counts == SlotCounts(self.offered, self.taken, self.skipped, len(self.inside))
        assert counts.offered == counts.taken + counts.skipped + counts.inside
        assert (self.slot.offered, self.slot.skipped) == (self.offered, self.skipped)

    @invariant()
    def end_agrees(self) -> None:
        assert self.slot.ended == (self.finished and not self.inside)
        assert self.slot.error is self.error


TestSlotMachine = SlotMachine.TestCase
TestSlotMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_take_wakes_up_for_a_frame() -> None:
    slot, waits = watched()
    taken = beside(slot.take)
    assert waits.wait(LONG_S)
    new = frame()
    slot.put(new)
    assert taken.result(LONG_S) is new


def test_take_wakes_up_for_the_end() -> None:
    slot, waits = watched()
    taken = beside(slot.take)
    assert waits.wait(LONG_S)
    slot.finish()
    assert taken.result(LONG_S) is None
    assert slot.ended


def test_the_last_frame_comes_before_the_error() -> None:
    slot = Slot()
    error = OSError("broken")
    last = frame()
    slot.put(last)
    slot.finish(error)
    assert not slot.ended
    assert slot.take() is last
    assert slot.take() is None
    assert slot.ended
    assert slot.error is error


def test_put_waiting_waits_until_the_frame_inside_is_taken() -> None:
    slot, waits = watched()
    first, second = frame(0), frame(1)
    slot.put(first)
    waiting = beside(slot.put_waiting, second)
    assert waits.wait(LONG_S)
    assert slot.take() is first
    assert waiting.result(LONG_S)
    assert slot.take() is second
    assert slot.counts == SlotCounts(2, 2, 0, 0)


@pytest.mark.parametrize("how", ["stop", "close", "finish"])
def test_put_waiting_gives_up_uncounted(how: str) -> None:
    slot, waits = watched()
    stop = threading.Event()
    slot.put(frame(0))
    waiting = beside(slot.put_waiting, frame(1), stop)
    assert waits.wait(LONG_S)
    if how == "stop":
        stop.set()
        slot.wake()
    elif how == "close":
        slot.close()
    else:
        slot.finish()
    assert not waiting.result(LONG_S)
    assert slot.counts.offered == 1


def test_a_reader_gets_newer_frames_only_and_the_counts_add_up() -> None:
    slot = Slot()
    total = 20_000
    returned: list[int] = []
    broken: list[SlotCounts] = []

    def write() -> None:
        for number in range(total):
            displaced = slot.put(frame(number))
            if displaced is not None:
                returned.append(displaced.number)
        slot.finish()

    def watch() -> None:
        while not slot.ended:
            counts = slot.counts
            if counts.offered != counts.taken + counts.skipped + counts.inside:
                broken.append(counts)

    watching = beside(watch)
    writing = beside(write)
    numbers: list[int] = []
    while (taken := slot.take(LONG_S)) is not None:
        numbers.append(taken.number)
    writing.result(LONG_S)
    watching.result(LONG_S)
    assert broken == []
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == total - 1
    assert sorted(numbers + returned) == list(range(total))
    assert slot.counts == SlotCounts(total, len(numbers), len(returned), 0)


def test_with_back_pressure_no_frame_is_skipped_between_threads() -> None:
    slot = Slot()
    total = 5_000

    def write() -> None:
        for number in range(total):
            assert slot.put_waiting(frame(number))
        slot.finish()

    writing = beside(write)
    numbers = []
    while (taken := slot.take(LONG_S)) is not None:
        numbers.append(taken.number)
    writing.result(LONG_S)
    assert numbers == list(range(total))
    assert slot.counts == SlotCounts(total, total, 0, 0)


def test_a_putting_thread_is_let_in_only_when_the_taker_says_so() -> None:
    """It goes on at `let_in`, or at the latest when the taker asks for the next frame."""
    for let_in in (lambda slot: slot.let_in(), lambda slot: slot.take(0)):
        slot, waiting = watched()
        slot.put(frame(0))
        putting = beside(slot.put_waiting, frame(1))
        assert waiting.wait(LONG_S)
        assert slot.take(LONG_S, let_in=False) is not None
        assert not putting.done()  # it sleeps: nobody has woken it
        let_in(slot)
        assert putting.result(LONG_S)
        assert slot.offered == 2


def test_waiting_until_read_ends_with_the_reading_the_end_or_the_time() -> None:
    slot = Slot()
    slot.wait_until_read(60)  # nothing inside: at once
    slot.put(frame(0))
    slot.wait_until_read(0.001)
    assert slot.counts.inside == 1
    for end in (Slot.let_in, Slot.finish):
        slot, waiting = watched()
        slot.put(frame(1))
        reading = beside(slot.wait_until_read, LONG_S * 10)
        assert waiting.wait(LONG_S)
        slot.take(LONG_S, let_in=False)
        assert not reading.done()
        end(slot)
        reading.result(LONG_S)
