"""A closed loop with a guard that only keeps what it is told, and a clock of the test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posewire.closed_loop import ClosedLoop
from posewire.eventmessage import Event
from posewire.frame import Frame
from posewire.outputs.device import Act
from posewire.outputs.link import Report
from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import Condition, Point, Quantity, Rule, Rules

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
