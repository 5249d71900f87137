"""Limits of outputs, judged by what a device did that carried permits out late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.outputs.gate import BUSY, DOSE, DUTY, RATE, Gate, Permit
from posewire.outputs.spec import OutputSpec

MS = 1_000_000
MARGIN = 100 * MS


@dataclass
class SlowDevice:
    """Carries out what was permitted, each act up to ``MARGIN`` late, in their order; keeps when it was on."""

    spec: OutputSpec
    on: list[list[int]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    now: int = 0
    open_until: int | None = None

    def carry_out(self, permit: Permit, decided: int, late: int) -> int:
        self.now = max(self.now, decided + late)
        if permit.what == "pulse":
            self.starts.append(self.now)
            first = self.now + self.spec.delay_ns
            period = self.spec.period_ns if self.spec.count > 1 else 0
            self.on += [[first + n * period, first + n * period + self.spec.width_ns] for n in range(self.spec.count)]
        elif permit.what == "on":
            self.starts.append(self.now)
            self.on.append([self.now, self.now + permit.longest_ns])
        elif self.on:
            self.on[-1][1] = max(self.on[-1][0], min(self.on[-1][1], self.now))
        return self.now

    def filled(self, begin: int, end: int) -> int:
        return sum(max(0, min(b, end) - max(a, begin)) for a, b in self.on)


def obeys(device: SlowDevice) -> None:
    spec = device.spec
    assert sum(b - a for a, b in device.on) <= spec.max_dose_ns
    for edge in {t for stretch in device.on for t in stretch}:
        for begin in (edge, edge - spec.duty_window_ns):
            assert device.filled(begin, begin + spec.duty_window_ns) <= spec.max_duty * spec.duty_window_ns
    for first in device.starts:
        assert sum(first <= t < first + spec.count_window_ns for t in device.starts) <= spec.max_count
    if spec.mode != "pulse":
        assert all(b - a <= spec.max_on_ns for a, b in device.on)


@st.composite
def specs(draw: st.DrawFn) -> OutputSpec:
    """Outputs of which now one limit binds, now another."""
    width = draw(st.integers(1, 60)) * MS
    binding = draw(st.sets(st.sampled_from(["on", "duty", "count", "dose"]), min_size=1, max_size=2))
    duty_window = draw(st.integers(200, 2000))
    return OutputSpec(
        name="laser",
        kind="virtual-led",
        mode=draw(st.sampled_from(["pulse", "while", "toggle"])),
        delay_ns=draw(st.sampled_from([0, 0, 30])) * MS,
        width_ns=width,
        count=draw(st.integers(1, 4)),
        period_ns=width + draw(st.integers(1, 50)) * MS,
        max_on_ns=draw(st.integers(5, 300)) * MS if "on" in binding else 2**62,
        max_duty=draw(st.sampled_from([0.5, 0.2, 0.1])) if "duty" in binding else 1.0,
        duty_window_ns=duty_window * MS,
        max_count=draw(st.integers(1, 4)) if "count" in binding else 2**31,
        count_window_ns=draw(st.integers(100, 3000)) * MS,
        max_dose_ns=draw(st.integers(50, 1500)) * MS if "dose" in binding else 2**62,
    )


steps = st.lists(
    st.tuples(
        st.integers(1, 200),
        st.integers(0, 9),
        st.sampled_from(["start", "start", "start", "end"] * 3 + ["cut"]),
        st.integers(0, 100),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=500, deadline=None)
@given(specs(), steps, st.booleans())
def test_ten_rules_on_one_output_never_exceed_its_limits(
    spec: OutputSpec, wishes: list[tuple[int, int, str, int]], settle: bool
) -> None:
    gate, device = Gate(spec, MARGIN), SlowDevice(spec)
    now = 0
    for passed, rule, wish, late in wishes:
        now += passed * MS
        if wish == "cut":
            # The guard cuts at once, and tells when it did.
            device.now = max(device.now, now)
            for stretch in device.on:
                stretch[1] = max(stretch[0], min(stretch[1], device.now))
            device.on = [stretch for stretch in device.on if stretch[0] < device.now]
            gate.cut(device.now)
            now = device.now
            continue
        permit = gate.start(rule, now) if wish == "start" else gate.end(rule, now)
        if isinstance(permit, Permit):
            done = device.carry_out(permit, now, late * MS)
            if permit.what == "off" and settle:
                gate.settled(done)
                now = max(now, done)
    obeys(device)
    assert gate.dose_ns >= sum(b - a for a, b in device.on)


def laser(**changes: object) -> OutputSpec:
    return replace(OutputSpec("laser", "virtual-led", width_ns=10 * MS), **changes)  # type: ignore[arg-type]


def test_rate_counts_all_rules_together() -> None:
    gate = Gate(laser(max_count=3, count_window_ns=60_000 * MS))
    answers = [gate.start(rule, rule * 1000 * MS) for rule in range(4)]
    assert answers == [Permit("pulse")] * 3 + [RATE]
    assert gate.start(9, 60_050 * MS) == RATE
    assert gate.start(9, 60_101 * MS) == Permit("pulse")
    assert gate.refused[RATE] == 2


def test_a_train_is_not_interrupted_by_another() -> None:
    gate = Gate(laser(count=3, period_ns=50 * MS))
    assert gate.start(0, 0) == Permit("pulse")
    assert gate.start(1, 100 * MS) == BUSY
    assert gate.start(1, 110 * MS) == Permit("pulse")


def test_duty_leaves_what_is_left_of_the_window() -> None:
    gate = Gate(laser(mode="while", max_duty=0.1, duty_window_ns=1000 * MS, max_on_ns=500 * MS), 0)
    assert gate.start(0, 0) == Permit("on", 100 * MS)
    assert gate.end(0, 60 * MS) == Permit("off")
    assert gate.start(0, 200 * MS) == Permit("on", 40 * MS)
    assert gate.start(1, 600 * MS) == DUTY


def test_a_dose_is_used_up() -> None:
    gate = Gate(laser(max_dose_ns=25 * MS))
    assert [gate.start(0, n * 1000 * MS) for n in range(3)] == [Permit("pulse"), Permit("pulse"), DOSE]
    assert gate.dose_ns == 20 * MS


def test_an_output_is_on_until_the_last_rule_lets_go() -> None:
    gate = Gate(laser(mode="while", max_on_ns=5000 * MS))
    assert gate.start(0, 0) == Permit("on", 5000 * MS)
    assert gate.start(1, 10 * MS) == BUSY
    assert gate.end(0, 20 * MS) is None
    assert gate.end(1, 30 * MS) == Permit("off")
    assert gate.end(1, 40 * MS) is None


def test_what_was_cut_stays_off_until_a_rule_fires_again() -> None:
    gate = Gate(laser(mode="while", max_on_ns=5000 * MS))
    gate.start(0, 0)
    gate.cut(100 * MS)
    assert not gate.on
    assert gate.end(0, 200 * MS) is None
    assert gate.dose_ns == 100 * MS
    assert gate.start(0, 300 * MS) == Permit("on", 5000 * MS)


def test_what_was_not_carried_out_counts_for_nothing() -> None:
    gate = Gate(laser(mode="while", max_on_ns=1000 * MS, max_count=1, max_dose_ns=1000 * MS))
    assert gate.start(0, 0) == Permit("on", 1000 * MS)
    gate.undo(50 * MS)
    assert (gate.on, gate.dose_ns) == (False, 0)
    assert gate.start(0, 100 * MS) == Permit("on", 1000 * MS)
    gate.cut(150 * MS)
    gate.undo(160 * MS)
    assert gate.start(0, 300 * MS) == RATE


def test_toggle_turns_on_and_off() -> None:
    gate = Gate(laser(mode="toggle", max_on_ns=1000 * MS))
    assert [gate.start(0, t * MS) for t in (0, 500)] == [Permit("on", 1000 * MS), Permit("off")]
    gate.settled(501 * MS)
    assert gate.start(0, 600 * MS) == Permit("on", 1000 * MS)
    # After its longest time it is off by itself, and the next decision turns it on.
    assert gate.start(0, 1750 * MS) == Permit("on", 1000 * MS)


def test_an_off_that_nobody_confirmed_holds_back_the_next_start() -> None:
    gate = Gate(laser(mode="while", max_on_ns=1000 * MS))
    gate.start(0, 0)
    gate.end(0, 50 * MS)
    assert gate.start(0, 100 * MS) == BUSY
    gate.settled(60 * MS)
    assert gate.start(0, 101 * MS) == Permit("on", 1000 * MS)


@pytest.mark.parametrize(("slew", "values"), [(0.0, [1.0, 0.0]), (2.0, [0.0, 0.0]), (0.5, [0.0, 0.05])])
def test_a_value_follows_as_fast_as_its_slew_allows(slew: float, values: list[float]) -> None:
    gate = Gate(laser(mode="follow", slew_per_s=slew))
    first = gate.follow(1.0, 0)
    assert first == values[0]
    target = 0.0 if slew != 0.5 else 1.0
    assert gate.follow(target, 100 * MS) == pytest.approx(values[1])
