"""Percentiles, histograms, and how sure a ratio of two of them is: arrays in, numbers out.

A measured series is a list of rounds, float64 arrays of milliseconds. What is compared are the rounds' own percentiles:
values next to each other in time share what the machine was doing, so a round counts as one observation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.ledger import PERCENTILES

Floats = npt.NDArray[np.float64]

RESAMPLES = 4000
LEAST_ROUNDS = 5  # fewer rounds have no interval worth the name
BINS = 60
_SEED = 1909
_REACH = 0.995  # a histogram ends at this percentile; its last bin holds everything beyond


class Interval(NamedTuple):
    """A value and the 95 % interval about it; None where there were too few rounds for one."""

    value: float
    low: float | None
    high: float | None


def percentile(ordered: Floats, fraction: float) -> float:
    """The smallest value that ``fraction`` of the sorted values do not exceed (nearest rank)."""
    return float(ordered[max(0, math.ceil(fraction * len(ordered)) - 1)])


def summary(values: Floats) -> dict[str, float]:
    """p50, p95, p99, p999 and max of at least one value. Of fewer than 1000 values p999 is the maximum."""
    ordered = np.sort(values)
    return {**{name: percentile(ordered, at) for name, at in PERCENTILES.items()}, "max": float(ordered[-1])}


def histogram(values: Floats, bins: int = BINS) -> dict[str, list[float]]:
    """``edges`` [bins + 1] and ``counts`` [bins]: equal bins from the minimum to p99.5; the last one holds everything
    beyond as well. Values that are all alike make one bin."""
    ordered = np.sort(values)
    low, high = float(ordered[0]), percentile(ordered, _REACH)
    if high <= low:
        return {"edges": [low, float(ordered[-1])], "counts": [len(ordered)]}
    edges = np.linspace(low, high, bins + 1)
    position = np.clip(np.searchsorted(edges, ordered, side="right") - 1, 0, bins - 1)
    return {"edges": edges.tolist(), "counts": np.bincount(position, minlength=bins).tolist()}


def ratio(of: Sequence[float], to: Sequence[float], *, paired: bool) -> Interval:
    """How much of ``to`` ``of`` is, one value a round, with its bootstrap interval (Efron 1979, percentiles).

    ``paired``: round n of both was measured one after the other; the median of the rounds' ratios, which a drift of the
    machine hardly touches. Else the ratio of the medians, each list drawn for itself. Raises ValueError for pairs of
    unequal length.
    """
    return _interval(of, to, paired, np.divide)


def difference(of: Sequence[float], to: Sequence[float], *, paired: bool) -> Interval:
    """How much more than ``to`` ``of`` is, as `ratio`."""
    return _interval(of, to, paired, np.subtract)


def _interval(of: Sequence[float], to: Sequence[float], paired: bool, combine: np.ufunc) -> Interval:
    first, second = np.asarray(of, np.float64), np.asarray(to, np.float64)
    if paired:
        if len(first) != len(second):
            raise ValueError(f"{len(first)} rounds cannot be paired with {len(second)}")
        first, second = combine(first, second), first
    value = float(np.median(first) if paired else combine(np.median(first), np.median(second)))
    if min(len(first), len(second)) < LEAST_ROUNDS:
        return Interval(value, None, None)
    rng = np.random.default_rng(_SEED)
    values = _medians(first, rng)
    if not paired:
        values = combine(values, _medians(second, rng))
    values = np.sort(values)
    return Interval(value, percentile(values, 0.025), percentile(values, 0.975))


def _medians(values: Floats, rng: np.random.Generator) -> Floats:
    """Of so many draws of as many rounds, with replacement."""
    return np.asarray(np.median(values[rng.integers(len(values), size=(RESAMPLES, len(values)))], axis=1), np.float64)
