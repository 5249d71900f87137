"""Frames: however the bytes are cut, and whatever is between them, the same frames are found and no others."""

from __future__ import annotations

import random
import re
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import parsed_by_sketch
from posewire.outputs import serial_protocol as p


def crc_by_the_book(data: bytes) -> int:
    """CRC-16/CCITT-FALSE as a shift register, bit by bit."""
    register = 0xFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            carry = register >> 15 ^ byte >> bit & 1
            register = register << 1 & 0xFFFF ^ (0x1021 if carry else 0)
    return register


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(sorted(p.LAYOUTS)))
    payload = draw(st.binary(min_size=p.LAYOUTS[kind].size, max_size=p.LAYOUTS[kind].size))
    return p.pack(kind, draw(st.integers(0, 255)), *p.LAYOUTS[kind].unpack(payload))


def parse(data: bytes, cuts: list[int] | None = None) -> list[p.Frame]:
    """The frames in the data, given to the parser in the parts that end at ``cuts``."""
    parser, found = p.Parser(), []
    ends = sorted({min(cut, len(data)) for cut in cuts or ()} | {len(data)})
    for begin, end in zip([0, *ends], ends, strict=False):
        found += parser.feed(data[begin:end])
    return found


def whole(data: bytes) -> p.Frame:
    return p.Frame(data[2], data[3], data[4:-2])


@given(st.sampled_from(sorted(p.LAYOUTS)), st.integers(0, 255), st.data())
def test_what_is_packed_comes_back(kind: int, sequence: int, data: st.DataObject) -> None:
    layout = p.LAYOUTS[kind]
    values = layout.unpack(data.draw(st.binary(min_size=layout.size, max_size=layout.size)))
    packed = p.pack(kind, sequence, *values)
    assert packed[0] == p.START
    assert packed[1] == layout.size == len(packed) - p.OVERHEAD <= p.MAX_PAYLOAD
    assert crc_by_the_book(packed[1:-2]) == struct.unpack("<H", packed[-2:])[0]
    (frame,) = parse(packed)
    assert (frame.kind, frame.sequence, frame.values) == (kind, sequence, values)


@given(st.lists(st.one_of(frames(), st.binary(max_size=40)), max_size=12), st.lists(st.integers(0, 400)))
def test_any_split_gives_the_same_frames(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    assert parse(data, cuts) == parse(data) == parse(data, list(range(len(data))))


@given(st.lists(st.tuples(st.binary(max_size=40), frames()), max_size=8))
def test_garbage_between_frames_hides_none_and_makes_none(pieces: list[tuple[bytes, bytes]]) -> None:
    data = b"".join(garbage + frame for garbage, frame in pieces)
    assert parse(data + bytes(p.MAX_FRAME)) == [whole(frame) for _, frame in pieces]


@given(frames(), st.data())
def test_a_frame_with_a_wrong_bit_is_none(frame: bytes, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    wrong = bytearray(frame)
    wrong[bit // 8] ^= 1 << bit % 8
    assert parse(bytes(wrong) + bytes(p.MAX_FRAME)) == []


@given(st.lists(st.tuples(frames(), st.integers(1, p.MAX_FRAME)), min_size=1, max_size=8), frames())
def test_a_cut_frame_is_never_obeyed_and_safe_is_found_at_once(cut: list[tuple[bytes, int]], last: bytes) -> None:
    data, expected = b"", []
    for frame, length in cut:
        length = min(length, len(frame) - 1)
        data += frame[:length] + p.resynchronisation(frame[length], 9)
        expected.append(p.Frame(p.SAFE, 9, bytes([p.ALL])))
    assert parse(data) == expected
    assert parse(data + last) == [*expected, whole(last)]


def test_random_bytes_make_no_frame() -> None:
    parser = p.Parser()
    assert parser.feed(random.Random(1).randbytes(200_000)) == []
    assert parser.rejected > 0


@pytest.mark.skipif(sys.platform == "win32", reason="the native firmware needs a pseudo-terminal")
def test_the_sketch_finds_the_same_frames() -> None:
    chance = random.Random(3)
    pieces = []
    for _ in range(3000):
        layout = p.LAYOUTS[kind := chance.choice(sorted(p.LAYOUTS))]
        frame = p.pack(kind, chance.randrange(256), *layout.unpack(chance.randbytes(layout.size)))
        flipped = bytes([*frame[:5], frame[5] ^ 1, *frame[6:]]) if len(frame) > 6 else frame
        starts = bytes([p.START, chance.randrange(40)])
        pieces.append(
            chance.choice([frame, frame, flipped, frame[: chance.randrange(len(frame))], chance.randbytes(9), starts])
        )
    data = b"".join(pieces)
    found = parse(data)
    assert len(found) > 900
    assert parsed_by_sketch(data) == found


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(struct.error):
        p.pack(p.ON, 1, 0, 1, 2**32)


def test_a_frame_of_another_length_has_no_values() -> None:
    with pytest.raises(ValueError, match="0x04 with 3 bytes"):
        _ = p.Frame(p.ON, 1, b"abc").values


def test_the_document_has_every_frame_as_it_is() -> None:
    text = (Path(__file__).parents[3] / "docs" / "serial.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([0-9A-F]{2}) \| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE)
    sizes = {int(kind, 16): sum(int(bits) for bits in re.findall(r"\bu(\d+)", fields)) // 8 for kind, _, fields in rows}
    assert sizes == {kind: layout.size for kind, layout in p.LAYOUTS.items()}
    assert {name: int(kind, 16) for kind, name, _ in rows} == {name: getattr(p, name) for _, name, _ in rows}
    for name, size in re.findall(r"^\| `(\w+)` \| (\d+) \|", text, re.MULTILINE):
        assert p.LAYOUTS[getattr(p, name)].size + p.OVERHEAD == int(size)
    assert crc_by_the_book(b"123456789") == 0x29B1
