"""Framing between loop and guard: what is accepted comes, whole, once and in order, however the bytes are cut."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.outputs.channel import LONGEST, Channel

MESSAGES = st.lists(st.one_of(st.integers(-(2**63), 2**63), st.text(max_size=20), st.binary(max_size=900)), max_size=4)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    a, b = socket.socketpair()
    with a, b:
        yield Channel(a), Channel(b)


def frame(message: list[object], mark: int = 0) -> bytes:
    body = msgpack.packb(message)
    return (len(body) + 1).to_bytes(4, "little") + body + bytes([mark])


def drain(channel: Channel) -> list[object]:
    found: list[object] = []
    while select.select([channel.connection], [], [], 0)[0] and not channel.ended:
        found += channel.receive()
    return found


@settings(deadline=None, max_examples=60)
@given(messages=st.lists(MESSAGES, max_size=8), void=st.sets(st.integers(0, 7)), cuts=st.lists(st.integers(1, 500)))
def test_any_cutting_of_the_bytes_gives_the_same_messages(
    messages: list[list[object]], void: set[int], cuts: list[int]
) -> None:
    data = b"".join(frame(message, n in void) for n, message in enumerate(messages))
    writer, reader = socket.socketpair()
    with writer, reader:
        channel, found = Channel(reader), []
        for cut in [*cuts, len(data)]:
            while data:
                piece, data = data[:cut], data[cut:]
                writer.sendall(piece)
                found += channel.receive()
                if cut in cuts:
                    break
        assert found + drain(channel) == [message for n, message in enumerate(messages) if n not in void]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("now"), st.integers(0, 40_000)),
            st.tuples(st.just("later"), st.integers(0, 40_000)),
            st.tuples(st.just("read"), st.just(0)),
        ),
        max_size=40,
    )
)
def test_a_full_connection_refuses_and_what_was_accepted_comes_in_order(steps: list[tuple[str, int]]) -> None:
    writer, reader = socket.socketpair()
    with writer, reader:
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sender, receiver = Channel(writer, most_unsent=100_000), Channel(reader)
        accepted: list[object] = []
        found: list[object] = []
        for number, (what, size) in enumerate(steps):
            message = [number, b"x" * size]
            if what == "read":
                found += receiver.receive()
            elif what == "now":
                if sender.send_now(message):
                    assert not sender.unsent
                    accepted.append(message)
            elif sender.send(message):
                accepted.append(message)
            assert sender.unsent <= 100_000 + 40_100  # what may wait, and the rest of one message that was cut
        while not sender.flush() or select.select([reader], [], [], 0)[0]:
            found += receiver.receive()
        assert found == accepted


def test_a_message_that_is_cut_is_refused_and_never_comes_late() -> None:
    writer, reader = socket.socketpair()
    with writer, reader:
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        sender, receiver = Channel(writer), Channel(reader)
        assert not sender.send_now([1, b"x" * 100_000])
        assert sender.unsent  # its rest follows, marked as void
        assert not sender.send_now([2])
        assert sender.send([3])
        found: list[object] = []
        while not sender.flush() or select.select([reader], [], [], 0)[0]:
            found += receiver.receive()
        assert found == [[3]]


def test_the_end_of_the_other_side_is_said_after_its_last_message(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    one.send(["last"])
    one.close()
    assert drain(other) == [["last"]]
    assert other.receive() == []
    assert other.ended == "connection closed"


def test_a_message_that_no_reader_takes_is_not_sent(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(ValueError, match="4194304 bytes at most"):
        pair[0].send([b"x" * LONGEST])


@pytest.mark.parametrize("data", [(LONGEST + 1).to_bytes(4, "little"), b"\0\0\0\0", b"\x02\0\0\0\xc1\0"])
def test_what_is_no_message_ends_the_connection(data: bytes) -> None:
    writer, reader = socket.socketpair()
    with writer, reader:
        channel = Channel(reader)
        writer.sendall(data)
        assert channel.receive() == []
        assert channel.ended == "what came is no message"


def test_numbers_of_numpy_travel_as_plain_ones(pair: tuple[Channel, Channel]) -> None:
    one, other = pair
    assert one.send([np.int64(3), np.float32(0.5), np.arange(2)])
    assert drain(other) == [[3, 0.5, [0, 1]]]
