"""One output in made-up time: what it does, what it refuses, and that nothing stays on that nobody vouches for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.outputs.device import Act, Done
from posewire.outputs.guard_outputs import Output
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire_models.errors import WorkError

MS = 1_000_000
AGE = 100 * MS
PULSES = OutputSpec("light", "test", width_ns=10 * MS, count=3, period_ns=30 * MS)


class Line:
    """A device that writes down what it is told, and when; it can be made to take nothing, or to be gone."""

    blocking = False
    watchdog = True

    def __init__(self, times_itself: bool = False) -> None:
        self.times_itself = times_itself
        self.now = 1000 * MS
        self.done: list[tuple[int, str]] = []
        self.on = False
        self.full = False
        self.broken = False
        self.closed = 0
        self.answers: list[Done] = []

    def open(self) -> str:
        return "a line"

    def _do(self, what: str) -> None:
        if self.broken:
            raise WorkError("unplugged")
        if self.full:
            raise BlockingIOError
        self.done.append((self.now, what))
        self.on = what in ("on", "pulse")

    def act(self, act: Act) -> None:
        self._do(act.what)
        if act.what == "value":
            self.on = act.value != 0

    def beat(self) -> None:
        if self.broken:
            raise OSError(5, "Input/output error")

    def safe(self) -> None:
        self._do("safe")

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        answers, self.answers = self.answers, []
        return answers

    def close(self) -> None:
        self.closed += 1
        self.on = False


class Bench:
    """An output with its line, in made-up time, in which everything happens when it is due."""

    def __init__(self, spec: OutputSpec, times_itself: bool = False) -> None:
        self.line = Line(times_itself)
        self.told: list[tuple[str, int, str]] = []
        self.output = Output(
            spec,
            self.line,
            AGE,
            lambda kind, event, time_ns, device_us, text: self.told.append((kind, event, text)),
            clock=lambda: self.line.now,
        )
        self.spec = spec

    def vouch(self) -> None:
        self.output.vouch(self.line.now)

    def act(self, what: str, event: int = 1, **changes: float) -> None:
        act = Act(event, what, 1.0, NEVER_NS, "rule", 0, 0, self.line.now)
        self.output.act(replace(act, **changes), self.line.now)

    def pass_ms(self, ms: float) -> None:
        until = self.line.now + round(ms * MS)
        while (due := self.output.due_ns()) <= until:
            self.line.now = max(self.line.now, due)
            self.output.turn(self.line.now)
        self.line.now = until
        self.output.turn(until)

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.told]

    def since(self, start: int) -> list[tuple[float, str]]:
        return [((at - start) / MS, what) for at, what in self.line.done]


def test_a_train_is_timed_by_the_guard() -> None:
    bench = Bench(replace(PULSES, delay_ns=5 * MS))
    bench.vouch()
    start = bench.line.now
    bench.act("pulse", 7)
    bench.pass_ms(90)
    assert bench.since(start) == [(5, "on"), (15, "off"), (35, "on"), (45, "off"), (65, "on"), (75, "off")]
    assert bench.told[0] == ("sent", 7, "on")
    assert bench.kinds() == ["sent"] + ["edge"] * 5
    bench.pass_ms(500)
    assert bench.kinds() == ["sent"] + ["edge"] * 5  # it was at rest when the poses became too old


def test_the_delay_counts_from_the_decision() -> None:
    bench = Bench(replace(PULSES, count=1, delay_ns=20 * MS))
    bench.vouch()
    start = bench.line.now
    bench.act("pulse", 7, decided_ns=start - 5 * MS)
    bench.pass_ms(50)
    assert bench.since(start) == [(15, "on"), (25, "off")]


def test_stale_poses_end_a_train_and_what_is_delayed() -> None:
    bench = Bench(replace(PULSES, delay_ns=95 * MS))
    bench.vouch()
    start = bench.line.now
    bench.act("pulse", 7)
    bench.pass_ms(200)
    at, what = bench.since(start)[-1]
    assert (round(at, 3), what) == (100, "safe")
    assert bench.since(start)[0] == (95, "on")
    assert bench.told[-1] == ("safe", 7, "no fresh pose for 100 ms")

    bench = Bench(replace(PULSES, delay_ns=150 * MS))
    bench.vouch()
    bench.act("pulse", 8)
    bench.pass_ms(300)
    assert [what for _, what in bench.line.done] == ["safe"]
    assert bench.told[0] == ("failed", 8, "not begun: no fresh pose for 100 ms")


def test_fresh_poses_keep_it_on_until_its_longest_time() -> None:
    bench = Bench(OutputSpec("light", "test", mode="while", max_on_ns=300 * MS))
    start = bench.line.now
    for n in range(60):
        bench.vouch()
        if n in (0, 20):  # told again: the longest time is that of the output
            bench.act("on", longest_ns=400 * MS)
        bench.pass_ms(10)
    assert bench.since(start) == [(0, "on"), (200, "on"), (300, "off")]


def test_an_act_ends_after_its_own_longest_time() -> None:
    bench = Bench(OutputSpec("light", "test", mode="while", max_on_ns=300 * MS))
    bench.vouch()
    bench.act("on", longest_ns=20 * MS)
    bench.pass_ms(50)
    assert [what for _, what in bench.line.done] == ["on", "off"]
    assert bench.line.done[1][0] - bench.line.done[0][0] == 20 * MS


@pytest.mark.parametrize("mode", ["while", "follow"])
def test_a_value_and_on_become_safe_without_poses(mode: str) -> None:
    bench = Bench(OutputSpec("light", "test", mode=mode))
    bench.vouch()
    start = bench.line.now
    bench.act("value" if mode == "follow" else "on")
    bench.pass_ms(300)
    assert [(round(at, 3), what) for at, what in bench.since(start)][1:] == [(100, "safe")]
    assert not bench.output.restless


def test_nothing_old_is_done() -> None:
    bench = Bench(PULSES)
    bench.act("pulse", 1)
    assert bench.told == [("failed", 1, "no fresh pose for 100 ms")]
    bench.vouch()
    bench.act("pulse", 2, decided_ns=bench.line.now - 101 * MS)
    assert bench.told[1] == ("failed", 2, "decided 101 ms ago: older than 100 ms")
    bench.act("jump", 3)
    assert bench.told[2] == ("failed", 3, "no act 'jump'")
    bench.pass_ms(200)
    assert bench.line.done == []
    bench.act("off", 4)  # this leads into the safe state: it never is too late
    assert [what for _, what in bench.line.done] == ["off"]


def test_a_device_that_does_not_take_it_fails_the_act_and_does_nothing_later() -> None:
    bench = Bench(PULSES)
    bench.vouch()
    bench.line.full = True
    bench.act("pulse", 3)
    assert bench.told == [("failed", 3, "on: the device does not take it now")]
    bench.line.full = False
    bench.pass_ms(90)
    assert bench.line.done == []
    assert not bench.output.restless


def test_an_end_that_is_not_taken_is_owed_until_it_is() -> None:
    bench = Bench(OutputSpec("light", "test", mode="while"))
    bench.vouch()
    bench.act("on", 3)
    bench.line.full = True
    bench.act("off", 3)
    assert bench.output.owes_safe
    bench.pass_ms(30)
    assert bench.kinds() == ["sent", "failed", "failed"]
    bench.vouch()
    bench.act("on", 4)
    assert bench.told[-1][:2] == ("failed", 4)
    assert "its safe state is not reached yet" in bench.told[-1][2]
    bench.line.full = False
    bench.pass_ms(3)
    assert [what for _, what in bench.line.done] == ["on", "safe"]
    assert bench.told[-1] == ("safe", 3, "off of event 3 failed")
    bench.act("on", 5)
    assert bench.line.on


def test_a_device_that_is_gone_disarms_its_output() -> None:
    bench = Bench(PULSES)
    bench.vouch()
    bench.act("pulse", 3)
    bench.line.broken = True
    bench.pass_ms(20)
    assert bench.told[-2:] == [("failed", 3, "unplugged"), ("disarmed", -1, "unplugged")]
    assert bench.line.closed == 1
    bench.act("pulse", 4)
    assert bench.told[-1] == ("failed", 4, "output light: unplugged")
    bench.pass_ms(500)
    bench.output.go_safe("the end", bench.line.now)
    assert bench.line.closed == 1

    bench = Bench(PULSES)
    bench.line.broken = True
    bench.output.beat()
    assert bench.told == [("disarmed", -1, "Input/output error")]


def test_a_newer_act_takes_the_place_of_an_older_one() -> None:
    bench = Bench(PULSES)
    bench.vouch()
    start = bench.line.now
    bench.act("pulse", 1)
    bench.pass_ms(25)
    bench.act("pulse", 2)
    bench.pass_ms(12)
    bench.act("off", 3)
    bench.pass_ms(60)
    assert bench.since(start) == [(0, "on"), (10, "off"), (25, "on"), (35, "off"), (37, "off")]
    bench.vouch()
    bench.act("pulse", 4)
    bench.pass_ms(9)
    start = bench.line.now
    bench.act("pulse", 5)
    assert bench.since(start)[-2:] == [(0, "off"), (0, "on")]  # two pulses, not a longer one
    assert ("edge", 1, "not finished: event 2 came") in bench.told
    assert ("edge", 2, "not finished: event 3 came") in bench.told


def test_a_device_that_times_itself_gets_the_act_as_it_is() -> None:
    bench = Bench(PULSES, times_itself=True)
    bench.vouch()
    bench.act("pulse", 1)
    assert [what for _, what in bench.line.done] == ["pulse"]
    bench.pass_ms(85)
    assert bench.output.restless  # 70 ms, and what its clock may be late
    bench.pass_ms(300)
    assert [what for _, what in bench.line.done] == ["pulse"]
    bench.vouch()
    bench.act("on", 2)
    bench.pass_ms(200)
    assert [what for _, what in bench.line.done] == ["pulse", "on", "safe"]


def test_answers_are_told() -> None:
    bench = Bench(PULSES, times_itself=True)
    bench.vouch()
    bench.act("pulse", 1)
    bench.line.answers = [Done(1, bench.line.now, 1234), Done(2, bench.line.now, None, "too much")]
    bench.pass_ms(2)
    assert bench.told[1:] == [("acknowledged", 1, ""), ("failed", 2, "too much")]


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.floats(0, 80)),
    st.tuples(st.just("vouch"), st.just(0.0)),
    st.tuples(st.sampled_from(["on", "off", "pulse", "value"]), st.floats(0, 1)),
    st.tuples(st.sampled_from(["full", "free"]), st.just(0.0)),
)


@settings(deadline=None, max_examples=150)
@given(steps=st.lists(STEPS, max_size=40), delay=st.sampled_from([0, 5 * MS]))
def test_whatever_happens_nothing_is_on_that_nobody_vouches_for(steps: list[tuple[str, float]], delay: int) -> None:
    spec = replace(PULSES, delay_ns=delay, max_on_ns=60 * MS)
    bench = Bench(spec)
    fresh = free_since = 0
    for event, (what, amount) in enumerate(steps):
        before = len(bench.line.done)
        if what == "pass":
            bench.pass_ms(amount)
        elif what == "vouch":
            bench.vouch()
            fresh = bench.line.now + AGE
        elif what in ("full", "free"):
            if bench.line.full and what == "free":
                free_since = bench.line.now
            bench.line.full = what == "full"
        else:
            bench.act(what, event, longest_ns=50 * MS, value=round(amount))
        now = bench.line.now
        assert all(at <= fresh for at, done in bench.line.done[before:] if done == "on")
        if bench.line.on and not bench.line.full and now - free_since > 25 * MS:
            assert now <= fresh + 1
        assert not bench.line.on or bench.output.restless or bench.output.owes_safe
