"""The choice: worth counts, look-alikes and neighbours are not both taken, labelled frames never."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_training.refine.appearance import distances, looks_of
from posewire_training.refine.choose import Candidates, choose, worth_of

NOTHING = np.zeros((0, 3), np.float32)


def candidates(worth: np.ndarray, looks: np.ndarray, videos: int = 1) -> Candidates:
    count = len(worth)
    return Candidates(
        np.asarray(worth, np.float64),
        np.asarray(looks, np.float32),
        np.arange(count) % videos,
        np.arange(count) // videos * 10,
        np.ones(count, np.bool_),
    )


@given(st.integers(0, 40), st.integers(0, 12), st.integers(1, 60), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=80, deadline=None)
def test_rules_hold_for_any_frames(count: int, wanted: int, gap: int, videos: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = candidates(rng.random(count), rng.random((count, 3)), videos)
    frames.free[rng.random(count) < 0.3] = False
    chosen = choose(frames, NOTHING, wanted, gap, seed, alike=0)
    assert chosen == choose(frames, NOTHING, wanted, gap, seed, alike=0)
    assert len(chosen) == len(set(chosen)) <= wanted
    assert frames.free[chosen].all()
    for n, a in enumerate(chosen):
        for b in chosen[:n]:
            assert frames.videos[a] != frames.videos[b] or abs(frames.numbers[a] - frames.numbers[b]) >= gap
    if len(chosen) < wanted:  # then nothing is left that may be taken
        left = [
            n
            for n in np.flatnonzero(frames.free)
            if all(
                frames.videos[n] != frames.videos[c] or abs(frames.numbers[n] - frames.numbers[c]) >= gap
                for c in chosen
            )
        ]
        assert not left


def test_of_frames_that_look_the_same_one_is_taken() -> None:
    looks = np.repeat(np.eye(3), 10, axis=0)
    chosen = choose(candidates(np.linspace(0.5, 1, 30), looks), NOTHING, 10, 1, 0, alike=0.01)
    assert sorted(n // 10 for n in chosen) == [0, 1, 2]


def test_what_looks_like_labelled_frames_is_left() -> None:
    looks = np.repeat(np.eye(3), 10, axis=0)
    chosen = choose(candidates(np.ones(30), looks), np.eye(3, dtype=np.float32)[:1], 10, 1, 0, alike=0.01)
    assert sorted(n // 10 for n in chosen) == [1, 2]


def test_doubtful_frames_come_before_sure_ones() -> None:
    rng = np.random.default_rng(3)
    worth = np.full(100, 0.02)
    worth[::10] = 0.9
    chosen = choose(candidates(worth, rng.random((100, 3))), NOTHING, 6, 1, 0, alike=0.01)
    assert sum(n % 10 == 0 for n in chosen) >= 5


def test_of_each_group_of_doubtful_frames_some_are_taken() -> None:
    """One mishap that lasts long does not use up the whole choice."""
    rng = np.random.default_rng(4)
    centres = np.array([[0, 0, 0]] * 70 + [[1, 0, 0]] * 15 + [[0, 1, 0]] * 15)
    chosen = choose(
        candidates(np.full(100, 0.8), centres + rng.normal(0, 0.05, (100, 3))), NOTHING, 3, 1, 0, alike=0.01
    )
    assert {tuple(centres[n]) for n in chosen} == {(0, 0, 0), (1, 0, 0), (0, 1, 0)}


def test_frames_without_any_doubt_are_chosen_by_looks() -> None:
    looks = np.linspace(0, 1, 50)[:, None] * np.ones(3)
    chosen = choose(candidates(np.zeros(50), looks), NOTHING, 5, 1, 0, alike=0.01)
    assert len(chosen) == 5
    assert min(abs(a - b) for n, a in enumerate(chosen) for b in chosen[:n]) >= 3


def test_worth_is_the_weighted_mean_of_what_is_there() -> None:
    values = {"score": np.array([0.2, 1.0]), "flip": np.array([0.6, 0.0])}
    np.testing.assert_allclose(worth_of(values), [0.4, 0.5])
    np.testing.assert_allclose(worth_of(values, {"score": 3, "flip": 1}), [0.3, 0.75])


@given(st.integers(0, 5), st.integers(1, 5), st.integers(0, 99))
@settings(deadline=None)
def test_distances_are_root_mean_squares(count: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((count, 7), np.float32), rng.random((others, 7), np.float32)
    slow = np.array([[np.sqrt(((x - y) ** 2).mean()) for y in b] for x in a]).reshape(count, others)
    np.testing.assert_allclose(distances(a, b), slow, atol=1e-6)


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3, 2)),
        np.full((1, 3, 2), np.nan),
        [[[0, 0], [5, 5]]],
        [[[-50, -50], [-40, -45]]],
        [[[500, 500]]],
        [[[30, 20], [60, 40]]],
    ],
)
def test_looks_of_any_place(points: np.ndarray) -> None:
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    looks = looks_of(image, np.asarray(points, np.float32))
    assert looks.shape == (1536,)
    assert looks.dtype == np.float32
    assert np.isfinite(looks).all()


def test_looks_follow_the_animal() -> None:
    """The window shows the same animal anywhere alike; the whole frame tells where it is."""
    rng = np.random.default_rng(0)
    animal = rng.integers(0, 255, (24, 24, 3), np.uint8)
    looks = []
    for x in (10, 60):
        image = np.zeros((64, 96, 3), np.uint8)
        image[20:44, x : x + 24] = animal
        corners = np.array([[[x, 20], [x + 16, 36]]], np.float32)
        looks.append(looks_of(image, corners))
    np.testing.assert_allclose(looks[0][768:], looks[1][768:], atol=1)
    assert np.abs(looks[0][:768] - looks[1][:768]).max() > 50
