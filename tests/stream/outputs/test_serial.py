"""Kind serial against a device behind a real pseudo-terminal: the simulated one, and the sketch's own logic.

What a pin did is the device's word: its own record, by its own clock.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from firmware import Raw, act, answered, output, seconds, start, until
from posewire.outputs import serial_protocol as p
from posewire.outputs.device import Device, Done
from posewire_bench.simulated_firmware import SimulatedFirmware
from posewire_models.errors import InputError, WorkError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")

MS = 1_000_000
COARSE_NS = 2_000  # both edges are told to whole us, by a clock of whole us


@pytest.fixture(params=["simulated", "native"])
def firmware(request: pytest.FixtureRequest) -> Iterator[SimulatedFirmware]:
    with start(request.param) as running:
        yield running


@pytest.fixture
def raw(firmware: SimulatedFirmware) -> Iterator[Raw]:
    port = Raw(firmware.port)
    port.send(p.pack(p.HELLO, 1, p.PROTOCOL))
    assert port.get(p.HELLO_REPLY, 1)[0] == p.PROTOCOL
    yield port
    port.close()


def test_a_train_is_as_it_was_asked_for(firmware: SimulatedFirmware) -> None:
    device = output(firmware, delay_ns=3 * MS, width_ns=2 * MS, count=5, period_ns=6 * MS)
    assert isinstance(device, Device)
    assert device.times_itself
    assert device.watchdog
    asked = act(1)
    device.act(asked)
    told = until(lambda _: len(firmware.record().pulses_ns(5)) == 5, device)
    assert [(done.event, done.problem) for done in told] == [(1, "")]
    assert told[0].device_us is not None
    pulses = firmware.record().pulses_ns(5)
    assert pulses[0][0] >= asked.decided_ns + 3 * MS - COARSE_NS
    for on, off in pulses:
        assert 2 * MS - COARSE_NS <= off - on < 200 * MS
    # Starts keep to their grid: lateness of one does not add up.
    assert pulses[4][0] - asked.decided_ns >= (3 + 4 * 6) * MS - COARSE_NS
    device.close()


def test_on_ends_by_off(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="while")
    device.act(act(1, "on"))
    until(answered(1), device)
    assert firmware.record().of(5)[-1].value == 1
    device.act(act(2, "off"))
    until(answered(2), device)
    assert firmware.record().of(5)[-1].value == 0
    device.close()


@pytest.mark.parametrize(("longest_ns", "max_on_ns"), [(30 * MS, 2**62), (10_000 * MS, 30 * MS)])
def test_on_ends_after_its_longest_time_by_the_device_itself(
    firmware: SimulatedFirmware, longest_ns: int, max_on_ns: int
) -> None:
    device = output(firmware, mode="while", max_on_ns=max_on_ns)
    device.act(act(1, "on", longest_ns=longest_ns))
    until(lambda _: firmware.record().pulses_ns(5), device)
    ((on, off),) = firmware.record().pulses_ns(5)
    assert off - on >= 30 * MS - COARSE_NS
    device.close()


@pytest.mark.parametrize("running", ["on", "pulse"])
def test_without_a_heartbeat_all_ends_and_is_refused_until_the_trip_is_known(
    firmware: SimulatedFirmware, running: str
) -> None:
    device = output(firmware, mode="while" if running == "on" else "pulse", width_ns=9_000 * MS)
    device.act(act(1, running))
    until(answered(1), device)
    while not firmware.record().pulses_ns(5):  # nobody calls beat
        pass
    (done,) = until(answered(1), device)
    assert "no heartbeat for 100 ms" in done.problem
    ((on, off),) = firmware.record().pulses_ns(5)
    assert off - on < 8_000 * MS
    # Armed again by itself, since the notice came and the heart beats: new acts are obeyed, the old one is not.
    until(lambda _: device._member is not None and not device._member.tripped, device)
    assert len(firmware.record().pulses_ns(5)) == 1
    device.act(act(2, running))
    (done,) = until(answered(2), device)
    assert done.problem == ""
    device.close()


def test_safe_ends_a_train_and_what_was_to_come(firmware: SimulatedFirmware) -> None:
    device = output(firmware, width_ns=5 * MS, count=1000, period_ns=10 * MS)
    device.act(act(1))
    until(lambda _: len(firmware.record().pulses_ns(5)) >= 2, device)
    device.safe()
    until(seconds(0.1), device)
    ended = firmware.record().of(5)
    assert ended[-1].value == 0
    until(seconds(0.1), device)
    assert firmware.record().of(5) == ended
    device.close()


def test_outputs_on_one_port_share_it(firmware: SimulatedFirmware) -> None:
    light, sound = output(firmware, "light", 5), output(firmware, "sound", 6, options={"active_low": True})
    with pytest.raises(InputError, match=r"pin 6 of .* is that of output 'sound'"):
        output(firmware, "third", 6)
    with pytest.raises(InputError, match=r"channel 0 of .* is that of output 'light'"):
        output(firmware, "third", 7, options={"channel": 0})
    with pytest.raises(InputError, match="is open at 115200 baud"):
        output(firmware, "third", 7, options={"baud": 9600})
    light.act(act(1))
    sound.act(act(1))
    # Each hears its own answer, though both have the same number and come by the same wire.
    assert len(until(answered(1), light)) == 1
    assert len(until(answered(1), sound)) == 1
    until(lambda _: firmware.record().pulses_ns(5) and firmware.record().of(6)[-1].value == 1, light, sound)
    light.close()
    sound.act(act(2))
    until(answered(2), sound)
    sound.close()
    sound.close()
    # Nobody has the port any more: it can be opened anew.
    output(firmware).close()
    assert [edge.value for edge in firmware.record().of(6)[:3]] == [1, 0, 1]


def test_what_a_channel_forbids_is_refused_by_the_device(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="while", options={"min_gap_us": 200_000})
    device.act(act(1, "on"))
    device.act(act(2, "on"))
    device.act(act(3, "off"))
    device.act(act(4, "on"))
    told = {done.event: done.problem for done in until(answered(1, 2, 3, 4), device)}
    assert told[1] == told[3] == ""
    assert "on or has a pulse to come" in told[2]
    assert "smallest gap" in told[4]
    assert len(firmware.record().pulses_ns(5)) == 1
    device.close()
    longer = output(firmware, width_ns=20 * MS, max_on_ns=10 * MS)
    longer.act(act(5))
    (done,) = until(answered(5), longer)
    assert "longest on-time" in done.problem
    longer.close()
    assert len(firmware.record().pulses_ns(5)) == 1


def test_a_value_follows_and_comes_to_rest(firmware: SimulatedFirmware) -> None:
    device = output(firmware, mode="follow", safe=0.25)
    for event, value in enumerate([0.0, 0.5, 1.0, 7.0]):
        device.act(act(event, "value", value=value))
    until(answered(0, 1, 2, 3), device)
    device.close()
    values = [edge.value for edge in firmware.record().edges if edge.pin == 5 and edge.analog]
    assert values == [16384, 0, 32768, 65535, 65535, 16384]


def test_a_new_host_finds_everything_off(raw: Raw, firmware: SimulatedFirmware) -> None:
    assert raw.ask(p.CONFIGURE, 0, 5, 0, 0, p.MAX_US, 0, 60_000) == p.OK
    assert raw.ask(p.ON, 0, 1, p.MAX_US) == p.OK
    raw.send(p.pack(p.HELLO, 2, p.PROTOCOL))
    assert raw.get(p.ENDED)[:2] == (0, 1)
    raw.get(p.HELLO_REPLY, 2)
    assert [edge.value for edge in firmware.record().of(5)] == [1, 0]
    assert raw.ask(p.ON, 0, 2, p.MAX_US) == p.NOT_CONFIGURED


def test_every_answer_of_the_document(raw: Raw) -> None:
    configure = (5, 0, 0, 1000, 0, 1000)
    assert raw.ask(p.ON, 0, 1, 5) == p.NOT_CONFIGURED
    assert raw.ask(p.OFF, 8, 1) == p.BAD_CHANNEL
    assert raw.ask(p.CONFIGURE, 0, 5, 0, 0, 1000, 0, 0) == p.BAD_VALUE
    assert raw.ask(p.CONFIGURE, 0, *configure) == p.OK
    assert raw.ask(p.CONFIGURE, 1, *configure) == p.BAD_PIN
    assert raw.ask(p.CONFIGURE, 1, 6, p.ANALOG, 0, 1000, 0, 1000) == p.OK
    assert raw.ask(p.ON, 1, 1, 5) == p.UNSUPPORTED
    assert raw.ask(p.VALUE, 0, 1, 5) == p.UNSUPPORTED
    assert raw.ask(p.PULSE, 0, 1, 0, 0, 1, 0) == p.BAD_VALUE
    assert raw.ask(p.PULSE, 0, 1, 0, 1001, 1, 0) == p.TOO_LONG
    assert raw.ask(p.PULSE, 0, 1, 0, 100, 2, 100) == p.TOO_SOON
    assert raw.ask(p.REARM, 0, 5) == p.BAD_VALUE
    assert raw.ask(p.SELFTEST, 0, 6, 0, 1, 1, 1) == p.BAD_PIN
    raw.send(p.pack(p.ECHO, 3, 77))
    assert raw.get(p.ECHO_REPLY, 3)[0] == 77
    raw.send(p.pack(p.ECHO_REPLY, 4, 1, 2))
    assert raw.get(p.ERROR, 4) == (p.UNKNOWN_TYPE, p.ECHO_REPLY)
    # A frame of the right form, but too short for its type.
    body = bytes((0, p.OFF, 5))
    crc = p.binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little")
    raw.send(b"garbage \xa5\xa5" + bytes([p.START]) + body + crc + bytes(p.MAX_FRAME))
    assert raw.get(p.ERROR, 0)[0] == p.BAD_FRAME
    assert raw.get(p.ERROR, 5) == (p.BAD_LENGTH, p.OFF)
    assert raw.ask(p.SAFE, p.ALL) == p.OK
    assert raw.ask(p.RELEASE, 0) == p.OK
    assert raw.ask(p.RELEASE, 0) == p.NOT_CONFIGURED


def test_a_trip_is_told_again_until_it_is_known(raw: Raw) -> None:
    assert raw.ask(p.CONFIGURE, 2, 5, 0, 0, 1000, 0, 1) == p.OK
    channel, event, _, reason, trips = raw.get(p.ENDED)
    assert (channel, event, reason, trips) == (2, p.NO_EVENT, p.WATCHDOG, 1)
    raw.send(p.pack(p.HEARTBEAT, 0, 1 << 2))
    assert raw.get(p.ENDED)[3:] == (p.WATCHDOG, 1)
    assert raw.ask(p.ON, 2, 1, 5) == p.TRIPPED
    assert raw.ask(p.REARM, 2, 2) == p.BAD_VALUE
    assert raw.ask(p.REARM, 2, 1) == p.OK
    assert raw.get(p.ENDED)[3:] == (p.WATCHDOG, 2)


def test_the_device_measures_a_reply_by_its_own_clock(raw: Raw, firmware: SimulatedFirmware) -> None:
    assert raw.ask(p.CONFIGURE, 0, 5, 0, 0, 100_000, 0, 60_000) == p.OK
    assert raw.ask(p.SELFTEST, 0, 13, 0, 40, 20, 60_000, sequence=9) == p.OK
    assert raw.ask(p.SELFTEST, 0, 13, 0, 40, 20, 60_000) == p.BUSY
    assert raw.ask(p.PULSE, 0, 1, 0, 1000, 1, 0) == p.OK  # before the LED is on: a false one
    while not any(edge.value for edge in firmware.record().of(13)):
        pass
    assert raw.ask(p.PULSE, 0, 2, 0, 1000, 1, 0) == p.OK
    while len(firmware.record().of(13)) < 2:
        pass
    channel, lit_us, reply_us, early = raw.get(p.SELFTEST_REPLY, 9)
    assert (channel, early) == (0, 1)
    assert lit_us > 0
    lit = firmware.record().of(13)[0].time_ns
    replied = firmware.record().of(5)[2].time_ns
    assert abs((replied - lit) / 1e3 - reply_us) < 100_000
    assert raw.ask(p.SELFTEST, 0, 13, 0, 1, 0, 5, sequence=10) == p.OK
    assert raw.get(p.SELFTEST_REPLY, 10)[2:] == (p.NO_REPLY, 0)


def test_a_port_that_is_not_there_names_those_that_are() -> None:
    with SimulatedFirmware() as firmware:
        port = firmware.port
    with pytest.raises(InputError, match=f"no serial port '{port}'"):
        output(firmware)


def test_a_port_with_another_device_on_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pty

    monkeypatch.setattr("posewire.outputs.serial_link.HELLO_S", 0.1)
    ours, theirs = pty.openpty()
    try:
        with pytest.raises(WorkError, match=r"nothing answers at 115200 baud; is Posewire's firmware on it"):
            output(type("Nobody", (), {"port": os.ttyname(theirs)})())
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_board_tests_the_loop_and_tells_its_replies(firmware: SimulatedFirmware) -> None:
    device = output(firmware, width_ns=MS, options={"self_test_pin": 13})
    lit, told, event = 0, [], 0

    def answer(new: list[Done]) -> bool:
        nonlocal lit, event
        changes = firmware.record().of(13)
        if len(changes) > 2 * lit and changes[-1].value:  # what the camera would see
            lit += 1
            event += 1
            device.act(act(event))
        return any(done.event == -1 for done in new)

    told += until(answer, device)
    replies = [done for done in told if done.event == -1]
    assert [done.problem for done in replies] == [""]
    on, answered_at = firmware.record().of(13)[0].time_ns, firmware.record().of(5)[0].time_ns
    assert replies[0].device_us is not None
    assert abs((answered_at - on) / 1e3 - replies[0].device_us) < 100_000
    device.close()
    taken = output(firmware, pin=13, options={"self_test_pin": 13})
    told = until(answered(-1), taken)
    assert told[0].problem == "self-test: the pin cannot be used, or is another channel's"
    taken.close()


def test_a_trip_before_the_first_heartbeat_is_no_trouble(firmware: SimulatedFirmware) -> None:
    first = output(firmware, "first", 5)
    second = output(firmware, "second", 6, options={"watchdog_ms": 10_000})
    assert until(seconds(0.15), second) == []  # nobody beats for the first one
    assert until(lambda _: first._member is not None and not first._member.tripped, first) == []
    first.act(act(1))
    assert [done.problem for done in until(answered(1), first)] == [""]
    first.close()
    second.close()
