"""Kind ``osc``: every act as OSC messages by UDP, for Bonsai, Max, Pure Data and the like. See docs/outputs.md.

``/posewire/<stream>/event``   ``isiisfh``: event, rule, animal, frame, what, value, decided (ns of the session's clock)
``/posewire/<stream>/<rule>``  ``f``: 1 pulse or on, 0 off, the value of ``follow``; the safe value in the safe state
``/posewire/<stream>/alive``   ``i``: counts up, every ``alive_ms``, for receivers that watch over us
"""

from __future__ import annotations

import importlib.util
import re
import socket
from typing import Any

from posewire.clock import now_ns
from posewire.outputs.device import Act, Done
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError

OPTIONS = (
    Option("host", "127.0.0.1"),
    Option("port", 9000, required=True, least=1, most=65535),
    Option("edges", False),
    Option("alive_ms", 100, least=0, most=60_000),
)

_NOT_IN_AN_ADDRESS = re.compile(r"[^A-Za-z0-9_.-]")


def open_device(spec: OutputSpec, stream: str) -> OscOutput:
    """Raises InputError for options that are wrong, WorkError without python-osc."""
    options = read_options(spec, OPTIONS)
    check_edges(spec, options["edges"])
    if importlib.util.find_spec("pythonosc") is None:
        raise missing_package(spec, "python-osc", "pip install 'posewire[outputs]'")
    return OscOutput(spec, stream, options)


def check_edges(spec: OutputSpec, edges: bool) -> None:
    """A message that goes out at once cannot be one that comes after a delay. Raises InputError."""
    if spec.mode == "pulse" and spec.delay_ns and not edges:
        raise InputError(
            f"output {spec.name!r} ({spec.kind}): the message of a pulse goes out at once; with a delay it needs "
            "edges = true (a message at each beginning and end)"
        )


def part(name: str) -> str:
    """A name as it may stand in an OSC address: anything but letters, digits, ``_``, ``.`` and ``-`` becomes ``_``."""
    return _NOT_IN_AN_ADDRESS.sub("_", name)


class OscOutput:
    """Sends and forgets: UDP tells nobody whether it came. A pulse is one message, with ``edges`` two for each pulse.

    Nothing at the other end is known to go off by itself, so that it has no watchdog.
    """

    blocking = False
    watchdog = False

    def __init__(self, spec: OutputSpec, stream: str, options: dict[str, Any]) -> None:
        self.spec = spec
        self.times_itself = spec.mode == "pulse" and not options["edges"]
        self._options = options
        self._root = f"/posewire/{part(stream)}/"
        self._socket: socket.socket | None = None
        self._not_safe: dict[str, bool] = {}  # rules whose last value was not the safe one
        self._alive = 0
        self._alive_ns = 0
        self._message: Any = None

    def open(self) -> str:
        """Raises InputError for a host that has no address."""
        host, port = self._options["host"], self._options["port"]
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise InputError(f"output {self.spec.name!r} (osc): host {host!r} has no address: {error}") from error
        from pythonosc.osc_message_builder import OscMessageBuilder

        self._message = OscMessageBuilder
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._socket.connect(address)
        self.safe()
        return f"OSC to {host}:{port}, {self._root}event and {self._root}<rule>"

    def act(self, act: Act) -> None:
        value = {"pulse": 1.0, "on": 1.0, "off": 0.0}.get(act.what, act.value)
        if act.what == "pulse":
            self._not_safe.setdefault(act.rule, False)  # it is over when it is told
        else:
            self._not_safe[act.rule] = value != self.spec.safe
        self._event(act.event, act.rule, act.animal, act.frame, act.what, value, act.decided_ns)
        self._send(self._root + part(act.rule), ("f", value))

    def beat(self) -> None:
        every_ns = self._options["alive_ms"] * 1_000_000
        if every_ns and (now := now_ns()) - self._alive_ns >= every_ns:
            self._alive_ns = now
            self._send(self._root + "alive", ("i", self._alive))
            self._alive = (self._alive + 1) & 0x7FFFFFFF

    def safe(self) -> None:
        """An event ``safe``, and the safe value to every rule whose last value was another one."""
        self._event(-1, "", -1, -1, "safe", self.spec.safe, now_ns())
        for rule in [rule for rule, lit in self._not_safe.items() if lit]:
            self._send(self._root + part(rule), ("f", self.spec.safe))
            self._not_safe[rule] = False

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        if self._socket is not None:
            try:
                self.safe()
            except (OSError, WorkError):
                pass
            self._socket.close()
            self._socket = None

    def _event(self, event: int, rule: str, animal: int, frame: int, what: str, value: float, decided_ns: int) -> None:
        arguments = (("i", event), ("s", rule), ("i", animal), ("i", frame), ("s", what), ("f", value))
        self._send(self._root + "event", *arguments, ("h", decided_ns))

    def _send(self, address: str, *arguments: tuple[str, Any]) -> None:
        if self._socket is None:
            raise WorkError(f"output {self.spec.name!r} (osc): is not open")
        builder = self._message(address=address)
        for kind, value in arguments:
            builder.add_arg(value, kind)
        try:
            self._socket.send(builder.build().dgram)
        except ConnectionError:
            pass  # nobody listens there (yet): the system says so at the next message, and that is no fault of ours
