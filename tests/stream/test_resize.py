"""The resize by shuffles against the slow twin, and what it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from posewire.resize import Resizer, has_shuffles

pytestmark = pytest.mark.skipif(not has_shuffles(), reason="this processor has no shuffles of x86")

sides = st.integers(2, 70)


@given(sides, sides, sides, sides, st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_every_pixel_is_within_a_gray_level_and_a_bit_of_the_twin(width, height, wide, high, channels, seed):
    resizer = Resizer((width, height), (wide, high), channels)
    assume(resizer.usable)
    source = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    target = np.full((high, wide, channels), 77, np.uint8)
    assert resizer.into(source, target)
    # Both weights are rounded to 1/128 (at most one level each, of a step of 255), and each pass to a whole level.
    assert np.abs(target - reference.resize_bilinear(source, wide, high)).max() <= 3.0
    assert np.abs(target - reference.resize_bilinear(source, wide, high)).mean() <= 0.8


@given(sides, sides, st.integers(0, 255))
def test_a_picture_of_one_gray_keeps_it(width, height, gray):
    resizer = Resizer((width, height), (max(width * 3 // 4, 1), max(height * 3 // 4, 1)), 3)
    assume(resizer.usable)
    target = np.zeros((max(height * 3 // 4, 1), max(width * 3 // 4, 1), 3), np.uint8)
    assert resizer.into(np.full((height, width, 3), gray, np.uint8), target)
    assert (target == gray).all()


def test_nothing_beyond_the_target_is_written():
    rng = np.random.default_rng(0)
    resizer = Resizer((341, 200), (256, 150), 3)
    around = np.full((160, 300, 3), 9, np.uint8)
    assert resizer.into(rng.integers(0, 256, (200, 341, 3), np.uint8), around[3:153, 7:263])
    outside = np.ones((160, 300), bool)
    outside[3:153, 7:263] = False
    assert (around[outside] == 9).all()


def test_a_part_of_a_frame_and_a_frame_that_cannot_be_written_are_taken_as_they_are():
    frame = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    part = frame[20:276, 30:286]
    resizer = Resizer((256, 256), (192, 192), 3)
    one, other = np.zeros((192, 192, 3), np.uint8), np.zeros((192, 192, 3), np.uint8)
    assert resizer.into(part, one)
    alone = part.copy()
    alone.flags.writeable = False
    assert resizer.into(alone, other)
    np.testing.assert_array_equal(one, other)


def test_a_frame_whose_pixels_are_no_neighbours_is_refused():
    frame = np.zeros((64, 128, 3), np.uint8)
    target = np.full((48, 48, 3), 5, np.uint8)
    resizer = Resizer((64, 64), (48, 48), 3)
    assert not resizer.into(frame[:, ::2], target)
    assert not resizer.into(frame[:, :64, ::-1], target)
    assert (target == 5).all()


def test_a_strong_reduction_is_left_to_opencv():
    assert not Resizer((640, 480), (100, 75), 3).usable
    assert Resizer((640, 480), (480, 360), 3).usable
