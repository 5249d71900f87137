"""Where the follower looks, on made-up animals that a made-up network sees only as far as the crop shows them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.follow_one import SHRINK_AFTER, WHOLE, OneFollower, crop_shapes

FRAME = (640, 480)
SHAPES = [(171, 171), (213, 213), (256, 256), (341, 341)]
STEP_NS = 10_000_000
EVERY = 40


def body(x: float, y: float, size: float = 60.0, score: float = 0.9) -> np.ndarray:
    """Four keypoints [1, 4, 3] on a square of ``size`` px about (x, y)."""
    half = size / 2
    places = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    return np.array([[(*place, score) for place in places]], np.float32)


def seen(truth: np.ndarray, follower: OneFollower, shape: int) -> np.ndarray:
    """What a network finds: nothing outside the crop, nor outside the frame."""
    left, top, width, height = 0, 0, *FRAME
    if shape != WHOLE:
        (left, top), (width, height) = follower.corner, SHAPES[shape]
    found = truth.copy()
    x, y = found[0, :, 0], found[0, :, 1]
    inside = (x >= left) & (x <= left + width - 1) & (y >= top) & (y <= top + height - 1)
    inside &= (x >= 0) & (x < FRAME[0]) & (y >= 0) & (y < FRAME[1])
    found[0, ~inside, :2] = np.nan
    found[0, ~inside, 2] = 0.05
    return found


def follow(truths, follower: OneFollower):
    """The follower's looks at a film: for each frame the shape, the corner, whether a second look was asked for."""
    looks = []
    for n, truth in enumerate(truths):
        time_ns = n * STEP_NS
        shape = follower.aim(time_ns)
        corner = follower.corner
        again = follower.saw(seen(truth, follower, shape), time_ns)
        if again:
            assert shape != WHOLE
            assert not follower.saw(seen(truth, follower, WHOLE), time_ns)
        looks.append((shape, corner, again))
    return looks


def new_follower() -> OneFollower:
    return OneFollower(FRAME, SHAPES, edge_px=10.0, every=EVERY)


@settings(max_examples=80, deadline=None)
@given(
    st.floats(0, 640), st.floats(0, 480), st.floats(-1500, 1500), st.floats(-1500, 1500), st.floats(20, 150),
    st.integers(0, 2**31),
)  # fmt: skip
def test_every_keypoint_in_the_frame_is_seen_however_the_animal_runs(x, y, speed_x, speed_y, size, seed):
    """Up to 1500 px/s, bouncing off the walls, hopping when all of it has been there for a while; crops stay inside."""
    rng = np.random.default_rng(seed)
    follower = new_follower()
    inside = 0  # frames for which all of it was there
    for n in range(160):
        time_ns = n * STEP_NS
        x, y = x + speed_x * STEP_NS / 1e9, y + speed_y * STEP_NS / 1e9
        if not 0 < x < FRAME[0]:
            x, speed_x = np.clip(x, 0, FRAME[0]), -speed_x
        if not 0 < y < FRAME[1]:
            y, speed_y = np.clip(y, 0, FRAME[1]), -speed_y
        half = size / 2 + 1
        inside = inside + 1 if half < x < FRAME[0] - half and half < y < FRAME[1] - half else 0
        if rng.random() < 0.02 and inside > EVERY:
            x, y, inside = rng.uniform(0, FRAME[0]), rng.uniform(0, FRAME[1]), 0
        truth = body(x, y, size)
        shape = follower.aim(time_ns)
        if shape != WHOLE:
            (left, top), (width, height) = follower.corner, SHAPES[shape]
            assert 0 <= left <= FRAME[0] - width
            assert 0 <= top <= FRAME[1] - height
        found = seen(truth, follower, shape)
        if follower.saw(found, time_ns):
            shape, found = WHOLE, seen(truth, follower, WHOLE)
            follower.saw(found, time_ns)
        everything = seen(truth, follower, WHOLE)
        if shape != WHOLE:  # what a crop hides is noticed in the frame itself
            np.testing.assert_array_equal(found, everything)


def test_a_resting_animal_keeps_one_crop_and_the_whole_frame_is_looked_at_now_and_then():
    looks = follow([body(300, 200)] * 200, new_follower())
    assert looks[0][0] == WHOLE
    crops = {look[:2] for look in looks if look[0] != WHOLE}
    assert len(crops) == 1
    assert not any(again for _, _, again in looks)
    wholes = [n for n, look in enumerate(looks) if look[0] == WHOLE]
    assert wholes == list(range(0, 200, EVERY))


def test_at_the_frames_edge_the_crop_is_moved_not_cut_and_does_not_swing():
    """Half of the animal is outside: its extent is small, its crop is not, and nothing is in doubt for it."""
    looks = follow([body(2, 240, 80)] * 100, new_follower())
    crops = {look[:2] for look in looks if look[0] != WHOLE}
    assert len(crops) == 1
    assert next(iter(crops))[1][0] == 0
    assert not any(again for _, _, again in looks)


def test_a_crop_does_not_shrink_with_what_it_hides():
    """A network that is led to see less in a smaller crop cannot be led on and on: the whole frame is asked."""
    follower = new_follower()
    truth = body(300, 200, 100)
    sizes = []
    for n in range(100):
        shape = follower.aim(n * STEP_NS)
        found = truth.copy()
        if shape != WHOLE:
            sizes.append(SHAPES[shape][0])
            # Keypoints nearer than a third of the crop to its edge are drawn inwards, as cut-off animals' are.
            centre = np.array(follower.corner) + sizes[-1] / 2
            found[0, :, :2] = centre + np.clip(found[0, :, :2] - centre, -sizes[-1] / 3, sizes[-1] / 3)
        if follower.saw(found, n * STEP_NS):
            follower.saw(truth, n * STEP_NS)
    assert min(sizes) >= 150


def test_an_animal_that_hops_is_found_in_the_same_frame():
    looks = follow([body(150, 150)] * 10 + [body(500, 330)] * 10, new_follower())
    assert [n for n, look in enumerate(looks) if look[2]] == [10]
    assert looks[11][0] != WHOLE


def test_while_no_animal_is_there_the_whole_frame_is_looked_at():
    gone = np.full((1, 4, 3), np.nan, np.float32)
    gone[..., 2] = 0.02
    looks = follow([body(150, 150)] * 5 + [gone] * 10 + [body(400, 300)] * 5, new_follower())
    assert [look[0] == WHOLE for look in looks[6:16]] == [True] * 10
    assert looks[16][0] != WHOLE


def test_a_keypoint_that_stays_hidden_costs_two_doubts_not_one_a_frame():
    hidden = body(300, 200)
    hidden[0, 3] = np.nan, np.nan, 0.1
    looks = follow([body(300, 200)] * 10 + [hidden] * 25, new_follower())
    assert sum(again for _, _, again in looks) == 1


def test_faint_answers_of_crops_alone_are_taken_as_usual_after_two_doubts():
    follower = new_follower()
    doubts = 0
    for n in range(60):
        shape = follower.aim(n * STEP_NS)
        if follower.saw(body(300, 200, score=0.9 if shape == WHOLE else 0.4), n * STEP_NS):
            doubts += 1
            follower.saw(body(300, 200), n * STEP_NS)
    assert 1 <= doubts <= 4


def test_a_smaller_shape_must_be_enough_for_a_while():
    sizes = [140.0] * 10 + [50.0] * 40
    looks = follow([body(320, 240, size) for size in sizes], new_follower())
    shapes = [look[0] for look in looks if look[0] != WHOLE]
    change = next(n for n, shape in enumerate(shapes) if shape != shapes[0])
    assert change >= 9 + SHRINK_AFTER - 1
    assert shapes[-1] == 0


def test_forgetting_begins_with_the_whole_frame():
    follower = new_follower()
    follow([body(300, 200)] * 3, follower)
    follower.forget()
    assert follower.aim(10 * STEP_NS) == WHOLE


@pytest.mark.parametrize(
    ("frame", "scale", "multiple", "side", "expected"),
    [
        ((640, 480), 0.75, 32, 0, [(171, 171), (213, 213), (256, 256), (341, 341), (427, 427)]),
        ((640, 480), 1.0, 48, 0, [(144, 144), (192, 192), (288, 288), (336, 336)]),
        ((192, 192), 1.0, 32, 0, [(128, 128), (160, 160)]),
        ((120, 100), 1.0, 32, 0, []),
        ((640, 100), 1.0, 32, 0, [(128, 100), (160, 100), (192, 100), (256, 100), (320, 100)]),
        ((640, 480), 0.5, 32, 200, [(200, 200)]),
    ],
)
def test_shapes_fill_the_networks_input_and_save_something(frame, scale, multiple, side, expected):
    assert crop_shapes(frame, scale, multiple, side) == expected
