"""Kind ``serial``: a microcontroller with Posewire's firmware, one channel of it. See docs/serial.md.

The device times pulses itself, ends what is on after its longest time, and goes safe when the heartbeat stops.
"""

from __future__ import annotations

import importlib.util
import os
from typing import Any

from posewire.outputs import serial_protocol as p
from posewire.outputs.device import Act, Done
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.serial_link import Member, SerialLink
from posewire.outputs.serial_port import POSIX
from posewire.outputs.serial_sharing import join, leave
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire_models.errors import InputError, WorkError

OPTIONS = (
    Option("port", "COM3", required=True),
    Option("pin", 13, required=True, least=0, most=254),
    Option("channel", -1, least=0, most=p.MAX_CHANNELS - 1),
    Option("baud", 115200, least=1200, most=12_000_000),
    Option("active_low", False),
    Option("min_gap_us", 0, least=0, most=p.MAX_US),
    Option("watchdog_ms", 100, least=40, most=10_000),
    Option("self_test_pin", -1, least=0, most=254),
)


def open_device(spec: OutputSpec, stream: str) -> SerialOutput:
    """Raises InputError for options or times that the protocol cannot carry, WorkError without pyserial."""
    options = read_options(spec, OPTIONS)
    for name, time_ns in (("delay", spec.delay_ns), ("width", spec.width_ns), ("period", spec.period_ns)):
        if spec.mode == "pulse" and time_ns > p.MAX_US * 1000:
            raise InputError(f"output {spec.name!r} (serial): a {name} of {time_ns / 6e10:.1f} min; 35 is the most")
    if spec.mode == "pulse" and not 1 <= spec.count <= 65535:
        raise InputError(f"output {spec.name!r} (serial): {spec.count} pulses in a train; 65535 is the most")
    if spec.mode == "pulse" and spec.width_ns < 1000:
        raise InputError(f"output {spec.name!r} (serial): a width of {spec.width_ns} ns; 1 us is the least")
    if importlib.util.find_spec("serial") is None:
        raise missing_package(spec, "pyserial", "pip install 'posewire[outputs]'")
    return SerialOutput(spec, options)


class SerialOutput:
    """One channel of a device on a port; several outputs may share a port, and then share its connection."""

    blocking = not POSIX  # Windows can only say that a write did not end in time
    times_itself = True
    watchdog = True

    def __init__(self, spec: OutputSpec, options: dict[str, Any]) -> None:
        self.spec = spec
        self.watchdog_ns = options["watchdog_ms"] * 1_000_000
        self._options = options
        self._link: SerialLink | None = None
        self._member: Member | None = None
        self._descriptor: int | None = None
        self._train = (spec.delay_ns // 1000, spec.width_ns // 1000, spec.count, spec.period_ns // 1000)

    def open(self) -> str:
        """Raises InputError (no such port, pin, channel), WorkError (nothing answers)."""
        options, spec = self._options, self.spec
        flags = (p.ACTIVE_LOW if options["active_low"] else 0) | (p.ANALOG if spec.mode == "follow" else 0)
        longest = p.MAX_US if spec.max_on_ns >= NEVER_NS else min(max(1, spec.max_on_ns // 1000), p.MAX_US)
        self._link, self._member = join(
            options["port"],
            options["baud"],
            lambda link: link.attach(
                spec.name,
                None if options["channel"] < 0 else options["channel"],
                options["pin"],
                self.watchdog_ns,
                flags,
                _level(spec.safe) if spec.mode == "follow" else 0,
                longest,
                options["min_gap_us"],
            ),
        )
        self._member.test_pin = options["self_test_pin"]
        link, member = self._link, self._member
        self._descriptor = link.descriptor() if POSIX else None
        return (
            f"firmware {link.firmware} on {link.path}, channel {member.channel} on pin {member.pin}, "
            f"safe {options['watchdog_ms']} ms after the last heartbeat"
        )

    def act(self, act: Act) -> None:
        link, member = self._opened()
        if act.what == "pulse":
            link.start(member, p.PULSE, act.event, *self._train)
        elif act.what == "on":
            link.start(member, p.ON, act.event, min(max(1, act.longest_ns // 1000), p.MAX_US))
        elif act.what == "value":
            link.start(member, p.VALUE, act.event, _level(act.value))
        else:
            link.stop(member, act.event)

    def beat(self) -> None:
        link, member = self._opened()
        link.beat(member)

    def safe(self) -> None:
        link, member = self._opened()
        link.safe(member)

    def fileno(self) -> int | None:
        """A descriptor of its own for the port: of outputs on one port, all are ready when one is."""
        return self._descriptor

    def receive(self) -> list[Done]:
        """Answers. Event -1 belongs to no act: a trip of the watchdog while nothing was on, and with ``self_test_pin``
        the replies that the board measured: ``device_us`` from its LED to this output's start."""
        link, member = self._opened()
        return link.take(member)

    def close(self) -> None:
        link, member, self._link, self._member = self._link, self._member, None, None
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        if link is not None and member is not None:
            leave(link, member)

    def _opened(self) -> tuple[SerialLink, Member]:
        if self._link is None or self._member is None:
            raise WorkError(f"output {self.spec.name!r} (serial): is not open")
        return self._link, self._member


def _level(value: float) -> int:
    """0.0..1.0 as 0..65535; what lies beyond is clamped."""
    return round(65535 * min(1.0, max(0.0, value)))
