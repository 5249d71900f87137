"""Measuring several things in one run, in turn: what the machine does meanwhile then meets all of them alike.

Round n runs every contestant once for so many calls; the order turns round with each round. A contestant is a function
that makes ``count`` calls and returns how long each took, int64 ns.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_bench.resampling import Floats

Contestant = Callable[[int], npt.NDArray[np.int64]]
FEWEST_CALLS = 5  # of a round
MOST_CALLS = 20_000
_WARM_UP_CALLS = 20
_WARM_UP_S = 0.3


@dataclass(frozen=True)
class Plan:
    """How long to measure: ``rounds``, and ``seconds`` of each contestant in all of them together."""

    rounds: int
    seconds: float


@dataclass
class Series:
    """What one contestant took: a float64 array of ms for every round, and how many calls came before them."""

    rounds: list[Floats]
    warm_up: int


def measure(
    contestants: Mapping[str, Contestant], plan: Plan, tell: Callable[[str], None] = lambda line: None
) -> dict[str, Series]:
    """Warm all contestants up, choose how many calls make a round of each, and run the rounds."""
    calls, found = {}, {}
    for name, run in contestants.items():
        warm_up, each_ns = _warm_up(run)
        calls[name] = _calls(plan, each_ns)
        found[name] = Series([], warm_up)
    with settled():
        for number in range(plan.rounds):
            for name in order(list(contestants), number):
                found[name].rounds.append(contestants[name](calls[name]) / 1e6)
            tell(f"round {number + 1} of {plan.rounds}")
    return found


def order(names: list[str], number: int) -> list[str]:
    """The order of round ``number``: turned by one every two rounds, and reversed in every second."""
    turn = number // 2 % len(names)
    turned = names[turn:] + names[:turn]
    return turned[::-1] if number % 2 else turned


@contextmanager
def settled() -> Iterator[None]:
    """What exists now is not looked at by the garbage collector, as in `posewire run` once it streams."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _warm_up(run: Contestant) -> tuple[int, float]:
    """Calls until both enough of them and enough time have passed; the median of the later half, ns."""
    taken = run(FEWEST_CALLS)
    while len(taken) < _WARM_UP_CALLS or (taken.sum() < _WARM_UP_S * 1e9 and len(taken) < MOST_CALLS):
        taken = np.concatenate([taken, run(len(taken))])
    return len(taken), float(np.median(taken[len(taken) // 2 :]))


def _calls(plan: Plan, each_ns: float) -> int:
    wanted = plan.seconds * 1e9 / plan.rounds / max(each_ns, 1.0)
    return int(np.clip(round(wanted), FEWEST_CALLS, MOST_CALLS))
