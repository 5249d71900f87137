"""The connection to one serial port, shared by the outputs on it: bytes out without waiting, answers back to each.

What protects the animal from a device that does not read, or reads late:

- A command is refused (BlockingIOError) while an earlier one is unanswered for longer than the watchdog, so that no
  commands pile up in the buffers between here and there.
- A device whose watchdog tripped refuses everything until it is armed again with the number of that trip, which it
  tells in its own notice: a command that still lay in a buffer can come alive no more. Until it has confirmed that, new
  commands are refused here.
- A frame that went out in part is spoilt and followed by SAFE before anything else is written.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from posewire.clock import now_ns
from posewire.outputs import serial_protocol as p
from posewire.outputs.device import Done
from posewire.outputs.serial_port import SerialPort
from posewire_models.errors import InputError, WorkError

HELLO_S = 4.0  # an Arduino whose port is opened starts anew, and its bootloader takes up to two seconds
ANSWER_S = 0.5
LOST_NS = 1_000_000_000
# Self-test, ms: the LED lights so long after the last one at least, at a time of this span, and is lit for so long.
_WAIT_MS, _SPAN_MS, _LIT_MS = 500, 1000, 1000


@dataclass(eq=False)
class Member:
    """One output on the port: its channel, the answers that wait for it, and whether its watchdog has tripped.

    With a ``test_pin`` the board lights an LED there again and again, and measures when this output answers.
    """

    name: str
    channel: int
    pin: int
    watchdog_ns: int
    done: list[Done] = field(default_factory=list)
    tripped: bool = False
    beaten: bool = False  # a trip before the first heartbeat, while others are still being opened, is nothing to tell
    test_pin: int = -1
    testing: bool = False


@dataclass(slots=True)
class _Asked:
    kind: int
    member: Member | None
    event: int | None
    at_ns: int


class SerialLink:
    """An open port. All calls may come from several threads (they do where writing blocks: on Windows)."""

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        self.baud = baud
        self.members: list[Member] = []
        self.firmware = ""
        self.channels = 0
        self._port = SerialPort(path, baud)
        self._parser = p.Parser()
        self._lock = threading.RLock()
        self._sequence = 0
        self._asked: dict[int, _Asked] = {}  # by sequence, oldest first
        self._answers: dict[int, p.Frame] = {}  # of those that `ask` waits for
        self._awaited: int | None = None
        self._rest = b""  # of what makes a cut frame harmless
        self._resync: int | None = None  # the sequence of its SAFE, until that is acknowledged
        self._echo_ns = 0
        try:
            self._hello()
        except BaseException:
            self._port.close()
            raise

    # What outputs call. Only `attach` waits, and `detach` for a moment.

    def attach(self, name: str, channel: int | None, pin: int, watchdog_ns: int, *configuration: int) -> Member:
        """Configure a channel (None: the first free one) for an output. ``configuration``: flags, safe value, longest
        us, smallest gap us. Raises InputError if it is another output's or the device refuses it, WorkError."""
        with self._lock:
            taken = {member.channel: member for member in self.members}
            if channel is None:
                channel = next((free for free in range(self.channels) if free not in taken), self.channels)
            if channel >= self.channels:
                raise InputError(
                    f"output {name!r}: no channel {channel} on {self.path}: it has {self.channels}, from 0"
                )
            for member in self.members:
                what = f"channel {channel}" if member.channel == channel else f"pin {pin}" if member.pin == pin else ""
                if what:
                    raise InputError(f"output {name!r}: {what} of {self.path} is that of output {member.name!r}")
            frame = self._ask(p.CONFIGURE, ANSWER_S, channel, pin, *configuration, watchdog_ns // 1_000_000)
            status = frame.values[2]
            if status != p.OK:
                words = p.STATUS_WORDS.get(status, f"status {status}")
                raise InputError(f"output {name!r}: the device on {self.path} refuses pin {pin}: {words}")
            member = Member(name, channel, pin, watchdog_ns)
            self.members.append(member)
            return member

    def start(self, member: Member, kind: int, event: int, *values: int) -> None:
        """Send what turns something on. Raises BlockingIOError if it could be late, or not be written whole."""
        with self._lock:
            if member.tripped or self._late(member):
                self.drain()
                if member.tripped:
                    raise BlockingIOError(f"{self.path}: its watchdog tripped, and it is not armed again yet")
                if self._late(member):
                    raise BlockingIOError(f"{self.path}: has not answered for {member.watchdog_ns // 1_000_000} ms")
            self._send(kind, member, event, member.channel, event, *values)

    def stop(self, member: Member, event: int) -> None:
        """Send OFF. Raises BlockingIOError, WorkError."""
        with self._lock:
            self._send(p.OFF, member, event, member.channel, event)

    def safe(self, member: Member) -> None:
        """Send SAFE for this channel; what the system has not sent yet is thrown away if it stands in the way."""
        with self._lock:
            try:
                self._send(p.SAFE, member, None, 1 << member.channel)
            except BlockingIOError:
                self._port.discard()
                self._cut(None)
                self._flush_rest()

    def beat(self, member: Member) -> None:
        """Vouch for this channel; ask the device for its clock once in a while, so that its silence is noticed."""
        with self._lock:
            if not member.beaten:
                self.drain()
                member.beaten = True
            now = now_ns()
            self._write(p.pack(p.HEARTBEAT, 0, 1 << member.channel))
            if now - self._echo_ns >= member.watchdog_ns // 2:
                self._echo_ns = now
                self._send(p.ECHO, None, None, now // 1000 & 0xFFFFFFFF)
            if member.test_pin >= 0 and not member.testing:
                times = (_WAIT_MS, _SPAN_MS, _LIT_MS)
                self._send(p.SELFTEST, member, None, member.channel, member.test_pin, 0, *times)
                member.testing = True

    def descriptor(self) -> int:
        """A descriptor of the port for one output to wait on: see `SerialPort.descriptor`."""
        return self._port.descriptor()

    def take(self, member: Member) -> list[Done]:
        """What is known of this output's acts since. Raises WorkError if the device is gone or began anew."""
        with self._lock:
            try:
                self.drain()
            except WorkError:
                if not member.done:
                    raise  # what came before the end is told before the end
            done, member.done = member.done, []
            return done

    def detach(self, member: Member) -> None:
        """Release the channel. Never raises."""
        with self._lock:
            if member not in self.members:
                return
            try:
                if not self._late(member):
                    self._ask(p.RELEASE, ANSWER_S / 2, member.channel)
            except (OSError, WorkError):
                pass  # it goes safe by its own watchdog
            self.members.remove(member)

    def close(self) -> None:
        """Let go of the port. Never raises."""
        self._port.close()

    def drain(self) -> None:
        """Read what is there and hand it out. Raises WorkError if the device is gone."""
        with self._lock:
            while data := self._port.read():
                now = now_ns()
                for frame in self._parser.feed(data):
                    self._heard(frame, now)
            self._expire(now_ns())
            if self._rest:
                try:
                    self._flush_rest()
                except BlockingIOError:
                    pass

    # Frames out.

    def _send(self, kind: int, member: Member | None, event: int | None, *values: int) -> int:
        sequence = self._sequence % 255 + 1  # 0 is for what is not asked for
        now = now_ns()
        older = self._asked.get(sequence)
        if older is not None and kind in (p.PULSE, p.ON, p.VALUE):
            raise BlockingIOError(f"{self.path}: has not answered 255 commands")
        self._write(p.pack(kind, sequence, *values))
        if older is not None:
            self._lose(sequence, now)
        self._sequence = sequence
        self._asked[sequence] = _Asked(kind, member, event, now)
        return sequence

    def _write(self, data: bytes) -> None:
        if self._rest:
            self._flush_rest()
        written = self._port.write(data)
        if written < len(data):
            if written:
                self._cut(data[written])
            raise BlockingIOError(f"{self.path}: takes no more bytes")

    def _cut(self, next_byte: int | None) -> None:
        self._sequence = self._sequence % 255 + 1
        if self._sequence in self._asked:
            self._lose(self._sequence, now_ns())
        self._resync = self._sequence
        self._rest = p.resynchronisation(next_byte, self._resync)
        self._asked[self._resync] = _Asked(p.SAFE, None, None, now_ns())

    def _flush_rest(self) -> None:
        self._rest = self._rest[self._port.write(self._rest) :]
        if self._rest:
            raise BlockingIOError(f"{self.path}: takes no more bytes")

    # Frames in.

    def _heard(self, frame: p.Frame, now: int) -> None:
        try:
            values = frame.values
        except ValueError:
            return  # of a later version
        if frame.kind == p.HELLO_REPLY and frame.sequence == 0:
            if self.firmware:
                self._port.gone = f"{self.path}: the device started anew (power, reset button); its outputs are off"
            return
        if frame.kind == p.ENDED:
            self._ended(*values, now=now)
            return
        if frame.kind == p.SELFTEST_REPLY:
            self._tested(*values, now=now)
            return
        asked = self._asked.get(frame.sequence)
        if asked is None or frame.kind not in (p.ACK, p.ECHO_REPLY, p.HELLO_REPLY):
            return
        # A device answers in the order it was asked: what is older and has no answer will get none.
        for sequence in list(self._asked):
            if sequence == frame.sequence:
                break
            self._lose(sequence, now)
        del self._asked[frame.sequence]
        if frame.sequence == self._awaited:
            self._answers[frame.sequence] = frame
        if frame.sequence == self._resync:
            self._resync = None
        if frame.kind == p.ACK and asked.member is not None:
            self._acknowledged(asked, asked.member, values[1], values[2], now)

    def _acknowledged(self, asked: _Asked, member: Member, clock_us: int, status: int, now: int) -> None:
        if asked.kind == p.REARM:
            member.tripped = status != p.OK
        elif asked.kind == p.SELFTEST and status not in (p.OK, p.BUSY):
            problem = f"self-test: {p.STATUS_WORDS.get(status, status)}"
            member.done.append(Done(-1, now, None, problem))  # and not again: it would be the same
        elif asked.event is not None:
            problem = "" if status == p.OK else p.STATUS_WORDS.get(status, f"status {status}")
            member.done.append(Done(asked.event, now, clock_us, f"the device refused it: {problem}" if problem else ""))

    def _ended(self, channel: int, event: int, clock_us: int, reason: int, trips: int, *, now: int) -> None:
        member = next((member for member in self.members if member.channel == channel), None)
        if member is None:
            return
        if reason == p.WATCHDOG:
            if (member.beaten and not member.tripped) or event != p.NO_EVENT:
                number = -1 if event == p.NO_EVENT else event
                problem = f"its watchdog tripped: no heartbeat for {member.watchdog_ns // 1_000_000} ms"
                member.done.append(Done(number, now, clock_us, problem))
            member.tripped = True
            if not any(asked.kind == p.REARM and asked.member is member for asked in self._asked.values()):
                try:
                    self._send(p.REARM, member, None, channel, trips)
                except BlockingIOError:
                    pass  # each heartbeat brings the notice again
        elif reason == p.BY_SAFE and self._resync is not None and event != p.NO_EVENT:
            member.done.append(Done(event, now, clock_us, "ended: a frame had gone out in part"))

    def _tested(self, channel: int, lit_us: int, reply_us: int, early: int, *, now: int) -> None:
        member = next((member for member in self.members if member.channel == channel), None)
        if member is None:
            return
        member.testing = False
        if early:
            member.done.append(Done(-1, now, None, f"self-test: {early} starts before the LED was lit"))
        if reply_us == p.NO_REPLY:
            member.done.append(Done(-1, now, None, f"self-test: no start within {_LIT_MS} ms of the LED"))
        else:
            member.done.append(Done(-1, now, reply_us))

    def _lose(self, sequence: int, now: int) -> None:
        asked = self._asked.pop(sequence)
        if asked.kind == p.SELFTEST and asked.member is not None:
            asked.member.testing = False
        if sequence == self._resync:
            self._resync = None
        if asked.member is not None and asked.event is not None:
            asked.member.done.append(Done(asked.event, now, None, "lost: the device did not answer it"))

    def _expire(self, now: int) -> None:
        for sequence, asked in list(self._asked.items()):
            if now - asked.at_ns < LOST_NS:
                break
            self._lose(sequence, now)

    def _late(self, member: Member) -> bool:
        oldest = next(iter(self._asked.values()), None)
        return bool(self._rest) or (oldest is not None and now_ns() - oldest.at_ns > member.watchdog_ns)

    # Asking and waiting: when a port or a channel is opened, and when it is closed.

    def _hello(self) -> None:
        try:
            frame = self._ask(p.HELLO, HELLO_S, p.PROTOCOL, again_s=0.25)
        except WorkError as error:
            if self._port.gone:
                raise
            raise WorkError(
                f"serial port {self.path}: nothing answers at {self.baud} baud; is Posewire's firmware on it "
                "(docs/serial.md), and is it the right port?"
            ) from error
        protocol, major, minor, channels, _, _ = frame.values
        if protocol != p.PROTOCOL:
            raise InputError(
                f"serial port {self.path}: its firmware {major}.{minor} speaks protocol {protocol}, this is "
                f"{p.PROTOCOL}; put the firmware of this version on it"
            )
        self.firmware = f"{major}.{minor}"
        self.channels = channels

    def _ask(self, kind: int, timeout_s: float, *values: int, again_s: float = 60.0) -> p.Frame:
        """Send and wait for the answer. Raises WorkError if none comes, and BlockingIOError."""
        end = now_ns() + round(timeout_s * 1e9)
        while (now := now_ns()) < end:
            self._awaited = self._send(kind, None, None, *values)
            until = min(end, now + round(again_s * 1e9))
            while (now := now_ns()) < until:
                self.drain()
                answer = self._answers.pop(self._awaited, None)
                if answer is not None:
                    return answer
                self._port.wait((until - now) / 1e9)
        raise WorkError(f"serial port {self.path}: no answer within {timeout_s:g} s")
