"""Animals that several crops show: once each, and no halves of neighbours."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.decode.merge import keep_whole, merge


def animal(x, y, score=0.9):
    points = np.array([[0, 0], [10, 0], [20, 0]], np.float32) + np.array([x, y], np.float32)
    return np.concatenate([points, np.full((3, 1), score, np.float32)], axis=1)


def merged(animals, near=5.0):
    seen = np.array(animals, np.float32).reshape(-1, 3, 3)
    room = len(seen) + 1
    poses = np.zeros((room, 3, 3), np.float32)
    scratch = np.zeros(room), np.zeros(room, np.int64), np.zeros(room, np.int64)
    return poses[: merge(seen, len(seen), near, *scratch, poses)]


def test_of_one_animal_in_two_crops_the_surer_stays():
    better, worse, other = animal(50, 50), animal(52, 51, 0.5), animal(80, 50)
    np.testing.assert_array_equal(merged([worse, other, better]), [other, better])


def test_half_an_animal_is_the_same_animal():
    part = animal(51, 50, 0.95)
    part[1:, :2] = np.nan
    np.testing.assert_array_equal(merged([part, animal(50, 50)]), [animal(50, 50)])


def kept(found, crop, frame=(640, 480), near=8.0):
    seen = np.zeros((4, 3, 3), np.float32)
    return seen[: keep_whole(np.array(found, np.float32).reshape(-1, 3, 3), *crop, *frame, near, seen, 0)]


def test_neighbours_that_a_crop_cuts_are_left_to_their_own_crops():
    aimed, whole, cut = animal(190, 200), animal(150, 160), animal(235, 220)
    np.testing.assert_array_equal(kept([cut, aimed, whole], (100, 100, 259, 259)), [aimed, whole])


def test_at_the_border_of_the_frame_nothing_is_cut():
    aimed, edge = animal(70, 80), animal(2, 30)
    np.testing.assert_array_equal(kept([aimed, edge], (0, 0, 159, 159)), [aimed, edge])


def test_the_animal_that_was_aimed_at_stays_however_large_it_is():
    large = animal(100, 100)
    large[:, 0] = (101, 180, 258)
    np.testing.assert_array_equal(kept([large], (100, 20, 259, 179)), [large])


def test_what_finds_no_room_is_left_out():
    assert len(kept([animal(150 + n, 150) for n in range(9)], (100, 100, 259, 259))) == 4


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(100, 259), st.floats(100, 259)), max_size=4))
def test_kept_are_those_found_in_their_order(places):
    found = [animal(x, y) for x, y in places]
    rest = iter(found)
    for pose in kept(found, (100, 100, 259, 259)):
        assert any(np.array_equal(pose, one) for one in rest)
