"""Decisions on their way to outputs, with a guard that only keeps what it is told and a clock of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire.closed_loop import LONGEST, RESUME_NS, RESUMED, ClosedLoop
from posewire.eventmessage import Event
from posewire.frame import Frame
from posewire.outputs.device import Act
from posewire.outputs.link import Report
from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import Condition, Control, Point, Quantity, Rule, Rules

MS = 1_000_000
RIGHT = Condition("compare", quantity=Quantity("x", (Point(0),)), above=50.0)
LIGHT = OutputSpec("light", "virtual-led", "while", max_on_ns=5000 * MS)
PULSE = OutputSpec("pulse", "virtual-led", "pulse", width_ns=10 * MS)


@dataclass
class Kept:
    """The guard's place: everything it was told; ``reports`` are what it answers at the next poll."""

    acts: list[tuple[int, Act]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    armed: bool = True
    trouble: str = ""

    def start(self) -> list[str]:
        return ["kept"]

    def vouch(self, taken_ns: int) -> None:
        self.beats.append(taken_ns)

    def beat(self) -> None:
        pass

    def act(self, output: int, act: Act) -> bool:
        if self.armed:
            self.acts.append((output, act))
        return self.armed

    def record(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))

    def poll(self) -> list[Report]:
        reports, self.reports = self.reports, []
        return reports

    def disarm(self, why: str) -> None:
        self.armed, self.trouble = False, why

    def close(self, reason: str) -> None:
        self.armed = False


class Bench:
    """A loop of two keypoints, frame by frame 10 ms apart, 5 ms old when they are decided on."""

    def __init__(self, rules: list[Rule], outputs: list[OutputSpec], **more: Any) -> None:
        self.now = 1_000 * MS
        self.told: list[Event] = []
        self.kept = Kept()
        self.number = 0
        self.loop = ClosedLoop(
            Rules(("snout", "tail"), tuple(rules), {}, tuple(outputs), **more),
            session=b"s" * 16,
            stream="main",
            log=Path("none"),
            unsafe=False,
            animals=4,
            tell=self.told.append,
            clock=lambda: self.now,
            make_link=lambda *arguments, **settings: self.kept,
        )
        self.loop.start(100.0, {})

    def frame(self, *xs: float, ids: list[int] | None = None, age_ms: float = 5) -> list[tuple[str, str]]:
        """One frame with animals at these places; what was told of it, kind and reason."""
        before = len(self.told)
        self.now += 10 * MS
        poses = np.zeros((len(xs), 2, 3), np.float32)
        poses[:, :, 0] = np.array(xs, np.float32)[:, None]
        poses[:, :, 2] = 1.0
        numbers = None if ids is None else np.array(ids, np.int64)
        taken = self.now - round(age_ms * MS)
        frame = Frame(np.zeros((4, 4), np.uint8), self.number, taken)
        self.loop.step(frame, taken, poses, numbers, None, None)
        self.loop.poll()
        self.number += 1
        return [(event.kind, event.reason) for event in self.told[before:]]

    def answer(self, kind: str, event: int, text: str = "") -> None:
        self.kept.reports.append(Report(kind, 0, event, self.now, None, text))

    @property
    def acts(self) -> list[tuple[str, int]]:
        return [(act.what, act.event) for _, act in self.kept.acts]


RULE = Rule("right", ("light",), RIGHT)


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


NEAR = Condition("compare", quantity=Quantity("x", (Point(0),)), above=30.0)


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
    bench.frame(90)
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
