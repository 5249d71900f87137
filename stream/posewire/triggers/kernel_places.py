"""Where a rule's points are in a frame, and zones.

What `posewire.triggers.kernel` calls is compiled into it and not cached for itself: Numba would not see that what a
cached function calls in its turn has changed.
"""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers.compilation import part
from posewire.triggers.layout import OF_OTHER, OF_SELF
from posewire.triggers.rules import CENTRE, FIXED


@part
def find_animals(rows, reading, program, frame):  # type: ignore[no-untyped-def]
    """Writes ``centres`` and ``others`` of a reading."""
    poses = frame.poses[reading.predicted]
    for row in range(rows):
        x = y = 0.0
        count = 0
        for k in range(poses.shape[1]):
            if known(poses, row, k, reading.min_score):
                x += np.float64(poses[row, k, 0])
                y += np.float64(poses[row, k, 1])
                count += 1
        frame.centres[row, 0] = x / count if count else np.nan
        frame.centres[row, 1] = y / count if count else np.nan
    if not reading.others:
        return
    for row in range(rows):
        frame.others[row] = -1
        nearest = np.inf
        for other in range(rows):
            dx = frame.centres[other, 0] - frame.centres[row, 0]
            dy = frame.centres[other, 1] - frame.centres[row, 1]
            away = dx * dx + dy * dy
            if other != row and away < nearest:  # NaN is not
                nearest = away
                frame.others[row] = other


@part
def known(poses, row, k, min_score):  # type: ignore[no-untyped-def]
    """Whether a keypoint is."""
    x, y, score = poses[row, k, 0], poses[row, k, 1], poses[row, k, 2]
    return math.isfinite(x) and math.isfinite(y) and np.float64(score) >= min_score


@part
def row_of(point, row, frame):  # type: ignore[no-untyped-def]
    """The row of a point's animal, -1 if it is not there."""
    if point.who == OF_SELF:
        return row
    if point.who == OF_OTHER:
        return frame.others[row]
    return frame.rows[point.who]


@part
def locate(point, row, reading, frame):  # type: ignore[no-untyped-def]
    """x, y of a point for the animal of ``row``, NaN if not known."""
    if point.keypoint == FIXED:
        return point.x, point.y
    of = row_of(point, row, frame)
    if of < 0:
        return np.nan, np.nan
    if point.keypoint == CENTRE:
        return frame.centres[of, 0], frame.centres[of, 1]
    poses = frame.poses[reading.predicted]
    if known(poses, of, point.keypoint, reading.min_score):
        return np.float64(poses[of, point.keypoint, 0]), np.float64(poses[of, point.keypoint, 1])
    return np.nan, np.nan


@part
def in_zone(node, x, y, numbers, margin):  # type: ignore[no-untyped-def]
    """Whether x, y lies in the zone of ``node`` or, with a margin > 0, no more than that away from it."""
    first, corners = node.number, node.numbers // 2
    if node.level > 0.0:
        dx, dy = x - numbers[first], y - numbers[first + 1]
        return math.sqrt(dx * dx + dy * dy) <= node.level + margin
    inside = False
    nearest = np.inf
    for n in range(corners):
        m = n - 1 if n > 0 else corners - 1
        x0, y0 = numbers[first + 2 * n], numbers[first + 2 * n + 1]
        x1, y1 = numbers[first + 2 * m], numbers[first + 2 * m + 1]
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            inside = not inside
        if margin > 0.0:
            nearest = min(nearest, _to_edge(x, y, x0, y0, x1, y1))
    return inside or (margin > 0.0 and nearest <= margin)


@part
def _to_edge(x, y, x0, y0, x1, y1):  # type: ignore[no-untyped-def]
    along_x, along_y = x1 - x0, y1 - y0
    length = along_x * along_x + along_y * along_y
    share = ((x - x0) * along_x + (y - y0) * along_y) / length if length > 0.0 else 0.0
    share = min(max(share, 0.0), 1.0)
    dx, dy = x - (x0 + share * along_x), y - (y0 + share * along_y)
    return math.sqrt(dx * dx + dy * dy)
