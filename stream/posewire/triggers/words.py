"""Numbers, times, quantities and conditions in words, as `posewire.triggers.sentences` puts them together."""

from __future__ import annotations

import math
from pathlib import PurePath

from posewire.triggers.build import WINDOW_NS
from posewire.triggers.rules import CENTRE, FIXED, OTHER, SELF, Condition, Point, Quantity

_UNITS = {
    "x": "px",
    "y": "px",
    "distance": "px",
    "angle": "degrees",
    "heading": "degrees",
    "bearing": "degrees",
    "speed": "px/s",
    "acceleration": "px/s per s",
    "approach": "px/s",
    "phase": "degrees",
}
_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
_FUNCTIONS = {
    "minimum": "the smaller of {} and {}",
    "maximum": "the larger of {} and {}",
    "negate": "minus {}",
    "absolute": "the absolute value of {}",
    "square_root": "the square root of {}",
    "sine": "the sine of {} degrees",
    "cosine": "the cosine of {} degrees",
}


def number(value: float) -> str:
    """A number as short as it can be without becoming another."""
    return f"{int(value)}" if value == int(value) and abs(value) < 1e15 else repr(float(value))


def time(ns: int) -> str:
    """A duration in ms, from a second on in s."""
    unit, name = (1_000_000_000, "s") if ns >= 1_000_000_000 else (1_000_000, "ms")
    whole, part = divmod(ns, unit)
    digits = str(part).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits} {name}" if digits else f"{whole} {name}"


def percent(share: float) -> str:
    """A share, in percent."""
    return f"{number(round(share * 100, 9))} %"


def times(count: int) -> str:
    """How often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


class Words:
    """The words of one rule: ``keypoints`` are the names behind its indices, ``me`` whose points are its own.

    ``me`` is the role that the rule is tried on, or empty.
    """

    def __init__(self, keypoints: tuple[str, ...], me: str = "") -> None:
        self.keypoints = keypoints
        self.me = me

    def point(self, point: Point) -> str:
        """``the snout``, ``the nearest other animal's centre``, ``the place (100, 200)``."""
        if point.keypoint == FIXED:
            return f"the place ({number(point.x)}, {number(point.y)})"
        name = "centre" if point.keypoint == CENTRE else self.keypoints[point.keypoint]
        owner = {SELF: self.me, OTHER: "nearest other animal"}.get(point.animal, point.animal)
        return f"the {owner}'s {name}" if owner else f"the {name}"

    def quantity(self, quantity: Quantity) -> str:
        """A noun: ``the distance from the snout to the tailbase``."""
        kind = quantity.kind
        points = [self.point(point) for point in quantity.points]
        if kind == "number":
            return number(quantity.numbers[0])
        if kind in _SIGNS:
            left, right = (self.quantity(inner) for inner in quantity.inner)
            return f"({left} {_SIGNS[kind]} {right})"
        if kind in _FUNCTIONS:
            return _FUNCTIONS[kind].format(*(self.quantity(inner) for inner in quantity.inner))
        if kind == "posture":
            numbers = [number(value) for value in quantity.numbers]
            places = zip(points, numbers[::2], numbers[1::2], strict=True)
            return f"the difference from the posture {', '.join(f'{name} at ({x}, {y})' for name, x, y in places)}"
        if kind == "gray":
            x, y, width, height = (number(value) for value in quantity.numbers)
            return f"the mean gray of the {width} x {height} px from ({x}, {y})"
        if kind == "zscore":
            return f"the z-score over {time(quantity.window_ns)} of {self.quantity(quantity.inner[0])}"
        if kind == "phase":
            return f"the phase (mean over {time(quantity.window_ns)}) of {self.quantity(quantity.inner[0])}"
        if kind == "classifier":
            window, output = (number(value) for value in quantity.numbers)
            return f"output {output} of {PurePath(quantity.file).name} for the last {window} poses"
        over = f" (over {time(quantity.window_ns)})" if quantity.window_ns not in (0, WINDOW_NS) else ""
        return {
            "x": "x of {}",
            "y": "y of {}",
            "score": "the score of {}",
            "distance": "the distance from {} to {}",
            "angle": "the angle at {1} between {0} and {2}",
            "heading": "the heading from {} to {}",
            "bearing": "the bearing of {2} seen from {1} along the line from {0}",
            "speed": "the speed of {}",
            "acceleration": "the acceleration of {}",
            "approach": "the speed at which {} and {} come nearer",
        }[kind].format(*points) + over

    def level(self, value: float, quantity: Quantity) -> str:
        """A number in the quantity's unit."""
        return f"{number(value)} {unit(quantity)}".rstrip()

    def condition(self, condition: Condition, joined: bool = False) -> str:
        """A clause: ``the snout is inside corner``; in brackets if it is ``joined`` to others and could be misread."""
        kind, inner = condition.kind, condition.inner
        if kind in ("all", "any"):
            text = (" and " if kind == "all" else " or ").join(self.condition(part, True) for part in inner)
            return f"({text})" if joined and len(inner) > 1 else text
        if kind == "not":
            return self.denied(inner[0])
        if kind == "sequence":
            steps = ", then ".join(self.condition(part, True) for part in inner)
            text = f"first {steps}, all within {time(condition.within_ns)}"
            return f"({text})" if joined else text
        if condition.zone is not None:
            verb = {"inside": "is inside", "enter": "enters", "leave": "leaves"}[kind]
            return f"{self.point(condition.points[0])} {verb} {condition.zone.name}{_margin(condition)}"
        if condition.quantity is None:
            raise ValueError(f"a {kind} needs a quantity")
        what = self.quantity(condition.quantity)
        level = self.level(condition.level, condition.quantity)
        margin = self.level(condition.hysteresis, condition.quantity)
        if kind == "compare":
            return f"{what} {self.compared(condition, condition.quantity)}"
        if kind in ("rising", "falling"):
            verb, side, sign = ("rises", "below", -1) if kind == "rising" else ("falls", "above", 1)
            before = self.level(condition.level + sign * condition.hysteresis, condition.quantity)
            return f"{what} {verb} to {level}" + (f" (from {side} {before})" if condition.hysteresis else "")
        return f"{what} has {'fallen' if kind == 'peak' else 'risen'} by {margin} from a {kind}"

    def compared(self, condition: Condition, quantity: Quantity) -> str:
        """``is above 50 px``, with what a hysteresis adds."""
        low, high, hold = condition.above, condition.below, condition.hysteresis
        if high == math.inf:
            text, until = f"is above {self.level(low, quantity)}", f"{self.level(low - hold, quantity)} or less"
        elif low == -math.inf:
            text, until = f"is below {self.level(high, quantity)}", f"{self.level(high + hold, quantity)} or more"
        else:
            text = f"is between {number(low)} and {self.level(high, quantity)}"
            until = f"{number(low - hold)} or less, or {self.level(high + hold, quantity)} or more"
        return f"{text} (and then until it is {until})" if hold else text

    def denied(self, condition: Condition) -> str:
        """The opposite of a condition, in plainer words where there are some."""
        if condition.kind == "inside" and condition.zone is not None:
            return f"{self.point(condition.points[0])} is outside {condition.zone.name}{_margin(condition)}"
        if condition.kind == "compare" and condition.quantity is not None and not condition.hysteresis:
            what = self.quantity(condition.quantity)
            if condition.below == math.inf:
                return f"{what} is {self.level(condition.above, condition.quantity)} or less"
            if condition.above == -math.inf:
                return f"{what} is {self.level(condition.below, condition.quantity)} or more"
        return f"it is not so that ({self.condition(condition)})"


def _margin(condition: Condition) -> str:
    """What a zone's hysteresis means."""
    if not condition.hysteresis:
        return ""
    return f" (once inside, it counts as inside up to {number(condition.hysteresis)} px beyond the edge)"


def unit(quantity: Quantity) -> str:
    """The unit of a quantity, empty where it has none or where it is not simple."""
    if quantity.kind in ("add", "subtract", "minimum", "maximum"):
        one, other = (unit(inner) for inner in quantity.inner)
        if one == other or quantity.inner[1].kind == "number":
            return one
        return other if quantity.inner[0].kind == "number" else ""
    if quantity.kind in ("negate", "absolute"):
        return unit(quantity.inner[0])
    return _UNITS.get(quantity.kind, "")
