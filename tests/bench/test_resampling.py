"""Percentiles, histograms and bootstrap intervals against slow obvious versions."""

from __future__ import annotations

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_bench import resampling
from posewire_bench.resampling import difference, histogram, percentile, ratio, summary

durations = st.lists(st.floats(0.001, 1000), min_size=1, max_size=200)
rounds = st.lists(st.floats(0.1, 10), min_size=5, max_size=12)


@given(durations, st.sampled_from([0.025, 0.5, 0.95, 0.99, 0.999, 1.0]))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(values: list[float], fraction: float) -> None:
    enough = [one for one in values if sum(other <= one for other in values) >= fraction * len(values) - 1e-9]
    assert percentile(np.sort(values), fraction) == min(enough)


@given(durations)
def test_a_summary_ends_with_the_maximum(values: list[float]) -> None:
    found = summary(np.array(values))
    assert list(found) == ["p50", "p95", "p99", "p999", "max"]
    assert list(found.values()) == sorted(found.values())
    assert found["max"] == max(values)


@given(durations, st.integers(1, 70))
def test_a_histogram_holds_every_value_once_and_in_its_bin(values: list[float], bins: int) -> None:
    found = histogram(np.array(values), bins)
    edges, counts = found["edges"], found["counts"]
    assert len(edges) == len(counts) + 1 <= bins + 1
    assert sum(counts) == len(values)
    for n, (low, high) in enumerate(itertools.pairwise(edges)):
        last = n == len(counts) - 1
        assert counts[n] == sum(low <= value and (value < high or last) for value in values)


def slow_interval(of: list[float], to: list[float], paired: bool, combine):
    """The bootstrap with loops, drawing as the fast one does."""
    rng = np.random.default_rng(resampling._SEED)
    size = resampling.RESAMPLES
    if paired:
        each = [combine(a, b) for a, b in zip(of, to, strict=True)]
        draws = rng.integers(len(each), size=(size, len(each)))
        values = [statistics.median(each[k] for k in draw) for draw in draws]
    else:
        first = rng.integers(len(of), size=(size, len(of)))
        second = rng.integers(len(to), size=(size, len(to)))
        values = [
            combine(statistics.median(of[k] for k in one), statistics.median(to[k] for k in other))
            for one, other in zip(first, second, strict=True)
        ]
    values.sort()
    return values[int(np.ceil(0.025 * size)) - 1], values[int(np.ceil(0.975 * size)) - 1]


@settings(max_examples=8, deadline=None)
@given(rounds, rounds, st.booleans())
def test_intervals_are_those_of_the_slow_bootstrap(of: list[float], to: list[float], paired: bool) -> None:
    if paired:
        of, to = of[: len(to)], to[: len(of)]
    for fast, combine in ((ratio, lambda a, b: a / b), (difference, lambda a, b: a - b)):
        found = fast(of, to, paired=paired)
        assert (found.low, found.high) == pytest.approx(slow_interval(of, to, paired, combine))


@given(rounds, st.floats(0.2, 5))
def test_a_constant_factor_between_paired_rounds_is_certain(values: list[float], factor: float) -> None:
    found = ratio([factor * value for value in values], values, paired=True)
    assert (found.value, found.low, found.high) == pytest.approx((factor, factor, factor))


def test_a_drift_that_meets_both_does_not_widen_the_ratio() -> None:
    drift = np.linspace(1, 3, 12)
    found = ratio((1.05 * drift).tolist(), drift.tolist(), paired=True)
    assert found.low == pytest.approx(1.05)
    alone = ratio((1.05 * drift).tolist(), drift.tolist(), paired=False)
    assert alone.low is not None
    assert alone.high is not None
    assert alone.low < 1 < alone.high


def test_few_rounds_have_no_interval_and_unequal_ones_no_pairs() -> None:
    assert ratio([2, 2, 2, 2], [1, 1, 1, 1], paired=True) == (2.0, None, None)
    with pytest.raises(ValueError, match="paired"):
        ratio([1, 2], [1], paired=True)
