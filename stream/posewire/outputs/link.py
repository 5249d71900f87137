"""The loop's end of the guard process (`posewire.outputs.guard`): starts it, tells it, hears of it. Never blocks.

Between `GuardLink.start` and `GuardLink.close` no call waits for anything.
"""

from __future__ import annotations

import select
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire.clock import now_ns
from posewire.outputs.channel import Channel
from posewire.outputs.device import Act
from posewire.outputs.guard_process import GuardProcess
from posewire.outputs.guard_settings import (
    ACT,
    ALIVE,
    ALL,
    BEAT,
    CANNOT,
    CLOSE,
    CLOSED,
    DISARM,
    READY,
    RECORD,
    TOLD,
    Settings,
)
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError

BEAT_EVERY_NS = 5_000_000
SILENT_NS = 1_000_000_000  # a guard that has not said for so long that it lives guards nothing
START_S = 30.0
END_S = 2.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the guard told. ``kind``:

    ``sent`` (``time_ns``: the device's call has returned; not told of acts of event -1, the values of every frame),
    ``acknowledged`` (``time_ns``: its answer was read; ``device_us``: its own clock, if it has one), ``failed`` (not
    done, nor will it be), ``safe`` (the output is in its safe state, ``text`` says why), ``disarmed`` (the output takes
    no acts any more; ``output`` -1: none does).
    ``output`` is an index into the outputs given, ``event`` -1 where it belongs to none.
    """

    kind: str
    output: int
    event: int
    time_ns: int
    device_us: int | None
    text: str


class GuardLink:
    """One owner: all calls come from one thread, the loop's.

    ``header`` is what the log's first record says beside the outputs; ``max_age_ns`` (one for each output) how old the
    newest pose may be; ``unsafe`` allows the mode ``while`` without a watchdog in the device; ``realtime`` lets the
    guard go before other programs, where the system permits it (`posewire.realtime`). ``armed`` is False before
    `start`, after `close`, and once the guard is gone, silent, or cannot keep its log: ``trouble`` says why.
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
        realtime: bool = False,
    ) -> None:
        if len(outputs) != len(max_age_ns):
            raise ValueError(f"{len(outputs)} outputs, but {len(max_age_ns)} greatest ages")
        self.armed = False
        self.trouble = "not started"
        self._outputs = tuple(outputs)
        self._log = log
        self._header = dict(header)
        self._max_age_ns = tuple(max_age_ns)
        self._stream = stream
        self._unsafe = unsafe
        self._realtime = realtime
        self._process: GuardProcess | None = None
        self._channel: Channel | None = None
        self._taken_ns = 0
        self._beat_ns = 0  # when the newest beat was sent
        self._alive_ns = 0
        self._reports: list[Report] = []
        self._closed = ""  # what the guard said of its log at the end
        self._end = False

    @property
    def pid(self) -> int:
        """The guard's process. Raises RuntimeError before `start`."""
        if self._process is None:
            raise RuntimeError("the guard has not been started")
        return self._process.pid

    def start(self) -> list[str]:
        """Start the guard; returns when all outputs are open in their safe state: one line on each.

        Raises InputError (an output or the log is given wrongly) or WorkError (a device, the disk, the process).
        """
        settings = Settings(
            self._outputs,
            self._max_age_ns,
            str(self._log.absolute()),
            self._header,
            self._stream,
            self._unsafe,
            self._realtime,
        )
        self._process = GuardProcess(settings)
        self._channel = self._process.channel
        try:
            lines = self._hear_ready()
        except BaseException:
            self._process.kill()
            raise
        self.armed, self.trouble, self._alive_ns = True, "", now_ns()
        return lines

    def vouch(self, taken_ns: int) -> None:
        """Every frame, before its acts: when the newest processed frame was taken. Sends nothing: acts carry it."""
        self._taken_ns = taken_ns

    def beat(self) -> None:
        """Every frame, when there is time: what was vouched for goes to the guard, every `BEAT_EVERY_NS` at most.

        It wakes the guard, which may take the loop's core for some 0.1 ms.
        """
        now = now_ns()
        if self.armed and self._taken_ns and now - self._beat_ns >= BEAT_EVERY_NS:
            self._beat_ns = now
            try:
                # One that cannot leave now would say later what is not true then.
                self._link().send_now((BEAT, self._taken_ns))
            except OSError:
                self._lose_guard()

    def act(self, output: int, act: Act) -> bool:
        """Have an act done at once. False: not armed any more, nothing was done, `trouble` says why."""
        if not self.armed or self._channel is None:
            return False
        message = (ACT, output, self._taken_ns, act.event, act.what, act.value, act.longest_ns, act.rule, act.animal)
        try:
            if self._channel.send_now((*message, act.frame, act.decided_ns)):
                return True
            self._disarm("the guard process does not take what it is told")
        except OSError:
            self._lose_guard()
        return False

    def record(self, record: Mapping[str, Any]) -> None:
        """A record for the log; ``record`` in it is what it is, ``time_ns`` when (now, if it is missing).

        A log that cannot take it disarms.
        """
        if self.armed and self._channel is not None:
            try:
                if not self._channel.send((RECORD, record)):
                    self._disarm("the guard process does not take records for the log")
            except OSError:
                self._lose_guard()

    def disarm(self, why: str) -> None:
        """All outputs safe; no acts any more, nor records."""
        if self.armed:
            self._disarm(why)

    def poll(self) -> list[Report]:
        """What the guard told since. Call it at least every 50 ms: it sees as well whether the guard lives."""
        if self._channel is not None:
            self._hear()
            if self.armed and now_ns() - self._alive_ns > SILENT_NS:
                self._disarm(f"the guard process has been silent for {SILENT_NS / 1e9:g} s")
        reports, self._reports = self._reports, []
        return reports

    def close(self, reason: str) -> None:
        """Safe state, log closed, process ended; waits for `END_S` at most, then kills it. May be called twice.

        What the guard told at its end comes from `poll` afterwards.
        """
        self._end = True
        if self._channel is not None and not self._channel.ended:
            try:
                self._channel.send((CLOSE, reason))
                self._hear_until(now_ns() + round(END_S * 1e9))
            except OSError:
                pass
        if self._process is not None:
            # If its connection has ended, it is about to be gone.
            if not self._process.wait(END_S if self._channel is not None and self._channel.ended else 0):
                self.trouble = self.trouble or "the guard process did not end, and was killed: the log has no end"
            self._process.kill()
        if self._closed:
            self.trouble = self.trouble or self._closed
        self.armed = False
        self.trouble = self.trouble or "closed"

    def _hear_ready(self) -> list[str]:
        channel = self._link()
        assert self._process is not None
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            select.select([channel.connection], [], [], 0.05)
            for message in channel.receive():
                if message[0] == READY:
                    return [str(line) for line in message[1]]
                if message[0] == CANNOT:
                    raise (InputError if message[1] == InputError.exit_status else WorkError)(str(message[2]))
                self._take(message)
            if channel.ended:
                self._process.wait(END_S)
                self._process.check()
                raise WorkError("the guard process closed its connection while it started")
        raise WorkError(f"the outputs are not open after {START_S:g} s")

    def _link(self) -> Channel:
        if self._channel is None:
            raise RuntimeError("the guard has not been started")
        return self._channel

    def _hear(self) -> None:
        channel = self._link()
        if channel.ended:
            return
        for message in channel.receive():
            self._take(message)
        try:
            channel.flush()
        except OSError:
            self._lose_guard()
        if channel.ended:
            self._lose_guard()

    def _hear_until(self, until_ns: int) -> None:
        channel = self._link()
        while not channel.ended and now_ns() < until_ns:
            select.select([channel.connection], [channel.connection] if channel.unsent else [], [], 0.05)
            self._hear()

    def _take(self, message: Sequence[Any]) -> None:
        kind = message[0]
        if kind == TOLD:
            report = Report(*message[1:])
            self._reports.append(report)
            if report.kind == "disarmed" and report.output == ALL and self.armed:
                self.armed, self.trouble = False, report.text
        elif kind == ALIVE:
            self._alive_ns = message[1]
        elif kind == CLOSED:
            self._closed = message[1]

    def _disarm(self, why: str) -> None:
        """Whatever the guard does now: nothing vouches for the poses any more, and no act goes out."""
        self.armed, self.trouble = False, why
        self._reports.append(Report("disarmed", ALL, -1, now_ns(), None, why))
        try:
            self._link().send((DISARM, why))
        except OSError:
            pass

    def _lose_guard(self) -> None:
        if not self._end and self.armed:
            status = self._process.status if self._process is not None else None
            how = "" if status is None else f" with status {status}"
            self.armed = False
            self.trouble = f"the guard process ended{how}; its devices are left to their own watchdogs"
            self._reports.append(Report("disarmed", ALL, -1, now_ns(), None, self.trouble))
        self._link().ended = self._link().ended or "connection lost"
