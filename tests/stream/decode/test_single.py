"""The Numba decoder against its slow twin, and against what it must undo."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import reference
import tiny_model
from posewire.decode import Decoder
from posewire.preprocess import Crop, plan
from posewire_models.contract import parse_metadata
from posewire_models.grid import cell_position, resized


def make(width, height, crop=None, min_score=0.0, **changes):
    fields = tiny_model.fields(**changes)
    contract = parse_metadata({"posewire": json.dumps(fields)}, "test")
    geometry = plan(contract, width, height, crop)
    return Decoder(contract, geometry, min_score), geometry


def maps_of(geometry, stride=8, count=3):
    grid = (1, geometry.padded[1] // stride, geometry.padded[0] // stride, count)
    return np.zeros(grid, np.float32), np.zeros((*grid, 2), np.float32)


values = st.one_of(st.floats(0, 1, width=32), st.just(np.float32("nan")), st.just(np.float32(0.5)))


@settings(deadline=None)
@given(st.data(), st.integers(9, 60), st.integers(9, 60), st.sampled_from([0.5, 0.37, 1.0, 1.6]))
def test_decoding_equals_the_slow_twin(data, width, height, scale):
    x, y = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4))
    crop = Crop(x, y, width - x, height - y)
    decoder, geometry = make(width, height, crop, scale=scale, pad_multiple=16)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[:] = data.draw(hnp.arrays(np.float32, heatmaps.shape, elements=values))
    offsets[:] = data.draw(hnp.arrays(np.float32, offsets.shape, elements=st.floats(-40, 40, width=32)))
    decoder.decode(heatmaps, offsets)
    twin = reference.decode_one(heatmaps[0], offsets[0], 8, (crop.x, crop.y, crop.width, crop.height), geometry.resized)
    np.testing.assert_allclose(decoder.peaks[0], twin, rtol=1e-5, atol=1e-3)


@settings(deadline=None)
@given(st.floats(0, 639), st.floats(0, 479), st.sampled_from([1.0, 0.5, 0.41]))
def test_exact_targets_decode_to_the_keypoint(x, y, scale):
    """Heatmap and offset written by the grid's own definition lead back to the place in the frame."""
    decoder, geometry = make(640, 480, scale=scale, pad_multiple=32)
    heatmaps, offsets = maps_of(geometry)
    place = np.array([resized(x, geometry.scale[0]), resized(y, geometry.scale[1])])
    column, row = (int(max(0, round(float(cell_position(p, 8))))) for p in place)
    heatmaps[0, row, column, 1] = 0.9
    offsets[0, row, column, 1] = place - [(column + 0.5) * 8 - 0.5, (row + 0.5) * 8 - 0.5]
    decoder.decode(heatmaps, offsets)
    np.testing.assert_allclose(decoder.peaks[0, 1], [x, y, 0.9], atol=1e-3)


def test_faint_neighbours_vote_as_well():
    """Their squares are too small for float32."""
    decoder, geometry = make(64, 64)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 3, 3, 0], heatmaps[0, 3, 4, 0] = 1e-30, 1e-30
    offsets[0, 3, 3, 0] = 2.0, 0.0
    offsets[0, 3, 4, 0] = -4.0, 0.0
    decoder.decode(heatmaps, offsets)
    twin = reference.decode_one(heatmaps[0], offsets[0], 8, (0, 0, 64, 64), geometry.resized)
    np.testing.assert_allclose(decoder.peaks[0, 0], twin[0], rtol=1e-5)
    assert decoder.peaks[0, 0, 0] == 30.5


def test_neighbours_that_mean_the_same_place_are_averaged_by_squared_score():
    decoder, geometry = make(64, 64)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 3, 3, 0], heatmaps[0, 3, 4, 0] = 0.8, 0.4
    offsets[0, 3, 3, 0] = 2.0, 0.0
    offsets[0, 3, 4, 0] = -5.0, 1.0  # one pixel right of the peak's answer, one below
    decoder.decode(heatmaps, offsets)
    assert decoder.peaks[0, 0].tolist() == pytest.approx([29.5 + 0.2, 27.5 + 0.2, 0.8])


def test_neighbours_that_mean_another_place_do_not_count():
    decoder, geometry = make(64, 64)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 2:5, 2:5, 0] = 0.7
    heatmaps[0, 3, 3, 0] = 0.8
    decoder.decode(heatmaps, offsets)
    assert decoder.peaks[0, 0, :2].tolist() == [27.5, 27.5]


def test_of_equal_cells_the_first_in_reading_order_wins():
    decoder, geometry = make(64, 64)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 2, 5, 0] = heatmaps[0, 3, 1, 0] = 1.0
    decoder.decode(heatmaps, offsets)
    assert decoder.peaks[0, 0, :2].tolist() == [5.5 * 8 - 0.5, 2.5 * 8 - 0.5]


def test_the_padding_never_holds_a_keypoint():
    decoder, geometry = make(33, 33, pad_multiple=64)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 5:, :, 0] = heatmaps[0, :, 5:, 0] = 1.0
    heatmaps[0, 4, 4, 0] = 0.5
    decoder.decode(heatmaps, offsets)
    assert decoder.peaks[0, 0, 2] == 0.5


def test_below_min_score_is_published_as_nan_with_its_score():
    decoder, geometry = make(64, 64, min_score=0.6)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[0, 1, 1, 0] = 0.5
    heatmaps[0, 1, 1, 1] = 0.6
    decoder.decode(heatmaps, offsets)
    assert np.isnan(decoder.poses[0, 0, :2]).all()
    assert decoder.poses[0, 0, 2] == np.float32(0.5)
    assert decoder.poses[0, 1].tolist() == pytest.approx([11.5, 11.5, 0.6])
    assert decoder.peaks[0, 0, 0] == 11.5


def test_maps_of_nothing_but_nan_give_nan_and_score_0():
    decoder, geometry = make(64, 64, min_score=0.1)
    heatmaps, offsets = maps_of(geometry)
    heatmaps[:] = np.nan
    decoder.decode(heatmaps, offsets)
    assert np.isnan(decoder.poses[..., :2]).all()
    assert (decoder.poses[..., 2] == 0).all()
