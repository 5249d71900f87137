"""Whom a dry run gives its decisions to: nobody. Time is what it is told to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from posewire.outputs.device import Act
from posewire.outputs.gate import OnTime
from posewire.outputs.guard_timers import train_ns
from posewire.outputs.link import Report
from posewire.outputs.spec import NEVER_NS, OutputSpec


class GivenTime:
    """A clock that stands where it was put, in ns."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


class _Output:
    """What one output would be doing: on until ``rest_ns`` at the latest."""

    def __init__(self, spec: OutputSpec) -> None:
        self.spec = spec
        self.on_time = OnTime()
        self.rest_ns = 0
        self.event = -1
        self.values: list[float] = []


class Nobody:
    """A `posewire.outputs.acting.Link` that opens nothing and does nothing: acts count as done at once.

    Like the guard it ends what nothing vouches for any more (``max_age_ns`` after the newest frame was taken), and
    refuses what comes too late. ``on_ms`` tells how long each output would have been on, shams left out.
    """

    def __init__(
        self,
        outputs: Sequence[OutputSpec],
        *,
        log: Path,
        header: Mapping[str, Any],
        max_age_ns: Sequence[int],
        stream: str,
        unsafe: bool,
        clock: Callable[[], int],
    ) -> None:
        self.armed = False
        self.trouble = "not started"
        self._outputs = [_Output(spec) for spec in outputs]
        self._max_age_ns = tuple(max_age_ns)
        self._clock = clock
        self._taken_ns = 0
        self._reports: list[Report] = []

    @property
    def on_ms(self) -> list[float]:
        """How long each output was on so far, with what is still to come of trains."""
        return [one.on_time.total_ns / 1e6 for one in self._outputs]

    @property
    def values(self) -> list[list[float]]:
        """What each output of mode ``follow`` was sent, one after the other; empty for others."""
        return [one.values for one in self._outputs]

    def start(self) -> list[str]:
        """Nothing is opened."""
        self.armed, self.trouble = True, ""
        return []

    def wait(self, until_ns: int) -> None:
        """Time passes without a frame: what nothing vouches for any more goes into its safe state."""
        for n, one in enumerate(self._outputs):
            fresh_ns = self._taken_ns + self._max_age_ns[n]
            if fresh_ns < min(until_ns, one.rest_ns):
                self._stop(one, fresh_ns)
                text = f"no fresh pose for {self._max_age_ns[n] / 1e6:g} ms"
                self._reports.append(Report("safe", n, one.event, fresh_ns, None, text))

    def vouch(self, taken_ns: int) -> None:
        self._taken_ns = taken_ns

    def beat(self) -> None:
        """Nobody listens."""

    def act(self, output: int, act: Act) -> bool:
        now, one = self._clock(), self._outputs[output]
        if not self.armed:
            return False
        if act.what != "off" and now > self._taken_ns + self._max_age_ns[output]:
            text = f"no fresh pose for {self._max_age_ns[output] / 1e6:g} ms"
            self._reports.append(Report("failed", output, act.event, now, None, text))
            return True
        one.event = act.event
        if act.what in ("pulse", "off"):
            self._stop(one, now)
        if act.what == "pulse":
            spec = one.spec
            for n in range(spec.count):
                begin = now + spec.delay_ns + n * (spec.period_ns if n else 0)
                one.on_time.add(begin, begin + spec.width_ns)
            one.rest_ns = now + train_ns(spec)
        elif act.what == "on":
            self._stop(one, now)
            one.rest_ns = now + min(act.longest_ns, one.spec.max_on_ns, NEVER_NS)
            one.on_time.add(now, one.rest_ns)
        elif act.what == "value":
            one.values.append(act.value)
            one.rest_ns = 0 if act.value == one.spec.safe else NEVER_NS
        self._reports.append(Report("sent", output, act.event, now, None, act.what))
        return True

    def disarm(self, why: str) -> None:
        self.armed, self.trouble = False, why

    def record(self, record: Mapping[str, Any]) -> None:
        """There is no log."""

    def poll(self) -> list[Report]:
        reports, self._reports = self._reports, []
        return reports

    def close(self, reason: str) -> None:
        for one in self._outputs:
            self._stop(one, self._clock())
        self.armed, self.trouble = False, "closed"

    def _stop(self, one: _Output, now_ns: int) -> None:
        if now_ns < one.rest_ns:
            one.on_time.shorten(now_ns)
            one.rest_ns = now_ns
