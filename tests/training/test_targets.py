"""Targets against their slow twin, and back to the keypoints they were made of."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_models.peaks import best_peaks
from posewire_training.targets import make_targets
from reference_targets import targets_one

coordinate = st.floats(-40, 200) | st.just(math.nan)
strides = st.sampled_from([4, 8, 16])


@given(
    points=st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=4),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    stride=strides,
    sigma=st.floats(0.5, 3),
    radius=st.floats(0.75, 4),
)
@settings(deadline=None)
def test_targets_equal_the_slow_twin(
    points: list[tuple[float, float]], height: int, width: int, stride: int, sigma: float, radius: float
) -> None:
    array = np.array([points, points[::-1]], np.float32)[:, None]
    made = make_targets(array, height, width, stride, sigma, radius)
    for b in range(2):
        heatmaps, offsets, mask = targets_one(array[b, 0], height, width, stride, sigma, radius)
        np.testing.assert_allclose(made.heatmaps[b], heatmaps, atol=1e-4)
        # A cell whose distance equals the radius up to rounding may fall on either side.
        agree = made.mask[b] == mask
        assert (~agree).sum() <= 1
        np.testing.assert_allclose(made.offsets[b][agree], offsets[agree], atol=1e-3)


@given(
    x=st.floats(-0.5, 95.4), y=st.floats(-0.5, 63.4), stride=strides, sigma=st.floats(0.5, 3), radius=st.floats(0.75, 4)
)
@settings(deadline=None)
def test_decoding_the_targets_gives_the_keypoint_back(
    x: float, y: float, stride: int, sigma: float, radius: float
) -> None:
    points = np.array([[[[x, y], [math.nan, math.nan]]]], np.float32)
    made = make_targets(points, 64 // stride, 96 // stride, stride, sigma, radius)
    found, scores = best_peaks(made.heatmaps, made.offsets, stride)
    np.testing.assert_allclose(found[0, 0], [x, y], atol=1e-3)
    assert scores[0, 0] >= math.exp(-0.5 / (2 * 0.5**2)) * 0.99  # at most half a cell's diagonal away
    assert scores[0, 1] == 0


def test_types_and_shapes() -> None:
    made = make_targets(np.zeros((2, 1, 3, 2), np.float32), 4, 5, 8, 1.0, 2.0)
    assert made.heatmaps.shape == made.mask.shape == (2, 4, 5, 3)
    assert made.offsets.shape == (2, 4, 5, 3, 2)
    assert {array.dtype for array in made} == {np.dtype(np.float32)}
