"""Precision, recall, switches and IDF1 against sessions made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.frame import Truth
from posewire.truth import IdentityTruth

SHAPE = np.array([[0, 0], [20, 0], [0, 20], [20, 20]], np.float32)
NAMES = ("a", "b", "c", "d")


def session(frames):
    """``frames``: [([(place, id)], [true place])] -> figures; animals are squares of 20 px at a place on the x axis."""
    score = IdentityTruth(NAMES)
    for found, true in frames:
        poses = np.ones((len(found), 4, 3), np.float32)
        for pose, (x, _) in zip(poses, found, strict=True):
            pose[:, :2] = SHAPE + np.array([x, 0], np.float32)
        points = np.array([SHAPE + np.array([x, 0], np.float32) for x in true], np.float32)
        ids = np.array([number for _, number in found], np.int64)
        score.add(poses, ids, Truth(NAMES, points, np.ones(points.shape[:2], bool)))
    return score.figures()


def test_a_perfect_session():
    figures = session([([(1, 5), (101, 7)], [0, 100])] * 3)
    assert figures == {"precision": 1, "recall": 1, "id_switches": 0, "idf1": 1}


def test_missed_false_and_exchanged():
    both = [0, 100]
    figures = session(
        [
            ([(0, 1), (100, 2)], both),
            ([(0, 2), (100, 1)], both),  # exchanged: a switch each
            ([(0, 2)], both),  # one missed
            ([(0, 2), (100, 1), (300, 3)], both),  # one false
        ]
    )
    assert figures["precision"] == pytest.approx(7 / 8)
    assert figures["recall"] == pytest.approx(7 / 8)
    assert figures["id_switches"] == 2
    # Best: id 2 is the first animal (3 frames), id 1 the second (2).
    assert figures["idf1"] == pytest.approx(2 * 5 / (8 + 8))


def test_unknown_ids_are_found_but_nobody():
    figures = session([([(0, -1)], [0])])
    assert figures == {"precision": 1, "recall": 1, "id_switches": 0, "idf1": 0}


def test_a_hidden_animal_is_neither_missed_nor_false():
    score = IdentityTruth(NAMES)
    poses = np.ones((1, 4, 3), np.float32)
    poses[0, :, :2] = SHAPE
    score.add(poses, np.array([0]), Truth(NAMES, SHAPE[None], np.array([[True, True, False, False]])))
    assert score.figures() is None
