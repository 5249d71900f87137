"""Quantities in the tables of a rules file, ``{ distance = ["snout", "tailbase"] }``, to `rules.Quantity`."""

from __future__ import annotations

from typing import Any

from posewire.triggers import build
from posewire.triggers.expr import parse
from posewire.triggers.names import Names
from posewire.triggers.rules import Condition, Point, Quantity
from posewire.triggers.tables import Table, Unfit, is_number, shown
from posewire_models.errors import nearest

WHATS = (*build.POINTS, "posture", "gray", *build.SERIES, "classifier", "expr")
DEEPEST = 5  # quantities in quantities; an expression has a limit of its own
WITH = ("window_ms", "over_ms", "window", "output")  # keys that some of them take


def only_one(table: Table, whats: tuple[str, ...], others: tuple[str, ...], what: str) -> str:
    """The one key of ``whats`` that is in a table. Raises InputError: none, or several."""
    given = [key for key in table.data if key in whats]
    if len(given) > 1:
        raise table.error(
            given[1], f"{' and '.join(given)} in one table; give one of them, or join tables: all = [{{...}}, {{...}}]"
        )
    for key in table.data:
        if key not in whats and key not in others:
            raise table.error(key, f"{key}: no such key{nearest(key, (*whats, *others))}; expected {what}")
    if not given:
        raise table.error("", f"expected {what}, one of {', '.join(whats)}")
    table.has(given[0])
    return given[0]


def read_quantity(table: Table, names: Names, depth: int = 0) -> Quantity:
    """The quantity of a table that says nothing else. Raises InputError."""
    if depth > DEEPEST:
        raise table.error("", f"more than {DEEPEST} quantities inside each other")
    only_one(table, WHATS, WITH, "a quantity")
    found = take_quantity(table, names, depth)
    table.done(also=WITH)
    return found


def take_quantity(table: Table, names: Names, depth: int = 0) -> Quantity:
    """Take the keys of the one quantity in a table, and leave the others. Raises InputError."""
    kind = next(key for key in WHATS if key in table.data)
    value = table.take(kind)
    if kind in build.SERIES:
        its = table.table(kind, 'the table of a quantity, e.g. { speed = "snout" }')
        inner = read_quantity(its, names, depth + 1)
        over_ns = table.duration("over_ms", positive=True)
        with table.at(kind):
            return build.series(kind, inner, over_ns)
    if kind == "classifier":
        file = table.text(kind, "the path of an .onnx file")
        window = table.whole("window", "how many frames it looks back at, 1 or more", least=1, most=10_000)
        output = table.whole("output", "the index of one of its outputs, from 0", 0)
        with table.at(kind):
            return build.classifier(file, window, output, names)
    if kind == "expr":
        text = table.text(kind, 'an expression, e.g. "speed(snout) / 2"')
        with table.at(kind):
            found = parse(text, names)
            if isinstance(found, Condition):
                raise Unfit("expected a number, and this is a condition")
            return found
    window_ns = 0
    if kind in build.WINDOWED:
        window_ns = table.duration("window_ms", build.WINDOW_NS, positive=True)
    with table.at(kind):
        if kind == "gray":
            return build.gray(value, names)
        if kind == "posture":
            return _posture(value, names)
        return build.pointed(kind, _points(value, build.POINTS[kind], names), window_ns)


def _points(value: Any, count: int, names: Names) -> list[Point]:
    if count == 1:
        return [names.point(value)]
    if not isinstance(value, list) or len(value) != count:
        raise Unfit(f"expected {count} points, e.g. {shown(list(names.keypoints[:count]))}, not {shown(value)}")
    return [names.point(point) for point in value]


def _posture(value: Any, names: Names) -> Quantity:
    if not isinstance(value, dict):
        raise Unfit(f"expected a template, e.g. {{ snout = [0, 0], tailbase = [80, 0], ... }}, not {shown(value)}")
    places = []
    for name, place in value.items():
        if not isinstance(place, list) or len(place) != 2 or not all(is_number(number) for number in place):
            raise Unfit(f"{name}: expected its place [x, y] in the template, not {shown(place)}")
        places.append((float(place[0]), float(place[1])))
    return build.posture([names.named(name) for name in value], places)
