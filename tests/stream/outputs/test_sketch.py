"""The sketch's logic and the simulated firmware, each written from the document, answer alike."""

from __future__ import annotations

import random
import sys

import pytest

from firmware import Raw, start
from posewire.outputs import serial_protocol as p

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")

FOREVER_US = 600_000_000  # no test lasts so long: what is answered does not depend on the time


def commands(count: int) -> list[bytes]:
    """Random commands, sensible and not, none of which depends on how fast they are read."""
    chance = random.Random(5)
    made = []
    for number in range(count):
        channel, event = chance.choice([0, 0, 1, 1, 2, 7, 8]), chance.randrange(100)
        microseconds = chance.choice([0, 1, FOREVER_US, FOREVER_US + 1, p.MAX_US, p.MAX_US + 1])
        pin, flags, gap = chance.choice([5, 6, 7, 13]), chance.choice([0, 0, 1, 2]), chance.choice([0, microseconds])
        kind, values = chance.choice(
            [
                (p.CONFIGURE, (channel, pin, flags, 9, FOREVER_US, gap, chance.choice([0, 60_000, 60_000]))),
                (p.PULSE, (channel, event, 0, FOREVER_US + 1, 1, 0)),
                (p.PULSE, (channel, event, FOREVER_US, microseconds, chance.choice([0, 1, 2]), microseconds)),
                (p.PULSE, (channel, event, 0, FOREVER_US, 2, chance.choice([FOREVER_US, p.MAX_US]))),
                (p.ON, (channel, event, chance.choice([0, FOREVER_US, p.MAX_US]))),
                (p.ON, (channel, event, FOREVER_US)),
                (p.OFF, (channel, event)),
                (p.VALUE, (channel, event, event)),
                (p.SAFE, (chance.choice([1, 2, 255]),)),
                (p.REARM, (channel, chance.choice([0, 1]))),
                (p.RELEASE, (channel,)),
                (p.SELFTEST, (channel, chance.choice([6, 13]), 0, 60_000, 0, 1)),
                (p.HELLO, (chance.choice([1, 2]),)),
                (p.HEARTBEAT, (255,)),
            ]
        )
        made.append(p.pack(kind, number % 255 + 1, *values))
    return made


def answers(kind: str, sent: list[bytes]) -> tuple[list[tuple[object, ...]], dict[int, list[int]]]:
    """What a device answers, without its clock, and what each of its pins did."""
    with start(kind) as firmware:
        raw = Raw(firmware.port)
        raw.send(p.pack(p.HELLO, 1, p.PROTOCOL))
        raw.get(p.HELLO_REPLY, 1)
        told: list[tuple[object, ...]] = []
        for frame in sent:
            # One at a time, and an echo behind it, so that all answers to it are in hand before the next one.
            raw.send(frame + p.pack(p.ECHO, 0, 1))
            raw.get(p.ECHO_REPLY, 0)
            for heard in raw.taken():
                values = list(heard.values)
                del values[{p.HELLO_REPLY: 5, p.ACK: 1, p.ENDED: 2}[heard.kind]]
                told.append((heard.kind, heard.sequence, *values))
        pins: dict[int, list[int]] = {}
        for edge in firmware.record().edges:
            pins.setdefault(edge.pin, []).append(edge.value)
        raw.close()
        return told, pins


def test_they_answer_alike_and_move_the_same_pins() -> None:
    sent = commands(1500)
    told, pins = answers("simulated", sent)
    seen = {frame[3] for frame in told if frame[0] == p.ACK}
    assert seen >= {p.OK, p.NOT_CONFIGURED, p.BUSY, p.TOO_LONG, p.TOO_SOON, p.BAD_CHANNEL, p.BAD_VALUE, p.BAD_PIN}
    assert sum(map(len, pins.values())) > 100
    assert answers("native", sent) == (told, pins)
