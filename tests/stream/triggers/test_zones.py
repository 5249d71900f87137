"""Zones: their centres, and which of them have an area."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.triggers.names import zone_centre
from posewire.triggers.rules import Zone
from posewire.triggers.tables import Place, Table
from posewire.triggers.zone_tables import edges_cross, read_zone

PLACES = st.integers(-500, 500)
SIZES = st.integers(1, 500)


def zone(**shape):
    return read_zone("a", Table(Place("r.toml", {}), (), shape), None)


@given(PLACES, PLACES, SIZES, SIZES, st.integers(0, 3), st.booleans())
def test_the_centre_of_a_rectangle_wherever_its_corners_begin(x, y, width, height, begin, backwards):
    corners = zone(rectangle=[x, y, width, height]).points
    corners = (*corners[begin:], *corners[:begin])
    corners = corners[::-1] if backwards else corners
    assert zone_centre(Zone("a", corners)) == pytest.approx((x + width / 2, y + height / 2))


@given(PLACES, PLACES)
def test_the_centre_is_that_of_the_area_not_of_the_corners(x, y):
    # An L of three unit squares: their centres' mean.
    corners = [(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]
    ell = zone(polygon=[[x + a, y + b] for a, b in corners])
    assert zone_centre(ell) == pytest.approx((x + 2.5 / 3, y + 2.5 / 3))


def test_a_circle_and_a_bow_tie():
    assert zone_centre(zone(circle=[5, 6, 7])) == (5.0, 6.0)
    bow = zone(polygon=[[0, 0], [4, 4], [4, 0], [0, 4]])  # signed areas of both halves add up to 0
    assert edges_cross(bow.points)
    assert zone_centre(bow) == (2.0, 2.0)
    assert not edges_cross(zone(rectangle=[0, 0, 4, 4]).points)
