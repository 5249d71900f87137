"""What the bench of rules tells: that the engine's twin agrees, or where it does not; time and memory."""

from __future__ import annotations

from posewire_bench import rules
from posewire_bench.rules import compare, endure, time_steps
from reference_rules import ReferenceEvaluator


def test_it_compares_with_the_twin():
    frames, found, differences = compare(7)
    assert (frames, differences) == (400, [])
    assert found["fired"] > 0


def test_it_finds_a_difference(monkeypatch):
    class Silent(ReferenceEvaluator):
        def decide(self, *arguments):
            return (word for word in super().decide(*arguments) if word != "ended")

    assert any(compare(seed)[1]["ended"] for seed in (7,))
    monkeypatch.setattr(rules, "_twin", lambda: Silent)
    frames, _, differences = compare(7)
    assert frames < 400
    assert "ended" in differences[0]
    assert differences[0].startswith(f"seed 7, frame {frames - 1}, outcomes")


def test_typical_rules_fire():
    spent, fired = time_steps(400)
    assert len(spent) == 400
    assert fired > 20


def test_an_evaluator_keeps_nothing_of_numbas():
    assert "+0 allocations of Numba's" in endure(2000)
