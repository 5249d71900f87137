"""Confusions: planted exchanges are found, and named by their kind."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posewire_bench.confusion import Confusion, confusion_counts, confusions, swapped_animals
from posewire_bench.metrics import body_length

# snout, left ear, right ear, tail base: 100 px long
MOUSE = np.array([[100, 0], [70, -12], [70, 12], [0, 0]], np.float32)
SYMMETRIC = ((1, 2),)


def frames(count=6, seed=0):
    """The mouse at random places and turns, predictions 1 px beside the labels."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, 2 * np.pi, count)
    turns = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], -1).reshape(-1, 2, 2)
    labels = (MOUSE @ turns + rng.uniform(100, 500, (count, 1, 2))).astype(np.float32)[:, None]
    return (labels + np.float32(1)), labels


def test_planted_exchanges_are_found():
    found, labels = frames()
    found[2, 0, [1, 2]] = found[2, 0, [2, 1]]  # ears exchanged
    found[4, 0, 0] = labels[4, 0, 3] + 2  # the snout at the tail base
    found[5, 0, 2] = labels[5, 0, 3] + 300  # lost, not confused
    listed = confusions(found, labels, SYMMETRIC, body_length(labels))
    assert listed == [
        Confusion(2, 0, 1, 2, "left_right"),
        Confusion(2, 0, 2, 1, "left_right"),
        Confusion(4, 0, 0, 3, "head_tail"),
    ]
    counts = confusion_counts(listed, 4)
    assert (counts.sum(), counts[1, 2], counts[2, 1], counts[0, 3]) == (3, 1, 1, 1)


def test_an_animal_is_exchanged_as_a_whole_if_all_its_pairs_are():
    found, labels = frames()
    symmetric = ((1, 2), (0, 3))
    found[0, 0, [1, 2, 0, 3]] = labels[0, 0, [2, 1, 3, 0]]  # both pairs
    found[1, 0, [1, 2]] = labels[1, 0, [2, 1]]  # one of two
    found[2, 0, [1, 2]], labels[2, 0, 3] = labels[2, 0, [2, 1]], np.nan  # one, and the other cannot be told
    found[3, 0, 1] = labels[3, 0, 2]  # one ear alone
    listed = confusions(found, labels, symmetric, 100.0)
    assert swapped_animals(listed, found, labels, symmetric) == [(0, 0), (2, 0)]
    assert swapped_animals([], found, labels, symmetric) == []


def test_good_predictions_and_missing_ones_are_no_confusions():
    found, labels = frames()
    found[0, 0, 1] = np.nan
    labels[1, 0, 2] = np.nan
    found[1, 0, 1] = labels[1, 0, 1] + 5
    assert confusions(found, labels, SYMMETRIC, body_length(labels)) == []
    assert confusions(found + 90, labels, SYMMETRIC, math.nan) == []


def test_an_ear_at_the_snout_is_another_confusion():
    found, labels = frames()
    found[3, 0, 1] = labels[3, 0, 0]
    assert confusions(found, labels, SYMMETRIC, 100.0) == [Confusion(3, 0, 1, 0, "other")]


@given(st.integers(0, 10_000))
def test_the_twin_that_follows_the_definition_word_by_word(seed):
    rng = np.random.default_rng(seed)
    labels = rng.uniform(0, 40, (2, 2, 5, 2)).astype(np.float32)
    found = rng.uniform(0, 40, (2, 2, 5, 2)).astype(np.float32)
    labels[rng.random(labels.shape[:3]) < 0.2] = np.nan
    found[rng.random(found.shape[:3]) < 0.2] = np.nan
    length, partner = 60.0, {0: 1, 1: 0}
    expected = []
    for f, a, k in np.ndindex(labels.shape[:3]):
        own = math.dist(found[f, a, k], labels[f, a, k])
        others = {j: math.dist(found[f, a, k], labels[f, a, j]) for j in range(5)}
        at = {j: d for j, d in others.items() if j != k and d <= 6 and d <= own / 2}
        if not own > 3 or not at:
            continue
        j = partner[k] if k in partner and partner[k] in at else min(at, key=at.get)
        apart = math.dist(labels[f, a, k], labels[f, a, j])
        kind = "left_right" if partner.get(k) == j else "head_tail" if apart > 30 else "other"
        expected.append(Confusion(f, a, k, j, kind))
    assert confusions(found, labels, ((0, 1),), length) == expected
