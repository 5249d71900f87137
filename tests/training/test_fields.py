"""Part affinity fields against their slow twin, and targets of several animals decoded back to the animals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paths import shared
from posewire_training.assemble import Assembling, assemble, link_scores, matched, peaks_of
from posewire_training.labels import load_labels
from posewire_training.targets import make_fields, make_targets
from reference_fields import fields_one

pytest.importorskip("scipy")


def scattered(seed: int, animals: int, keypoints: int, size: float, missing: float) -> np.ndarray:
    """Animals of random shape anywhere, float32 [A, K, 2]; some keypoints are missing."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, size - 1, (animals, 1, 2)) + rng.normal(0, size / 10, (animals, keypoints, 2))
    points[rng.random((animals, keypoints)) < missing] = np.nan
    return np.clip(points, 0, size - 1).astype(np.float32)


def random_tree(rng: np.random.Generator, keypoints: int) -> list[tuple[int, int]]:
    return [(int(rng.integers(k)), k) for k in range(1, keypoints)]


@given(
    seed=st.integers(0, 2**31),
    animals=st.integers(1, 4),
    stride=st.sampled_from([4, 8]),
    width_cells=st.floats(0.75, 2.5),
    missing=st.sampled_from([0.0, 0.3]),
)
@settings(max_examples=60, deadline=None)
def test_fields_equal_the_slow_twin(seed: int, animals: int, stride: int, width_cells: float, missing: float) -> None:
    points = scattered(seed, animals, 3, 64, missing)
    edges = [(0, 1), (2, 1)]
    fields, known = make_fields(points[None], edges, 64 // stride, 64 // stride, stride, width_cells)
    slow, slow_known = fields_one(points, edges, 64 // stride, 64 // stride, stride, width_cells)
    np.testing.assert_array_equal(known[0], slow_known)
    # A cell on the rim, or as near to two limbs, may go either way by rounding.
    differs = np.abs(fields[0] - slow).max(axis=-1) > 1e-3
    assert differs.sum() <= 2


def test_no_edges_give_empty_fields() -> None:
    fields, known = make_fields(np.zeros((2, 1, 3, 2), np.float32), (), 4, 5, 8, 1.0)
    assert fields.shape == (2, 4, 5, 0, 2)
    assert known.shape == (2, 0)


@given(seed=st.integers(0, 2**31), animals=st.integers(1, 5), stride=st.sampled_from([4, 8]))
@settings(max_examples=60, deadline=None)
def test_offsets_of_several_animals_lead_to_the_nearest_keypoint(seed: int, animals: int, stride: int) -> None:
    points = scattered(seed, animals, 1, 64, 0.0)
    made = make_targets(points[None], 64 // stride, 64 // stride, stride, 1.0, 1.5)
    for row, column in np.argwhere(made.mask[0, ..., 0]):
        centre = (np.array([column, row]) + 0.5) * stride - 0.5
        distances = np.linalg.norm(points[:, 0] - centre, axis=1)
        assert np.linalg.norm(made.offsets[0, row, column, 0]) == pytest.approx(distances.min(), abs=1e-3)
        assert made.heatmaps[0, row, column, 0] == pytest.approx(np.exp(-(distances.min() ** 2) / 2 / stride**2), 1e-3)


def decoded(
    points: np.ndarray, edges: list[tuple[int, int]], size: tuple[int, int], stride: int, paf: int
) -> np.ndarray:
    """Exact targets of animals [A, K, 2], decoded."""
    heatmaps, offsets, _ = make_targets(points[None], size[1] // stride, size[0] // stride, stride, 1.0, 1.25)
    fields, _ = make_fields(points[None], edges, size[1] // paf, size[0] // paf, paf, 1.0)
    return assemble(heatmaps[0], offsets[0], fields[0], edges, stride, paf, Assembling(min_parts=1))


def same_animals(found: np.ndarray, points: np.ndarray) -> bool:
    """Whether the decoded animals are the labelled ones, keypoint by keypoint, in any order."""
    rest = [animal for animal in points if not np.isnan(animal).all()]
    for animal in found:
        place = next(
            (n for n, other in enumerate(rest) if np.allclose(animal[:, :2], other, atol=0.05, equal_nan=True)), None
        )
        if place is None:
            return False
        rest.pop(place)
    return not rest


def apart(points: np.ndarray, least: float) -> bool:
    """Whether keypoints of a kind are that far from each other."""
    for kind in points.transpose(1, 0, 2):
        known = kind[~np.isnan(kind).any(axis=-1)]
        distances = np.linalg.norm(known[:, None] - known[None], axis=-1) + 1e9 * np.eye(len(known))
        if len(known) > 1 and distances.min() < least:
            return False
    return True


def in_one_piece(animal: np.ndarray, edges: list[tuple[int, int]]) -> bool:
    """Whether the labelled keypoints of an animal hang together along edges between labelled ones."""
    known = {k for k, point in enumerate(animal) if not np.isnan(point).any()}
    reached = set(sorted(known)[:1])
    while further := {i for edge in edges if set(edge) <= known and set(edge) & reached for i in edge} - reached:
        reached |= further
    return reached == known


@given(seed=st.integers(0, 2**31), animals=st.integers(1, 6), keypoints=st.integers(2, 8))
@settings(max_examples=80, deadline=None)
def test_animals_apart_are_decoded_exactly(seed: int, animals: int, keypoints: int) -> None:
    """Animals on places of their own, of random shape, with random tree skeletons."""
    rng = np.random.default_rng(seed)
    places = rng.permutation(9)[:animals]
    centres = np.stack([places % 3, places // 3], axis=-1)[:, None] * 80 + 48
    points = (centres + rng.uniform(-30, 30, (animals, keypoints, 2))).astype(np.float32)
    found = decoded(points, random_tree(rng, keypoints), (256, 256), 8, 8)
    assert same_animals(found, points)


@pytest.mark.parametrize(
    ("file", "video", "scale", "stride"),
    [
        ("sleap-flies-clip/labels/clip_13node.npz", "sleap-flies-clip/videos/clip.mp4", 0.5, 4),
        ("sleap-flies-pair/labels/pair_clean.npz", "sleap-flies-pair/videos/centered_pair_small.mp4", 1.0, 4),
        ("sleap-mice-clip/labels/mice_proofread.npz", "sleap-mice-clip/videos", 0.5, 4),
    ],
)
def test_labels_of_real_animals_are_decoded_from_their_targets(
    file: str, video: str, scale: float, stride: int
) -> None:
    root = shared(file.split("/")[0]).parent
    path = root / video
    labels = load_labels(root / file, None, path if path.is_file() else next(path.iterdir()))
    names = list(labels.keypoints)
    edges = [(names.index(a), names.index(b)) for a, b in labels.skeleton]
    size = -(-int(1024 * scale) // 32) * 32
    wrong = counted = 0
    for points in labels.points[:: max(1, len(labels) // 60)]:
        scaled = (points + 0.5) * scale - 0.5
        if all(in_one_piece(animal, edges) for animal in scaled) and apart(scaled, 2 * stride):
            counted += 1
            wrong += not same_animals(decoded(scaled, edges, (size, size), stride, stride), scaled)
    assert counted >= 3
    assert wrong == 0


def test_a_plateau_of_equal_cells_is_one_peak() -> None:
    """Half way between two cells both are equally high."""
    made = make_targets(np.array([[[[15.5, 11.5]]]], np.float32), 4, 4, 8, 1.0, 1.25)
    peaks = peaks_of(made.heatmaps[0, ..., 0], made.offsets[0, ..., 0, :], 8, 0.2)
    np.testing.assert_allclose(peaks[:, :2], [[15.5, 11.5]], atol=1e-3)


def test_links_of_no_length_and_empty_frames() -> None:
    same = np.array([[5, 5]], np.float32)
    assert link_scores(same, same, np.zeros((4, 4, 2), np.float32), 8)[0, 0] == 1
    nothing = np.zeros((4, 4, 2), np.float32)
    assert assemble(nothing, nothing[..., None] * [0, 0], nothing[:, :, None], [(0, 1)], 8, 8).shape == (0, 2, 3)


@given(seed=st.integers(0, 2**31), animals=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_animals_are_matched_whatever_their_order(seed: int, animals: int) -> None:
    rng = np.random.default_rng(seed)
    labels = scattered(seed, animals, 4, 400, 0.2)
    present = [n for n in range(animals) if not np.isnan(labels[n]).all()]
    assume(apart(labels, 20))
    order = rng.permutation(present)
    found = labels[order] + rng.normal(0, 1, (len(order), 4, 2)).astype(np.float32)
    assert {(a, b) for a, b in matched(found, labels)} == {(n, int(b)) for n, b in enumerate(order)}
