"""What the numbers that rules compare were in a recording: where a threshold can lie, also if nothing fires."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from posewire.dryrun.poses import Ids
from posewire.frame import Floats, Image
from posewire.triggers.evaluator import Evaluator
from posewire.triggers.possible import conditions
from posewire.triggers.rules import ANY, Control, Quantity, Rule, Rules
from posewire.triggers.words import Words, unit

PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
# A value that is followed is held between two ends: these are further than any of use, and small enough to leave it
# exact to 1e-6.
_END = 2.0**30


class Quantities:
    """Every quantity that a condition compares or a value follows, frame after frame.

    Each is followed as a value, by the rule's own keypoints, scores and gaps, whatever the rule decides. With several
    animals it is that of the first one in the frame for which it is known. Raises InputError for a classifier that
    cannot be used.
    """

    def __init__(self, rules: Rules, *, animals: int, frame_rate: float) -> None:
        self._rows = [
            (rule, quantity)
            for rule in rules.rules
            for quantity in dict.fromkeys(_compared(rule))
            if quantity.kind != "number"
        ]
        self._values = [array("d") for _ in self._rows]
        self._words = {
            rule.name: Words(rules.keypoints, "" if rule.animal == ANY else rule.animal) for rule in rules.rules
        }
        self._evaluator: Evaluator | None = None
        if self._rows:
            followers = tuple(_follower(rule, quantity) for rule, quantity in self._rows)
            rules = replace(rules, rules=followers, outputs=())
            self._evaluator = Evaluator(rules, animals=animals, frame_rate=frame_rate or 100.0)

    def step(
        self,
        time_ns: int,
        poses: Floats,
        ids: Ids | None,
        id_scores: Floats | None,
        predicted: Floats | None,
        image: Image | None,
    ) -> None:
        """The frame taken at ``time_ns``, as `posewire.dryrun.rehearsal.Rehearsal.step` gets it."""
        if self._evaluator is None:
            return
        self._evaluator.step(poses, ids, id_scores, time_ns, 0, image, predicted)
        for values, value in zip(self._values, self._evaluator.values.tolist(), strict=True):
            if value == value:
                values.append(value)

    def table(self) -> list[dict[str, Any]]:
        """For the report: ``rule``, ``quantity`` in words, ``unit``, the number of frames in which it is ``known``, and
        ``percentiles`` [[percent, value], ...], none if it never was."""
        found = []
        for (rule, quantity), values in zip(self._rows, self._values, strict=True):
            at = np.percentile(values, PERCENTILES).round(6).tolist() if values else []
            found.append(
                {
                    "rule": rule.name,
                    "quantity": self._words[rule.name].quantity(quantity),
                    "unit": unit(quantity),
                    "known": len(values),
                    "percentiles": [list(pair) for pair in zip(PERCENTILES, at, strict=False)],
                }
            )
        return found


def _compared(rule: Rule) -> list[Quantity]:
    if rule.value is not None:
        return [rule.value]
    parts = conditions(rule.when) if rule.when is not None else []
    return [part.quantity for part in parts if part.quantity is not None]


def _follower(rule: Rule, quantity: Quantity) -> Rule:
    """A rule whose value is the number itself, at all times."""
    return replace(
        rule,
        outputs=(),
        when=None,
        value=quantity,
        value_from=(-_END, _END),
        value_to=(-_END, _END),
        min_id_score=0.0,
        armed_from_ns=0,
        armed_until_ns=Rule.armed_until_ns,
        control=Control(),
    )


def quantities_text(rows: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each quantity, for people."""
    if not rows:
        return []
    heads = ", ".join(f"{percent}" for percent in PERCENTILES)
    lines = ["", f"What is compared, as it was: {heads} % of the frames in which it is known lie at or below"]
    for row in rows:
        name = f"  {row['rule']}: {row['quantity']}"
        if not row["known"]:
            lines.append(f"{name}: never known")
            continue
        numbers = "  ".join(f"{value:.4g}" for _, value in row["percentiles"])
        lines.append(f"{name}: {numbers}{row['unit'] and ' ' + row['unit']} ({row['known']} frames)")
    return lines
