"""What shows that an effect is the stimulus's: shams, another animal's times, random times. Pure; drawn from a seed.

- *Sham*: a rule's decisions come in blocks; in each block the same number of them, at random places, are shams: they
  take their place in the output's limits, are told and logged, and nothing is sent; what limits refuse is in no
  block. (Permuted blocks: Matts & Lachin 1988, DOI 10.1016/0197-2456(88)90047-5.)
- *Yoked*: the rule's own decisions count for nothing; it fires at the times at which the same rule fired in another
  session's log, counted from the first frame.
- *Random*, *matched*: likewise, at the times of a Poisson process, or at as many random times as a log has, with the
  durations of that log in another order.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from posewire.triggers.rules import Rule
from posewire_models.errors import InputError


@dataclass(frozen=True, slots=True)
class Past:
    """What a log tells of a rule: starts and ends in ns since the first frame (no end: None); its length in ns."""

    stimuli: tuple[tuple[int, int | None], ...]
    session_ns: int


class Shams:
    """Which decisions of a rule are shams: ``share`` of every ``block`` (rounded up or down at random, to be right on
    average)."""

    def __init__(self, share: float, block: int, seed: int, rule: str) -> None:
        self._random = random.Random(f"sham {seed} {rule}")
        self._share, self._block = share, max(block, 1)
        self._left: list[bool] = []

    def next(self) -> bool:
        """Whether the next decision is a sham."""
        if not self._share:
            return False
        if not self._left:
            wanted = self._share * self._block
            count = math.floor(wanted)
            count += self._random.random() < wanted - count
            self._left = [n < count for n in range(self._block)]
            self._random.shuffle(self._left)
        return self._left.pop()


class Schedule:
    """Starts and ends that come by the clock, whatever the condition says; ``next_start`` may go on for ever."""

    def __init__(self, stimuli: tuple[tuple[int, int | None], ...] = (), more: Callable[[], int] | None = None) -> None:
        """``stimuli``: as in `Past`; ``more``: ns from one start to the next, for ever, after 0."""
        self._edges = sorted(
            [(start, True) for start, _ in stimuli] + [(end, False) for _, end in stimuli if end is not None],
            reverse=True,
        )
        self._more = more
        self._coming = more() if more is not None else 0

    def due(self, since_first_ns: int) -> list[bool]:
        """What has become due since the last call, in order: True a start, False an end."""
        due = []
        while self._edges and self._edges[-1][0] <= since_first_ns:
            due.append(self._edges.pop()[1])
        while self._more is not None and self._coming <= since_first_ns:
            due.append(True)
            self._coming += self._more()
        return due


def schedule_of(rule: Rule, seed: int, past: Callable[[str, str], Past], holds: bool) -> Schedule | None:
    """The schedule that takes the place of a rule's decisions, None for a rule that decides by itself.

    ``past(log, rule)`` tells what a log says of a rule of that name; ``holds``: whether an output of it is of mode
    ``while``, for which every start needs an end. Raises InputError if the log has nothing of that rule.
    """
    control, draw = rule.control, random.Random(f"random {seed} {rule.name}")
    if control.yoked:
        return Schedule(_of_log(past, control.yoked, rule).stimuli)
    if control.matched:
        known = _of_log(past, control.matched, rule)
        lasting = [None if end is None else end - start for start, end in known.stimuli]
        draw.shuffle(lasting)
        starts = sorted(draw.randrange(max(known.session_ns, 1)) for _ in lasting)
        return Schedule(
            tuple((start, None if last is None else start + last) for start, last in zip(starts, lasting, strict=True))
        )
    if control.random_per_minute:
        if holds:
            raise InputError(
                f"rule {rule.name!r}: random_per_minute starts pulses, and its output is of mode while, which needs "
                "ends; give matched = LOG, or an output of mode pulse"
            )
        rate_ns = control.random_per_minute / 60e9
        return Schedule(more=lambda: max(1, round(draw.expovariate(rate_ns))))
    return None


def _of_log(past: Callable[[str, str], Past], log: str, rule: Rule) -> Past:
    known = past(log, rule.name)
    if not known.stimuli:
        raise InputError(
            f"rule {rule.name!r}: in the log {log} no rule of this name fired; "
            "give the log of a session in which it did"
        )
    return known
