"""Protocol 1 between the host and a microcontroller: frames of bytes, and what stands in them. See docs/serial.md.

A frame is ``A5 length type sequence payload crc``: the length counts the payload's bytes (at most `MAX_PAYLOAD`), the
CRC (CRC-16/CCITT-FALSE: polynomial 1021, start FFFF) covers length, type, sequence and payload. All numbers are
little-endian and unsigned. Nothing here touches a port: host, simulated firmware and tests share it.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

START = 0xA5
PROTOCOL = 1
MAX_PAYLOAD = 24
OVERHEAD = 6  # start, length, type, sequence, two of CRC
MAX_FRAME = MAX_PAYLOAD + OVERHEAD
MAX_CHANNELS = 8
MAX_US = 2**31 - 1  # the longest time in a frame, 35.8 min: half of what a 32-bit clock of microseconds can tell apart
NO_EVENT = 0xFFFFFFFF
NO_REPLY = 0xFFFFFFFF
ALL = 0xFF

# Host to device
HELLO = 0x01
CONFIGURE = 0x02
PULSE = 0x03
ON = 0x04
OFF = 0x05
VALUE = 0x06
SAFE = 0x07
HEARTBEAT = 0x08
ECHO = 0x09
SELFTEST = 0x0A
REARM = 0x0B
RELEASE = 0x0C

# Device to host
HELLO_REPLY = 0x81
ACK = 0x82
ENDED = 0x83
ERROR = 0x84
ECHO_REPLY = 0x89
SELFTEST_REPLY = 0x8A

# CONFIGURE, flags
ACTIVE_LOW = 1
ANALOG = 2

# ACK, status
OK = 0
NOT_CONFIGURED = 1
TRIPPED = 2
BUSY = 3
TOO_LONG = 4
TOO_SOON = 5
BAD_CHANNEL = 6
BAD_VALUE = 7
BAD_PIN = 8
UNSUPPORTED = 9

STATUS_WORDS = {
    OK: "done",
    NOT_CONFIGURED: "the channel is not configured",
    TRIPPED: "its watchdog tripped, and it has not been armed again",
    BUSY: "the channel is on or has a pulse to come",
    TOO_LONG: "longer than the channel's longest on-time",
    TOO_SOON: "sooner after the last on-time than the channel's smallest gap",
    BAD_CHANNEL: "no such channel",
    BAD_VALUE: "a value out of range",
    BAD_PIN: "the pin cannot be used, or is another channel's",
    UNSUPPORTED: "the board cannot do that",
}

# ENDED, reason
COMPLETE = 0
BY_OFF = 1
LONGEST = 2
WATCHDOG = 3
BY_SAFE = 4

# ERROR, code
BAD_FRAME = 1
UNKNOWN_TYPE = 2
BAD_LENGTH = 3

LAYOUTS: dict[int, struct.Struct] = {
    HELLO: struct.Struct("<B"),  # protocol
    CONFIGURE: struct.Struct("<BBBHIIH"),  # channel, pin, flags, safe value, longest us, smallest gap us, watchdog ms
    PULSE: struct.Struct("<BIIIHI"),  # channel, event, delay us, width us, count, period us
    ON: struct.Struct("<BII"),  # channel, event, longest us
    OFF: struct.Struct("<BI"),  # channel, event
    VALUE: struct.Struct("<BIH"),  # channel, event, value
    SAFE: struct.Struct("<B"),  # mask of channels
    HEARTBEAT: struct.Struct("<B"),  # mask of channels
    ECHO: struct.Struct("<I"),  # token
    SELFTEST: struct.Struct("<BBBHHH"),  # channel, LED pin, flags of the LED, wait ms, span ms, timeout ms
    REARM: struct.Struct("<BH"),  # channel, trips
    RELEASE: struct.Struct("<B"),  # channel
    HELLO_REPLY: struct.Struct("<BBBBBQ"),  # protocol, firmware major, minor, channels, features, clock us
    ACK: struct.Struct("<IQB"),  # event, clock us, status
    ENDED: struct.Struct("<BIQBH"),  # channel, event, clock us, reason, trips
    ERROR: struct.Struct("<BB"),  # code, detail
    ECHO_REPLY: struct.Struct("<IQ"),  # token, clock us
    SELFTEST_REPLY: struct.Struct("<BQIH"),  # channel, lit us, reply us, early
}


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its type, sequence number (0..255) and payload."""

    kind: int
    sequence: int
    payload: bytes

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers of the payload, as `LAYOUTS` has them. Raises ValueError for another length or unknown type."""
        layout = LAYOUTS.get(self.kind)
        if layout is None or layout.size != len(self.payload):
            raise ValueError(f"a frame of type {self.kind:#04x} with {len(self.payload)} bytes")
        return layout.unpack(self.payload)


def pack(kind: int, sequence: int, *values: int) -> bytes:
    """The bytes of a frame. Raises struct.error for a value that its field cannot hold."""
    layout = LAYOUTS[kind]
    body = bytes((layout.size, kind, sequence & 0xFF)) + layout.pack(*values)
    return b"\xa5" + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little")


class Parser:
    """Finds frames in a stream of bytes, however it is cut; ``rejected`` counts the start bytes that began none.

    What begins with a start byte and turns out to be no frame is given up by that one byte, so that a frame behind
    garbage, or inside of it, is found as soon as its bytes are there.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self.rejected = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete, in their order."""
        held = self._held
        held += data
        frames: list[Frame] = []
        at = 0
        while True:
            at = held.find(START, at)
            if at < 0:
                held.clear()
                return frames
            if len(held) - at < 2:
                break
            length = held[at + 1]
            if length > MAX_PAYLOAD:
                self.rejected += 1
                at += 1
                continue
            end = at + length + OVERHEAD
            if len(held) < end:
                break
            body = bytes(held[at + 1 : end - 2])
            if binascii.crc_hqx(body, 0xFFFF) != held[end - 2] | held[end - 1] << 8:
                self.rejected += 1
                at += 1
                continue
            frames.append(Frame(body[1], body[2], body[3:]))
            at = end
        del held[:at]
        return frames


def resynchronisation(next_byte: int | None, sequence: int) -> bytes:
    """What follows a frame that was cut before ``next_byte``: it spoils that frame, fills it up, and says SAFE."""
    spoiler = 0x00 if next_byte != 0x00 else 0xFF
    return bytes((spoiler,)) + bytes(MAX_FRAME) + pack(SAFE, sequence, ALL)
