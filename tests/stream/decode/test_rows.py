"""What the decoder hands to a tracker beside the poses: keypoints of nobody, and how well limbs would join."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import several_model
from posewire.decode import Grid, MapDecoder
from posewire.decode.poses import list_rows, write_bonds
from posewire_models.decoding import Decoding
from posewire_training.targets import make_fields, make_targets

EDGES = [(0, 1), (1, 2), (0, 2)]


@settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 4), st.integers(0, 3))
def test_every_peak_has_one_place_or_was_one_too_many(seed, animals, most):
    rng = np.random.default_rng(seed)
    keypoints, peaks = 3, 6
    counts = rng.integers(0, peaks + 1, keypoints)
    members, kept = np.full((9, keypoints), -1), rng.permutation(9)
    for k in range(keypoints):
        chosen = rng.permutation(counts[k])[:animals]
        members[kept[: len(chosen)], k] = chosen
    rows = np.full((animals + most, keypoints), -7)
    filled = list_rows(counts, members, kept, animals, most, rows, np.zeros((keypoints, peaks), np.bool_))
    np.testing.assert_array_equal(rows[:animals], members[kept[:animals]])
    for k in range(keypoints):
        free = [i for i in range(counts[k]) if i not in members[kept[:animals], k]]
        loose = rows[animals:, k].tolist()
        assert loose == (free[:most] + [-1] * most)[:most]
    assert filled == animals + max(min(int((rows[animals:, k] >= 0).sum()), most) for k in range(keypoints))
    scores = rng.normal(size=(len(EDGES), peaks, peaks))
    bonds = np.zeros((filled, filled, len(EDGES)), np.float32)
    write_bonds(scores, rows, filled, np.array(EDGES), bonds)
    for a, b, e in np.ndindex(bonds.shape):
        i, j = rows[a, EDGES[e][0]], rows[b, EDGES[e][1]]
        expected = np.float32(scores[e, i, j]) if i >= 0 and j >= 0 else np.nan
        np.testing.assert_equal(bonds[a, b, e], expected)


def test_a_keypoint_that_no_link_reaches_is_loose():
    points = several_model.points([(40, 50), (60, 150)]).copy()  # [1, 2, 3, 2]
    edges = [(0, 1), (1, 2)]
    heatmaps, offsets, _ = make_targets(points, 30, 40, 8, 1.0, 1.25)
    fields, _ = make_fields(points, edges, 30, 40, 8, 1.0)
    fields[0, 15:, :, 1] = 0.0  # the second animal's last limb is not seen
    decoder = MapDecoder(3, edges, Decoding(), (30, 40), (30, 40), Grid.of(8), Grid.of(8), 0.2)
    poses = decoder.decode(heatmaps[0], offsets[0], fields[0])
    assert poses.shape == (2, 3, 3)
    lost = int(np.flatnonzero(np.isnan(poses[:, 2, 0]))[0])
    assert decoder.loose.shape == (1, 3, 3)
    np.testing.assert_allclose(decoder.loose[0, 2, :2], points[0, 1, 2], atol=0.01)
    assert np.isnan(decoder.loose[0, :2, 0]).all()
    assert decoder.bonds.shape == (3, 3, 2)
    assert decoder.bonds[lost, lost, 0] > 0.9
    assert np.isnan(decoder.bonds[lost, lost, 1])
    assert decoder.bonds[lost, 2, 1] < 0  # from its own middle to the keypoint of nobody there is no field
    assert decoder.bonds[1 - lost, 1 - lost, 1] > 0.9
