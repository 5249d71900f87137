"""Signals: 0..1 whatever comes in, silent on a calm walk, loud at the very part that was spoilt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posewire_training.refine.signals import (
    body_length,
    flip_disagreement,
    frame_value,
    jumps,
    limb_lengths,
    limbs_of,
    low_score,
)

pytest.importorskip("scipy")


def walk(frames: int = 60, animals: int = 1, seed: int = 0) -> np.ndarray:
    """Animals of four keypoints (100 px long) that walk slowly, with noise of half a pixel."""
    rng = np.random.default_rng(seed)
    body = np.array([[0, 0], [30, 10], [60, -10], [100, 0]], np.float32)
    start = np.array([[100, 100 + 300 * a] for a in range(animals)], np.float32)
    steps = np.cumsum(rng.normal(2, 0.5, (frames, animals, 1, 2)), axis=0)
    noise = rng.normal(0, 0.5, (frames, animals, 4, 2))
    return (body + start[:, None] + steps + noise).astype(np.float32)


EDGES = ((0, 1), (1, 2), (2, 3))


@st.composite
def predictions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Any predictions, also none, with keypoints and animals missing."""
    shape = (draw(st.integers(0, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 5)))
    number = st.floats(-1000, 1000, width=32)
    points = draw(hnp.arrays(np.float32, (*shape, 2), elements=number))
    missing = draw(hnp.arrays(np.bool_, shape))
    points[missing] = np.nan
    scores = draw(hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))
    scores[missing] = 0
    return points, scores


@given(predictions(), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_every_value_lies_between_0_and_1(found: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    points, scores = found
    frames, _, keypoints = points.shape[:3]
    other = points[np.random.default_rng(seed).permutation(frames)]
    edges = limbs_of((), keypoints)
    for parts, count in (
        (low_score(points, scores), keypoints),
        (jumps(points), keypoints),
        (limb_lengths(points, edges), len(edges)),
        (flip_disagreement(points, other), keypoints),
    ):
        assert parts.shape == (frames, count)
        known = parts[~np.isnan(parts)]
        assert ((known >= 0) & (known <= 1)).all()
        value = frame_value(parts)
        assert value.shape == (frames,)
        assert ((value >= 0) & (value <= 1)).all()


@pytest.mark.parametrize("animals", [1, 2])
def test_a_calm_walk_is_not_strange(animals: int) -> None:
    points = walk(animals=animals)
    assert frame_value(jumps(points)).max() < 0.3
    assert frame_value(limb_lengths(points, EDGES)).max() < 0.1
    assert frame_value(low_score(points, np.ones(points.shape[:3], np.float32))).max() == 0
    assert frame_value(flip_disagreement(points, points)).max() == 0


@given(st.integers(1, 58), st.integers(0, 3), st.integers(1, 2), st.floats(0, 2 * np.pi))
@settings(max_examples=25, deadline=None)
def test_a_keypoint_that_leaps_is_found(frame: int, keypoint: int, animals: int, angle: float) -> None:
    points = walk(animals=animals)
    points[frame, -1, keypoint] += 45 * np.array([np.cos(angle), np.sin(angle)], np.float32)
    leap = jumps(points)
    assert leap[frame, keypoint] == np.nanmax(leap)
    assert leap[frame, keypoint] > 0.8
    assert {frame, frame - 1, frame + 1} >= set(np.flatnonzero(leap.max(axis=1) > 0.5))


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_limb_of_a_strange_length_is_found(factor: float) -> None:
    points = walk()
    points[20, 0, 3] = points[20, 0, 2] + factor * (points[20, 0, 3] - points[20, 0, 2])
    strange = limb_lengths(points, EDGES)
    assert np.unravel_index(np.nanargmax(strange), strange.shape) == (20, 2)
    assert strange[20, 2] > 0.9
    assert strange[20, :2].max() < 0.1


def test_flips_count_a_half_at_a_tenth_of_the_body() -> None:
    points = walk()
    mirrored = points.copy()
    mirrored[7, 0, 1, 0] += 0.1 * body_length(points)
    apart = flip_disagreement(points, mirrored)
    assert apart[7, 1] == pytest.approx(0.5, abs=1e-3)
    assert np.count_nonzero(apart) == 1


def test_an_animal_that_only_one_of_frame_and_mirror_shows_counts_1() -> None:
    points = walk(animals=2)
    fewer = points.copy()
    fewer[5, 1] = np.nan
    assert frame_value(flip_disagreement(points, fewer))[5] == 1
    assert frame_value(flip_disagreement(fewer, points))[5] == 1


def test_the_order_of_animals_means_nothing() -> None:
    points = walk(animals=2)
    swapped = points.copy()
    swapped[::2] = swapped[::2, ::-1]
    np.testing.assert_allclose(jumps(swapped), jumps(points))
    np.testing.assert_allclose(flip_disagreement(points, swapped), 0)


def test_low_scores_and_missing_animals() -> None:
    points, scores = walk(animals=2), np.ones((60, 2, 4), np.float32)
    scores[3, 0, 2] = 0.5
    points[9, 1], scores[9, 1] = np.nan, 0
    doubt = low_score(points, scores)
    assert doubt[3, 2] == pytest.approx((0.5 + 0) / 2)
    assert doubt[9] == pytest.approx((0 + 1) / 2)
    assert doubt[0] == pytest.approx(0)
    doubt = low_score(points, 0.75 * scores)
    assert doubt[0] == pytest.approx(0.2)  # half of what counts a half: a quarter of 1, against 1


@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 9)), elements=st.floats(0, 1)))
def test_a_frame_is_as_strange_as_its_worst_half(parts: np.ndarray) -> None:
    for row, value in zip(parts, frame_value(parts), strict=True):
        worst = sorted(row, reverse=True)[: -(-len(row) // 2)]
        assert value == pytest.approx(sum(worst) / len(worst) if worst else 0)


def test_limbs_are_the_skeleton_or_all_pairs() -> None:
    assert limbs_of(EDGES, 4) == EDGES
    assert limbs_of((), 3) == ((0, 1), (0, 2), (1, 2))
