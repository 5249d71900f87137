"""What rules decide and outputs do, told: into the log of the guard, and as event messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from posewire.eventmessage import Event
from posewire.frame import Frame
from posewire.outputs.acting import Link
from posewire.outputs.link import Report
from posewire.triggers.rules import Rules

_NOT_LOGGED = ("session", "stream", "seq", "kind", "sent", "acknowledged", "device_us")
_NEVER_BLIND = ("safe", "disarmed")


class Teller:
    """Makes events; ``tell`` publishes one. Of a blinded session nothing is published that tells the arm: decisions are
    ``decided``, and what outputs did stays in the log.

    ``link``: the guard, which writes the log; None before it has started.
    """

    def __init__(
        self, rules: Rules, session: bytes, stream: str, tell: Callable[[Event], None], clock: Callable[[], int]
    ) -> None:
        self.link: Link | None = None
        self._clock = clock
        self._rules, self._session, self._stream, self._tell = rules, session, stream, tell
        self._frame: Frame | None = None
        self._since_ns: int | None = None

    def at(self, frame: Frame, since_first_ns: int) -> None:
        """What is told from now on was decided on this frame, taken so long after the first one."""
        self._frame, self._since_ns = frame, since_first_ns

    def say(
        self,
        kind: str,
        event: int = -1,
        rule: int = -1,
        outputs: list[int] | None = None,
        animal: int = -1,
        *,
        reason: str = "",
        decided: int | None = None,
        value: float = 1.0,
        of: int | None = None,
    ) -> None:
        """Something of the loop's: into the log, and published. ``rule`` and ``outputs`` are indices."""
        told = self._event(kind, event, outputs or [], reason)
        told.of, told.animal, told.value, told.decided = of, animal, value, decided
        if rule >= 0:
            told.rule = self._rules.rules[rule].name
        if (frame := self._frame) is not None:
            told.frame, told.exposed, told.grabbed = frame.number, frame.exposed_ns, frame.grabbed_ns
        if self.link is not None:
            kept = {key: value for key, value in asdict(told).items() if key not in _NOT_LOGGED}
            about = {"record": kind, "time_ns": decided or self._clock(), **kept, "since_first_ns": self._since_ns}
            self.link.record(about)
        if self._rules.blind and kind in ("fired", "sham"):
            told.kind = "decided"
        self._tell(told)

    def heard(self, report: Report) -> None:
        """Something that the guard told of an output, and has logged itself."""
        if self._rules.blind and report.kind not in _NEVER_BLIND:
            return
        event = self._event(report.kind, report.event, [report.output], report.text)
        event.device_us = report.device_us
        if report.kind == "sent":
            event.sent = report.time_ns
        elif report.kind == "acknowledged":
            event.acknowledged = report.time_ns
        else:
            event.decided = report.time_ns
        self._tell(event)

    def _event(self, kind: str, number: int, outputs: list[int], reason: str) -> Event:
        names = [self._rules.outputs[n].name for n in outputs]
        return Event(self._session, self._stream, 0, kind, number, reason=reason, outputs=names)
