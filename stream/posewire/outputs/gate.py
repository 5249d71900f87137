"""What an output may do now: its limits, for all rules on it together. Pure: times in, permits out.

Nothing is permitted that is not bounded in time: a train has its end, ``on`` its longest duration. So no limit can be
exceeded by a loop that stalls or dies afterwards; whoever carries a permit out ends it by its own clock.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass

from posewire.outputs.spec import NEVER_NS, OutputSpec

# An act is carried out a little after it was decided, and never later than the age at which poses count as old. So two
# acts may lie that much closer together than their decisions: windows of limits are looked at with that much more.
MARGIN_NS = 100_000_000
_LEAST_ON_NS = 1_000_000  # a shorter stretch is not worth turning it on

BUSY, RATE, DUTY, DOSE = "busy", "rate", "duty", "dose"
LIMITS = (BUSY, RATE, DUTY, DOSE)


@dataclass(frozen=True, slots=True)
class Permit:
    """``pulse``: one train; ``on``, for ``longest_ns`` at most (0 for a train); ``off``."""

    what: str
    longest_ns: int = 0


class OnTime:
    """When an output was on, or will be: stretches in the order of time, and how much of any window they fill."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._before: list[int] = []  # on-time before each start
        self.total_ns = 0

    def add(self, start_ns: int, end_ns: int) -> None:
        """A stretch that begins no earlier than the last one ended."""
        self._starts.append(start_ns)
        self._ends.append(end_ns)
        self._before.append(self.total_ns)
        self.total_ns += end_ns - start_ns

    def shorten(self, end_ns: int) -> None:
        """The last stretches end at ``end_ns`` if they would later."""
        while self._ends and self._ends[-1] > end_ns:
            start = self._starts[-1]
            self.total_ns -= self._ends[-1] - max(start, end_ns)
            if start < end_ns:
                self._ends[-1] = end_ns
                return
            del self._starts[-1], self._ends[-1], self._before[-1]

    def until(self, time_ns: int) -> int:
        """On-time before ``time_ns``."""
        place = bisect_right(self._starts, time_ns) - 1
        if place < 0:
            return self._before[0] if self._before else self.total_ns
        return self._before[place] + min(time_ns, self._ends[place]) - self._starts[place]

    def forget(self, before_ns: int) -> None:
        """Drop stretches that ended before a time that no window reaches any more."""
        if len(self._ends) > 256 and self._ends[len(self._ends) // 2] < before_ns:
            half = len(self._ends) // 2
            del self._starts[:half], self._ends[:half], self._before[:half]


class Gate:
    """The limits of one output. Times come from one clock and never go back; all calls from one thread."""

    def __init__(self, spec: OutputSpec, margin_ns: int = MARGIN_NS) -> None:
        self.spec = spec
        self.on = False  # `while`, `toggle`: whether it is on as far as is known
        self.value = spec.safe  # `follow`: the last one
        self.refused = dict.fromkeys(LIMITS, 0)
        self.lapses = 0  # how often its longest time was over
        self._margin = margin_ns
        self._holders: set[int] = set()  # rules that want it on
        self._recent: deque[int] = deque()  # starts within the window
        self._history = OnTime()
        self._busy_until = 0
        self._started_ns = 0  # when it was last permitted to start
        self._value_ns: int | None = None

    @property
    def dose_ns(self) -> int:
        """On-time so far, with what is permitted already."""
        return self._history.total_ns

    def look(self, now_ns: int) -> int:
        """`lapses` until now."""
        self._lapse(now_ns)
        return self.lapses

    def start(self, rule: int, now_ns: int) -> Permit | str:
        """A rule (index) fires: what is to be done, or the limit that forbids it.

        An output that is on already for another rule stays so and nothing is to be done: the word is `BUSY`, and the
        rule counts among those that hold it; one that is refused otherwise does not. `BUSY` it is as well for
        `MARGIN_NS` after its longest time is over, and after an ``off`` that nobody has `settled`.
        """
        self._lapse(now_ns)
        if self.spec.mode == "toggle" and self.on:
            return self._off(now_ns)
        if self.on:
            self._holders.add(rule)
            return self._refuse(BUSY)
        if now_ns < self._busy_until:
            return self._refuse(BUSY)
        while self._recent and self._recent[0] <= now_ns - self.spec.count_window_ns - self._margin:
            self._recent.popleft()
        if len(self._recent) >= self.spec.max_count:
            return self._refuse(RATE)
        permit = self._train(now_ns) if self.spec.mode == "pulse" else self._stretch(now_ns)
        if isinstance(permit, Permit):
            self._holders.add(rule)
            self._started_ns = now_ns
            if self.spec.max_count < 2**31:
                self._recent.append(now_ns)
        return permit

    def end(self, rule: int, now_ns: int) -> Permit | None:
        """A rule does not hold any more: ``off`` if it was the last one that held an output of mode ``while``."""
        self._lapse(now_ns)
        self._holders.discard(rule)
        if self.spec.mode != "while" or self._holders or not self.on:
            return None
        return self._off(now_ns)

    def settled(self, off_ns: int) -> None:
        """The last ``off`` was carried out then."""
        if not self.on and off_ns < self._busy_until and self.spec.mode != "pulse":
            self._history.shorten(off_ns)
            self._busy_until = off_ns

    def cut(self, now_ns: int) -> None:
        """It was put into its safe state by somebody else, and stays there until a rule fires again.

        What was permitted after ``now_ns`` is not touched: it was told of too late for that.
        """
        if now_ns < self._started_ns:
            return
        self.on = False
        self._holders.clear()
        self._history.shorten(now_ns)
        self._busy_until = min(self._busy_until, now_ns)
        self.value, self._value_ns = self.spec.safe, None

    def undo(self, now_ns: int) -> None:
        """The ``on`` that was permitted last was not carried out, nor will it be: it counts for nothing."""
        if self.on:
            self.cut(now_ns)
            self._history.shorten(self._started_ns)
            if self._recent:
                self._recent.pop()

    def follow(self, target: float, now_ns: int) -> float:
        """The value of an output that follows: on the way to ``target`` as fast as its slew allows."""
        slew = self.spec.slew_per_s
        if slew > 0:
            passed_s = 0.0 if self._value_ns is None else (now_ns - self._value_ns) * 1e-9
            step = slew * passed_s
            target = min(max(target, self.value - step), self.value + step)
        self.value, self._value_ns = target, now_ns
        return target

    def _refuse(self, limit: str) -> str:
        self.refused[limit] += 1
        return limit

    def _lapse(self, now_ns: int) -> None:
        """What was on for its longest time is off: carried out up to `MARGIN_NS` later than it was permitted."""
        if self.on and now_ns >= self._busy_until:
            self.on = False
            self.lapses += 1
            self._busy_until += self._margin  # until then it may still be on, and would be so for longer than permitted

    def _off(self, now_ns: int) -> Permit:
        self.on = False
        # It is carried out a little later: it counts as on until then, and nothing else begins before.
        self._busy_until = min(self._busy_until, now_ns + self._margin)
        self._history.shorten(self._busy_until)
        return Permit("off")

    def _train(self, now_ns: int) -> Permit | str:
        spec, history = self.spec, self._history
        if history.total_ns + spec.count * spec.width_ns > spec.max_dose_ns:
            return self._refuse(DOSE)
        period = spec.period_ns if spec.count > 1 else spec.width_ns
        first = now_ns + spec.delay_ns
        if spec.max_duty < 1.0 and not self._duty_allows(first, period):
            return self._refuse(DUTY)
        for n in range(spec.count):
            history.add(first + n * period, first + n * period + spec.width_ns)
        history.forget(now_ns - spec.duty_window_ns - 2 * self._margin)
        self._busy_until = first + (spec.count - 1) * period + spec.width_ns
        return Permit("pulse")

    def _duty_allows(self, first_ns: int, period_ns: int) -> bool:
        """The fullest windows end where a pulse ends."""
        spec, history = self.spec, self._history
        window, most = spec.duty_window_ns + self._margin, int(spec.max_duty * spec.duty_window_ns)
        for n in range(spec.count):
            end = first_ns + n * period_ns + spec.width_ns
            begin = end - window
            filled = (n + 1) * spec.width_ns + history.total_ns - history.until(min(begin, first_ns))
            if begin > first_ns:
                whole, part = divmod(begin - first_ns, period_ns)
                filled -= whole * spec.width_ns + min(part, spec.width_ns)
            if filled > most:
                return False
        return True

    def _stretch(self, now_ns: int) -> Permit | str:
        spec, history = self.spec, self._history
        longest = min(spec.max_on_ns, spec.max_dose_ns - history.total_ns)
        if longest < _LEAST_ON_NS:
            return self._refuse(DOSE)
        if spec.max_duty < 1.0:
            longest = self._duty_left(now_ns, longest)
            if longest < _LEAST_ON_NS:
                return self._refuse(DUTY)
        longest = min(longest, NEVER_NS)
        self.on = True
        history.add(now_ns, now_ns + longest)
        history.forget(now_ns - spec.duty_window_ns - 2 * self._margin)
        self._busy_until = now_ns + longest
        return Permit("on", longest)

    def _duty_left(self, now_ns: int, longest_ns: int) -> int:
        """The longest stretch from now on, up to ``longest_ns``, at whose end the window is not too full."""
        spec, history = self.spec, self._history
        window, most = spec.duty_window_ns + self._margin, int(spec.max_duty * spec.duty_window_ns)
        low, high = 0, min(longest_ns, most)
        while low < high:  # the fill rises with the length: one more ns comes in, at most one leaves
            length = (low + high + 1) // 2
            filled = length + history.total_ns - history.until(min(now_ns + length - window, now_ns))
            if filled <= most:
                low = length
            else:
                high = length - 1
        return low
