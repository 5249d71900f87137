"""The numbers in a rule that could have been others, and the rule with one of them changed. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from posewire.dryrun.outline import resized
from posewire.triggers.possible import conditions
from posewire.triggers.rules import Condition, Quantity, Rule, Zone
from posewire.triggers.words import Words

PERCENTS = (50, 80, 90, 110, 125, 200)
PIXELS = (-20, -10, -5, 5, 10, 20)  # by which a zone's edge moves
_LATEST_NS = Rule.armed_until_ns
_WINDOWS = {"zscore": "over_ms", "phase": "over_ms"}
_TIMES = {
    "dwell_ns": ("dwell_ms", 1e6),
    "refractory_ns": ("refractory_ms", 1e6),
    "repeat_ns": ("repeat_ms", 1e6),
    "gap_ns": ("gap_ms", 1e6),
    "max_age_ns": ("max_age_ms", 1e6),
    "armed_from_ns": ("armed_from_s", 1e9),
    "armed_until_ns": ("armed_until_s", 1e9),
}


@dataclass(frozen=True)
class Setting:
    """One number of a rule: ``name`` says where it stands (``when.all[1].above``), ``about`` what it is of.

    ``value`` is in the unit of the name, 0 of a zone, whose edge moves by px. ``change`` gives the rule with another
    value, None where there is no such rule.
    """

    name: str
    about: str
    value: float
    zone: bool
    change: Callable[[float], Rule | None]

    def others(self) -> list[tuple[str, float]]:
        """The values to try, each with what it is called: ``90 %``, ``+5 px``."""
        if self.zone:
            return [(f"{pixels:+d} px", float(pixels)) for pixels in PIXELS]
        return [(f"{percent} %", self.value * percent / 100) for percent in PERCENTS]


def settings_of(rule: Rule, keypoints: tuple[str, ...]) -> list[Setting]:
    """All numbers of a rule with a condition that are not 0; none of one that follows a value."""
    if rule.when is None:
        return []
    words = Words(keypoints, "" if rule.animal == "any" else rule.animal)
    found: list[Setting] = []
    zones: dict[str, Zone] = {}
    for part in conditions(rule.when):
        if part.zone is not None:
            zones.setdefault(part.zone.name, part.zone)
    for zone in zones.values():
        name = zone.name if zone.name.lower().startswith("zone") else f"zone {zone.name}"
        found.append(Setting(name, "its edge moved", 0.0, True, partial(_with_zone, rule, zone)))
    found += _of_condition(rule.when, "when", partial(_with_condition, rule), words)
    for field, (name, unit) in _TIMES.items():
        value = getattr(rule, field)
        if value and not (field == "armed_until_ns" and value == _LATEST_NS):
            found.append(Setting(name, "", value / unit, False, partial(_with_time, rule, field, unit)))
    for field in ("min_score", "min_id_score"):
        if value := getattr(rule, field):
            found.append(Setting(field, "", value, False, partial(_with_score, rule, field)))
    return found


# Rules with another value --------------------------------------------------------------------------------------------


def _with_time(rule: Rule, field: str, unit: float, value: float) -> Rule | None:
    changed: dict[str, Any] = {field: round(value * unit)}
    made = replace(rule, **changed)
    return made if made.armed_from_ns < made.armed_until_ns else None


def _with_score(rule: Rule, field: str, value: float) -> Rule | None:
    changed: dict[str, Any] = {field: value}
    return replace(rule, **changed) if value <= 1.0 else None


def _with_condition(rule: Rule, condition: Condition | None) -> Rule | None:
    return None if condition is None else replace(rule, when=condition)


def _with_zone(rule: Rule, zone: Zone, by_px: float) -> Rule | None:
    other = resized(zone, by_px)
    assert rule.when is not None
    return None if other is None else replace(rule, when=_in_zone(rule.when, zone, other))


def _in_zone(condition: Condition, zone: Zone, other: Zone) -> Condition:
    inner = tuple(_in_zone(part, zone, other) for part in condition.inner)
    return replace(condition, zone=other if condition.zone == zone else condition.zone, inner=inner)


# What stands in conditions and quantities; `whole` puts a changed part back into the rule ----------------------------

Whole = Callable[[Any], "Rule | None"]


def _of_condition(condition: Condition, path: str, whole: Whole, words: Words) -> Iterator[Setting]:
    quantity = condition.quantity
    about = words.quantity(quantity) if quantity is not None else ""
    if condition.zone is not None:
        about = f"{words.point(condition.points[0])}, {condition.kind} {condition.zone.name}"
    turning = condition.kind in ("peak", "trough")
    fields = {"compare": ("above", "below", "hysteresis"), "rising": ("level", "hysteresis")}
    for field in fields.get("rising" if condition.kind == "falling" else condition.kind, ("hysteresis",)):
        value = getattr(condition, field)
        if value and math.isfinite(value):
            name = f"{path}.{'prominence' if turning else field}"
            yield Setting(name, about, value, False, partial(_with_number, condition, field, whole))
    if condition.within_ns:
        change = partial(_with_duration, condition, "within_ns", whole)
        yield Setting(f"{path}.within_ms", "", condition.within_ns / 1e6, False, change)
    if quantity is not None:
        yield from _of_quantity(quantity, path, partial(_put, condition, "quantity", whole), words)
    for n, part in enumerate(condition.inner):
        place = f"{path}.not" if condition.kind == "not" else f"{path}.{condition.kind}[{n}]"
        yield from _of_condition(part, place, partial(_put_inner, condition, n, whole), words)


def _of_quantity(quantity: Quantity, path: str, whole: Whole, words: Words) -> Iterator[Setting]:
    if quantity.kind == "number":
        value = quantity.numbers[0]
        if value:
            yield Setting(f"{path}.number", words.quantity(quantity), value, False, partial(_numbered, quantity, whole))
        return
    if quantity.window_ns:
        name = f"{path}.{_WINDOWS.get(quantity.kind, 'window_ms')}"
        change = partial(_with_duration, quantity, "window_ns", whole)
        yield Setting(name, words.quantity(quantity), quantity.window_ns / 1e6, False, change)
    for n, part in enumerate(quantity.inner):
        place = f"{path}.{quantity.kind}" + (f"[{n}]" if len(quantity.inner) > 1 else "")
        yield from _of_quantity(part, place, partial(_put_inner, quantity, n, whole), words)


def _put(part: Any, field: str, whole: Whole, value: Any) -> Rule | None:
    return None if value is None else whole(replace(part, **{field: value}))


def _put_inner(part: Any, place: int, whole: Whole, value: Any) -> Rule | None:
    return _put(part, "inner", whole, (*part.inner[:place], value, *part.inner[place + 1 :]))


def _with_number(condition: Condition, field: str, whole: Whole, value: float) -> Rule | None:
    changed: dict[str, Any] = {field: value}
    made = replace(condition, **changed)
    return whole(made) if made.kind != "compare" or made.above < made.below else None


def _with_duration(part: Any, field: str, whole: Whole, value_ms: float) -> Rule | None:
    return whole(replace(part, **{field: max(1, round(value_ms * 1e6))}))


def _numbered(quantity: Quantity, whole: Whole, value: float) -> Rule | None:
    return whole(replace(quantity, numbers=(value,)))
