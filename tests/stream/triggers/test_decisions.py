"""When a rule holds, when it fires, and what keeps it from firing."""

from __future__ import annotations

import math

import pytest

from posewire.triggers.rules import Condition, Point, Quantity, Rule
from rule_trials import MS, A, Trial, unknown

X = Quantity("x", (A,))
ON = Condition("compare", quantity=X, above=0.0)
YES, NO = [(1, 0)], [(-1, 0)]


def test_a_rule_fires_once_in_an_episode_and_its_end_is_told():
    trial = Trial(ON)
    found = [trial.words(10 * n, pose) for n, pose in enumerate([NO, YES, YES, NO, NO, YES])]
    assert found == [[], ["fired"], [], ["ended"], [], ["fired"]]


def test_an_outcome_says_which_rule_row_animal_and_when():
    trial = Trial(Rule("never", ("o",), when=Condition("compare", quantity=X, above=9.0)), ON)
    assert trial.see(70, NO, YES, ids=[4, 9]) == [(1, 9, "fired")]
    assert trial.engine.outcomes[0].tolist() == (1, 1, 9, 0, 70 * MS)


def test_dwell_counts_time():
    trial = Trial(ON, dwell_ns=30 * MS)
    found = [trial.words(ms, YES) for ms in (0, 10, 29.9, 30, 40)]
    assert found == [[], [], [], ["fired"], []]
    assert trial.words(50, NO) == ["ended"]
    assert [trial.words(ms, YES) for ms in (60, 89, 90)] == [[], [], ["fired"]]


def test_dwell_is_broken_by_a_false_frame_and_not_by_unknown_or_skipped_ones():
    trial = Trial(ON, dwell_ns=30 * MS, gap_ns=25 * MS)
    assert [trial.words(ms, pose) for ms, pose in ((0, YES), (10, NO), (20, YES), (30, YES))] == [[]] * 4
    # Unknown at 40 ms; a frame without anybody at 50; in neither does anything fire.
    assert [trial.words(40, []), trial.words(50), trial.words(55, YES)] == [[], [], ["fired"]]


def test_dwell_starts_anew_after_a_gap():
    trial = Trial(ON, dwell_ns=30 * MS, gap_ns=25 * MS)
    assert [trial.words(ms, YES) for ms in (0, 20, 46, 70, 76)] == [[], [], [], [], ["fired"]]


def test_an_episode_outlives_unknown_frames_but_not_a_gap():
    trial = Trial(ON, gap_ns=25 * MS)
    assert trial.words(0, YES) == ["fired"]
    assert trial.words(10, []) == []
    assert trial.engine.holding[0]
    assert trial.words(20, YES) == []
    assert trial.words(40, []) == []
    assert trial.words(46, []) == ["ended"]
    assert not trial.engine.holding[0]
    assert trial.words(50, YES) == ["fired"]
    # Over a gap without a frame at all, the end and the new beginning are told in the same one.
    assert trial.words(80, YES) == ["ended", "fired"]


def test_the_end_is_told_when_the_animal_is_gone():
    trial = Trial(ON, gap_ns=25 * MS)
    trial.see(0, YES)
    assert trial.see(20) == []
    assert trial.engine.holding[0]
    assert trial.see(26) == [(0, 0, "ended")]
    assert trial.engine.outcomes[0]["row"] == -1
    assert not trial.engine.holding[0]


def test_holding_and_active():
    trial = Trial(ON, dwell_ns=20 * MS)
    told = []
    for ms, age in ((0, 0), (10, 0), (20, 500), (30, 500), (40, 0), (50, 0)):
        trial.see(ms, YES, age_ms=age)
        told.append((bool(trial.engine.holding[0]), bool(trial.engine.active[0])))
    # It holds from 20 ms on; old poses keep it from firing until 40 ms.
    assert told == [(False, False)] * 2 + [(True, False)] * 2 + [(True, True)] * 2


def test_it_fires_again_while_it_holds_if_it_is_to_repeat():
    trial = Trial(ON, repeat_ns=25 * MS)
    assert [n for n in range(10) if trial.words(10 * n, YES)] == [0, 3, 6, 9]


def test_what_forbids_it_is_told_once_and_it_fires_when_nothing_does():
    trial = Trial(ON, max_age_ns=50 * MS)
    ages = [51, 51, 50, 51]
    assert [trial.words(10 * n, YES, age_ms=age) for n, age in enumerate(ages)] == [["age"], [], ["fired"], []]
    assert trial.words(50, NO) == ["ended"]
    assert trial.words(60, YES, age_ms=51) == ["age"]
    assert trial.words(70, NO) == []  # it had not fired


def test_refractory_time_is_of_the_rule():
    trial = Trial(ON, refractory_ns=30 * MS)
    assert trial.see(0, YES, NO) == [(0, 0, "fired")]
    assert trial.see(20, YES, YES) == [(0, 1, "refractory")]
    assert trial.see(29, YES, YES) == []
    assert trial.see(30, YES, YES) == [(0, 1, "fired")]


def test_of_animals_in_the_same_frame_the_first_row_fires():
    trial = Trial(ON, refractory_ns=1)
    assert trial.see(0, YES, YES, ids=[8, 3]) == [(0, 8, "fired"), (0, 3, "refractory")]
    assert Trial(ON).see(0, YES, YES) == [(0, 0, "fired"), (0, 1, "fired")]


def test_the_arming_window_counts_from_the_first_frame():
    trial = Trial(ON, armed_from_ns=20 * MS, armed_until_ns=40 * MS)
    poses = [NO, YES, YES, NO, YES, YES]
    found = [trial.words(1000 + 10 * n, pose) for n, pose in enumerate(poses)]
    assert found == [[], ["arming"], ["fired"], ["ended"], ["arming"], []]


def test_an_id_score_that_is_too_low():
    trial = Trial(ON, min_id_score=0.5)
    assert trial.words(0, YES, id_scores=[0.49]) == ["id"]
    assert trial.words(10, YES, id_scores=[0.5]) == ["fired"]
    assert Trial(ON, min_id_score=0.5).words(0, YES, ids=[-1]) == ["id"]
    assert Trial(ON, min_id_score=0.5).words(0, YES, id_scores=[math.nan]) == ["id"]
    assert Trial(ON).words(0, YES, ids=[-1], id_scores=[0.0]) == ["fired"]


def test_an_id_score_of_a_role_that_the_rule_names():
    near = Condition("compare", quantity=Quantity("distance", (A, Point(0, "second"))), below=50.0)
    either = Condition("any", inner=(near, ON))
    trial = Trial(either, animal="first", min_id_score=0.5)
    assert trial.words(0, YES, YES, id_scores=[1, 0.2]) == ["id"]
    assert trial.words(10, YES, YES, id_scores=[1, 0.6]) == ["fired"]
    alone = Trial(either, animal="first", min_id_score=0.5)
    assert alone.words(0, YES, YES, ids=[0, 7], id_scores=[1, 0.2]) == ["fired"]


def test_the_first_reason_is_told():
    trial = Trial(ON, armed_from_ns=20 * MS, max_age_ns=50 * MS, min_id_score=0.5, refractory_ns=100 * MS)
    assert trial.words(0, YES, NO, age_ms=60, id_scores=[0, 1]) == ["arming"]
    assert trial.words(20, YES, NO, age_ms=60, id_scores=[0, 1]) == ["age"]
    assert trial.words(30, YES, NO, id_scores=[0, 1]) == ["id"]
    assert trial.words(40, YES, NO, id_scores=[1, 1]) == ["fired"]
    assert trial.words(50, YES, YES, id_scores=[1, 0]) == ["id"]
    assert trial.words(60, YES, YES, id_scores=[1, 1]) == ["refractory"]


def test_a_rule_of_a_role_is_tried_on_that_animal():
    trial = Trial(ON, animal="second")
    assert trial.see(0, YES, NO, YES, ids=[0, 1, 2]) == []
    assert trial.see(10, YES, YES, ids=[0, 2]) == []
    assert trial.see(20, NO, YES, ids=[0, 1]) == [(0, 1, "fired")]


def low(x, score):
    return [(x, 0, score)]


def test_a_low_score_that_kept_it_from_firing_is_told_once():
    trial = Trial(ON, min_score=0.5)
    assert trial.words(0, low(1, 0.2)) == ["score"]
    assert trial.words(10, low(1, 0.2)) == []
    assert trial.words(20, low(1, 0.8)) == ["fired"]
    assert trial.words(30, low(1, 0.2)) == []  # an unknown frame of an episode that fired
    assert trial.words(40, low(-1, 0.2)) == []  # the end of the second reading's episode alone
    assert trial.words(50, low(1, 0.2)) == []  # the rule's own one is still on
    assert trial.words(60, low(-1, 0.8)) == ["ended"]
    assert trial.words(70, low(1, 0.2)) == ["score"]


def test_a_low_score_is_not_told_where_the_rule_holds_or_could_not_have_fired():
    trial = Trial(ON, min_score=0.5, max_age_ns=50 * MS)
    assert trial.words(0, low(1, 0.8)) == ["fired"]
    assert trial.words(10, low(1, 0.2)) == []
    assert trial.words(20, low(-1, 0.8)) == ["ended"]
    assert trial.words(30, low(1, 0.2), age_ms=60) == []
    assert trial.words(40, low(1, 0.2)) == ["score"]
    assert trial.words(50, [(math.nan, 0, 0.2)]) == []
    assert Trial(ON).words(0, low(1, 0.0)) == ["fired"]


def test_the_second_reading_dwells_too():
    trial = Trial(ON, min_score=0.5, dwell_ns=20 * MS)
    found = [trial.words(10 * n, low(1, score)) for n, score in enumerate([0.2, 0.8, 0.8, 0.8])]
    assert found == [[], [], ["score"], ["fired"]]


def test_a_value_is_scaled_and_clamped_and_of_the_first_row_that_is_known():
    rule = Rule("follow", ("o",), value=X, value_from=(0, 10), value_to=(5, 1))
    trial = Trial(rule)
    assert trial.value(0, [(5, 0)]) == pytest.approx(3)
    assert trial.value(10, [(-5, 0)]) == pytest.approx(5)
    assert trial.value(20, [(50, 0)]) == pytest.approx(1)
    assert trial.value(30, [], [(10, 0)], [(0, 0)]) == pytest.approx(1)
    assert unknown(trial.value(40, []))
    assert unknown(trial.value(50))
    assert trial.value(60, [(1, 0)], [(10, 0)]) == pytest.approx(4.6)


def test_a_value_is_unknown_where_something_forbids_it():
    trial = Trial(X, max_age_ns=50 * MS, min_id_score=0.5, armed_from_ns=10 * MS)
    assert unknown(trial.value(0, YES))
    assert unknown(trial.value(10, YES, age_ms=51))
    assert trial.value(20, YES, [(7, 0)], id_scores=[0.1, 0.9]) == pytest.approx(7)
    assert unknown(Trial(X, animal="second").value(0, YES, ids=[0]))
