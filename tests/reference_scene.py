"""Slow, obvious twin of the rules' engine, part one: a frame, where points are in it, and quantities of it.

None stands for unknown. Everything here and in `reference_rules` was written from the prose of
`posewire.triggers.rules`; arithmetic is done in the same order as in the kernel so that thresholds agree to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from posewire.triggers.rules import CENTRE, FIXED, OTHER, SELF

TINY_PX = 1e-6


@dataclass
class Scene:
    """One frame. ``poses``: lists [A][K] of (x, y, score); ``grays`` is called with a region."""

    poses: list
    ids: list
    id_scores: list
    roles: dict
    now: int
    elapsed: int
    age: int
    image: np.ndarray | None

    def keypoint(self, row, k, min_score):
        x, y, score = self.poses[row][k]
        if math.isfinite(x) and math.isfinite(y) and score >= min_score:
            return x, y
        return None

    def centre(self, row, min_score):
        seen = [p for p in (self.keypoint(row, k, min_score) for k in range(len(self.poses[row]))) if p]
        if not seen:
            return None
        return added(p[0] for p in seen) / len(seen), added(p[1] for p in seen) / len(seen)

    def nearest_other(self, row, min_score):
        mine = self.centre(row, min_score)
        best = None
        for other in range(len(self.poses)):
            theirs = self.centre(other, min_score)
            if other == row or mine is None or theirs is None:
                continue
            dx, dy = theirs[0] - mine[0], theirs[1] - mine[1]
            square = dx * dx + dy * dy
            if best is None or square < best[0]:
                best = square, other
        return best[1] if best else None

    def row_of(self, who, row, min_score):
        if who == SELF:
            return row
        if who == OTHER:
            return self.nearest_other(row, min_score)
        number = self.roles[who]
        return self.ids.index(number) if number in self.ids else None

    def place(self, point, row, min_score):
        if point.keypoint == FIXED:
            return point.x, point.y
        of = self.row_of(point.animal, row, min_score)
        if of is None:
            return None
        if point.keypoint == CENTRE:
            return self.centre(of, min_score)
        return self.keypoint(of, point.keypoint, min_score)

    def gray(self, x, y, w, h):
        if self.image is None:
            return None
        rows, columns = range(max(y, 0), min(y + h, len(self.image))), range(max(x, 0), min(x + w, len(self.image[0])))
        pixels = [self.image[i, j] for i in rows for j in columns]
        if not pixels:
            return None
        if self.image.ndim == 2:
            return sum(int(p) for p in pixels) / len(pixels)
        blue, green, red = (sum(int(p[c]) for p in pixels) for c in range(3))
        return (0.114 * blue + 0.587 * green + 0.299 * red) / len(pixels)


def added(numbers):
    """One after the other: `sum` does not round as a loop does, from Python 3.12 on."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def length(a, b):
    return math.sqrt((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1]))


def degrees(a, b):
    return math.atan2(b[1] - a[1], b[0] - a[0]) * (180.0 / math.pi)


def angle(a, b, c):
    if length(a, b) < TINY_PX or length(b, c) < TINY_PX:
        return None
    one, two = (b[0] - a[0], b[1] - a[1]), (c[0] - b[0], c[1] - b[1])
    across, along = one[1] * two[0] - one[0] * two[1], -(one[0] * two[0] + one[1] * two[1])
    return math.atan2(abs(across), along) * (180.0 / math.pi)


def heading(a, b):
    return degrees(a, b) if length(a, b) >= TINY_PX else None


def bearing(a, b, c):
    if length(a, b) < TINY_PX or length(b, c) < TINY_PX:
        return None
    turn = degrees(b, c) - degrees(a, b)
    while turn > 180.0:
        turn -= 360.0
    while turn < -180.0:
        turn += 360.0
    return turn


def posture(points, template):
    """The best turn and scaling c of the template is sum(conj(t) p) / sum(conj(t) t), both about their means."""
    t = [complex(*template[2 * n : 2 * n + 2]) for n in range(len(points))]
    p = [complex(*point) for point in points]
    t_mean = complex(float(np.mean([z.real for z in t])), float(np.mean([z.imag for z in t])))
    p_mean = complex(sum(z.real for z in p) / len(p), sum(z.imag for z in p) / len(p))
    t, p = [z - t_mean for z in t], [z - p_mean for z in p]
    spread = sum(abs(z) ** 2 for z in p)
    if math.sqrt(spread / len(p)) < TINY_PX:
        return None
    size = sum(abs(z) ** 2 for z in t)
    c = sum(a.conjugate() * b for a, b in zip(t, p, strict=True)) / size if size > 0 else 0j
    return math.sqrt(sum(abs(b - c * a) ** 2 for a, b in zip(t, p, strict=True)) / spread)


def inside(zone, place, margin):
    x, y = place
    if zone.radius > 0:
        return length(zone.points[0], place) <= zone.radius + margin
    odd = False
    edges = list(zip(zone.points, zone.points[-1:] + zone.points[:-1], strict=True))
    for (ax, ay), (bx, by) in edges:
        if (ay > y) != (by > y):
            odd ^= x < (bx - ax) * (y - ay) / (by - ay) + ax
    return odd or (margin > 0 and min(to_segment(place, *edge) for edge in edges) <= margin)


def to_segment(place, a, b):
    along = b[0] - a[0], b[1] - a[1]
    square = along[0] * along[0] + along[1] * along[1]
    share = ((place[0] - a[0]) * along[0] + (place[1] - a[1]) * along[1]) / square if square > 0 else 0.0
    share = min(max(share, 0.0), 1.0)
    return length((a[0] + share * along[0], a[1] + share * along[1]), place)
