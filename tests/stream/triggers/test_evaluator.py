"""The engine and its slow twin say the same of random rules in random worlds, frame by frame."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.triggers.evaluator import NAMES, Evaluator
from posewire_bench.rule_worlds import CLASSIFIER, FRAME_RATE, classify, random_rules, random_world
from reference_rules import ReferenceEvaluator


def agree(rules, animals, random, frames):
    """Compares rules in one world, and counts outcomes."""
    given = {CLASSIFIER: classify}
    engine = Evaluator(rules, animals=animals, frame_rate=FRAME_RATE, classifiers=given)
    twin = ReferenceEvaluator(rules, animals=animals, frame_rate=FRAME_RATE, classifiers=given)
    counts = Counter()
    for step in random_world(random, frames):
        count = engine.step(*step)
        told, holding, active, values = twin.step(*step)
        mine = sorted((*outcome[:3], NAMES[outcome[3]], outcome[4]) for outcome in engine.outcomes[:count].tolist())
        assert mine == sorted(told)
        assert engine.holding.tolist() == holding
        assert engine.active.tolist() == active
        assert engine.values.tolist() == pytest.approx(values, rel=1e-9, abs=1e-9, nan_ok=True)
        counts.update(outcome[3] for outcome in mine)
    return counts


@pytest.mark.parametrize("part", range(4))
def test_seeded_worlds(part):
    counts = Counter()
    for seed in range(30 * part, 30 * (part + 1)):
        random = Random(seed)
        counts += agree(random_rules(random), random.choice([1, 2, 4, 5]), random, 200)
    # All kinds of outcomes have come up, so that equal is more than equally silent.
    assert min(counts[name] for name in NAMES) >= 3


@settings(deadline=None, max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(1, 5), st.integers(0, 2**32), st.integers(1, 60))
def test_any_rule(random, animals, seed, frames):
    agree(random_rules(random, 1), animals, Random(seed), frames)
