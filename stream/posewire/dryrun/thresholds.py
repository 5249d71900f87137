"""How often rules would have fired had their numbers been others: all of them tried at once, in one more closed loop.

Every variant of a rule gets outputs of its own, with the limits that the rule's have, and next to it the other rules
that share them. So each variant is decided, limited and counted by the very code that does it live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from posewire.closed_loop import RESUMED
from posewire.dryrun.settings import Setting, settings_of
from posewire.eventmessage import Event
from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import Rule, Rules

AS_IT_IS = "100 %"
_DECIDED = ("fired", "sham", "withheld")
_NEAR = ("90 %", "110 %", "-5 px", "+5 px")


@dataclass(frozen=True)
class Variant:
    """A rule with one number changed; ``setting`` is None for the rule as it is."""

    rule: int
    setting: Setting | None
    change: str
    value: float
    made: Rule


class Thresholds:
    """All variants of all rules that decide, as one set of ``rules`` (None: there is nothing to vary).

    `hear` every event of a closed loop with them; then `table` tells.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._skipped: list[tuple[int, Setting, str, float]] = []
        self._variants = [variant for n in range(len(rules.rules)) for variant in self._of_rule(n)]
        self._decisions = [0] * len(self._variants)
        self._permitted = [0] * len(self._variants)
        self._last = [-1] * len(self._variants)
        self._names: dict[str, int] = {}
        self.rules = self._spread() if self._variants else None

    def hear(self, event: Event) -> None:
        """Count a decision; what outputs refuse one after the other is one decision."""
        variant = self._names.get(event.rule)
        if variant is None or event.event < 0 or event.kind not in _DECIDED or event.reason == RESUMED:
            return
        self._permitted[variant] += event.kind != "withheld"
        if event.event != self._last[variant]:
            self._last[variant] = event.event
            self._decisions[variant] += 1

    def table(self) -> list[dict[str, Any]]:
        """For each number of each rule: ``rule``, ``setting``, ``about``, ``value`` (None of a zone), ``variants``
        (``change``, ``value``, ``decisions``, and of them ``permitted`` by the limits; None where there can be no such
        rule) with the rule as it is among them, and ``sensitive``: whether +-10 % (of zones +-5 px) change the
        decisions by more than a quarter."""
        rows: dict[tuple[int, str], dict[str, Any]] = {}
        as_it_is = {v.rule: n for n, v in enumerate(self._variants) if v.setting is None}
        tried = [
            (v.rule, v.setting, v.change, v.value, self._decisions[n], self._permitted[n])
            for n, v in enumerate(self._variants)
            if v.setting is not None
        ]
        tried += [(*skipped, None, None) for skipped in self._skipped]  # type: ignore[misc]
        for rule, setting, change, value, decisions, permitted in tried:
            if (rule, setting.name) not in rows:
                base = as_it_is[rule]
                same = _cell(AS_IT_IS, setting.value, self._decisions[base], self._permitted[base])
                rows[rule, setting.name] = {
                    "rule": self._rules.rules[rule].name,
                    "setting": setting.name,
                    "about": setting.about,
                    "value": None if setting.zone else setting.value,
                    "variants": [same],
                }
            rows[rule, setting.name]["variants"].append(_cell(change, value, decisions, permitted))
        for row in rows.values():
            row["variants"].sort(key=lambda cell: _order(cell["change"]))
            row["sensitive"] = _sensitive(row["variants"])
        return [rows[key] for key in sorted(rows, key=lambda key: key[0])]

    def _of_rule(self, number: int) -> list[Variant]:
        rule = self._rules.rules[number]
        control = rule.control
        settings = settings_of(rule, self._rules.keypoints)
        if not settings or control.yoked or control.matched or control.random_per_minute:
            return []  # its decisions, if it makes any, count for nothing
        found = [Variant(number, None, AS_IT_IS, 0.0, rule)]
        for setting in settings:
            for change, value in setting.others():
                made = setting.change(value)
                if made is None:
                    self._skipped.append((number, setting, change, value))
                else:
                    found.append(Variant(number, setting, change, value, made))
        return found

    def _spread(self) -> Rules:
        outputs: list[OutputSpec] = []
        rules: list[Rule] = []
        specs = {spec.name: spec for spec in self._rules.outputs}
        for n, variant in enumerate(self._variants):
            own = variant.made.outputs
            outputs += [replace(specs[name], name=_name(n, name)) for name in own]
            for place, rule in enumerate(self._rules.rules):
                shared = [name for name in rule.outputs if name in own]
                if place == variant.rule:
                    self._names[_name(n, rule.name)] = n
                    rule = variant.made
                elif not shared or rule.value is not None:
                    continue
                names = tuple(_name(n, name) for name in shared)
                rules.append(replace(rule, name=_name(n, rule.name), outputs=names))
        return replace(self._rules, rules=tuple(rules), outputs=tuple(outputs), blind=False)


def _name(variant: int, name: str) -> str:
    return f"{variant}:{name}"


def _cell(change: str, value: float, decisions: int | None, permitted: int | None) -> dict[str, Any]:
    return {"change": change, "value": value, "decisions": decisions, "permitted": permitted}


def _order(change: str) -> float:
    number, unit = change.split(" ")
    return float(number) - (0.0 if unit == "px" else 100.0)


def _sensitive(cells: Sequence[dict[str, Any]]) -> bool:
    now = next(cell["decisions"] for cell in cells if cell["change"] == AS_IT_IS)
    near = [cell["decisions"] for cell in cells if cell["change"] in _NEAR and cell["decisions"] is not None]
    return any(abs(count - now) > now / 4 for count in near)
