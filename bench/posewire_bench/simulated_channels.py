"""A device of the serial protocol as docs/serial.md has it, without a port: frames in, frames out, pins set.

Written from the document, apart from the sketch's code; `posewire_bench.simulated_firmware` gives it a port.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from posewire.outputs import serial_protocol as p


@dataclass
class Channel:
    """One channel; times in us of the device's clock. ``running``: "", "waiting", "pulse" or "on"."""

    pin: int
    flags: int
    safe: int
    longest: int
    gap: int
    watchdog: int
    beat: int
    tripped: bool = False
    running: str = ""
    event: int = p.NO_EVENT
    start: int = 0
    width: int = 0
    left: int = 0
    period: int = 0
    since: int = 0
    off: int | None = None

    @property
    def analog(self) -> bool:
        return bool(self.flags & p.ANALOG)

    @property
    def lit(self) -> bool:
        return self.running in ("pulse", "on")


@dataclass
class SelfTest:
    channel: int
    pin: int
    low: bool
    sequence: int
    lights_us: int
    timeout_us: int
    lit_us: int | None = None
    early: int = 0


@dataclass
class SimulatedDevice:
    """``set_pin(pin, value, analog)`` sets an output, ``send(bytes)`` answers, ``clock_us()`` is its time."""

    set_pin: Callable[[int, int, bool], None]
    send: Callable[[bytes], None]
    clock_us: Callable[[], int]
    channels: dict[int, Channel] = field(default_factory=dict)
    trips: dict[int, int] = field(default_factory=dict)
    parser: p.Parser = field(default_factory=p.Parser)
    test: SelfTest | None = None
    frames: list[p.Frame] = field(default_factory=list)
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def begin(self) -> None:
        """What a device says when it has power."""
        self._hello(0)

    def due_us(self) -> int | None:
        """When `tick` has something to do next."""
        times = []
        for channel in self.channels.values():
            if not channel.tripped:
                times.append(channel.beat + channel.watchdog)
            if channel.running == "waiting":
                times.append(max(channel.start, (channel.off or 0) + channel.gap if channel.off is not None else 0))
            elif channel.lit:
                times.append(channel.since + channel.width)
        if self.test is not None:
            lit = self.test.lit_us
            times.append(self.test.lights_us if lit is None else lit + self.test.timeout_us)
        return min(times, default=None)

    def tick(self) -> None:
        """Do what is due; always before `receive`."""
        now = self.clock_us()
        for index, channel in self.channels.items():
            if not channel.tripped and now - channel.beat >= channel.watchdog:
                event = self._rest(channel, now)
                channel.tripped = True
                self.trips[index] = self.trips.get(index, 0) + 1
                self._ended(index, p.NO_EVENT if event is None else event, p.WATCHDOG)
            else:
                self._advance(index, channel, now)
        if self.test is not None:
            self._advance_test(self.test, now)

    def receive(self, data: bytes) -> None:
        """Handle the frames that these bytes complete."""
        for frame in self.parser.feed(data):
            if self.parser.rejected:
                self.send(p.pack(p.ERROR, 0, p.BAD_FRAME, min(255, self.parser.rejected)))
                self.parser.rejected = 0
            self.frames.append(frame)
            self._handle(frame)

    def _handle(self, frame: p.Frame) -> None:
        if not p.HELLO <= frame.kind <= p.RELEASE:
            self.send(p.pack(p.ERROR, frame.sequence, p.UNKNOWN_TYPE, frame.kind))
            return
        try:
            values = frame.values
        except ValueError:
            self.send(p.pack(p.ERROR, frame.sequence, p.BAD_LENGTH, frame.kind))
            return
        now = self.clock_us()
        if frame.kind == p.HELLO:
            if values[0] == p.PROTOCOL:
                self._safe(p.ALL, now)
                self.channels.clear()
                if self.test is not None:
                    self._end_test(self.test)
            self._hello(frame.sequence)
        elif frame.kind == p.HEARTBEAT:
            for index, channel in self.channels.items():
                if values[0] >> index & 1:
                    if channel.tripped:
                        self._ended(index, p.NO_EVENT, p.WATCHDOG)
                    else:
                        channel.beat = now
        elif frame.kind == p.ECHO:
            self.send(p.pack(p.ECHO_REPLY, frame.sequence, values[0], now))
        else:
            event = values[1] if frame.kind in (p.PULSE, p.ON, p.OFF, p.VALUE) else p.NO_EVENT
            status = self._command(frame, values, now)
            self.send(p.pack(p.ACK, frame.sequence, event, self.clock_us(), status))

    def _command(self, frame: p.Frame, values: tuple[int, ...], now: int) -> int:
        if frame.kind == p.SAFE:
            self._safe(values[0], now)
            return p.OK
        index = values[0]
        if index >= p.MAX_CHANNELS:
            return p.BAD_CHANNEL
        if frame.kind == p.CONFIGURE:
            return self._configure(index, *values[1:], now=now)
        channel = self.channels.get(index)
        if channel is None:
            return p.NOT_CONFIGURED
        if frame.kind == p.OFF:
            self._finish(index, channel, p.BY_OFF, now)
            return p.OK
        if frame.kind == p.REARM:
            if values[1] != self.trips.get(index, 0):
                return p.BAD_VALUE
            channel.tripped, channel.beat = False, now
            return p.OK
        if frame.kind == p.RELEASE:
            self._finish(index, channel, p.BY_SAFE, now)
            del self.channels[index]
            return p.OK
        if frame.kind == p.SELFTEST:
            return self._start_test(frame.sequence, *values, now=now)
        status = self._refused(frame.kind, channel, values, now)
        if status == p.OK:
            self._start(frame.kind, index, channel, values, now)
        return status

    def _refused(self, kind: int, channel: Channel, values: tuple[int, ...], now: int) -> int:
        if channel.tripped:
            return p.TRIPPED
        if channel.analog != (kind == p.VALUE):
            return p.UNSUPPORTED
        if kind == p.VALUE:
            return p.OK
        if channel.running:
            return p.BUSY
        delay = 0
        if kind == p.ON:
            if values[2] == 0:
                return p.BAD_VALUE
        else:
            _, _, delay, width, count, period = values
            if width == 0 or count == 0 or delay > p.MAX_US or period > p.MAX_US:
                return p.BAD_VALUE
            if width > channel.longest:
                return p.TOO_LONG
            if count > 1 and (period <= width or period - width < channel.gap):
                return p.TOO_SOON
        if channel.off is not None and now + delay - channel.off < channel.gap:
            return p.TOO_SOON
        return p.OK

    def _start(self, kind: int, index: int, channel: Channel, values: tuple[int, ...], now: int) -> None:
        if kind == p.VALUE:
            self.set_pin(channel.pin, values[2], True)
            self._answered(index, now)
            return
        channel.event = values[1]
        if kind == p.ON:
            channel.width = min(values[2], channel.longest)
            self._light(index, channel, "on", now)
            return
        _, _, delay, channel.width, channel.left, channel.period = values
        channel.start, channel.running = now + delay, "waiting"
        self._advance(index, channel, now)

    def _advance(self, index: int, channel: Channel, now: int) -> None:
        if channel.lit and now - channel.since >= channel.width:
            held = channel.running == "on"
            channel.left -= not held
            if held or channel.left == 0:
                self._finish(index, channel, p.LONGEST if held else p.COMPLETE, now)
                return
            self._dark(channel, now)
            channel.running = "waiting"
            channel.start += channel.period
        rested = channel.off is None or now - channel.off >= channel.gap
        if channel.running == "waiting" and now >= channel.start and rested:
            self._light(index, channel, "pulse", now)

    def _light(self, index: int, channel: Channel, how: str, now: int) -> None:
        self._digital(channel, True)
        channel.running, channel.since = how, self.clock_us()
        self._answered(index, now)

    def _dark(self, channel: Channel, now: int) -> None:
        self._digital(channel, False)
        channel.off = now

    def _digital(self, channel: Channel, active: bool) -> None:
        self.set_pin(channel.pin, int(active != bool(channel.flags & p.ACTIVE_LOW)), False)

    def _rest(self, channel: Channel, now: int) -> int | None:
        """Into the safe state; the event of what was going on."""
        if channel.analog:
            self.set_pin(channel.pin, channel.safe, True)
        elif channel.lit:
            self._dark(channel, now)
        was, channel.running = channel.running, ""
        return channel.event if was else None

    def _finish(self, index: int, channel: Channel, reason: int, now: int) -> None:
        event = self._rest(channel, now)
        if event is not None:
            self._ended(index, event, reason)

    def _safe(self, mask: int, now: int) -> None:
        for index, channel in self.channels.items():
            if mask >> index & 1:
                self._finish(index, channel, p.BY_SAFE, now)

    def _configure(self, index: int, *values: int, now: int) -> int:
        pin, flags, safe, longest, gap, watchdog = values
        if watchdog == 0 or not 0 < longest <= p.MAX_US or gap > p.MAX_US:
            return p.BAD_VALUE
        taken = {channel.pin for number, channel in self.channels.items() if number != index}
        if pin in taken or (self.test is not None and self.test.pin == pin):
            return p.BAD_PIN
        if index in self.channels:
            self._finish(index, self.channels[index], p.BY_SAFE, now)
        channel = Channel(pin, flags, safe, longest, gap, watchdog * 1000, now)
        self.channels[index] = channel
        if channel.analog:
            self.set_pin(pin, safe, True)
        else:
            self._digital(channel, False)
        return p.OK

    def _start_test(self, sequence: int, *values: int, now: int) -> int:
        index, pin, flags, wait, span, timeout = values
        if self.test is not None:
            return p.BUSY
        if pin in {channel.pin for channel in self.channels.values()}:
            return p.BAD_PIN
        lights = now + wait * 1000 + self.random.randint(0, span * 1000)
        self.test = SelfTest(index, pin, bool(flags & p.ACTIVE_LOW), sequence, lights, timeout * 1000)
        self.set_pin(pin, int(self.test.low), False)
        return p.OK

    def _advance_test(self, test: SelfTest, now: int) -> None:
        if test.lit_us is None and now >= test.lights_us:
            test.lit_us = now
            self.set_pin(test.pin, int(not test.low), False)
        elif test.lit_us is not None and now - test.lit_us >= test.timeout_us:
            self._report_test(test, p.NO_REPLY)

    def _answered(self, index: int, now: int) -> None:
        test = self.test
        if test is not None and test.channel == index:
            if test.lit_us is None:
                test.early += 1
            else:
                self._report_test(test, now - test.lit_us)

    def _report_test(self, test: SelfTest, reply: int) -> None:
        self._end_test(test)
        self.send(p.pack(p.SELFTEST_REPLY, test.sequence, test.channel, test.lit_us or 0, reply, test.early))

    def _end_test(self, test: SelfTest) -> None:
        self.set_pin(test.pin, int(test.low), False)
        self.test = None

    def _ended(self, index: int, event: int, reason: int) -> None:
        trips = self.trips.get(index, 0)
        self.send(p.pack(p.ENDED, 0, index, event, self.clock_us(), reason, trips & 0xFFFF))

    def _hello(self, sequence: int) -> None:
        self.send(p.pack(p.HELLO_REPLY, sequence, p.PROTOCOL, 1, 0, p.MAX_CHANNELS, 0, self.clock_us()))


def forget(device: SimulatedDevice) -> None:
    """Power off: every output goes low, all is forgotten."""
    for channel in device.channels.values():
        device.set_pin(channel.pin, 0, channel.analog)
    if device.test is not None:
        device.set_pin(device.test.pin, 0, False)
    fresh: dict[str, Any] = {"channels": {}, "trips": {}, "parser": p.Parser(), "test": None}
    for name, value in fresh.items():
        setattr(device, name, value)
