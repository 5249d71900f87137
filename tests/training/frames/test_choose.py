"""The choice: distinct, as many as asked if there are as many, from every video; the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_training.frames.choose import DUPLICATE, Chosen, balanced, clustered, distances, shares, uniform

pytest.importorskip("sklearn")


@st.composite
def films(draw: st.DrawFn):
    """Candidates of some videos, many of them near-duplicates; frames already there; a count and a seed."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    lengths = np.array(draw(st.lists(st.integers(1, 15), min_size=1, max_size=4)))
    kinds = rng.normal(0, 20, (draw(st.integers(1, 8)), 3))
    looks = kinds[rng.integers(len(kinds), size=lengths.sum())] + rng.uniform(-0.4, 0.4, (lengths.sum(), 3))
    video = np.repeat(np.arange(len(lengths)), lengths)
    frame = np.concatenate([np.arange(length) * 3 for length in lengths])
    present = looks[rng.integers(len(looks), size=draw(st.integers(0, 2)))]
    return looks.astype(np.float32), video, frame, lengths * 3, present.astype(np.float32), draw(st.integers(1, 20))


@settings(max_examples=40, deadline=None)
@given(films(), st.sampled_from(["uniform", "clustered"]), st.integers(0, 3))
def test_choices_are_distinct_and_miss_nothing_that_is(film, method, seed) -> None:
    looks, video, frame, lengths, present, count = film

    def choose() -> list[int]:
        chosen = Chosen(looks, present)
        if method == "uniform":
            uniform(chosen, video, frame, lengths, count, seed)
        else:
            clustered(chosen, looks, video, count, seed)
        return chosen.order

    order = choose()
    assert order == choose()
    assert len(order) <= count
    taken = np.concatenate([present, looks[order]])
    for place, number in enumerate(order):
        others = np.delete(taken, len(present) + place, axis=0)
        assert not len(others) or min(distances(others, looks[number])) >= DUPLICATE
    if len(order) < count:  # then nothing distinct is left
        assert all(min(distances(taken, look)) < DUPLICATE for look in looks)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(2, 12), min_size=1, max_size=5), st.integers(0, 15), st.sampled_from(["uniform", "k"]))
def test_every_video_is_seen_if_the_budget_allows_it(lengths, spare, method) -> None:
    # The first video is far more varied than the others, which are alike but distinct.
    lengths = np.array(lengths)
    video = np.repeat(np.arange(len(lengths)), lengths)
    frame = np.concatenate([np.arange(length) for length in lengths])
    rng = np.random.default_rng(0)
    looks = np.float32(rng.normal(0, 1, (len(video), 4)) * np.where(video == 0, 500, 5)[:, None] + video[:, None] * 40)
    chosen = Chosen(looks, looks[:0], duplicate=1e-3)
    count = len(lengths) + spare
    if method == "uniform":
        uniform(chosen, video, frame, lengths, count, 0)
    else:
        clustered(chosen, looks, video, count, 0)
    assert set(video[chosen.order]) == set(range(len(lengths)))
    assert len(chosen.order) == min(count, len(video))


def test_clusters_give_each_kind_of_frame_one_choice() -> None:
    rng = np.random.default_rng(1)
    kinds = np.repeat(np.eye(6) * 100, [200, 3, 3, 3, 3, 3], axis=0)  # one kind fills nearly the whole video
    looks = np.float32(kinds + rng.normal(0, 2, kinds.shape))
    chosen = Chosen(looks, looks[:0])
    clustered(chosen, looks, np.zeros(len(looks), int), 6, 0)
    assert {int(looks[number].argmax()) for number in chosen.order} == set(range(6))


def test_uniform_spreads_over_time() -> None:
    looks = np.float32(np.arange(100)[:, None] * 10)
    chosen = Chosen(looks, looks[:0])
    uniform(chosen, np.zeros(100, int), np.arange(100), np.array([100]), 10, 3)
    for number, part in enumerate(sorted(chosen.order)):
        assert 10 * number - 1 <= part <= 10 * (number + 1)


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=8), st.integers(0, 100))
def test_shares_sum_up_and_follow_the_lengths(lengths, count) -> None:
    parts = shares(np.array(lengths), count)
    assert parts.sum() == count
    least = 1 if count >= len(lengths) else 0
    exact = least + (count - least * len(lengths)) * np.array(lengths) / sum(lengths)
    assert (np.abs(parts - exact) < 1).all()


def test_excluded_candidates_are_never_taken() -> None:
    looks = np.float32(np.arange(5)[:, None] * 10)
    chosen = Chosen(looks, looks[:0])
    chosen.exclude([1, 3])
    chosen.fill(5)
    assert sorted(chosen.order) == [0, 2, 4]


def test_balanced_kinds_vary_as_much() -> None:
    rng = np.random.default_rng(0)
    features = np.float32(rng.normal(0, 1, (50, 2, 3)) * np.array([1000, 0.01])[:, None])
    apart = balanced(features).reshape(50, 2, 3)
    spread = np.square(apart).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(spread, [1, 1], rtol=1e-4)
    assert np.isfinite(balanced(np.zeros((3, 2, 2), np.float32))).all()
