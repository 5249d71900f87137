"""One way to make the records of a rule, for tables and expressions alike, with what each of them must satisfy.

Every function raises `Unfit` for what can never be right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from posewire.triggers.names import Names
from posewire.triggers.possible import Range, bounds, describe
from posewire.triggers.rules import CENTRE, FIXED, Condition, Point, Quantity, Zone
from posewire.triggers.tables import Unfit, is_number, shown

# kind -> how many points it is of
POINTS = {
    "x": 1,
    "y": 1,
    "score": 1,
    "distance": 2,
    "angle": 3,
    "heading": 2,
    "bearing": 3,
    "speed": 1,
    "acceleration": 1,
    "approach": 2,
}
WINDOWED = ("speed", "acceleration", "approach")
_ROUND = ("heading", "bearing", "phase")  # their two ends are one direction
SERIES = ("zscore", "phase")
ZONED = ("inside", "outside", "enter", "leave")
WINDOW_NS = 50_000_000  # of speed, acceleration and approach, where nothing is said


def pointed(kind: str, points: Sequence[Point], window_ns: int = 0) -> Quantity:
    """A quantity of one to three points."""
    count = POINTS[kind]
    if len(points) != count:
        raise Unfit(f"{kind} is of {count} point{'s' if count > 1 else ''}, and {len(points)} are given")
    if len(set(points)) < count:
        raise Unfit(f"{kind} is of {count} different points; one is given twice")
    if all(point.keypoint == FIXED for point in points):
        raise Unfit(f"{kind} of places that are fixed never changes; give a keypoint")
    if kind == "score" and points[0].keypoint == CENTRE:
        raise Unfit("score is of a keypoint, not of a centre")
    return Quantity(kind, tuple(points), window_ns=window_ns)


def posture(points: Sequence[Point], template: Sequence[tuple[float, float]]) -> Quantity:
    """The difference from a template, which says where each point lies (px, any place, turn and size)."""
    if len(points) < 3 or len(set(points)) < len(points):
        raise Unfit("a posture is of at least 3 different points: fewer always fit")
    if any(point.keypoint == FIXED for point in points):
        raise Unfit("a posture is of keypoints, not of fixed places")
    if len(set(template)) < 2:
        raise Unfit("all points of the template lie at one place")
    return Quantity("posture", tuple(points), numbers=tuple(number for place in template for number in place))


def gray(value: Any, names: Names) -> Quantity:
    """The mean gray of [x, y, width, height] of the frame."""
    if not isinstance(value, list) or len(value) != 4 or not all(is_number(n) and n == int(n) for n in value):
        raise Unfit(f"expected [x, y, width, height] in whole px, not {shown(value)}")
    x, y, width, height = (int(number) for number in value)
    if width < 1 or height < 1:
        raise Unfit(f"width and height must be 1 or more, not {width} and {height}")
    if x < 0 or y < 0:
        raise Unfit(f"begins at ({x}, {y}), outside the frame; x and y must be 0 or more")
    if names.frame is not None and (x + width > names.frame[0] or y + height > names.frame[1]):
        size = "{} x {}".format(*names.frame)
        raise Unfit(f"reaches to ({x + width}, {y + height}), outside the frame of {size} px")
    return Quantity("gray", numbers=(float(x), float(y), float(width), float(height)))


def series(kind: str, inner: Quantity, over_ns: int) -> Quantity:
    """``zscore`` or ``phase`` of another quantity, over a time."""
    if over_ns <= 0:
        raise Unfit(f"{kind} needs a time above 0 to look back over")
    if inner.kind == "number":
        raise Unfit(f"{kind} of a number that never changes; give a quantity")
    return Quantity(kind, inner=(inner,), window_ns=over_ns)


def classifier(file: str, window: int, output: int, names: Names) -> Quantity:
    """An output of a network for the last poses; ``file`` is looked up from the rules file's folder."""
    path = names.folder / file
    if path.suffix.lower() != ".onnx":
        raise Unfit(f"expected an .onnx file, not {file!r}")
    if not path.is_file():
        raise Unfit(f"{path}: no such file; a classifier is looked up from the folder of the rules file")
    return Quantity("classifier", numbers=(float(window), float(output)), file=str(path))


def zoned(kind: str, point: Point, zone: Zone, hysteresis: float = 0.0) -> Condition:
    """``inside``, ``enter``, ``leave``, or ``outside``, which is not inside."""
    if point.keypoint == FIXED:
        raise Unfit("a fixed place is always, or never, in a zone; give a keypoint")
    if kind == "outside":
        return Condition("not", inner=(zoned("inside", point, zone, hysteresis),))
    return Condition(kind, points=(point,), zone=zone, hysteresis=hysteresis)


def compare(quantity: Quantity, above: float, below: float, names: Names, hysteresis: float = 0.0) -> Condition:
    """above < quantity < below."""
    if above > below and quantity.kind in _ROUND:
        end = "180 and -180" if quantity.kind != "phase" else "360 and 0"
        raise Unfit(
            f"nothing is above {above:g} and below {below:g}; what reaches across {end} degrees is "
            f"any = [{{ ..., above = {above:g} }}, {{ ..., below = {below:g} }}]; else exchange them"
        )
    if above >= below:
        raise Unfit(f"nothing is above {above:g} and below {below:g}; exchange them")
    range_ = bounds(quantity, names.frame)
    if above >= range_.most:
        raise Unfit(f"{describe(quantity)} is never above {above:g}: {_span(range_)}")
    if below <= range_.least:
        raise Unfit(f"{describe(quantity)} is never below {below:g}: {_span(range_)}")
    return Condition("compare", quantity, above=above, below=below, hysteresis=hysteresis)


def crossing(kind: str, quantity: Quantity, level: float, names: Names, hysteresis: float = 0.0) -> Condition:
    """``rising`` or ``falling`` through a level."""
    range_ = bounds(quantity, names.frame)
    before = level - hysteresis if kind == "rising" else level + hysteresis
    beyond = before <= range_.least or level > range_.most
    if kind == "falling":
        beyond = before >= range_.most or level < range_.least
    if beyond:
        side = "below" if kind == "rising" else "above"
        raise Unfit(f"{describe(quantity)} is never {side} {before:g} first and then at {level:g}: {_span(range_)}")
    return Condition(kind, quantity, level=level, hysteresis=hysteresis)


def turning(kind: str, quantity: Quantity, prominence: float, names: Names) -> Condition:
    """``peak`` or ``trough``."""
    range_ = bounds(quantity, names.frame)
    if prominence <= 0:
        raise Unfit(f"the prominence must be above 0, not {prominence:g}")
    if prominence > range_.most - range_.least:
        raise Unfit(f"{describe(quantity)} never changes by {prominence:g}: {_span(range_)}")
    return Condition(kind, quantity, hysteresis=prominence)


def _span(range_: Range) -> str:
    if math.isinf(range_.most):
        return f"it is {range_.least:g} or more"
    if math.isinf(range_.least):
        return f"it is {range_.most:g} or less"
    return f"it lies between {range_.least:g} and {range_.most:g}"
