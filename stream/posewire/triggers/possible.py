"""Which values a quantity can have at all, and how long a condition can be true: what impossible rules are known by."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from posewire.triggers.rules import FIXED, Condition, Quantity

MOMENTS = ("enter", "leave", "rising", "falling", "peak", "trough", "sequence")  # true in a single frame at a time


class Range(NamedTuple):
    """The least and the most that a number can be."""

    least: float
    most: float


ANYTHING = Range(-math.inf, math.inf)
_RANGES = {
    "score": Range(0, 1),
    "distance": Range(0, math.inf),
    "angle": Range(0, 180),
    "heading": Range(-180, 180),
    "bearing": Range(-180, 180),
    "speed": Range(0, math.inf),
    "posture": Range(0, 1),
    "gray": Range(0, 255),
    "phase": Range(0, 360),
    "sine": Range(-1, 1),
    "cosine": Range(-1, 1),
    "square_root": Range(0, math.inf),
}
_NAMES = {
    "add": "the sum",
    "subtract": "the difference",
    "multiply": "the product",
    "divide": "the quotient",
    "minimum": "the least of them",
    "maximum": "the largest of them",
    "negate": "the negative",
    "absolute": "the absolute value",
    "square_root": "the square root",
}


def describe(quantity: Quantity) -> str:
    """One word for it, for messages."""
    return _NAMES.get(quantity.kind, quantity.kind)


def bounds(quantity: Quantity, frame: tuple[int, int] | None = None) -> Range:
    """The range of a quantity, wider than it is where that is not simple. ``frame``: width and height, if known.

    A place may lie a pixel beyond the frame, since a network puts keypoints between pixels.
    """
    kind = quantity.kind
    if kind in _RANGES:
        return _RANGES[kind]
    if kind in ("x", "y"):
        size = math.inf if frame is None else frame[0 if kind == "x" else 1]
        return Range(-1.0 if frame is not None else -math.inf, size)
    if kind == "number":
        return Range(quantity.numbers[0], quantity.numbers[0])
    if kind in _ARITHMETIC:
        return _ARITHMETIC[kind](*(bounds(inner, frame) for inner in quantity.inner))
    return ANYTHING


def _ends(numbers: list[float]) -> Range:
    return ANYTHING if any(math.isnan(number) for number in numbers) else Range(min(numbers), max(numbers))


def _absolute(a: Range) -> Range:
    least = 0.0 if a.least <= 0 <= a.most else min(abs(a.least), abs(a.most))
    return Range(least, max(abs(a.least), abs(a.most)))


def _divide(a: Range, b: Range) -> Range:
    if b.least <= 0 <= b.most:
        return ANYTHING
    return _ends([over / under for over in a for under in b])


_ARITHMETIC: dict[str, Callable[..., Range]] = {
    "add": lambda a, b: _ends([a.least + b.least, a.most + b.most]),
    "subtract": lambda a, b: _ends([a.least - b.most, a.most - b.least]),
    "multiply": lambda a, b: _ends([one * other for one in a for other in b]),
    "divide": _divide,
    "minimum": lambda a, b: Range(min(a.least, b.least), min(a.most, b.most)),
    "maximum": lambda a, b: Range(max(a.least, b.least), max(a.most, b.most)),
    "negate": lambda a: Range(-a.most, -a.least),
    "absolute": _absolute,
}


def momentary(condition: Condition) -> bool:
    """Whether it is true in a single frame at a time, so that it can never last."""
    if condition.kind == "all":
        return any(momentary(inner) for inner in condition.inner)
    return condition.kind in MOMENTS


def moments(condition: Condition) -> list[str]:
    """The kinds of condition in it by which it is `momentary`, each once."""
    inner = condition.inner if condition.kind == "all" else ()
    found = [kind for part in inner for kind in moments(part)]
    return list(dict.fromkeys(found)) if condition.kind == "all" else [condition.kind] * momentary(condition)


def quantities(condition: Condition) -> list[Quantity]:
    """All quantities in a condition, those in other quantities as well."""
    found = [quantity for inner in condition.inner for quantity in quantities(inner)]
    waiting = [condition.quantity] if condition.quantity is not None else []
    while waiting:
        quantity = waiting.pop()
        found.append(quantity)
        waiting += quantity.inner
    return found


def conditions(condition: Condition) -> list[Condition]:
    """A condition and all in it."""
    return [condition, *(found for inner in condition.inner for found in conditions(inner))]


def animals_of(condition: Condition | None, value: Quantity | None) -> set[str]:
    """Whose points a rule is about: `SELF`, `OTHER` and roles; fixed places are nobody's."""
    parts = conditions(condition) if condition is not None else []
    numbers = quantities(condition) if condition is not None else []
    waiting = [value] if value is not None else []
    while waiting:
        quantity = waiting.pop()
        numbers.append(quantity)
        waiting += quantity.inner
    points = [point for part in parts for point in part.points] + [point for part in numbers for point in part.points]
    own = {"self"} if any(number.kind == "classifier" for number in numbers) else set()
    return own | {point.animal for point in points if point.keypoint != FIXED}
