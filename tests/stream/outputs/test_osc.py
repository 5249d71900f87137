"""Kind osc against a UDP listener that reads with python-osc, as Bonsai does with its own reader."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pythonosc.osc_message import OscMessage

from posewire.clock import now_ns
from posewire.outputs.device import Act, Device
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError


class Listener:
    """A UDP socket on loopback; ``read`` gives address, type tags and arguments of the next message."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def read(self) -> tuple[str, str, list[Any]]:
        data = self.socket.recv(2048)
        tags = data[data.index(b",") + 1 :]
        message = OscMessage(data)
        self.last = message.address, tags[: tags.index(b"\0")].decode("ascii"), list(message.params)
        return self.last

    def nothing(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.read()
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(10)
        return False


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.socket.close()


def opened(listener: Listener, mode: str = "pulse", safe: float = 0.0, **options: Any) -> Device:
    device = open_device(
        OutputSpec("light", "osc", mode=mode, safe=safe, options={"port": listener.port, "alive_ms": 0, **options}),
        "main",
    )
    device.open()
    assert listener.read()[2][4] == "safe"
    return device


def test_an_event_carries_all_that_is_known_of_it(listener: Listener) -> None:
    device = opened(listener)
    assert isinstance(device, Device)
    assert device.times_itself
    assert not device.watchdog
    decided = now_ns()
    device.act(Act(12, "pulse", 0.0, 0, "light-in-corner", 3, 340, decided))
    assert listener.read() == (
        "/posewire/main/event",
        "isiisfh",
        [12, "light-in-corner", 3, 340, "pulse", 1.0, decided],
    )
    assert listener.read() == ("/posewire/main/light-in-corner", "f", [1.0])
    device.close()


def test_the_safe_state_puts_back_what_is_on(listener: Listener) -> None:
    device = opened(listener, "while", edges=True)
    assert not device.times_itself
    device.act(Act(1, "on", 0.0, 10**9, "in corner/left", 0, 1, now_ns()))
    listener.read()
    assert listener.read() == ("/posewire/main/in_corner_left", "f", [1.0])
    device.safe()
    assert listener.read()[2][4] == "safe"
    assert listener.read() == ("/posewire/main/in_corner_left", "f", [0.0])
    device.safe()
    assert listener.read()[2][4] == "safe"
    assert listener.nothing()
    device.close()


def test_a_value_follows(listener: Listener) -> None:
    device = opened(listener, "follow", safe=0.5)
    device.act(Act(1, "value", 0.75, 0, "speed", 0, 1, now_ns()))
    assert listener.read()[2][4:6] == ["value", 0.75]
    assert listener.read() == ("/posewire/main/speed", "f", [0.75])
    device.close()
    assert listener.read()[2][4:6] == ["safe", 0.5]
    assert listener.read() == ("/posewire/main/speed", "f", [0.5])


def test_a_sign_of_life_counts_up(listener: Listener) -> None:
    device = opened(listener, alive_ms=1)
    beats = 0
    for number in range(3):
        while listener.nothing():
            device.beat()
            beats += 1
        assert listener.last == ("/posewire/main/alive", "i", [number])
    assert beats >= 3
    device.close()


def test_nobody_who_listens_is_no_trouble(listener: Listener) -> None:
    device = opened(listener)
    listener.socket.close()
    for event in range(20):
        device.act(Act(event, "pulse", 0.0, 0, "rule", 0, 1, now_ns()))
        device.beat()
    device.close()
    device.close()
    with pytest.raises(WorkError, match="is not open"):
        device.act(Act(1, "pulse", 0.0, 0, "rule", 0, 1, now_ns()))


def test_what_cannot_be_is_one_line() -> None:
    with pytest.raises(InputError, match="'no host' has no address"):
        open_device(OutputSpec("o", "osc", options={"port": 9, "host": "no host"}), "main").open()
    with pytest.raises(InputError, match="with a delay it needs edges = true"):
        open_device(OutputSpec("o", "osc", delay_ns=1, options={"port": 9}), "main")
    open_device(OutputSpec("o", "osc", delay_ns=1, options={"port": 9, "edges": True}), "main")
