"""What every quantity is, on frames with a known answer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posewire.triggers.rules import CENTRE, FIXED, OTHER, Point, Quantity
from rule_trials import MS, A, B, C, Trial, unknown


def once(quantity, *animals, **more):
    """Its value in a first frame."""
    settings = {name: more.pop(name) for name in ("min_score",) if name in more}
    return Trial(quantity, **settings).value(0, *animals, **more)


def test_places():
    pose = [(3, 4, 0.25), (6, 8)]
    assert once(Quantity("x", (A,)), pose) == pytest.approx(3)
    assert once(Quantity("y", (A,)), pose) == pytest.approx(4)
    assert once(Quantity("score", (A,)), pose) == pytest.approx(0.25)
    assert once(Quantity("distance", (A, B)), pose) == pytest.approx(5)
    assert once(Quantity("distance", (A, Point(FIXED, x=3, y=5))), pose) == pytest.approx(1)
    assert once(Quantity("x", (Point(CENTRE),)), pose) == pytest.approx(4.5)
    assert unknown(once(Quantity("score", (Point(CENTRE),)), pose))
    assert unknown(once(Quantity("score", (Point(FIXED),)), pose))


@pytest.mark.parametrize("missing", [(math.nan, 4), (3, math.inf), (3, 4, 0.3), (3, 4, math.nan)])
def test_a_keypoint_that_is_not_known(missing):
    for quantity in (Quantity("x", (A,)), Quantity("y", (A,)), Quantity("distance", (A, B))):
        assert unknown(once(quantity, [missing, (6, 8)], min_score=0.5))
    # The centre is the mean of the others.
    assert once(Quantity("y", (Point(CENTRE),)), [missing, (6, 8)], min_score=0.5) == pytest.approx(8)


def test_a_score_reaches_the_least_one_and_is_known_below_it():
    assert once(Quantity("x", (A,)), [(3, 4, 0.5)], min_score=0.5) == pytest.approx(3)
    assert once(Quantity("score", (A,)), [(3, 4, 0.25)], min_score=0.5) == pytest.approx(0.25)
    assert once(Quantity("score", (A,)), [(math.nan, math.nan, 0.25)]) == pytest.approx(0.25)


def test_angles():
    right_angle = [(10, 0), (0, 0), (0, -7)]
    assert once(Quantity("angle", (A, B, C)), right_angle) == pytest.approx(90)
    assert once(Quantity("angle", (A, B, C)), [(10, 0), (0, 0), (-1, 0)]) == pytest.approx(180)
    assert once(Quantity("angle", (A, B, C)), [(10, 0), (0, 0), (5, 5)]) == pytest.approx(45)
    assert unknown(once(Quantity("angle", (A, B, C)), [(10, 0), (10, 0), (5, 5)]))
    assert unknown(once(Quantity("angle", (A, B, C)), [(10, 0), (5, 5), (5, 5)]))
    assert once(Quantity("heading", (A, B)), [(0, 0), (10, 0)]) == pytest.approx(0)
    assert once(Quantity("heading", (A, B)), [(0, 0), (0, 10)]) == pytest.approx(90)
    assert once(Quantity("heading", (A, B)), [(0, 0), (-1, -1)]) == pytest.approx(-135)
    assert unknown(once(Quantity("heading", (A, B)), [(1, 1), (1, 1)]))


def test_a_bearing_is_positive_to_the_right():
    facing_right = [(0, 0), (10, 0)]
    for target, degrees in (((20, 0), 0), ((10, 5), 90), ((10, -5), -90), ((20, 10), 45)):
        bearing = Quantity("bearing", (A, B, Point(FIXED, x=target[0], y=target[1])))
        assert once(bearing, facing_right) == pytest.approx(degrees)
    # Facing up and a little to the left, the target below: 200 degrees are -160.
    up = [(0, 0), (-1, -10)]
    value = once(Quantity("bearing", (A, B, Point(FIXED, x=-5, y=0))), up)
    assert -180 <= value <= 180
    assert value == pytest.approx(math.degrees(math.atan2(10, -4) - math.atan2(-10, -1)) - 360)


def test_a_speed_is_over_the_newest_place_that_is_a_window_old():
    trial = Trial(Quantity("speed", (A,), window_ns=25 * MS))
    found = [trial.value(10 * n, [(x, 0)]) for n, x in enumerate([0, 1, 3, 6, 10, 15])]
    assert all(unknown(value) for value in found[:3])
    # In 30 ms: 6 - 0, 10 - 1, 15 - 3.
    assert found[3:] == pytest.approx([200, 300, 400])


def test_a_speed_without_window_is_over_the_frame_before():
    trial = Trial(Quantity("speed", (A,)))
    assert unknown(trial.value(0, [(0, 0)]))
    assert trial.value(10, [(3, 4)]) == pytest.approx(500)
    assert trial.value(30, [(3, 4)]) == pytest.approx(0)


def test_a_speed_across_missing_frames_and_across_a_gap():
    trial = Trial(Quantity("speed", (A,), window_ns=10 * MS), gap_ns=50 * MS)
    trial.see(0, [(0, 0)])
    assert trial.value(10, [(1, 0)]) == pytest.approx(100)
    assert unknown(trial.value(20, []))
    assert trial.value(60, [(6, 0)]) == pytest.approx(100)  # 5 px in 50 ms, from the frame at 10 ms
    assert unknown(trial.value(111, [(6, 0)]))  # 51 ms later
    assert trial.value(121, [(8, 0)]) == pytest.approx(200)


def test_a_time_that_does_not_advance_is_a_nanosecond_later():
    trial = Trial(Quantity("speed", (A,)))
    trial.see(10, [(0, 0)])
    assert trial.value(10, [(2e-6, 0)]) == pytest.approx(2000, rel=1e-6)
    assert trial.value(4, [(2e-6, 0)]) == pytest.approx(0)
    # 10 ms and 2 ns was the last.
    assert trial.value(20, [(1, 0)]) == pytest.approx(100.0, rel=1e-4)


def test_a_speed_keeps_as_many_places_as_it_was_made_for():
    # 64 at least: at 1000 frames/s they reach back 64 ms, not 100.
    trial = Trial(Quantity("speed", (A,), window_ns=100 * MS), frame_rate=100.0)
    found = [trial.value(n, [(n * n, 0)]) for n in range(400)]
    assert all(unknown(value) for value in found[:64])
    assert found[64:100] == pytest.approx([(n * n - (n - 64) ** 2) / 0.064 for n in range(64, 100)])
    assert found[100:] == pytest.approx([(n * n - (n - 64) ** 2) / 0.064 for n in range(100, 400)])
    enough = Trial(Quantity("speed", (A,), window_ns=100 * MS), frame_rate=1000.0)
    found = [enough.value(n, [(n * n, 0)]) for n in range(400)]
    assert all(unknown(value) for value in found[:100])
    assert found[100:] == pytest.approx([(n * n - (n - 100) ** 2) / 0.1 for n in range(100, 400)])


def test_acceleration():
    trial = Trial(Quantity("acceleration", (A,), window_ns=10 * MS))
    # x = 5000 t² px: 10,000 px/s per s.
    found = [trial.value(10 * n, [(0.5 * n * n, 0)]) for n in range(6)]
    assert all(unknown(value) for value in found[:2])
    assert found[2:] == pytest.approx([10_000] * 4)


def test_approach_is_positive_when_they_come_nearer():
    toward = Quantity("approach", (A, Point(0, OTHER)), window_ns=10 * MS)
    trial = Trial(toward)
    trial.see(0, [(0, 0)], [(100, 0)])
    assert trial.value(10, [(1, 0)], [(97, 0)]) == pytest.approx(400)
    assert trial.value(20, [(1, 0)], [(99, 0)]) == pytest.approx(-200)


def test_a_partner_of_another_id_has_another_past():
    trial = Trial(Quantity("approach", (A, Point(0, OTHER)), window_ns=10 * MS), animal="first")
    trial.see(0, [(0, 0)], [(100, 0)], ids=[0, 5])
    assert trial.value(10, [(0, 0)], [(99, 0)], ids=[0, 5]) == pytest.approx(100)
    assert unknown(trial.value(20, [(0, 0)], [(98, 0)], ids=[0, 6]))
    assert trial.value(30, [(0, 0)], [(97, 0)], ids=[0, 6]) == pytest.approx(100)
    for ms in (40, 50, 60):
        assert unknown(trial.value(ms, [(0, 0)], [(97, 0)], ids=[0, -1]))


def test_the_other_is_the_one_whose_centre_is_nearest():
    far = Quantity("x", (Point(0, OTHER),))
    pose, near, farther = [(0, 0)], [(30, 0), (10, 0)], [(21, 0), (21, 0)]
    assert once(far, pose, farther, near, ids=[0, 1, 2]) == pytest.approx(30)
    assert once(Quantity("distance", (A, Point(1, OTHER))), pose, farther, near) == pytest.approx(10)
    assert once(far, pose, [(5, 0)], [(-5, 0)]) == pytest.approx(5)  # of two as near, that of the earlier row
    assert unknown(once(far, pose))
    assert unknown(once(far, pose, []))


def test_roles_are_found_by_their_ids():
    of_second = Quantity("x", (Point(0, "second"),))
    assert once(of_second, [(5, 0)], [(7, 0)], [(9, 0)], ids=[4, 1, 0]) == pytest.approx(7)
    assert unknown(once(of_second, [(5, 0)], [(7, 0)], ids=[4, 0]))


TEMPLATE = (0.0, 0.0, 10.0, 0.0, 10.0, 5.0)


@pytest.mark.parametrize(("turn", "scale", "x", "y"), [(0.0, 1.0, 0.0, 0.0), (2.0, 3.0, 100.0, -50.0)])
def test_a_posture_that_is_turned_scaled_and_shifted_is_the_same(turn, scale, x, y):
    posture = Quantity("posture", (A, B, C), numbers=TEMPLATE)
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    places = [
        (x + cos * u - sin * v, y + sin * u + cos * v) for u, v in zip(TEMPLATE[::2], TEMPLATE[1::2], strict=True)
    ]
    assert once(posture, places) == pytest.approx(0, abs=1e-5)
    mirrored = [(-px, py) for px, py in places]
    assert once(posture, mirrored) > 0.2


def test_a_posture_is_the_share_that_no_turn_and_scaling_explains():
    posture = Quantity("posture", (A, B), numbers=(0.0, 0.0, 1.0, 0.0))
    assert once(posture, [(3, 3), (8, 9)]) == pytest.approx(0, abs=1e-6)  # two points are always alike
    line = Quantity("posture", (A, B, C), numbers=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    # A right angle about its mean: the line explains the long side (6² / 2 = 18 of 24).
    assert once(line, [(-3, -1), (0, 2), (3, -1)]) == pytest.approx(math.sqrt(6 / 24))
    nothing = Quantity("posture", (A, B, C), numbers=(1.0, 1.0, 1.0, 1.0, 1.0, 1.0))
    assert once(nothing, [(-3, -1), (0, 2), (3, -1)]) == pytest.approx(1)
    assert unknown(once(line, [(3, 3), (3, 3), (3, 3)]))
    assert unknown(once(line, [(3, 3), (5, 3)]))


def test_gray():
    image = np.zeros((10, 20, 3), np.uint8)
    image[2:4, 5:9] = (100, 50, 200)
    gray = Quantity("gray", numbers=(5, 2, 4, 2))
    assert once(gray, [], image=image) == pytest.approx(0.114 * 100 + 0.587 * 50 + 0.299 * 200)
    assert once(gray, [], image=image[..., 0]) == pytest.approx(100)
    assert unknown(once(gray, []))
    assert unknown(once(gray, image=image))  # no animal, nothing that it could be true of


def test_a_z_score_is_of_what_came_before():
    trial = Trial(Quantity("zscore", inner=(Quantity("x", (A,)),), window_ns=30 * MS))
    values = [0.0, 2.0, 1.0, 3.0, 50.0]
    mean, variance, wanted = values[0], 0.0, []
    a = 1 - math.exp(-10 / 30)
    for value in values[1:]:
        wanted.append((value - mean) / math.sqrt(variance) if variance else math.nan)
        mean, variance = mean + a * (value - mean), (1 - a) * (variance + a * (value - mean) ** 2)
    found = [trial.value(10 * n, [(value, 0)]) for n, value in enumerate(values)]
    assert all(unknown(value) for value in found[:3])  # 30 ms have come with the fourth
    assert found[3:] == pytest.approx(wanted[2:])


def test_a_z_score_of_what_never_changed_is_unknown_and_its_baseline_outlives_gaps():
    trial = Trial(Quantity("zscore", inner=(Quantity("x", (A,)),), window_ns=30 * MS), gap_ns=20 * MS)
    for n in range(10):
        assert unknown(trial.value(10 * n, [(5, 0)]))
    assert unknown(trial.value(100, [(6, 0)]))
    assert unknown(trial.value(110, []))
    # Mean and variance since 100 ms; the 900 ms count as 20.
    a = 1 - math.exp(-10 / 30)
    mean, variance = 5 + a, (1 - a) * a
    assert trial.value(1000, [(9, 0)]) == pytest.approx((9 - mean) / math.sqrt(variance))
    b = 1 - math.exp(-20 / 30)
    mean, variance = mean + b * (9 - mean), (1 - b) * (variance + b * (9 - mean) ** 2)
    assert trial.value(1010, [(9, 0)]) == pytest.approx((9 - mean) / math.sqrt(variance))


def test_a_phase():
    trial = Trial(Quantity("phase", inner=(Quantity("x", (A,)),), window_ns=20 * MS))
    cycle = [0.0, 10.0, 10.0, -10.0, -10.0]  # crosses upwards at 10, 50 (the fourth after a -10), 90, ... ms
    values = [cycle[0]] + cycle[1:] * 4
    found = [trial.value(10 * n, [(value, 0)]) for n, value in enumerate(values)]
    # The crossing at 10 ms is nearer than the window; then come 50 and 90 ms: the first full period.
    assert all(unknown(value) for value in found[:9])
    assert found[9:17] == pytest.approx([0, 90, 180, 270] * 2)


def test_a_phase_ends_at_360_and_is_unknown_when_the_cycle_has_stopped():
    trial = Trial(Quantity("phase", inner=(Quantity("x", (A,)),), window_ns=20 * MS))
    values = [0.0] + [10.0, 10.0, -10.0, -10.0] * 3 + [-10.0] * 6 + [10.0, 10.0, -10.0, -10.0, 10.0]
    found = [trial.value(10 * n, [(value, 0)]) for n, value in enumerate(values)]
    # The last crossing is at 90 ms, the period 40 ms.
    assert found[12:16] == pytest.approx([270, 360, 360, 360])
    assert all(unknown(value) for value in found[16:23])  # also at 190 ms, where it crosses, but late
    assert found[23] == pytest.approx(0)


def number(value):
    return Quantity("number", numbers=(value,))


@pytest.mark.parametrize(
    ("kind", "arguments", "answer"),
    [
        ("add", (2, 3), 5), ("subtract", (2, 3), -1), ("multiply", (2, 3), 6), ("divide", (3, 2), 1.5),
        ("divide", (3, 0), None), ("minimum", (2, 3), 2), ("maximum", (2, 3), 3), ("negate", (2,), -2),
        ("absolute", (-2,), 2), ("square_root", (9,), 3), ("square_root", (-9,), None), ("sine", (30,), 0.5),
        ("cosine", (60,), 0.5), ("multiply", (1e300, 1e300), None),
    ],
)  # fmt: skip
def test_arithmetic(kind, arguments, answer):
    value = once(Quantity(kind, inner=tuple(number(a) for a in arguments)), [])
    assert unknown(value) if answer is None else value == pytest.approx(answer)
    # Of something unknown it is unknown.
    unknowns = (Quantity("x", (A,)), *(number(a) for a in arguments[1:]))
    assert unknown(once(Quantity(kind, inner=unknowns), []))
    if len(arguments) == 2:
        assert unknown(once(Quantity(kind, inner=unknowns[::-1]), []))


def test_predicted_keypoints_are_for_the_rules_that_want_them():
    for predicted, value in ((True, 7), (False, 5)):
        trial = Trial(Quantity("x", (A,)), predicted=predicted)
        assert trial.value(0, [(5, 0)], predicted=[[(7, 0)]]) == pytest.approx(value)
        assert trial.value(10, [(5, 0)]) == pytest.approx(5)
