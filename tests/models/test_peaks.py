"""The peaks that training measures are those that the runtime publishes, and those of the slow twin."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import reference
import tiny_model
from posewire.decode import Decoder
from posewire.preprocess import plan
from posewire_models.contract import parse_metadata
from posewire_models.peaks import best_peaks, unpadded

sizes = st.integers(1, 5)
# Few values, so that ties and whole zero maps come up.
values = st.one_of(st.floats(0, 1, width=32), st.sampled_from([np.float32(0), np.float32(0.5)]))


@settings(deadline=None)
@given(st.data(), sizes, sizes, st.sampled_from([4, 8]))
def test_peaks_equal_the_slow_twin(data: st.DataObject, height: int, width: int, stride: int) -> None:
    heatmaps = data.draw(hnp.arrays(np.float32, (2, height, width, 3), elements=values))
    moves = st.integers(-16, 16).map(lambda quarter: quarter / 4)  # exact: no sum is rounded past half a stride
    offsets = data.draw(hnp.arrays(np.float32, (2, height, width, 3, 2), elements=moves))
    points, scores = best_peaks(heatmaps, offsets, stride)
    assert points.dtype == scores.dtype == np.float32
    whole = (width * stride, height * stride)
    for b in range(2):
        twin = np.array(reference.decode_one(heatmaps[b], offsets[b], stride, (0, 0, *whole), whole))
        np.testing.assert_allclose(points[b], twin[:, :2], atol=1e-3)
        np.testing.assert_array_equal(scores[b], twin[:, 2].astype(np.float32))


def test_peaks_equal_the_runtime() -> None:
    draws = np.random.default_rng(5)
    contract = parse_metadata({"posewire": json.dumps(tiny_model.fields(scale=1.0))}, "test")
    geometry = plan(contract, 150, 90)
    decoder = Decoder(contract, geometry, 0.0)
    shape = (1, geometry.padded[1] // contract.stride, geometry.padded[0] // contract.stride, len(contract.keypoints))
    for _ in range(50):
        heatmaps = draws.random(shape, np.float32)
        offsets = draws.normal(0, 0.5 * contract.stride, (*shape, 2)).astype(np.float32)
        decoder.decode(heatmaps, offsets)
        width, height = geometry.resized
        heatmaps, offsets = (unpadded(maps, height, width, contract.stride) for maps in (heatmaps, offsets))
        points, scores = best_peaks(heatmaps, offsets, contract.stride)
        np.testing.assert_allclose(decoder.peaks[0, :, :2], points[0], atol=1e-3)
        np.testing.assert_array_equal(decoder.peaks[0, :, 2], scores[0])
