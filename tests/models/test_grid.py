"""The pixel grid: cell centres, resizing, padding."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_models.grid import cell_centre, cell_position, padded_size, resized


def test_first_cell_of_stride_8_covers_pixels_0_to_7():
    assert cell_centre(0.0, 8) == np.mean(range(8))


@given(st.floats(-1e4, 1e4), st.sampled_from([1, 2, 4, 8, 16]))
def test_cell_position_undoes_cell_centre(cell: float, stride: int):
    assert cell_position(cell_centre(cell, stride), stride) == pytest.approx(cell, abs=1e-6)


@given(st.integers(1, 5000), st.integers(1, 64))
def test_padded_size_is_the_smallest_multiple_that_fits(size: int, multiple: int):
    padded = padded_size(size, multiple)
    assert padded % multiple == 0
    assert size <= padded < size + multiple


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_resized_agrees_with_what_opencv_does_to_a_pixel(factor: float):
    """The centre of mass of a dot moves as the formula says."""
    image = np.zeros((64, 64), np.float32)
    image[20:22, 36:38] = 1.0  # centre (36.5, 20.5)
    smaller = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    ys, xs = np.mgrid[: smaller.shape[0], : smaller.shape[1]]
    assert (smaller * xs).sum() / smaller.sum() == pytest.approx(resized(36.5, factor), abs=1e-4)
    assert (smaller * ys).sum() / smaller.sum() == pytest.approx(resized(20.5, factor), abs=1e-4)
