"""Messages between the loop and its guard: msgpack arrays over one connection, without ever waiting.

On the wire a message is 4 bytes (little-endian: the length of what follows), the msgpack array, and one byte: 0 if it
counts, 1 if it is void. Both ends are ours, on one machine, of one version.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import Any

import msgpack

MOST_UNSENT = 256 * 1024  # bytes that may wait for the other end
LONGEST = 4 * 1024 * 1024  # bytes of one message
READ_BYTES = 64 * 1024
READS = 16  # in one `receive`, so that a flood cannot hold up whoever reads

_HEAD = struct.Struct("<I")
_COUNTS, _VOID = b"\0", 1


class Channel:
    """One end of the connection. One owner: all calls come from one thread.

    Overflow rule: `send` keeps what the other end does not take yet, ``most_unsent`` bytes at most, and refuses
    messages beyond; `send_now` refuses a message that cannot leave as a whole at once. If a part of it has left, the
    rest follows with the mark that it is void, and the other end drops it: such a message is never late.
    """

    def __init__(self, connection: socket.socket, most_unsent: int = MOST_UNSENT) -> None:
        connection.setblocking(False)
        self.connection = connection
        self.ended = ""  # why nothing comes any more
        self._most_unsent = most_unsent
        self._pack = msgpack.Packer(default=plain).pack
        self._unsent = bytearray()
        self._read = bytearray()
        self._block = memoryview(bytearray(READ_BYTES))

    @property
    def unsent(self) -> int:
        """Bytes that wait for the other end."""
        return len(self._unsent)

    def send_now(self, message: Sequence[Any]) -> bool:
        """Send at once or not at all: False if it cannot leave now. Raises OSError if the other end is gone."""
        if self._unsent and not self.flush():
            return False
        frame = self._frame(message)
        try:
            sent = self.connection.send(frame)
        except BlockingIOError:
            return False
        if sent == len(frame):
            return True
        rest = bytearray(frame[sent:])
        rest[-1] = _VOID  # the last byte has not left: nothing else is as sure to be in the rest
        self._unsent += rest
        return False

    def send(self, message: Sequence[Any]) -> bool:
        """Send, later if need be, in order: False if too much waits already. Raises OSError if the other end is gone.

        Call `flush` from time to time while `unsent`.
        """
        frame = self._frame(message)
        if self._unsent and not self.flush():
            if len(self._unsent) + len(frame) > self._most_unsent:
                return False
            self._unsent += frame
            return True
        try:
            sent = self.connection.send(frame)
        except BlockingIOError:
            sent = 0
        self._unsent += frame[sent:]
        return True

    def flush(self) -> bool:
        """Send what waits; True if nothing does any more. Raises OSError if the other end is gone."""
        while self._unsent:
            try:
                sent = self.connection.send(self._unsent)
            except BlockingIOError:
                return False
            del self._unsent[:sent]
        return True

    def receive(self) -> list[Any]:
        """The messages that are there. Never raises: at the end of the connection `ended` says why."""
        found: list[Any] = []
        for _ in range(READS):
            try:
                count = self.connection.recv_into(self._block)
            except BlockingIOError:
                break
            except OSError as error:
                self.ended = error.strerror or str(error)
                break
            if not count:
                self.ended = "connection closed"
                break
            if count < READ_BYTES and not self._read:
                # The usual case: what came is taken apart where it lies.
                rest = self._take_apart(self._block[:count], found)
                self._read += self._block[rest:count]
                break
            self._read += self._block[:count]
            if count < READ_BYTES:
                break
        if self._read:
            with memoryview(self._read) as view:
                end = self._take_apart(view, found)
            del self._read[:end]
        return found

    def close(self) -> None:
        """Let go of the connection; what is unsent is lost. May be called twice."""
        self.connection.close()

    def _frame(self, message: Sequence[Any]) -> bytes:
        body: bytes = self._pack(message)
        if len(body) >= LONGEST:
            raise ValueError(f"a message of {len(body)} bytes; one has {LONGEST} bytes at most")
        return _HEAD.pack(len(body) + 1) + body + _COUNTS

    def _take_apart(self, read: memoryview, found: list[Any]) -> int:
        """Append the whole messages in ``read`` to ``found``; how many bytes they are."""
        at = 0
        while len(read) - at >= _HEAD.size:
            (length,) = _HEAD.unpack_from(read, at)
            if not 1 <= length <= LONGEST:
                self.ended = "what came is no message"
                break
            end = at + _HEAD.size + length
            if len(read) < end:
                break
            if read[end - 1] != _VOID:
                try:
                    found.append(msgpack.unpackb(read[at + _HEAD.size : end - 1]))
                except ValueError:
                    self.ended = "what came is no message"
                    break
            at = end
        return at


def plain(value: object) -> object:
    """What stands for a value that msgpack and JSON do not know: a NumPy number's or array's plain one, else text."""
    listed = getattr(value, "tolist", None)
    return listed() if callable(listed) else str(value)
