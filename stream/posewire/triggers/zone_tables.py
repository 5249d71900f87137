"""The table ``[zones]`` of a rules file: polygons, rectangles and circles in px of the full frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from posewire.triggers.rules import Zone
from posewire.triggers.tables import Table, Unfit, is_number, shown

Corner = tuple[float, float]
SHAPES = ("polygon", "rectangle", "circle")


def read_zone(name: str, table: Table, frame: tuple[int, int] | None) -> Zone:
    """One zone. Raises InputError: no shape or several, no area, or (partly) outside of a known ``frame``."""
    given = [shape for shape in SHAPES if table.has(shape)]
    table.done()
    if len(given) != 1:
        raise table.error("", f"expected one of {', '.join(SHAPES)}, found {' and '.join(given) or 'none'}")
    shape = given[0]
    with table.at(shape):
        zone = Zone(name, *_SHAPES[shape](table.data[shape]))
        if frame is not None:
            _refuse_outside(zone, frame)
    return zone


def _numbers(value: Any, count: int, expected: str) -> list[float]:
    if not isinstance(value, list) or len(value) != count or not all(is_number(number) for number in value):
        raise Unfit(f"expected {expected}, not {shown(value)}")
    return [float(number) for number in value]


def _polygon(value: Any) -> tuple[tuple[Corner, ...], float]:
    if not isinstance(value, list):
        raise Unfit(f"expected corners, [[x, y], [x, y], [x, y], ...], not {shown(value)}")
    corners = []
    for corner in value:
        x, y = _numbers(corner, 2, "each corner as [x, y] in px")
        corners.append((x, y))
    if len(set(corners)) < 3:
        raise Unfit(f"{len(set(corners))} different corners; a polygon has at least 3")
    if not _has_area(corners):
        raise Unfit("its area is 0: all corners lie on one line; move one of them")
    return tuple(corners), 0.0


def _rectangle(value: Any) -> tuple[tuple[Corner, ...], float]:
    x, y, width, height = _numbers(value, 4, "[x, y, width, height] in px")
    if width <= 0 or height <= 0:
        raise Unfit(f"its area is 0: width and height must be above 0, not {width:g} and {height:g}")
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height)), 0.0


def _circle(value: Any) -> tuple[tuple[Corner, ...], float]:
    x, y, radius = _numbers(value, 3, "[x, y, radius] in px")
    if radius <= 0:
        raise Unfit(f"its area is 0: the radius must be above 0, not {radius:g}")
    return ((x, y),), radius


_SHAPES = {"polygon": _polygon, "rectangle": _rectangle, "circle": _circle}


def _cross(a: Corner, b: Corner, c: Corner) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _has_area(corners: Sequence[Corner]) -> bool:
    twice = sum(_cross(corners[0], b, c) for b, c in pairwise(corners[1:]))
    return abs(twice) > 1e-9 or edges_cross(corners)


def edges_cross(corners: Sequence[Corner]) -> bool:
    """Whether two edges of a polygon cross each other, as when corners are given in the wrong order."""
    edges = [*pairwise(corners), (corners[-1], corners[0])]
    for number, (a, b) in enumerate(edges):
        for c, d in edges[number + 1 :]:
            if _cross(a, b, c) * _cross(a, b, d) < 0 and _cross(c, d, a) * _cross(c, d, b) < 0:
                return True
    return False


def _refuse_outside(zone: Zone, frame: tuple[int, int]) -> None:
    """Raises Unfit. The first pixel begins at -0.5; the frame's far edge may be given as its width or height."""
    width, height = frame
    grown = zone.radius
    xs, ys = [x for x, _ in zone.points], [y for _, y in zone.points]
    left, right, top, bottom = min(xs) - grown, max(xs) + grown, min(ys) - grown, max(ys) + grown
    if left >= -0.5 and right <= width and top >= -0.5 and bottom <= height:
        return
    wholly = right < 0 or left > width or bottom < 0 or top > height
    raise Unfit(
        f"lies {'wholly' if wholly else 'partly'} outside the frame: x {left:g} to {right:g}, y {top:g} to {bottom:g}, "
        f"and the frame is {width} x {height} px; move it, or give the frame that it was drawn on"
    )
