"""What every condition is, frame by frame, with the answer written out: True, False or None (unknown)."""

from __future__ import annotations

import pytest

from posewire.triggers.rules import Condition, Quantity, Zone
from rule_trials import LEFT, MS, A, B, Trial, series, truths

T, F = True, False
X, XB = Quantity("x", (A,)), Quantity("x", (B,))


def above(level, hysteresis=0.0, quantity=X):
    return Condition("compare", quantity=quantity, above=level, hysteresis=hysteresis)


def test_compare_is_strict():
    between = Condition("compare", quantity=X, above=10.0, below=20.0)
    assert series(between, [10, 11, 20, 19, None]) == [F, T, F, T, None]
    assert series(Condition("compare", quantity=X, below=20.0), [19, 20]) == [T, F]


def test_compare_stays_true_within_its_hysteresis():
    assert series(above(10.0, 5.0), [6, 11, 6, 5, 6, 10]) == [F, T, T, F, F, F]
    below = Condition("compare", quantity=X, below=10.0, hysteresis=5.0)
    assert series(below, [12, 9, 14, 15, 14]) == [F, T, T, F, F]


def test_hysteresis_outlives_unknown_frames_but_not_a_gap():
    assert series(above(10.0, 5.0), [11, None, None, 6], gap_ns=30 * MS) == [T, None, None, T]
    assert series(above(10.0, 5.0), [11, None, None, None, 6], gap_ns=30 * MS) == [T, None, None, None, F]


def zone(kind, hysteresis=0.0, where=LEFT):
    return Condition(kind, points=(A,), zone=where, hysteresis=hysteresis)


def test_inside_a_polygon():
    places = [(25, 50), (49.9, 50), (50, 50), (25, 100), (0, 0), (-1, 50), (25, -1)]
    assert truths(zone("inside"), [(10 * n, [p]) for n, p in enumerate(places)]) == [T, T, F, F, T, F, F]
    assert truths(zone("inside"), [(0, [])]) == [None]


def test_inside_a_polygon_by_the_even_odd_rule():
    # The middle of a star drawn in one line is outside.
    star = Zone("star", ((50.0, 0.0), (80.0, 95.0), (0.0, 35.0), (100.0, 35.0), (20.0, 95.0)))
    places = [(50, 10), (50, 50), (15, 40), (50, 90)]
    assert truths(zone("inside", where=star), [(10 * n, [p]) for n, p in enumerate(places)]) == [T, F, T, F]


def test_a_circle_has_its_edge():
    circle = Zone("circle", ((10.0, 10.0),), 5.0)
    places = [(15, 10), (15.01, 10), (13, 14), (10, 10)]
    assert truths(zone("inside", where=circle), [(10 * n, [p]) for n, p in enumerate(places)]) == [T, F, T, T]


@pytest.mark.parametrize("where", [LEFT, Zone("circle", ((0.0, 50.0),), 50.0)])
def test_inside_stays_true_until_it_is_farther_away_than_the_hysteresis(where):
    xs = [54, 40, 54, 55, 55.1, 54]
    frames = [(10 * n, [(x, 50)]) for n, x in enumerate(xs)]
    assert truths(zone("inside", 5.0, where), frames) == [F, T, T, T, F, F]


def test_the_hysteresis_of_a_corner_is_round():
    frames = [(0, [(49, 99)]), (10, [(53, 104)]), (20, [(49, 99)]), (30, [(53.1, 104)])]
    assert truths(zone("inside", 5.0), frames) == [T, T, T, F]


def test_enter_and_leave():
    xs = [40, 60, 40, 40, None, 60, None, 40]
    assert series(zone("enter"), xs) == [F, F, T, F, None, F, None, T]
    assert series(zone("leave"), xs) == [F, T, F, F, None, T, None, F]


def test_enter_needs_an_outside_that_is_no_gap_ago():
    assert series(zone("enter"), [60, None, None, 40], gap_ns=30 * MS) == [F, None, None, T]
    assert series(zone("enter"), [60, None, None, None, 40, 60, 40], gap_ns=30 * MS) == [F, None, None, None, F, F, T]
    assert series(zone("leave"), [40, None, None, None, 60], gap_ns=30 * MS)[-1] is F


def test_enter_and_leave_with_hysteresis():
    xs = [60, 40, 53, 49, 56, 53, 49]
    assert series(zone("enter", 5.0), xs) == [F, T, F, F, F, F, T]
    assert series(zone("leave", 5.0), xs) == [F, F, F, F, T, F, F]


def test_rising_and_falling():
    rising = Condition("rising", quantity=X, level=10.0, hysteresis=3.0)
    assert series(rising, [12, 8, 11, 6.9, 9, 10, 12, None, 6, 20]) == [F, F, F, F, F, T, F, None, F, T]
    falling = Condition("falling", quantity=X, level=10.0, hysteresis=3.0)
    assert series(falling, [8, 12, 9, 13.1, 11, 10, 8, 14, 0]) == [F, F, F, F, F, T, F, F, T]
    assert series(Condition("rising", quantity=X, level=10.0), [9, 10, 9.9, 10]) == [F, T, F, T]
    assert series(rising, [5, None, None, None, 11], gap_ns=30 * MS)[-1] is F


def test_peaks_and_troughs():
    values = [0, 5, 9, 10, 8, 7, 3, 6, 4, 7, 20, 17]
    peak, trough = (Condition(kind, quantity=X, hysteresis=3.0) for kind in ("peak", "trough"))
    # Up by 3 from 0 is a trough; down by 3 from 10 a peak; 6 is 3 above 3; 17 is 3 below 20.
    assert [n for n, true in enumerate(series(peak, values)) if true] == [5, 11]
    assert [n for n, true in enumerate(series(trough, values)) if true] == [1, 7]
    assert series(peak, [10, 7, None, 4, 8]) == [F, T, None, F, F]
    assert series(peak, [10, None, None, None, 7, 4], gap_ns=30 * MS) == [F, None, None, None, F, T]


def test_kleenes_logic():
    one, two = above(0.0), above(0.0, quantity=XB)
    places = {T: (1, 0), F: (-1, 0), None: (float("nan"), 0)}
    for a in (T, F, None):
        for b in (T, F, None):
            frames = [(0, [places[a], places[b]])]
            both = F if F in (a, b) else None if None in (a, b) else T
            either = T if T in (a, b) else None if None in (a, b) else F
            assert truths(Condition("all", inner=(one, two)), frames) == [both]
            assert truths(Condition("any", inner=(one, two)), frames) == [either]
        assert truths(Condition("not", inner=(one,)), [(0, [places[a]])]) == [None if a is None else not a]


def test_what_is_inside_all_any_and_not_remembers_in_every_frame():
    # `all` is false from the first one on, and yet the second one sees the outside.
    both = Condition("all", inner=(above(0.0, quantity=XB), zone("enter")))
    assert truths(both, [(0, [(60, 0), (-1, 0)]), (10, [(40, 0), (1, 0)])]) == [F, T]


def sequence(within_ms, *inner):
    return Condition("sequence", inner=inner, within_ns=within_ms * MS)


def pairs(condition, *frames, step_ms=10, **settings):
    """Frames as strings: for a and b '+' true, '-' false, '.' unknown (of ``x > 0``)."""
    places = {"+": (1, 0), "-": (-1, 0), ".": (float("nan"), 0)}
    return truths(
        condition, [(n * step_ms, [places[sign] for sign in frame]) for n, frame in enumerate(frames)], **settings
    )


A_THEN_B = (above(0.0), above(0.0, quantity=XB))


def test_a_sequence():
    assert pairs(sequence(100, *A_THEN_B), "--", "+-", "++", "++", "-+") == [F, F, T, F, F]
    assert pairs(sequence(100, *A_THEN_B), "--", "-+", "++") == [F, F, F]  # the wrong order
    assert pairs(sequence(100, *A_THEN_B), "--", "++") == [F, F]  # in the same frame
    assert pairs(sequence(100, *A_THEN_B), "--", "++", "+-", "++") == [F, F, F, T]
    assert pairs(sequence(100, *A_THEN_B), "+-", "-+") == [F, T]  # true from the first frame on: it became true there
    assert pairs(sequence(100, *A_THEN_B), "+-", "+.", "++") == [F, None, T]


def test_a_sequence_has_to_be_over_in_time():
    assert pairs(sequence(20, *A_THEN_B), "+-", "--", "-+") == [F, F, T]
    assert pairs(sequence(20, *A_THEN_B), "+-", "--", "--", "-+") == [F, F, F, F]
    # The newest beginning counts.
    assert pairs(sequence(20, *A_THEN_B), "+-", "--", "+-", "--", "-+") == [F, F, F, F, T]


def test_an_unknown_frame_is_no_new_beginning():
    # a is true all the time: it became true at 0 ms, not when it was known again.
    assert pairs(sequence(30, *A_THEN_B), "+-", ".-", "+-", "+-", "++") == [F, F, F, F, F]
    # After a gap it is.
    assert pairs(sequence(30, *A_THEN_B), "+-", ".-", "+-", "+-", "++", gap_ns=15 * MS) == [F, F, F, F, T]


def test_a_beginning_is_kept_while_its_keypoint_is_missing_but_not_the_animal():
    frames = ["+-", ".-", ".-", ".-", ".+"]
    assert pairs(sequence(100, *A_THEN_B), *frames, gap_ns=20 * MS) == [F, F, F, F, T]
    trial = Trial(sequence(100, *A_THEN_B), gap_ns=20 * MS)
    trial.see(0, [(1, 0), (-1, 0)])
    trial.see(10)
    assert trial.see(30, [(-1, 0), (1, 0)]) == []


def test_a_sequence_of_three():
    three = sequence(100, *A_THEN_B, above(0.0, quantity=Quantity("y", (A,))))
    trial = Trial(three)
    steps = [(1, -1, -1), (-1, 1, -1), (1, -1, -1), (1, -1, 1), (1, 1, -1), (1, 1, 1)]
    fired = [n for n, (a, b, c) in enumerate(steps) if "fired" in trial.words(10 * n, [(a, c), (b, 0)])]
    # a, b, c at 0, 10 and 30 ms; then a at 20, b at 40, c at 50 ms.
    assert fired == [3, 5]
