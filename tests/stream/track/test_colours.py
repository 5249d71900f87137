"""Colours along limbs against a slow twin; what is not in the picture is not known."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.track import CHANNELS, Colours

SKELETON = [(0, 1), (1, 2)]


def slow_colours(image, poses):
    """The same, place by place."""
    height, width = image.shape[:2]
    told = np.full((len(poses), len(SKELETON), CHANNELS), np.nan, np.float32)
    for a, pose in enumerate(poses):
        for e, (i, j) in enumerate(SKELETON):
            places = [pose[i, :2] + (n / 6) * (pose[j, :2] - pose[i, :2]) for n in range(1, 6)]
            places = [(round(float(x)), round(float(y))) for x, y in places if math.isfinite(x + y)]
            seen = [image[y, x] for x, y in places if 0 <= x < width and 0 <= y < height]
            if seen:
                told[a, e] = np.log(np.mean(np.broadcast_to(np.array(seen, float).T, (3, len(seen))), axis=1) + 10)
    return told


@settings(deadline=None)
@given(st.integers(0, 2**31), st.booleans(), st.integers(0, 4))
def test_colours_equal_the_slow_twin(seed, gray, animals):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (20, 30) if gray else (20, 30, 3), np.uint8)
    # Quarters, so that no rounding of single precision decides which pixel is read.
    poses = (rng.integers(-40, 160, (animals, 3, 3)) / 4).astype(np.float32)
    poses[rng.random((animals, 3)) < 0.2, :2] = np.nan
    poses[..., :2] = np.round(poses[..., :2] / 6) * 6 + 0.25
    expected = slow_colours(image[..., None] if gray else image, poses)
    np.testing.assert_allclose(Colours(SKELETON).read(image, poses), expected, rtol=1e-5)


def test_more_poses_than_there_was_room_for():
    colours = Colours(SKELETON, most=1)
    poses = np.ones((5, 3, 3), np.float32) + np.arange(3, dtype=np.float32)[:, None]
    found = colours.read(np.full((9, 9, 3), 90, np.uint8), poses)
    np.testing.assert_allclose(found, np.full((5, 2, 3), math.log(100)), rtol=1e-6)


def test_a_picture_that_is_part_of_another_is_read_as_it_is():
    wide = np.arange(20 * 60 * 3, dtype=np.uint8).reshape(20, 60, 3)
    poses = np.array([[[3, 4, 1], [9, 4, 1], [9, 16, 1]]], np.float32)
    part = wide[:, 10:40]
    np.testing.assert_array_equal(Colours(SKELETON).read(part, poses), Colours(SKELETON).read(part.copy(), poses))
