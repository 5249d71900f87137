"""Peaks of several animals against their slow twin; plateaus, ties, bounds, and maps that no network makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posewire.decode import Grid, MapDecoder
from posewire_models.decoding import Decoding
from reference_several import maxima, own_cell_peaks

LEAST = 0.2
OURS = Grid(8, 3.5)
# Few values, so that plateaus are frequent.
values = st.sampled_from([np.float32(v) for v in (0, 0.1, 0.2, 0.5, 0.5, 0.9, 1.0, np.nan, np.inf, -0.3)])


def decoder(rules, shape, keypoints=2, least=LEAST, grid=OURS, **more):
    return MapDecoder(keypoints, [(0, 1)], rules, shape, (2, 2), grid, Grid(8, 3.5), least, **more)


def peaks(made, heatmaps, offsets=None):
    """The peaks of each keypoint, [(x, y, score)]."""
    made.find(heatmaps, np.zeros((*heatmaps.shape, 2), np.float32) if offsets is None else offsets)
    return [made.assembler.peaks[k, :n].tolist() for k, n in enumerate(made.assembler.counts)]


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 7), st.integers(1, 40), st.sampled_from([1, 3, 40]))
def test_own_cells_equal_the_slow_twin(data, height, width, most):
    cells = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    heatmaps = data.draw(hnp.arrays(np.float32, (height, width, 2), elements=values, fill=st.just(np.float32(0))))
    near = st.sampled_from([np.float32(v) for v in (0, 1, -3, 6, 6.5, -9, np.nan, np.inf)])
    offsets = data.draw(hnp.arrays(np.float32, (height, width, 2, 2), elements=near))
    made = decoder(Decoding(max_peaks=most), (height, width), cells=cells)
    for k, found in enumerate(peaks(made, heatmaps, offsets)):
        twin = own_cell_peaks(heatmaps[..., k], offsets[..., k, :], cells, 8, 3.5, LEAST, most)
        assert found == [pytest.approx(peak, abs=1e-3) for peak in twin]


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 7), st.integers(1, 40), st.sampled_from([1, 2]), st.booleans())
def test_maxima_equal_the_slow_twin(data, height, width, radius, strict):
    heatmaps = data.draw(hnp.arrays(np.float32, (height, width, 2), elements=values, fill=st.just(np.float32(0))))
    rules = Decoding(peaks="strict" if strict else "maxima", refine="none", window_cells=2 * radius + 1)
    made = decoder(rules, (height, width), grid=Grid(1, 0))
    for k, found in enumerate(peaks(made, heatmaps)):
        twin = maxima(heatmaps[..., k], (height, width), radius, np.float32(LEAST), 40, strict)
        if not strict:
            assert sorted(score for *_, score in found) == pytest.approx(sorted(peak[2] for peak in twin))
        assert [[y, x] for x, y, _ in found] == [list(peak[:2]) for peak in twin]


def test_a_plateau_is_one_peak_where_its_surroundings_are_highest():
    heatmaps = np.zeros((7, 9, 2), np.float32)
    heatmaps[2:5, 3:6, 0] = 1.0
    heatmaps[1:5, 3:8, 1] = 0.5
    heatmaps[3, 4:6, 1] = 0.9
    heatmaps[3, 6, 1] = 0.8
    found = peaks(decoder(Decoding(peaks="maxima", refine="none"), (7, 9), grid=Grid(1, 0)), heatmaps)
    assert found[0] == [[4.0, 3.0, 1.0]]
    assert found[1] == [[5.0, 3.0, pytest.approx(0.9)]]


def test_of_equal_cells_the_first_in_reading_order_wins():
    heatmaps = np.zeros((5, 6, 2), np.float32)
    heatmaps[2, 2:4] = 0.7
    found = peaks(decoder(Decoding(peaks="maxima", refine="none"), (5, 6), grid=Grid(1, 0)), heatmaps)
    assert found[0] == found[1] == [[2.0, 2.0, pytest.approx(0.7)]]


@settings(deadline=None)
@given(st.floats(2.0, 5.0), st.floats(2.0, 5.0), st.floats(0.7, 1.6))
def test_a_gaussian_without_offsets_is_found_between_the_cells(x, y, sigma):
    i, j = np.mgrid[:8, :8]
    blob = np.exp(-((j - x) ** 2 + (i - y) ** 2) / (2 * sigma**2)).astype(np.float32)
    heatmaps = np.stack([blob, blob], axis=-1)
    made = decoder(Decoding(peaks="maxima", refine="gaussian"), (8, 8), grid=Grid(1, 0))
    assert peaks(made, heatmaps)[0][0][:2] == pytest.approx([x, y], abs=1e-3)


@pytest.mark.parametrize(("refine", "expected"), [("integral", 2.4), ("quarter", 2.25), ("none", 2.0)])
def test_other_refinements(refine, expected):
    heatmaps = np.zeros((5, 5, 2), np.float32)
    heatmaps[2, 2], heatmaps[2, 3] = 0.6, 0.4
    made = decoder(Decoding(peaks="maxima", refine=refine), (5, 5), grid=Grid(1, 0))
    assert peaks(made, heatmaps)[0][0][:2] == pytest.approx([expected, 2.0])


def test_the_best_peaks_stay():
    heatmaps = np.zeros((3, 64, 2), np.float32)
    heatmaps[1, ::4, 0] = np.linspace(0.3, 0.9, 16)
    found = peaks(decoder(Decoding(peaks="maxima", refine="none", max_peaks=3), (3, 64), grid=Grid(1, 0)), heatmaps)
    assert [x for x, _, _ in found[0]] == [60, 56, 52]


def test_a_decoder_forgets_the_last_frame():
    made = decoder(Decoding(peaks="maxima", refine="none"), (6, 6))
    ones = np.ones((6, 6, 2), np.float32)
    first = peaks(made, ones)
    assert peaks(made, np.zeros_like(ones)) == [[], []]
    assert peaks(made, ones) == first
    assert len(first[0]) == 1
