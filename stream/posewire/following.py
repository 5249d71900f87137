"""Outputs that follow a quantity: a value in every frame."""

from __future__ import annotations

import math

from posewire.outputs.acting import Link
from posewire.outputs.device import Act
from posewire.outputs.gate import Gate
from posewire.tally import Tally
from posewire.triggers.rules import Rule


class Follower:
    """Sends a rule's value to its ``outputs`` (index and gate each), as fast as their slew allows.

    While the value is unknown they keep the last one; once it has been unknown for longer than the rule's ``gap_ns``,
    they go to that of their safe state.
    """

    def __init__(self, rule: int, settings: Rule, outputs: list[tuple[int, Gate]]) -> None:
        self.rule = rule
        self._settings, self._outputs = settings, outputs
        self._lost_ns: int | None = None

    def step(self, wanted: float, frame: int, now_ns: int, link: Link, tally: Tally) -> None:
        """One frame's value (NaN: unknown)."""
        known = not math.isnan(wanted)
        if known:
            self._lost_ns = None
        elif self._lost_ns is None or now_ns - self._lost_ns <= self._settings.gap_ns:
            self._lost_ns = now_ns if self._lost_ns is None else self._lost_ns
            return
        for output, gate in self._outputs:
            value = gate.follow(wanted if known else gate.spec.safe, now_ns)
            if link.act(output, Act(-1, "value", value, 0, self._settings.name, -1, frame, now_ns)):
                tally.values[output] += 1
