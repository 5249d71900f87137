"""Skeletons refuse what cannot be one."""

from __future__ import annotations

import pytest

from posewire_models.skeleton import Skeleton


def test_flip_order_swaps_symmetric_keypoints_only():
    body = Skeleton(("nose", "left", "right", "tail"), ((0, 3),), ((1, 2),))
    assert body.flip_order == (0, 2, 1, 3)


@pytest.mark.parametrize(
    ("keypoints", "edges", "symmetric", "sentence"),
    [
        ((), (), (), "at least one"),
        (("a", "a"), (), (), "stands more than once"),
        (("a", ""), (), (), "a name is empty"),
        (("a", "b"), ((0, 2),), (), "points outside"),
        (("a", "b"), ((1, 1),), (), "to itself"),
        (("a", "b", "c"), (), ((0, 1), (1, 2)), "two mirror partners"),
    ],
)
def test_a_wrong_skeleton_is_refused_with_the_reason(keypoints, edges, symmetric, sentence):
    with pytest.raises(ValueError, match=sentence):
        Skeleton(keypoints, edges, symmetric)


def test_index_of_an_unknown_keypoint_names_the_known_ones():
    with pytest.raises(KeyError, match="nose, tail"):
        Skeleton(("nose", "tail")).index("snout")
