"""Zones a little larger or smaller."""

from __future__ import annotations

import math
from itertools import pairwise

from posewire.triggers.rules import Zone
from posewire.triggers.zone_tables import edges_cross

Corner = tuple[float, float]
_FURTHEST = 10.0  # how much further than the edges a sharp corner may move


def resized(zone: Zone, by_px: float) -> Zone | None:
    """The zone with its edge moved outwards by ``by_px`` (inwards below 0); None if nothing sensible is left.

    A polygon's edges move in parallel, so that a rectangle stays one. None: what would vanish or turn inside out, a
    polygon whose edges cross, and one with a corner so sharp that it would run away.
    """
    if zone.radius > 0:
        radius = zone.radius + by_px
        return Zone(zone.name, zone.points, radius) if radius > 0 else None
    corners = _without_repeats(zone.points)
    if len(corners) < 3 or edges_cross(corners):
        return None
    side = by_px if _area(corners) > 0 else -by_px
    edges = [_unit(a, b) for a, b in pairwise((*corners, corners[0]))]
    moved: list[Corner] = []
    for n, (x, y) in enumerate(corners):
        corner = _moved(edges[n - 1], edges[n], side)
        if corner is None:
            return None
        moved.append((x + corner[0], y + corner[1]))
    for n, (a, b) in enumerate(pairwise((*moved, moved[0]))):
        if (b[0] - a[0]) * edges[n][0] + (b[1] - a[1]) * edges[n][1] <= 0:
            return None  # this edge has turned round: there is less zone than was taken away
    return None if edges_cross(moved) else Zone(zone.name, tuple(moved))


def _without_repeats(points: tuple[Corner, ...]) -> list[Corner]:
    return [point for n, point in enumerate(points) if point != points[n - 1]]


def _area(corners: list[Corner]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise((*corners, corners[0]))) / 2


def _unit(a: Corner, b: Corner) -> Corner:
    length = math.hypot(b[0] - a[0], b[1] - a[1])
    return (b[0] - a[0]) / length, (b[1] - a[1]) / length


def _moved(before: Corner, after: Corner, side: float) -> Corner | None:
    """How far a corner moves between two edges (unit vectors) that both move by ``side`` to their right-hand side,
    which is outwards where the area is positive."""
    cosine = before[0] * after[0] + before[1] * after[1]
    if _FURTHEST**2 * (1.0 + cosine) < 2.0:
        return None
    share = side / (1.0 + cosine)
    return share * (before[1] + after[1]), -share * (before[0] + after[0])
