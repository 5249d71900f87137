from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from posewire.dryrun.outline import resized
from posewire.triggers.rules import Zone

sizes = st.floats(1.0, 300.0)
places = st.floats(-500.0, 500.0)


@given(places, places, sizes, sizes, st.floats(-100.0, 100.0))
def test_a_rectangle_stays_one(x, y, width, height, by_px):
    zone = Zone("zone", ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))
    for given_zone in (zone, Zone("zone", zone.points[::-1])):
        made = resized(given_zone, by_px)
        assume(abs(width + 2 * by_px) > 1e-6 and abs(height + 2 * by_px) > 1e-6)
        if min(width, height) + 2 * by_px <= 0:
            assert made is None
        else:
            assert made is not None
            xs, ys = sorted(p[0] for p in made.points), sorted(p[1] for p in made.points)
            wanted = [x - by_px, x - by_px, x + width + by_px, x + width + by_px]
            assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(xs, wanted, strict=True))
            wanted = [y - by_px, y - by_px, y + height + by_px, y + height + by_px]
            assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(ys, wanted, strict=True))


@settings(max_examples=200)
@given(st.lists(st.floats(0.0, 2 * math.pi), min_size=3, max_size=8, unique=True), st.floats(-60, 60), places, places)
def test_of_a_convex_zone_every_edge_has_moved_by_that_much(angles, by_px, x, y):
    """The slow version: inside means on the inner side of every edge, moved."""
    angles = sorted(angles)
    assume(min(b - a for a, b in pairwise([*angles, angles[0] + 2 * math.pi])) > 0.3)
    corners = [(100 * math.cos(angle), 100 * math.sin(angle)) for angle in angles]
    made = resized(Zone("zone", tuple(corners)), by_px)
    edges = list(pairwise([*corners, corners[0]]))

    def depth(at_x, at_y):
        """How far inside the moved edges a point lies."""
        return by_px + min(
            ((b[0] - a[0]) * (at_y - a[1]) - (b[1] - a[1]) * (at_x - a[0])) / math.dist(a, b) for a, b in edges
        )

    if made is None:
        return
    for corner in made.points:
        assert math.isclose(depth(*corner), 0.0, abs_tol=1e-6)
    inside = sum(  # even-odd, as zones are
        (a[1] > y) != (b[1] > y) and x < a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1])
        for a, b in pairwise([*made.points, made.points[0]])
    )
    if abs(depth(x, y)) > 1e-6:
        assert inside % 2 == (depth(x, y) > 0)


def test_what_cannot_be_made_is_not_made():
    bow = Zone("zone", ((0, 0), (100, 100), (100, 0), (0, 100)))
    needle = Zone("zone", ((0, 0), (1000, 1), (1000, -1)))
    assert resized(bow, 5) is None
    assert resized(needle, 5) is None
    assert resized(Zone("zone", ((50, 50),), 10.0), -10) is None


def test_a_circle_has_another_radius():
    assert resized(Zone("zone", ((50, 60),), 10.0), 5) == Zone("zone", ((50, 60),), 15.0)


def test_a_corner_given_twice_is_one():
    twice = Zone("zone", ((0, 0), (0, 0), (10, 0), (10, 10), (0, 10), (0, 0)))
    made = resized(twice, 1)
    assert made is not None
    assert sorted(made.points) == [(-1.0, -1.0), (-1.0, 11.0), (11.0, -1.0), (11.0, 11.0)]
