"""What outputs are known to do: cut, failed, shared, toggled."""

from __future__ import annotations

from dataclasses import replace

from loop_bench import LIGHT, MS, PULSE, RULE, Bench
from posewire.closed_loop import RESUME_NS, RESUMED
from posewire.outputs.link import Report
from posewire.triggers.rules import Condition, Control, Point, Quantity, Rule

NEAR = Condition("compare", quantity=Quantity("x", (Point(0),)), above=30.0)


def test_what_was_cut_is_on_again_when_poses_are_fresh() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(90)
    bench.answer("safe", -1, "no fresh pose for 100 ms")
    assert bench.frame(90) == [("safe", "no fresh pose for 100 ms")]
    told = []
    for _ in range(RESUME_NS // (10 * MS) + 2):
        told += bench.frame(90)
    assert told == [("fired", RESUMED)]
    assert bench.acts == [("on", 0), ("on", 1)]
    assert bench.frame(10) == [("ended", "")]


def test_what_was_cut_stays_off_when_its_rule_does_not_hold() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(90)
    bench.answer("safe", -1, "")
    bench.frame(90)
    for _ in range(40):
        bench.frame(10)
    assert bench.acts == [("on", 0)]


def test_an_on_that_the_device_never_had_costs_nothing() -> None:
    bench = Bench([RULE], [replace(LIGHT, max_count=1)])
    bench.frame(90)
    bench.answer("failed", 0, "the device does not take it now")
    for _ in range(RESUME_NS // (10 * MS) + 3):
        bench.frame(90)
    assert bench.acts == [("on", 0), ("on", 1)]
    bench.answer("sent", 1)
    bench.frame(90)
    bench.answer("failed", 1, "its watchdog tripped")
    told = []
    for _ in range(RESUME_NS // (10 * MS) + 3):
        told += bench.frame(90)
    # It was on before it failed: the limit counts it.
    assert ("withheld", "rate") in told
    assert bench.acts == [("on", 0), ("on", 1)]


def test_nothing_acts_once_the_guard_is_gone() -> None:
    bench = Bench([replace(RULE, outputs=("pulse",))], [PULSE])
    bench.kept.armed, bench.kept.trouble = False, "the guard process ended"
    assert bench.frame(10) == [("disarmed", "the guard process ended")]
    assert bench.frame(90) == [("withheld", "disarmed")]
    assert bench.loop.trouble == "the guard process ended"
    assert not bench.loop.armed


def test_an_output_is_ended_as_it_was_begun_whatever_the_last_rule_drew() -> None:
    """A rule whose last stimulus was a sham holds what another one turned on: its end is sent."""
    shamming = Rule("near", ("light",), NEAR, control=Control(sham=1.0, block=1))
    bench = Bench([RULE, shamming], [LIGHT])
    assert bench.frame(40) == [("sham", "")]
    assert bench.frame(10) == [("ended", "")]
    assert bench.acts == []
    assert bench.frame(90) == [("fired", ""), ("withheld", "busy")]
    assert bench.frame(40) == []  # the other one still holds it
    assert bench.frame(10) == [("ended", "")]
    assert [what for what, _ in bench.acts] == ["on", "off"]
    assert bench.told[-1].of == bench.acts[0][1]


def test_a_toggled_output_goes_off_as_it_went_on() -> None:
    rule = replace(RULE, control=Control(sham=0.5, block=2))
    for seed in range(8):
        bench = Bench([rule], [replace(LIGHT, mode="toggle")], seed=seed)
        for _ in range(8):
            bench.frame(90)
            bench.answer("sent", bench.acts[-1][1] if bench.acts else -1)
            bench.frame(10)
        whats = [what for what, _ in bench.acts]
        assert whats == ["on", "off"] * (len(whats) // 2)
        assert 0 < len(whats) < 8


def test_what_is_refused_takes_no_place_in_a_block_of_shams() -> None:
    rule = replace(RULE, outputs=("pulse",), control=Control(sham=0.5, block=2))
    for seed in range(8):
        bench = Bench([rule], [replace(PULSE, max_count=1, count_window_ns=35 * MS, width_ns=MS)], seed=seed)
        kinds: list[tuple[str, str]] = []
        for _ in range(200):
            kinds += bench.frame(90)
            bench.frame(10)
        drawn = [kind for kind, _ in kinds if kind != "withheld"]
        assert ("withheld", "rate") in kinds
        assert all(drawn[n : n + 2].count("sham") == 1 for n in range(0, len(drawn) - 1, 2))


def test_a_rule_that_is_refused_does_not_hold_what_others_turned_on() -> None:
    other = Rule("near", ("light",), NEAR)
    bench = Bench([other, RULE], [replace(LIGHT, max_count=1, count_window_ns=100 * MS)])
    bench.frame(40)
    bench.frame(10)
    bench.answer("sent", 1)
    bench.frame(10)
    assert bench.frame(40) == [("withheld", "rate")]
    for _ in range(25):
        bench.frame(40)
    assert bench.frame(90) == [("fired", "")]
    assert bench.frame(40) == [("ended", "")]


def test_a_cut_is_heard_before_the_next_decision() -> None:
    """After a stall a rule ends and fires in the same frame: it is not refused for an output that is off already."""
    bench = Bench([RULE], [LIGHT])
    bench.frame(90)
    bench.answer("sent", 0)
    bench.frame(90)
    bench.now += 300 * MS
    bench.kept.reports.append(Report("safe", 0, 0, bench.now - 200 * MS, None, "no fresh pose for 100 ms"))
    told = bench.frame(90)
    assert ("fired", "") in told
    assert ("withheld", "busy") not in told
    assert [what for what, _ in bench.acts] == ["on", "on"]


def test_a_cut_that_is_told_late_does_not_touch_what_came_after_it() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(90)
    bench.kept.reports.append(Report("safe", 0, -1, bench.now - 50 * MS, None, "earlier"))
    told: list[tuple[str, str]] = []
    for _ in range(RESUME_NS // (10 * MS) + 3):
        told += bench.frame(90)
    assert told == [("safe", "earlier")]
    assert bench.frame(10) == [("ended", "")]
    assert [what for what, _ in bench.acts] == ["on", "off"]


def test_a_failure_of_an_earlier_act_does_not_touch_the_present_one() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(90)
    bench.frame(10)
    bench.answer("sent", 1)
    bench.frame(10)
    bench.frame(90)
    bench.answer("failed", 1, "lost on the way")
    bench.frame(90)
    assert bench.frame(10) == [("ended", "")]
    assert [what for what, _ in bench.acts] == ["on", "off", "on", "off"]
