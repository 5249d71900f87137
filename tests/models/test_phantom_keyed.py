"""Randomness and trigonometry that never change."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_models.phantom import keyed
from posewire_models.phantom.trigonometry import arctangent, cosine, sine, smooth_step, soft_limit

# The first outputs of SplitMix64 for the seed 1234567, as published with the reference implementation.
PUBLISHED = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)
KEYS = st.integers(0, 2**64 - 1)


def test_hashes_are_those_of_splitmix64() -> None:
    assert keyed.hashes(1234567, 5).tolist() == list(PUBLISHED)


@given(KEYS, st.integers(0, 50))
def test_single_numbers_and_arrays_are_the_same_hash(key: int, index: int) -> None:
    assert keyed.unit(key, index) == (int(keyed.hashes(key, 51)[index]) >> 11) / 2**53


def test_order_and_number_of_the_parts_make_another_key() -> None:
    keys = {keyed.key_of(1, 2), keyed.key_of(2, 1), keyed.key_of(1), keyed.key_of(1, 2, 0), keyed.key_of(1, -2)}
    assert len(keys) == 5


@given(KEYS, st.floats(-1e4, 1e4), st.floats(0, 1e-3))
def test_wandering_is_smooth_and_bounded(key: int, position: float, step: float) -> None:
    here, there = keyed.wander(key, position), keyed.wander(key, position + step)
    assert -1.0 <= here <= 1.0
    assert abs(here - there) <= 4.0 * step + 1e-9


@pytest.mark.parametrize("cells", [(1.0, 1.0), (7.5, 3.0), (40.0, 90.0)])
def test_clouds_are_bounded_fill_the_range_and_join_their_knots(cells: tuple[float, float]) -> None:
    field = keyed.clouds(7, 60, 80, *cells)
    assert field.shape == (60, 80)
    assert field.dtype == np.float32
    assert np.abs(field).max() <= 1.0
    assert np.ptp(field) > 0.3
    if min(cells) > 2.0:
        assert np.abs(np.diff(field, axis=0)).max() <= 3.0 / cells[0] + 1e-4
        assert np.abs(np.diff(field, axis=1)).max() <= 3.0 / cells[1] + 1e-4


def test_draws_reach_both_ends_and_every_choice() -> None:
    draws = keyed.Draws(3)
    assert {draws.whole(2, 5) for _ in range(200)} == {2, 3, 4, 5}
    assert {draws.choice("abc") for _ in range(100)} == set("abc")
    assert 350 < sum(draws.chance(0.4) for _ in range(1000)) < 450


@given(st.floats(-1e3, 1e3))
def test_sine_and_cosine_agree_with_the_library(angle: float) -> None:
    assert sine(angle) == pytest.approx(math.sin(angle), abs=1e-7)
    assert cosine(angle) == pytest.approx(math.cos(angle), abs=1e-7)


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_arctangent_agrees_with_the_library(y: float, x: float) -> None:
    assert math.remainder(arctangent(y, x) - math.atan2(y, abs(x) if x == 0 else x), math.tau) == pytest.approx(
        0.0, abs=1e-7
    )


@given(st.floats(-100, 100), st.floats(0.5, 3.0), st.floats(0.0, 0.4))
def test_a_soft_limit_keeps_small_values_and_bounds_large_ones(value: float, limit: float, free: float) -> None:
    limited = soft_limit(value, limit, free)
    assert abs(limited) <= min(abs(value), limit) + 1e-12
    assert limited * value >= 0.0
    if abs(value) <= free:
        assert limited == value


def test_a_smooth_step_is_flat_outside() -> None:
    assert [smooth_step(x) for x in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0.0, 0.0, 0.5, 1.0, 1.0]
