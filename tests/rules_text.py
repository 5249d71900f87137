"""Writes `Rules` as a rules file again: the inverse of `posewire.triggers.file`, for tests."""

from __future__ import annotations

import json
import math
from typing import Any

from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import CENTRE, FIXED, SELF, Condition, Point, Quantity, Rule, Rules, Zone

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
FUNCTIONS = {
    "negate": "-",
    "absolute": "abs",
    "square_root": "sqrt",
    "sine": "sin",
    "cosine": "cos",
    "minimum": "min",
    "maximum": "max",
}
ARITHMETIC = (*SIGNS, *FUNCTIONS, "number")


class Text:
    """``keypoints``: the names of the indices."""

    def __init__(self, keypoints: tuple[str, ...]) -> None:
        self.keypoints = keypoints

    def name(self, point: Point) -> str:
        name = "centre" if point.keypoint == CENTRE else self.keypoints[point.keypoint]
        return name if point.animal == SELF else f"{point.animal}.{name}"

    def point(self, point: Point) -> Any:
        return [point.x, point.y] if point.keypoint == FIXED else self.name(point)

    def in_expression(self, point: Point) -> str:
        if point.keypoint == FIXED:
            return f"at({point.x!r}, {point.y!r})"
        return '"' + self.name(point).replace("\\", "\\\\").replace('"', '\\"') + '"'

    def expression(self, q: Quantity) -> str:
        """A quantity as an expression."""
        points = [self.in_expression(point) for point in q.points]
        inner = [self.expression(part) for part in q.inner]
        numbers = [repr(number) for number in q.numbers]
        if q.kind == "number":
            return numbers[0]
        if q.kind in SIGNS:
            return f"({inner[0]} {SIGNS[q.kind]} {inner[1]})"
        if q.kind in FUNCTIONS:
            return f"{FUNCTIONS[q.kind]}({', '.join(inner)})"
        if q.kind == "posture":
            triples = zip(points, numbers[::2], numbers[1::2], strict=True)
            return f"posture({', '.join(', '.join(triple) for triple in triples)})"
        if q.kind == "classifier":
            window, output = (int(number) for number in q.numbers)
            return f"classifier({json.dumps(q.file)}, window={window}, output={output})"
        word = "over_ms" if inner else "window_ms"
        over = [f"{word}={q.window_ns / 1e6!r}"] if q.window_ns else []
        return f"{q.kind}({', '.join([*points, *inner, *numbers, *over])})"

    def quantity(self, q: Quantity) -> dict[str, Any]:
        """A quantity as a table."""
        if q.kind in ARITHMETIC:
            return {"expr": self.expression(q)}
        if q.kind in ("zscore", "phase"):
            return {q.kind: self.quantity(q.inner[0]), "over_ms": q.window_ns / 1e6}
        if q.kind == "gray":
            return {"gray": [int(number) for number in q.numbers]}
        if q.kind == "classifier":
            return {"classifier": q.file, "window": int(q.numbers[0]), "output": int(q.numbers[1])}
        if q.kind == "posture":
            places = zip(q.numbers[::2], q.numbers[1::2], strict=True)
            return {"posture": {self.name(point): list(place) for point, place in zip(q.points, places, strict=True)}}
        points = [self.point(point) for point in q.points]
        window = {"window_ms": q.window_ns / 1e6} if q.window_ns else {}
        return {q.kind: points if len(points) > 1 else points[0], **window}

    def condition(self, c: Condition) -> dict[str, Any]:
        """A condition as a table."""
        hysteresis = {"hysteresis": c.hysteresis} if c.hysteresis else {}
        if c.zone is not None:
            return {c.kind: c.zone.name, "keypoint": self.name(c.points[0]), **hysteresis}
        if c.kind == "not":
            return {"not": self.condition(c.inner[0])}
        if c.quantity is None:
            within = {"within_ms": c.within_ns / 1e6} if c.within_ns else {}
            return {c.kind: [self.condition(inner) for inner in c.inner], **within}
        if c.kind in ("peak", "trough"):
            return {c.kind: self.quantity(c.quantity), "prominence": c.hysteresis}
        if c.kind in ("rising", "falling"):
            return {c.kind: self.quantity(c.quantity), "level": c.level, **hysteresis}
        limits = {"above": c.above, "below": c.below}
        if all(math.isfinite(limit) for limit in limits.values()):
            limits = {"between": [c.above, c.below]}
        return {
            **self.quantity(c.quantity),
            **{word: limit for word, limit in limits.items() if word == "between" or math.isfinite(limit)},
            **hysteresis,
        }

    def rule(self, r: Rule) -> dict[str, Any]:
        """A rule as a table; the four times and scores with defaults are always written."""
        control = r.control
        optional = {
            "dwell_ms": r.dwell_ns / 1e6,
            "refractory_ms": r.refractory_ns / 1e6,
            "repeat_ms": r.repeat_ns / 1e6,
            "armed_from_s": r.armed_from_ns / 1e9,
            "sham_percent": control.sham * 100,
            "yoked": control.yoked,
            "random_per_minute": control.random_per_minute,
            "matched": control.matched,
        }
        table = {
            "name": r.name,
            "outputs": list(r.outputs),
            "animal": r.animal,
            "use": "predicted" if r.predicted else "measured",
            "gap_ms": r.gap_ns / 1e6,
            "max_age_ms": r.max_age_ns / 1e6,
            "min_score": r.min_score,
            **{word: value for word, value in optional.items() if value},
        }
        if control.sham:
            table["sham_percent"] = round(control.sham * 100, 9)
            table["block"] = control.block
        if r.armed_until_ns != Rule.armed_until_ns:
            table["armed_until_s"] = r.armed_until_ns / 1e9
        if r.when is not None:
            table |= {"when": self.condition(r.when), "min_id_score": r.min_id_score}
        if r.value is not None:
            table |= {"value": self.quantity(r.value), "from": list(r.value_from), "to": list(r.value_to)}
        return table


def zone_table(zone: Zone) -> dict[str, Any]:
    """A zone as a table."""
    if zone.radius:
        return {"circle": [*zone.points[0], zone.radius]}
    return {"polygon": [list(point) for point in zone.points]}


def output_table(spec: OutputSpec) -> dict[str, Any]:
    """An output as a table, without what is the default."""
    default = OutputSpec("", "")
    table: dict[str, Any] = {"kind": spec.kind, "mode": spec.mode}
    if spec.count > 1:
        table |= {"pulses": spec.count, "frequency_hz": 1e9 / spec.period_ns}
    if spec.max_count != default.max_count:
        names = {10**9: "second", 60 * 10**9: "minute", 3600 * 10**9: "hour"}
        table[f"max_per_{names[spec.count_window_ns]}"] = spec.max_count
    if spec.max_duty != 1.0:
        table |= {"duty_percent": round(spec.max_duty * 100, 9), "duty_window_ms": spec.duty_window_ns / 1e6}
    for word, value, usual in (
        ("delay_ms", spec.delay_ns, default.delay_ns),
        ("width_ms", spec.width_ns, default.width_ns),
        ("max_on_ms", spec.max_on_ns, default.max_on_ns),
        ("max_dose_ms", spec.max_dose_ns, default.max_dose_ns),
    ):
        if value != usual:
            table[word] = value / 1e6
    for word, number in (("slew_per_s", spec.slew_per_s), ("safe", spec.safe)):
        if number:
            table[word] = number
    return table | spec.options


def toml(value: Any) -> str:
    """A value in one line of TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    return json.dumps(value)


def rules_text(rules: Rules, zones: tuple[Zone, ...] = (), **top: Any) -> str:
    """The whole file; ``top`` are further keys at its top. Two zones of one name count as one."""
    text = Text(rules.keypoints)
    data = {
        "rules": 1,
        "seed": rules.seed,
        "blind": rules.blind,
        **top,
        "roles": rules.roles,
        "zones": {zone.name: zone_table(zone) for zone in zones},
        "outputs": {spec.name: output_table(spec) for spec in rules.outputs},
        "rule": [text.rule(rule) for rule in rules.rules],
    }
    return "\n".join(f"{word} = {toml(value)}" for word, value in data.items()) + "\n"
