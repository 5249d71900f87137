"""Decisions on their way to outputs, with a guard that only keeps what it is told and a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loop_bench import LIGHT, MS, PULSE, RULE, Bench
from posewire.closed_loop import LONGEST
from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import Control, Point, Quantity, Rule


def test_an_output_is_on_while_a_rule_holds() -> None:
    bench = Bench([RULE], [LIGHT])
    assert bench.frame(10) == []
    assert bench.frame(90) == [("fired", "")]
    assert bench.frame(90) == []
    assert bench.frame(10) == [("ended", "")]
    assert bench.acts == [("on", 0), ("off", 1)]
    assert bench.told[-1].of == 0
    assert [act.longest_ns for _, act in bench.kept.acts] == [5000 * MS, 0]
    assert bench.kept.beats == [1_005 * MS + 10 * MS * n for n in range(4)]
    fired = bench.told[1]
    assert (fired.rule, fired.outputs, fired.frame, fired.grabbed, fired.decided) == (
        "right", ["light"], 1, 1_015 * MS, 1_020 * MS,
    )  # fmt: skip


def test_it_stays_on_until_the_last_animal_has_gone() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(90, 10, ids=[1, 2])
    bench.frame(90, 90, ids=[1, 2])
    assert ("ended", "") not in bench.frame(10, 90, ids=[1, 2])
    assert ("ended", "") in bench.frame(10, 10, ids=[1, 2])
    assert bench.acts == [("on", 0), ("off", 2)]


def test_an_old_pose_fires_nothing_and_is_told_once() -> None:
    bench = Bench([RULE], [LIGHT])
    bench.frame(10)
    assert bench.frame(90, age_ms=150) == [("withheld", "age")]
    assert bench.frame(90, age_ms=150) == []
    assert bench.frame(90) == [("fired", "")]


def test_every_decision_has_one_number_for_all_its_outputs() -> None:
    bench = Bench([replace(RULE, outputs=("light", "pulse"))], [LIGHT, PULSE])
    bench.frame(90)
    assert [(output, act.what, act.event) for output, act in bench.kept.acts] == [(0, "on", 0), (1, "pulse", 0)]
    assert bench.told[-1].outputs == ["light", "pulse"]


def test_a_limit_of_one_output_does_not_keep_another_from_acting() -> None:
    bench = Bench([replace(RULE, outputs=("light", "pulse"))], [LIGHT, replace(PULSE, max_count=1)])
    bench.frame(90)
    bench.frame(10)
    bench.answer("sent", 1)
    bench.frame(10)
    assert bench.frame(90) == [("fired", ""), ("withheld", "rate")]
    assert [event.outputs for event in bench.told[-2:]] == [["light"], ["pulse"]]
    assert bench.told[-1].event == bench.told[-2].event


def test_shams_take_their_place_in_the_limits_and_are_not_sent() -> None:
    rule = replace(RULE, outputs=("pulse",), control=Control(sham=0.5, block=2))
    bench = Bench([rule], [replace(PULSE, max_count=4)], seed=1)
    kinds = []
    for _ in range(6):
        kinds += bench.frame(90)
        bench.frame(10)
    assert sorted(kinds[:4]) == [("fired", "")] * 2 + [("sham", "")] * 2
    assert kinds[4:] == [("withheld", "rate")] * 2
    assert len(bench.acts) == 2
    arms = {record["event"]: record["record"] for record in bench.kept.records if record["record"] in ("fired", "sham")}
    assert [arms[event] for _, event in bench.acts] == ["fired", "fired"]


def test_a_blinded_session_tells_decisions_alike_and_logs_the_arm() -> None:
    rule = replace(RULE, outputs=("pulse",), control=Control(sham=0.5, block=2))
    bench = Bench([rule], [PULSE], blind=True)
    for _ in range(4):
        bench.frame(90)
        bench.answer("sent", bench.told[-1].event)
        bench.frame(10)
    assert {event.kind for event in bench.told} == {"armed", "decided"}
    assert sum(record["record"] == "sham" for record in bench.kept.records) == 2
    assert "fired" not in bench.loop.figures(blind=True)["rules"]["right"]
    assert bench.loop.figures(blind=False)["rules"]["right"]["fired"] == 2


def test_a_sham_that_holds_ends_without_an_act() -> None:
    bench = Bench([replace(RULE, control=Control(sham=1.0, block=1))], [LIGHT])
    assert bench.frame(90) == [("sham", "")]
    assert bench.frame(10) == [("ended", "")]
    assert bench.acts == []


def test_random_times_take_the_place_of_decisions() -> None:
    rule = replace(RULE, outputs=("pulse",), control=Control(random_per_minute=600))
    bench = Bench([rule], [PULSE], seed=2)
    for _ in range(600):
        bench.frame(90)
    fired = [event for event in bench.told if event.kind == "fired"]
    assert len(fired) == pytest.approx(60, abs=25)
    assert {event.animal for event in fired} == {-1}


def test_a_value_is_sent_in_every_frame_and_goes_to_its_safe_one_when_it_is_lost() -> None:
    rule = Rule("gain", ("dac",), value=Quantity("x", (Point(0),)), value_from=(0.0, 100.0), value_to=(0.0, 5.0))
    bench = Bench([rule], [OutputSpec("dac", "osc", "follow", safe=1.0)])
    for x in (0, 50, 100):
        bench.frame(x)
    for _ in range(14):
        bench.frame(float("nan"))
    values = [act.value for _, act in bench.kept.acts]
    assert values[:3] == [0.0, 2.5, 5.0]
    assert set(values[3:]) == {1.0}
    assert 2 <= len(values[3:]) <= 4


def test_the_end_of_the_longest_time_is_told() -> None:
    bench = Bench([RULE], [replace(LIGHT, max_on_ns=50 * MS)])
    told = []
    for _ in range(12):
        told += bench.frame(90)
    assert told == [("fired", ""), ("ended", LONGEST)]
    assert bench.told[-1].of == 0
    assert bench.loop.figures(blind=False)["outputs"]["light"]["on_ms"] == pytest.approx(50, abs=0.01)
    assert bench.frame(10) == []
    assert bench.acts == [("on", 0)]


def test_an_arming_window_ends_what_is_on() -> None:
    bench = Bench([replace(RULE, armed_until_ns=35 * MS)], [LIGHT])
    told = []
    for _ in range(8):
        told += bench.frame(90)
    assert told == [("fired", ""), ("ended", "")]
    assert bench.acts == [("on", 0), ("off", 1)]


def test_the_report_counts_what_was_on_and_not_what_was_permitted() -> None:
    bench = Bench([replace(RULE, control=Control(sham=0.5, block=2))], [LIGHT], seed=1)
    for _ in range(4):
        for x in (90, 90, 10):
            bench.frame(x)
            if bench.acts:
                bench.answer("sent", bench.acts[-1][1])
    light = bench.loop.figures(blind=False)["outputs"]["light"]
    assert light["starts"] == 2
    assert light["on_ms"] == pytest.approx(2 * 20)
    bench.frame(90)
    bench.frame(10)
    while bench.loop.figures(blind=False)["outputs"]["light"]["starts"] == 2:
        bench.frame(90)
    before = bench.loop.figures(blind=False)["outputs"]["light"]["on_ms"]
    bench.kept.armed, bench.kept.trouble = False, "the guard process ended"
    bench.frame(90)
    for _ in range(100):
        bench.frame(90)
    assert bench.loop.figures(blind=False)["outputs"]["light"]["on_ms"] <= before + 20
