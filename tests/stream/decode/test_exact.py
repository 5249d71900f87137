"""Exact targets of several animals decode to those animals; the runtime's decoder and training's agree on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paths import shared
from posewire_bench.exact import STYLES, decoded, drawn, labelled, pieces, same_animals, scene
from posewire_models.decoding import Decoding

EVERY_PART = Decoding(min_parts=1)


@given(st.integers(0, 2**32), st.sampled_from(STYLES[:2]), st.sampled_from([4, 8]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_up_to_eight_animals_decode_exactly(seed, style, stride):
    points, edges, size = scene(np.random.default_rng(seed), style, stride, most=8)
    assert same_animals(decoded(points, edges, size, stride, EVERY_PART), points)


def test_up_to_thirty_animals_decode_exactly_but_where_nothing_is_left_of_a_limb():
    """In one of some thousand scenes a limb has no cell of its own: those of others are nearer everywhere."""
    for style, (exact, count) in drawn(240, EVERY_PART).items():
        assert exact >= count - (1 if style == "scattered" else 0), style


@pytest.mark.parametrize(
    ("file", "scale"),
    [
        ("sleap-flies-clip/labels/clip_13node.npz", 0.5),
        ("sleap-flies-pair/labels/pair_clean.npz", 1.0),
        ("sleap-mice-clip/labels/mice_proofread.npz", 0.5),
        ("madlc-trimouse/labels.csv", 1.0),
    ],
)
def test_labelled_animals_decode_exactly(file, scale):
    folder, rest = file.split("/", 1)
    counts = labelled(shared(folder) / rest, scale, 4, EVERY_PART, most=60)
    exact, frames = counts["apart"]
    assert frames >= 3
    assert exact == frames


def test_what_hangs_together():
    animal = np.array([[0, 0], [1, 1], [np.nan, np.nan], [3, 3]], np.float32)
    assert pieces(animal, [(0, 1), (1, 2), (2, 3)]) == [{0, 1}, {3}]
    assert not same_animals(animal[None], animal[None] + 1)
    assert same_animals(animal[None], animal[None])
