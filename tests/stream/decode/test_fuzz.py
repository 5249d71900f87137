"""Maps that no network makes give a defined answer: finite poses or none, never a crash."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posewire.decode import Grid, MapDecoder
from posewire_models.decoding import ALIGNMENTS, FUSIONS, MATCHING, PEAKS, REFINEMENTS, Decoding

anything = st.sampled_from(
    [np.float32(v) for v in (0, 0.5, 1, 1, 0.9, -1, 3e38, -3e38, 1e-40, np.nan, np.inf, -np.inf)]
)
rules = st.builds(
    Decoding,
    peaks=st.sampled_from(PEAKS),
    refine=st.sampled_from(REFINEMENTS),
    window_cells=st.sampled_from([3, 5]),
    max_peaks=st.sampled_from([1, 3, 40]),
    alignment=st.sampled_from(ALIGNMENTS),
    matching=st.sampled_from(MATCHING),
    fuse=st.sampled_from(FUSIONS),
    min_parts=st.sampled_from([1, 2]),
    max_animals=st.sampled_from([None, 1, 2]),
    adopt=st.booleans(),
)


@settings(deadline=None, max_examples=200)
@given(st.data(), rules, st.integers(1, 6), st.integers(1, 40), st.integers(1, 4), st.booleans())
def test_any_maps_give_an_answer(data, rules, height, width, keypoints, redundant):
    edges = list(itertools.combinations(range(keypoints), 2)) if redundant else []
    shape, paf_shape = (height, width), (max(1, height // 2), max(1, width // 2))
    made = MapDecoder(keypoints, edges, rules, shape, paf_shape, Grid.of(4), Grid.of(8), 0.2)
    for _ in range(2):
        poses = made.decode(
            data.draw(hnp.arrays(np.float32, (*shape, keypoints), elements=anything)),
            data.draw(hnp.arrays(np.float32, (*shape, keypoints, 2), elements=anything)),
            data.draw(hnp.arrays(np.float32, (*paf_shape, len(edges), 2), elements=anything)),
        )
        assert poses.shape[1:] == (keypoints, 3)
        there = poses[..., 2] > 0
        assert np.array_equal(np.isfinite(poses[..., 0]), there)
        assert (poses[..., 2][there] >= 0.2).all()
        assert rules.max_animals is None or len(poses) <= rules.max_animals
        assert (there.sum(axis=1) >= rules.min_parts).all()


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan, np.inf])
def test_large_maps_of_one_value_end(value):
    for peaks in PEAKS:
        made = MapDecoder(3, [(0, 1), (1, 2)], Decoding(peaks=peaks), (128, 128), (64, 64), Grid.of(4), Grid.of(8), 0.2)
        maps = np.full((128, 128, 3), value, np.float32)
        poses = made.decode(maps, np.zeros((128, 128, 3, 2), np.float32), np.ones((64, 64, 2, 2), np.float32))
        assert len(poses) <= made.assembler.most_animals
