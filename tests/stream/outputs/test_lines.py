"""Kinds of vendors' devices, against stand-ins with the calls of their documentation: no such device is at hand here.

What is shown: that each asks for what its options say, in the right order, and that a library's error is told as ours.
"""

from __future__ import annotations

import sys
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from posewire.outputs.device import Act, Device
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError


def act(what: str, value: float = 0.0) -> Act:
    return Act(1, what, value, 10**9, "rule", 0, 1, 0)


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__spec__ = SimpleNamespace(name=name)  # type: ignore[assignment]
    for member, value in members.items():
        setattr(module, member, value)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []

    class Task:
        def __init__(self, new_task_name: str = "") -> None:
            self.do_channels = SimpleNamespace(add_do_chan=lambda lines: made.append(("do", lines)))
            self.ao_channels = SimpleNamespace(
                add_ao_voltage_chan=lambda channel, *, min_val, max_val: made.append(("ao", channel, min_val, max_val))
            )

        def start(self) -> None:
            made.append("start")

        def write(self, data: Any, *, timeout: float) -> None:
            made.append(data)

        def close(self) -> None:
            made.append("close")

    def open_s(device: str, connection: str, identifier: str) -> int:
        made.append(("open", device, connection, identifier))
        if identifier == "none":
            raise OSError("LJME_DEVICE_NOT_FOUND\nsecond line")
        return 7

    ljm = SimpleNamespace(
        openS=open_s,
        eWriteName=lambda handle, name, value: made.append((handle, name, value)),
        getHandleInfo=lambda handle: (7, 1, 470012345, 0, 0, 64),
        close=lambda handle: made.append("close"),
    )

    class Direction(Enum):
        OUTPUT = 3

    class Value(Enum):
        INACTIVE = 0
        ACTIVE = 1

    def request_lines(path: str, config: dict[int, Any], consumer: str) -> Any:
        made.append((path, consumer, config))
        return SimpleNamespace(
            set_value=lambda line, value: made.append((line, value.name)), release=lambda: made.append("close")
        )

    stand_in(monkeypatch, "nidaqmx", Task=Task)
    stand_in(monkeypatch, "labjack", ljm=ljm)
    stand_in(
        monkeypatch,
        "gpiod",
        line=SimpleNamespace(Direction=Direction, Value=Value),
        LineSettings=lambda **settings: settings["active_low"],
        request_lines=request_lines,
    )
    return made


def used(kind: str, mode: str = "pulse", safe: float = 0.0, **options: Any) -> None:
    device = open_device(OutputSpec("light", kind, mode=mode, safe=safe, options=options), "main")
    assert isinstance(device, Device)
    assert (device.blocking, device.times_itself, device.watchdog) == (True, False, False)
    device.open()
    if mode == "follow":
        device.act(act("value", 0.5))
        device.act(act("value", 9.0))
    else:
        device.act(act("on"))
        device.act(act("off"))
    device.beat()
    device.close()
    device.close()
    with pytest.raises(WorkError, match=r"output 'light' .* is not open"):
        device.safe()


def test_nidaq_digital(calls: list[Any]) -> None:
    used("nidaq", line="Dev1/port0/line3", active_low=True)
    assert calls == [("do", "Dev1/port0/line3"), "start", True, False, True, True, "close"]


def test_nidaq_analog(calls: list[Any]) -> None:
    used("nidaq", "follow", safe=0.25, line="Dev1/ao1", low_volts=1.0, high_volts=5.0)
    assert calls == [("ao", "Dev1/ao1", 1.0, 5.0), "start", 2.0, 3.0, 5.0, 2.0, "close"]


def test_labjack(calls: list[Any]) -> None:
    used("labjack", line="FIO4", device="T7", connection="USB", identifier="470012345")
    used("labjack", "follow", line="DAC0", high_volts=2.0)
    lit = [(7, "FIO4", value) for value in (0.0, 1.0, 0.0, 0.0)]
    followed = [(7, "DAC0", value) for value in (0.0, 1.0, 2.0, 0.0)]
    first, second = ("open", "T7", "USB", "470012345"), ("open", "ANY", "ANY", "ANY")
    assert calls == [first, *lit, "close", second, *followed, "close"]


def test_a_vendors_error_is_one_line_that_names_the_output(calls: list[Any]) -> None:
    device = open_device(OutputSpec("light", "labjack", options={"line": "FIO4", "identifier": "none"}), "main")
    with pytest.raises(WorkError, match=r"^output 'light' \(labjack\): LJME_DEVICE_NOT_FOUND$"):
        device.open()
    device.close()


@pytest.mark.skipif(sys.platform != "linux", reason="GPIO lines are there on Linux only")
def test_gpio(calls: list[Any]) -> None:
    used("gpio", chip="gpiochip4", line=17, active_low=True)
    states = [(17, "ACTIVE"), (17, "INACTIVE"), (17, "INACTIVE")]
    assert calls == [("/dev/gpiochip4", "posewire", {17: True}), *states, "close"]


@pytest.mark.skipif(sys.platform == "linux", reason="GPIO lines are there on Linux")
def test_gpio_elsewhere() -> None:
    with pytest.raises(InputError, match="on Linux only"):
        open_device(OutputSpec("light", "gpio", options={"chip": "gpiochip0", "line": 17}), "main")


@pytest.mark.parametrize(
    ("kind", "package", "options"),
    [
        ("nidaq", "nidaqmx", {"line": "Dev1/ao0"}),
        ("labjack", "labjack", {"line": "FIO4"}),
        ("gpio", "gpiod", {"chip": "gpiochip0", "line": 1}),
    ],
)
def test_a_missing_library_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, kind: str, package: str, options: dict[str, Any]
) -> None:
    if kind == "gpio" and sys.platform != "linux":
        pytest.skip("GPIO lines are there on Linux only")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WorkError, match=rf"output 'light' \({kind}\): needs .*; install it with: pip install"):
        open_device(OutputSpec("light", kind, options=options), "main")
