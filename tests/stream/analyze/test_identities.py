"""Identities decided part by part are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.analyze.identities import refined
from posewire.analyze.journal import Block
from posewire.track.refine import refine

BODY = np.array([[0, 0], [20, 0], [40, 0]], np.float32)
SKELETON = ((0, 1), (1, 2))
FRAMES = 400


def scene(seed=0):
    """Two animals that pass each other over and over, in random order of their rows; and who each row is."""
    rng = np.random.default_rng(seed)
    poses, who = [], []
    for n in range(FRAMES):
        x = 100 * np.sin(n / 30)
        places = np.array([[200 + x, 100 + 20 * np.cos(n / 50)], [200 - x, 160]], np.float32)
        frame = np.ones((2, 3, 3), np.float32)
        frame[..., :2] = BODY + places[:, None]
        frame[1, :, 0] += [0, 5, 10]  # the other is longer
        order = rng.permutation(2)
        poses.append(frame[order])
        who.append(order)
    return poses, who


def as_blocks(poses, size=37):
    for first in range(0, len(poses), size):
        some = poses[first : first + size]
        counts = np.array([len(frame) for frame in some], np.int32)
        total = int(counts.sum())
        yield Block(
            first, (first + np.arange(len(some))) / 50, counts, np.concatenate(some),
            np.full(total, -1, np.int32), np.zeros(total, np.float32),
        )  # fmt: skip


@pytest.mark.parametrize("animals", [2, None])
def test_parts_are_joined_as_the_whole_is(animals):
    poses, who = scene()
    told = list(refined(as_blocks(poses), SKELETON, animals, part=100, overlap=20))
    assert len(told) == FRAMES
    whole = refine(poses, [round(n / 50 * 1e9) for n in range(FRAMES)], SKELETON, animals=animals)
    for (ids, scores), expected, order in zip(told, whole.ids, who, strict=True):
        np.testing.assert_array_equal(ids, expected)
        assert len(scores) == len(order)
    # One id an animal, from the first part to the last.
    first = dict(zip(who[0].tolist(), told[0][0].tolist(), strict=True))
    assert set(first.values()) == {0, 1}
    for (ids, _), order in zip(told, who, strict=True):
        assert [first[one] for one in order.tolist()] == ids.tolist()


def test_a_newcomer_of_a_later_part_gets_a_new_number():
    poses, _ = scene()
    third = np.ones((1, 3, 3), np.float32)
    third[0, :, :2] = BODY + np.array([300, 400])
    poses = [np.concatenate([frame, third]) if n > 250 else frame for n, frame in enumerate(poses)]
    told = list(refined(as_blocks(poses), SKELETON, None, part=100, overlap=20))
    assert {int(ids[2]) for ids, _ in told[251:]} == {2}


def test_nothing_at_all_is_nobody():
    empty = [np.zeros((0, 3, 3), np.float32)] * 5
    assert [len(ids) for ids, _ in refined(as_blocks(empty), SKELETON, None)] == [0] * 5
    assert list(refined(iter(()), SKELETON, 2)) == []
