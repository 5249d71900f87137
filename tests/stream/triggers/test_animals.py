"""Whose memory is whose, and what an evaluator takes and refuses."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.triggers.evaluator import Evaluator
from posewire.triggers.rules import OTHER, Condition, Point, Quantity, Rule, Rules
from rule_trials import LEFT, MS, A, B, Trial, make

X = Quantity("x", (A,))
ON = Condition("compare", quantity=X, above=0.0)
YES, NO = [(1, 0)], [(-1, 0)]


ENTERS = Condition("enter", points=(A,), zone=LEFT)
OUT, IN = [(60, 10)], [(40, 10)]


def test_a_new_id_begins_with_an_empty_memory_and_an_old_one_has_its_own():
    trial = Trial(ENTERS)
    trial.see(0, OUT, IN, ids=[3, 4])
    assert trial.see(10, IN, OUT, ids=[5, 4]) == []  # 5 was never outside
    assert trial.see(20, IN, IN, ids=[4, 3]) == [(0, 4, "fired"), (0, 3, "fired")]


def test_an_animal_of_unknown_id_has_no_memory():
    trial = Trial(ENTERS, Rule("dwell", ("o",), when=ON, dwell_ns=1), make(Quantity("speed", (A,))))
    for n in range(6):
        assert trial.see(10 * n, IN if n % 2 else OUT, ids=[-1]) == []
        assert not trial.engine.holding.any()
        assert np.isnan(trial.engine.values).all()


def test_animals_of_unknown_id_have_one_episode_in_common():
    trial = Trial(ON, gap_ns=25 * MS)
    assert trial.see(0, YES, YES, ids=[-1, -1]) == [(0, -1, "fired")]
    assert trial.see(10, NO, YES, ids=[-1, -1]) == []
    assert trial.see(20, YES, NO, ids=[-1, -1]) == []
    assert trial.engine.holding[0]
    assert trial.engine.active[0]
    # It ends in the first frame in which the rule holds of none of them, be it unknown or without them.
    assert trial.see(30, NO, [], YES, ids=[-1, -1, 5]) == [(0, 5, "fired"), (0, -1, "ended")]
    assert trial.see(40, NO, YES, ids=[5, -1]) == [(0, 5, "ended"), (0, -1, "fired")]
    assert trial.see(50) == [(0, -1, "ended")]
    assert not trial.engine.holding[0]
    assert trial.see(60, YES, ids=[-1]) == [(0, -1, "fired")]
    assert trial.see(90, YES, ids=[-1]) == [(0, -1, "ended"), (0, -1, "fired")]  # after a gap
    trial.engine.reset()
    assert trial.see(100, NO, ids=[-1]) == []


def test_what_forbids_animals_of_unknown_id_is_told_once():
    trial = Trial(ON, min_id_score=0.5, min_score=0.5)
    assert [trial.words(10 * n, YES, ids=[-1]) for n in range(3)] == [["id"], [], []]
    scored = Trial(ON, min_score=0.5)
    assert [scored.words(10 * n, [(1, 0, 0.2)], ids=[-1]) for n in range(3)] == [["score"], [], []]
    assert scored.words(30, [(-1, 0, 0.2)], ids=[-1]) == []
    assert scored.words(40, [(1, 0, 0.2)], ids=[-1]) == ["score"]


def test_a_row_whose_id_stands_in_an_earlier_row_is_unknown():
    trial = Trial(ENTERS, ON)
    assert trial.see(0, OUT, OUT, ids=[2, 2]) == [(1, 2, "fired"), (1, -1, "fired")]
    assert trial.see(10, IN, IN, ids=[2, 2]) == [(0, 2, "fired")]


def test_the_animal_seen_longest_ago_is_forgotten():
    trial = Trial(ENTERS, ON, animals=2, gap_ns=10**12)
    trial.see(0, OUT, OUT, ids=[10, 11])
    trial.see(10, OUT, OUT, ids=[12, 13])
    trial.see(20, OUT, ids=[10])
    told = trial.see(30, OUT, ids=[14])
    assert (1, 11, "ended") in told  # in whose episode rule 1 had fired
    assert trial.see(40, IN, ids=[10]) == [(0, 10, "fired")]
    assert (0, 11, "fired") not in trial.see(50, IN, ids=[11])
    assert trial.see(60, IN, ids=[13]) == [(0, 13, "fired")]


def test_more_rows_than_animals_are_not_looked_at():
    trial = Trial(ON, animals=2)
    assert trial.see(0, YES, YES, YES) == [(0, 0, "fired"), (0, 1, "fired")]


def test_after_a_reset_it_is_as_new():
    trial = Trial(ENTERS, ON, Quantity("speed", (A,)), refractory_ns=10**12, armed_until_ns=60 * MS)
    told = []
    for _ in range(2):
        told.append([trial.see(10 * n, pose) for n, pose in enumerate([OUT, IN, [], OUT])])
        told[-1].append(trial.engine.values.tolist()[2])
        trial.engine.reset()
        assert not trial.engine.holding.any()
        assert not trial.engine.active.any()
    assert told[0] == told[1]
    assert told[0][1] == [(0, 0, "fired")]


def test_one_animal_without_ids_is_number_0():
    engine = Evaluator(Rules(("a",), (make(ENTERS),), {}, ()))
    for n, x in enumerate((60, 40)):
        count = engine.step(np.array([[[x, 10, 1]]], np.float32), None, None, n, 0)
    assert count == 1
    assert engine.outcomes[0]["animal"] == 0


def test_other_layouts_of_arrays_make_no_difference():
    engine = Evaluator(Rules(("a",), (make(ON),), {}, ()))
    pose = np.array([[[1, 10, 1], [9, 9, 9]]], np.float64)[:, ::2][..., ::-1][..., ::-1]
    pose.setflags(write=False)
    assert engine.step(pose, np.array([5], np.int32)[::-1], np.array([1.0]), 0, 0) == 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="expected \\(animals, 3, 3\\)"):
        Trial(ON).engine.step(np.zeros((1, 4, 3), np.float32), None, None, 0, 0)
    pose = np.zeros((1, 3, 3), np.float32)
    with pytest.raises(ValueError, match="of both"):
        Trial(ON).engine.step(pose, None, None, 0, 0, None, np.zeros((2, 3, 3), np.float32))
    with pytest.raises(ValueError, match="1 ids of 2 poses"):
        Trial(ON).see(0, YES, YES, ids=[0])
    with pytest.raises(ValueError, match="3 id_scores of 2 poses"):
        Trial(ON).see(0, YES, YES, id_scores=[0, 0, 0])
    with pytest.raises(ValueError, match="expected two numbers"):
        Trial(Rule("flat", ("o",), value=X, value_from=(1, 1)))
    with pytest.raises(ValueError, match="no role"):
        Trial(ON, animal="nobody")
    with pytest.raises(ValueError, match="keypoint 7"):
        Trial(Quantity("x", (Point(7),)))
    with pytest.raises(ValueError, match="no quantity"):
        Trial(Quantity("taste", (A,)))
    with pytest.raises(ValueError, match="template"):
        Trial(Quantity("posture", (A, B), numbers=(1.0, 2.0)))
    with pytest.raises(ValueError, match="neither"):
        Trial(Rule("nothing", ("o",)))
    with pytest.raises(ValueError, match="animals is 0"):
        Trial(ON, animals=0)


def test_rules_that_read_alike_share_their_nodes_and_not_their_decisions():
    speed = Condition("compare", quantity=Quantity("speed", (A,)), above=10.0)
    of_other = Condition("compare", quantity=Quantity("x", (Point(0, OTHER),)), above=0.0)
    rules = [Rule(str(n), ("o",), when=Condition("all", inner=(speed, of_other)), dwell_ns=n * MS) for n in range(4)]
    trial = Trial(*rules, Rule("apart", ("o",), when=speed, gap_ns=7))
    assert len(trial.engine._program.nodes) == 5 + 2
    trial.see(0, [(0, 0)], [(5, 0)])
    assert trial.see(1, [(5, 0)], [(5, 0)]) == [(0, 0, "fired")]
    assert trial.see(2, [(9, 0)], [(5, 0)]) == [(1, 0, "fired")]


def test_no_rules_have_no_outcomes():
    trial = Trial()
    assert trial.see(0, YES) == []
    assert trial.engine.holding.size == 0
