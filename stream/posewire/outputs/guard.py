"""The guard process: owns all devices and the log, and brings the outputs into their safe state when nobody vouches.

Run by `posewire.outputs.link.GuardLink` as ``python -m posewire.outputs.guard``, with its settings on standard input.
It ends when the loop says so, or when the connection to the loop ends: a program that is killed closes it. Ctrl-C in a
terminal reaches both processes; the guard does not listen to it, since the loop is to end first.

One thread waits for the connection, for devices and for the next thing that is due; a device that may wait has a thread
of its own (`posewire.outputs.guard_drivers`), and so has the log.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from posewire.clock import now_ns
from posewire.outputs.channel import Channel
from posewire.outputs.device import BEAT_NS, Act
from posewire.outputs.guard_outputs import NO_EVENT, Output
from posewire.outputs.guard_process import connect
from posewire.outputs.guard_scheduling import ask_for_fine_waits
from posewire.outputs.guard_settings import (
    ACT,
    ALIVE,
    ALIVE_NS,
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
    check_output,
)
from posewire.outputs.kinds import open_device
from posewire.outputs.log_writer import LogWriter
from posewire.outputs.spec import OutputSpec
from posewire.realtime import ask_for_scheduling
from posewire_models.errors import InputError, PosewireError, WorkError

# How long devices of their own threads may take for their safe state at the end, and then the log.
_LAST_SAFE_NS = 500_000_000
_LOG_S = 0.6
_SWITCH_S = 0.0005  # how long another thread of the guard may keep the interpreter from the one that serves the outputs


class Guard:
    """The guard's one loop. ``channel`` is connected, ``log`` not open yet."""

    def __init__(self, settings: Settings, channel: Channel) -> None:
        self._settings = settings
        self._channel = channel
        # A thread that has news writes a byte here.
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._log = LogWriter(Path(settings.log), self._wake)
        self._outputs: list[Output] = []
        self._taken_ns = 0
        self.ending = ""  # why the loop is to end
        self._disarmed = False
        self._asked = False  # to end, by the loop
        self._unread = 0  # reports that the loop did not take

    def open(self) -> list[str]:
        """Open the devices in their safe states, then the log; a line on each device. Raises PosewireError."""
        settings = self._settings
        made = [self._output(index) for index in range(len(settings.outputs))]
        lines = []
        for output in made:
            spec = output.spec
            with _its_fault(spec):
                lines.append(f"{spec.name}: {output.open()}")
            self._outputs.append(output)
        self._log.open({**settings.header, "outputs": [vars(spec) for spec in settings.outputs]})
        return lines

    def run(self) -> None:
        """Serve until the loop, or a signal, ends it."""
        beat_ns = alive_ns = now_ns()
        while not self.ending:
            due_ns = min(beat_ns, alive_ns, *(output.due_ns() for output in self._outputs))
            self._wait(due_ns)
            now = now_ns()
            if now >= beat_ns:
                beat_ns = now + BEAT_NS
                for output in self._outputs:
                    output.beat()
            if now >= alive_ns:
                alive_ns = now + ALIVE_NS
                self._say((ALIVE, now))
            for output in self._outputs:
                output.turn(now)
            if self._log.trouble and not self._disarmed:
                self._disarm(self._log.trouble)

    def stop(self, why: str) -> None:
        """The loop is to end: safe to call from a signal handler."""
        self.ending = self.ending or why

    def close(self, why: str) -> bool:
        """Every output into its safe state, the log closed; False if the log has failed. Never raises."""
        now = now_ns()
        for output in self._outputs:
            output.disarm(f"the end: {why}", now)
        if not self._asked:
            self._tell("disarmed", ALL, NO_EVENT, now, None, why)
        until_ns = now + _LAST_SAFE_NS
        while any(output.owes_safe for output in self._outputs) and now < until_ns:
            self._wait(min(now + BEAT_NS, *(output.due_ns() for output in self._outputs)), listen=False)
            now = now_ns()
            for output in self._outputs:
                output.turn(now)
        for output in self._outputs:
            output.close(max(0.0, (until_ns - now_ns()) / 1e9))
        if self._unread:
            self._log.write({"record": "note", "text": f"the loop did not take {self._unread} reports"})
        self._log.close(why, _LOG_S)
        self._say((CLOSED, self._log.trouble))
        return not self._log.trouble

    def _output(self, index: int) -> Output:
        spec = self._settings.outputs[index]
        check_output(spec)

        def tell(kind: str, event: int, time_ns: int, device_us: int | None, text: str) -> None:
            self._tell(kind, index, event, time_ns, device_us, text)

        with _its_fault(spec):
            device = open_device(spec, self._settings.stream)
        if spec.mode in ("while", "toggle") and not device.watchdog and not self._settings.unsafe:
            raise InputError(
                f"output {spec.name!r}: mode {spec.mode!r} needs a device that goes off by itself when this program "
                f"dies, and one of kind {spec.kind!r} does not; use a pulse, another device, or --unsafe if it is "
                "harmless"
            )
        return Output(spec, device, self._settings.max_age_ns[index], tell, self._wake)

    def _wait(self, due_ns: int, listen: bool = True) -> None:
        """Until something is due, or there is something to read; what the loop sent is done at once."""
        reading: list[Any] = [
            self._woken,
            *(output.fileno() for output in self._outputs if output.fileno() is not None),
        ]
        if listen:
            reading.append(self._channel.connection)
        writing = [self._channel.connection] if self._channel.unsent and not self._channel.ended else []
        # Not a selector: epoll and poll count in milliseconds.
        ready, _, _ = select.select(reading, writing, [], max(0.0, (due_ns - now_ns()) / 1e9))
        if self._woken in ready:
            try:
                self._woken.recv(4096)
            except BlockingIOError:
                pass
        if listen and self._channel.connection in ready:
            for message in self._channel.receive():
                self._obey(message)
            if self._channel.ended:
                self.stop(f"the loop is gone ({self._channel.ended})")
        if writing:
            self._say(None)

    def _obey(self, message: Sequence[Any]) -> None:
        kind = message[0]
        if kind == ACT:
            _, index, taken_ns, *fields = message
            self._vouch(taken_ns)
            self._outputs[index].act(Act(*fields), now_ns())
        elif kind == BEAT:
            self._vouch(message[1])
        elif kind == RECORD:
            self._log.write(message[1])
        elif kind == DISARM:
            self._disarm(message[1])
        elif kind == CLOSE:
            self._asked = True
            self.stop(message[1])

    def _vouch(self, taken_ns: int) -> None:
        # A stamp from the future would vouch for poses that nobody has seen.
        taken_ns = min(taken_ns, now_ns())
        if taken_ns > self._taken_ns:
            self._taken_ns = taken_ns
            for output in self._outputs:
                output.vouch(taken_ns)

    def _disarm(self, why: str) -> None:
        self._disarmed = True
        now = now_ns()
        for output in self._outputs:
            output.disarm(why, now)
        self._tell("disarmed", ALL, NO_EVENT, now, None, why)

    def _tell(self, kind: str, index: int, event: int, time_ns: int, device_us: int | None, text: str) -> None:
        record: dict[str, Any] = {"record": kind, "time_ns": time_ns}
        if index != ALL:
            record["output"] = self._settings.outputs[index].name
        if event != NO_EVENT:
            record["event"] = event
        if device_us is not None:
            record["device_us"] = device_us
        if text:
            record["text"] = text
        self._log.write(record)
        # Values of every frame belong to no event, and the log has them.
        if kind != "edge" and (kind != "sent" or event != NO_EVENT):
            self._say((TOLD, kind, index, event, time_ns, device_us, text))

    def _say(self, message: Sequence[Any] | None) -> None:
        """To the loop, if it listens. Overflow rule: what it does not take is counted, and stands in the log."""
        if self._channel.ended:
            return
        try:
            if message is None:
                self._channel.flush()
            elif not self._channel.send(message):
                self._unread += 1
        except OSError as error:
            self._channel.ended = error.strerror or str(error)
            self.stop(f"the loop is gone ({self._channel.ended})")

    def _wake(self) -> None:
        try:
            self._waker.send(b"\0")
        except OSError:
            pass  # it has been woken often enough


@contextmanager
def _its_fault(spec: OutputSpec) -> Iterator[None]:
    """Whatever a plug-in, or a library below, raises: the user has to hear which output it is."""
    try:
        yield
    except PosewireError:
        raise
    except Exception as error:
        raise WorkError(f"output {spec.name!r} ({spec.kind}): {error or type(error).__name__}") from error


def main() -> None:
    """Read the settings, serve, end the process: without waiting for a device that never comes back."""
    for name in ("SIGINT", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    status = 1
    try:
        settings = Settings.from_json(sys.stdin.buffer.read())
        status = _serve(settings, connect(settings))
    finally:
        sys.stderr.flush()
        if sys.exc_info()[0] is None:
            os._exit(status)


def _serve(settings: Settings, channel: Channel) -> int:
    sys.setswitchinterval(_SWITCH_S)
    ask_for_fine_waits()
    if settings.realtime:
        ask_for_scheduling()  # for this thread alone; whether it is granted, the loop has asked and said
    guard = Guard(settings, channel)
    signal.signal(signal.SIGTERM, lambda number, frame: guard.stop("the guard was told to end by a signal"))
    try:
        lines = guard.open()
    except PosewireError as error:
        guard.close(str(error))
        channel.send((CANNOT, error.exit_status, str(error)))
        return error.exit_status
    channel.send((READY, lines))
    why = "an error of the guard"
    try:
        guard.run()
        why = guard.ending
    finally:
        whole = guard.close(why)
        channel.close()
    return 0 if whole else 1


if __name__ == "__main__":
    main()
