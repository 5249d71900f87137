"""Taking turns: everybody runs in every round, and nobody has a place of his own."""

from __future__ import annotations

import gc
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posewire_bench.rounds import FEWEST_CALLS, Plan, measure, order


@given(st.integers(1, 6), st.integers(0, 40))
def test_every_order_is_a_permutation(count: int, number: int) -> None:
    names = [str(n) for n in range(count)]
    assert sorted(order(names, number)) == names


@given(st.integers(1, 6))
def test_over_all_turns_everybody_is_first_and_last_equally_often(count: int) -> None:
    names = [str(n) for n in range(count)]
    orders = [order(names, number) for number in range(2 * count)]
    assert set(Counter(one[0] for one in orders).values()) == {2}
    assert set(Counter(one[-1] for one in orders).values()) == {2}


def test_rounds_are_filled_by_time_and_the_warm_up_is_told() -> None:
    calls: dict[str, list[int]] = {"quick": [], "slow": []}
    told = []

    def contestant(name: str, each_ns: int):
        def run(count: int) -> np.ndarray:
            calls[name].append(count)
            return np.full(count, each_ns)

        return run

    found = measure(
        {"quick": contestant("quick", 1_000_000), "slow": contestant("slow", 400_000_000)}, Plan(4, 0.8), told.append
    )
    assert [len(one) for one in found["quick"].rounds] == [200] * 4
    assert [len(one) for one in found["slow"].rounds] == [FEWEST_CALLS] * 4
    for name, series in found.items():
        assert sum(calls[name]) == series.warm_up + sum(len(one) for one in series.rounds)
    assert found["quick"].rounds[0][0] == 1.0  # ms
    assert len(told) == 4
    assert gc.get_freeze_count() == 0
