"""Conditions in the tables of a rules file, ``{ inside = "corner", keypoint = "snout" }``, to `rules.Condition`."""

from __future__ import annotations

import math

from posewire.triggers import build
from posewire.triggers.expr import parse
from posewire.triggers.names import Names
from posewire.triggers.quantity_tables import WHATS as QUANTITIES
from posewire.triggers.quantity_tables import WITH, only_one, read_quantity, take_quantity
from posewire.triggers.rules import Condition, Quantity
from posewire.triggers.tables import Table

DEEPEST = 20  # conditions in conditions
CROSSINGS = ("rising", "falling")
TURNINGS = ("peak", "trough")
SEVERAL = ("all", "any", "sequence")
WHATS = (*build.ZONED, *QUANTITIES, *CROSSINGS, *TURNINGS, *SEVERAL, "not")
ALSO = ("keypoint", "above", "below", "between", "hysteresis", "level", "prominence", "within_ms", *WITH)


def read_condition(table: Table, names: Names, depth: int = 0) -> Condition:
    """The condition of a table. Raises InputError with the line of what is wrong or can never be."""
    if depth > DEEPEST:
        raise table.error("", f"more than {DEEPEST} conditions inside each other; make two rules of it")
    what = only_one(table, WHATS, ALSO, "a condition")
    if what in build.ZONED:
        found = _zoned(what, table, names)
    elif what in SEVERAL:
        found = _several(what, table, names, depth)
    elif what == "not":
        inner = table.table("not", 'the table of a condition, e.g. { inside = "corner", keypoint = "snout" }')
        found = Condition("not", inner=(read_condition(inner, names, depth + 1),))
    elif what in (*CROSSINGS, *TURNINGS):
        quantity = read_quantity(table.table(what, 'the table of a quantity, e.g. { y = "snout" }'), names)
        found = _crossing(what, quantity, table, names) if what in CROSSINGS else _turning(what, quantity, table, names)
    else:
        found = _compared(what, table, names)
    table.done(also=ALSO)
    return found


def _hysteresis(table: Table) -> float:
    return table.number("hysteresis", "a number of 0 or more, in the unit of what is compared", 0.0, least=0.0)


def _zoned(kind: str, table: Table, names: Names) -> Condition:
    with table.at(kind):
        zone = names.zone(table.take(kind))
    table.text("keypoint", "the keypoint that is to be there")
    with table.at("keypoint"):
        point = names.named(table.data["keypoint"])
        return build.zoned(kind, point, zone, _hysteresis(table))


def _several(kind: str, table: Table, names: Names, depth: int) -> Condition:
    rows = table.tables(kind, "a list of conditions, [{...}, {...}]")
    least = 2 if kind == "sequence" else 1
    if len(rows) < least:
        raise table.error(kind, f"{kind}: {len(rows)} conditions; expected {least} or more")
    inner = tuple(read_condition(row, names, depth + 1) for row in rows)
    within_ns = table.duration("within_ms", positive=True) if kind == "sequence" else 0
    return Condition(kind, inner=inner, within_ns=within_ns)


def _crossing(kind: str, quantity: Quantity, table: Table, names: Names) -> Condition:
    level = table.number("level", "the number that is to be crossed")
    hysteresis = _hysteresis(table)
    with table.at("level"):
        return build.crossing(kind, quantity, level, names, hysteresis)


def _turning(kind: str, quantity: Quantity, table: Table, names: Names) -> Condition:
    prominence = table.number("prominence", "how far it must have turned back, a number above 0", above=0.0)
    with table.at("prominence"):
        return build.turning(kind, quantity, prominence, names)


def _compared(kind: str, table: Table, names: Names) -> Condition:
    if kind == "expr":
        text = table.text(kind, 'an expression, e.g. "speed(snout) > 50"')
        with table.at(kind):
            found = parse(text, names)
        if isinstance(found, Condition):
            return found
    quantity = take_quantity(table, names)
    above = table.number("above", "a number", -math.inf)
    below = table.number("below", "a number", math.inf)
    key = "above" if table.has("above") else "below"
    if table.has("between"):
        if table.has("above") or table.has("below"):
            raise table.error("between", "between: goes without above and below; give it, or those")
        above, below = table.pair("between", "[low, high]")
        key = "between"
    elif above == -math.inf and below == math.inf:
        raise table.error("", f"{kind} is compared with nothing; give above, below or between = [low, high]")
    hysteresis = _hysteresis(table)
    with table.at(key):
        return build.compare(quantity, above, below, names, hysteresis)
