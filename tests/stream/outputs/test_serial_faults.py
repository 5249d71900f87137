"""Kind serial while the device misbehaves: nothing waits, nothing old comes alive, and the device's word agrees."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from firmware import act, answered, output, seconds, start, until
from posewire.outputs import serial_protocol as p
from posewire.outputs.device import Done
from posewire.outputs.serial import SerialOutput
from posewire_bench.simulated_firmware import SimulatedFirmware
from posewire_models.errors import WorkError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")

MS = 1_000_000


@pytest.fixture
def firmware() -> Iterator[SimulatedFirmware]:
    with start("simulated") as running:
        yield running


def armed(device: SerialOutput) -> bool:
    """Whether it would take an act."""
    assert device._link is not None
    assert device._member is not None
    return not device._member.tripped and not device._link._late(device._member)


def try_acts(device: SerialOutput, duration: float) -> tuple[list[int], list[int], list[Done]]:
    """An act every few ms: numbers of those that were taken, of those that were not, and what was told."""
    taken: list[int] = []
    refused: list[int] = []

    def one_more(_: object) -> bool:
        event = 1000 + len(taken) + len(refused)
        try:
            device.act(act(event))
            taken.append(event)
        except BlockingIOError:
            refused.append(event)
        return over([])

    over = seconds(duration)
    told = until(one_more, device)
    return taken, refused, told


def fill(descriptor: int) -> None:
    """Write what no frame begins with until not one byte more is taken."""
    for size in (64, 1):
        try:
            while True:
                os.write(descriptor, bytes(size))
        except BlockingIOError:
            pass


def test_what_a_device_did_not_read_in_time_never_comes_alive(firmware: SimulatedFirmware) -> None:
    device = output(firmware, width_ns=1 * MS)
    device.act(act(1))
    until(lambda _: firmware.record().pulses_ns(5), device)
    before = len(firmware.record().of(5))
    firmware.ask("stall", 0.6)
    taken, refused, told = try_acts(device, 0.5)
    # It takes acts until the silence shows, or the device has told of its trip; then no more.
    assert refused
    told += until(lambda done: all(any(one.event == event for one in done + told) for event in taken), device)
    until(lambda _: armed(device), device)
    assert all(done.problem for done in told if done.event in taken)
    assert len(firmware.record().of(5)) == before
    device.act(act(2))
    told = until(answered(2), device)
    assert [done.problem for done in told if done.event == 2] == [""]
    device.close()


def test_an_output_that_is_on_ends_though_the_device_reads_nothing(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="while")
    device.act(act(1, "on"))
    until(answered(1), device)
    firmware.ask("stall", 60)
    told = until(lambda done: any(one.problem for one in done), device)
    assert "no heartbeat" in told[-1].problem
    assert [edge.value for edge in firmware.record().of(5)] == [1, 0]
    with pytest.raises(BlockingIOError):
        device.act(act(2, "on"))
    device.close()


def test_a_full_port_never_blocks_and_is_emptied_for_the_safe_state(firmware: SimulatedFirmware) -> None:
    device = output(firmware, width_ns=1 * MS)
    firmware.ask("stall", 0.5)
    descriptor = device.fileno()
    assert descriptor is not None
    fill(descriptor)
    for event in range(20):
        with pytest.raises(BlockingIOError):
            device.act(act(event))
    with pytest.raises(BlockingIOError):
        device.beat()
    device.safe()  # throws away what the port holds
    until(answered(-1), device)
    until(lambda _: armed(device), device)
    device.act(act(100))
    told = until(answered(100), device)
    assert told[-1].problem == ""
    assert [frame.kind for frame in firmware.record().reads].count(p.SAFE) >= 1
    assert len(firmware.record().of(5)) == 2
    device.close()


def test_a_frame_that_went_out_in_part_is_no_command_and_brings_safe(firmware: SimulatedFirmware) -> None:
    light, sound = output(firmware, "light", 5, mode="while"), output(firmware, "sound", 6)
    light.act(act(1, "on"))
    until(answered(1), light, sound)
    link = sound._link
    assert link is not None
    # The system takes a part: eleven bytes of a pulse.
    pulse = p.pack(p.PULSE, 200, 1, 2, 0, 1000, 1, 0)
    assert link._port.write(pulse[:11]) == 11
    link._cut(pulse[11])
    told = until(lambda done: any(one.problem for one in done), light, sound)
    assert told[-1] == Done(1, told[-1].acked_ns, told[-1].device_us, "ended: a frame had gone out in part")
    record = firmware.record()
    assert [edge.value for edge in record.of(5)] == [1, 0]
    assert record.of(6) == []
    assert p.PULSE not in [frame.kind for frame in record.reads]
    sound.act(act(3))
    assert until(answered(3), light, sound)[-1].problem == ""
    light.close()
    sound.close()


def test_late_answers_are_told_as_such_and_stop_acts(firmware: SimulatedFirmware) -> None:
    device = output(firmware)
    firmware.ask("late", 0.3)
    taken, refused, _ = try_acts(device, 0.4)
    assert taken
    assert refused
    firmware.ask("late", 0)
    until(lambda _: armed(device), device)
    device.close()


def test_an_answer_that_does_not_come_is_told(firmware: SimulatedFirmware) -> None:
    device = output(firmware)
    firmware.ask("late", 60)
    device.act(act(1))
    (done,) = until(answered(1), device)
    assert "lost" in done.problem
    device.close()


def test_garbage_from_the_device_hides_no_answer(firmware: SimulatedFirmware) -> None:
    device = output(firmware, width_ns=MS)
    for event in range(1, 6):
        firmware.ask("garbage", 1000)
        device.act(act(event))
        told = until(answered(event), device)
        assert [done.problem for done in told] == [""]
        until(lambda _: firmware.record().of(5)[-1].value == 0, device)
    device.close()


def test_a_device_that_starts_anew_is_off_and_stays_off(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="while")
    device.act(act(1, "on"))
    until(answered(1), device)
    firmware.ask("reset")
    with pytest.raises(WorkError, match=r"started anew .* its outputs are off"):
        until(lambda _: False, device)
    with pytest.raises(WorkError):
        device.act(act(2, "on"))
    assert [edge.value for edge in firmware.record().of(5)] == [1, 0]
    device.close()
    output(firmware).close()


def test_a_device_that_is_unplugged_is_told(firmware: SimulatedFirmware) -> None:
    device = output(firmware)
    firmware.ask("die")
    with pytest.raises(WorkError, match="is gone"):
        until(lambda _: False, device)
    with pytest.raises(WorkError):
        device.act(act(1))
    with pytest.raises(WorkError):
        device.safe()
    device.close()
    device.close()


def test_a_device_that_hung_looks_at_its_watchdog_before_it_reads(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="while")
    device.act(act(1, "on"))
    until(answered(1), device)
    process = firmware.process
    assert process.stdin is not None
    process.stdin.write("hang 0.3\n")
    process.stdin.flush()
    told = until(lambda done: any(one.problem for one in done), device)
    assert "no heartbeat" in told[-1].problem
    assert process.stdout is not None
    assert process.stdout.readline() == "ok\n"
    assert [edge.value for edge in firmware.record().of(5)] == [1, 0]
    device.close()
