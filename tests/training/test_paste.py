"""One animal more: it lands whole where its keypoints say, and hides no other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_training.paste import pasted

SQUARE = np.array([[[20, 20], [30, 20], [30, 30], [20, 30]]], np.float32)


def bright_square() -> np.ndarray:
    image = np.zeros((64, 80, 1), np.uint8)
    image[18:33, 18:33] = 200
    return image


@given(seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_the_copy_lies_under_its_keypoints(seed: int) -> None:
    image, points = np.full((100, 120, 1), 10, np.uint8), np.full((2, 4, 2), np.nan, np.float32)
    before = image.copy()
    result, moved = pasted(image, points, bright_square(), SQUARE, np.random.default_rng(seed))
    np.testing.assert_array_equal(image, before)
    assert moved.shape == (3, 4, 2)
    assert np.isnan(moved[:2]).all()
    assert result.shape == image.shape
    copy = moved[2]
    if not np.isnan(copy).any():
        sides = np.linalg.norm(copy - np.roll(copy, 1, axis=0), axis=1)
        np.testing.assert_allclose(sides, 10, atol=1e-3)  # turned and moved, never scaled
        middle = np.rint(copy.mean(axis=0)).astype(int)
        if (middle > 8).all() and (middle < [112, 92]).all():
            assert result[middle[1], middle[0], 0] > 190
    far = np.ones((100, 120), bool)
    for x, y in copy[~np.isnan(copy).any(axis=1)]:
        rows, columns = np.mgrid[:100, :120]
        far &= (columns - x) ** 2 + (rows - y) ** 2 > 25**2
    if not np.isnan(copy).any():
        assert (result[far] == 10).all()


@given(seed=st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_animals_that_are_there_stay_labelled_and_mostly_seen(seed: int) -> None:
    points = SQUARE + np.float32([30, 30])
    result, moved = pasted(
        np.zeros((100, 120, 1), np.uint8), points, bright_square(), SQUARE, np.random.default_rng(seed)
    )
    np.testing.assert_array_equal(moved[0], points[0])
    hidden = [result[int(y), int(x), 0] > 100 for x, y in points[0]]
    assert np.mean(hidden) <= 0.75


def test_a_donor_without_area_lends_nothing() -> None:
    image = np.zeros((50, 50, 1), np.uint8)
    two = np.where(np.arange(4)[:, None] < 2, SQUARE, np.nan).astype(np.float32)
    result, moved = pasted(image, SQUARE, bright_square(), two, np.random.default_rng(0))
    assert result is image
    assert np.isnan(moved[1]).all()
