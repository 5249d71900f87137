"""The virtual LED: what was done to it can be read, also while it is written, and after nobody vouches for it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from posewire.clock import now_ns
from posewire.outputs.device import Act, Device
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire.outputs.virtual_led import RING, WATCHDOG_NS, VirtualLed, VirtualLedDevice
from posewire_models.errors import InputError, WorkError


def act(event: int, what: str, value: float = 1.0) -> Act:
    return Act(event, what, value, 0, "rule", 0, 0, 0)


@pytest.fixture
def device(tmp_path: Path) -> VirtualLedDevice:
    device = open_device(OutputSpec("light", "virtual-led", options={"file": str(tmp_path / "led")}), "main")
    assert isinstance(device, VirtualLedDevice)
    assert isinstance(device, Device)
    assert str(tmp_path) in device.open()
    return device


def test_changes_are_stamped_and_counted(device: VirtualLedDevice) -> None:
    before = now_ns()
    device.act(act(7, "on"))
    device.act(act(8, "on"))
    device.act(act(8, "off"))
    device.act(act(9, "value", 0.25))
    with VirtualLed(device.path) as led:
        assert led.on
        assert led.value() == 0.25
        device.safe()
        assert not led.on
        assert led.rises == 2
        changes = led.changes()
    assert [(change.value, change.event) for change in changes] == [(1, 7), (0, 8), (0.25, 9), (0, -1)]
    assert sorted(change.time_ns for change in changes) == [change.time_ns for change in changes]
    assert before <= changes[0].time_ns <= now_ns()
    device.close()
    device.close()


def test_the_ring_keeps_the_newest(device: VirtualLedDevice) -> None:
    for event in range(RING + 10):
        device.act(act(event, "off" if event % 2 else "on"))
    with VirtualLed(device.path) as led:
        assert [change.event for change in led.changes()] == list(range(10, RING + 10))
        assert led.rises == RING // 2 + 5


def test_without_beats_the_light_is_off(device: VirtualLedDevice) -> None:
    device.act(act(1, "on"))
    with VirtualLed(device.path) as led:
        on = led.changes()[-1]
        until = now_ns() + 10_000_000_000
        while led.on:
            assert now_ns() < until
        assert now_ns() - on.time_ns >= WATCHDOG_NS
        assert [change.time_ns - on.time_ns for change in led.changes()] == [0, WATCHDOG_NS]
        device.beat()
        assert led.on
        assert len(led.changes()) == 1


def test_a_reader_never_sees_half_a_change(device: VirtualLedDevice) -> None:
    stop = threading.Event()

    def blink() -> None:
        event = 0
        while not stop.is_set():
            device.act(act(event, "value", event + 1.0))
            event += 1

    thread = threading.Thread(target=blink)
    thread.start()
    try:
        with VirtualLed(device.path) as led:
            while led.rises < 1 or len(led.changes()) < 200:
                pass
            for _ in range(50):
                assert all(change.value == change.event + 1.0 for change in led.changes())
    finally:
        stop.set()
        thread.join()


def test_another_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "poses.csv").write_text("precious")
    spec = OutputSpec("light", "virtual-led", options={"file": str(tmp_path / "poses.csv")})
    with pytest.raises(InputError, match="is no virtual LED"):
        open_device(spec, "main").open()
    assert (tmp_path / "poses.csv").read_text() == "precious"
    with pytest.raises(InputError, match="no virtual LED"):
        VirtualLed(tmp_path / "poses.csv")
    with pytest.raises(InputError, match="start the run"):
        VirtualLed(tmp_path / "none")
    with pytest.raises(WorkError, match="cannot be written"):
        open_device(OutputSpec("light", "virtual-led", options={"file": str(tmp_path / "no" / "led")}), "main").open()


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file"):
        open_device(OutputSpec("light", "virtual-led"), "main")
    with pytest.raises(InputError, match="did you mean 'file'"):
        open_device(OutputSpec("light", "virtual-led", options={"files": "led"}), "main")
