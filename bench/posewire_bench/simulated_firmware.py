"""A device of the serial protocol in a process of its own behind a pseudo-terminal, with a record of every edge.

The record is the device's word, not ours: what each pin did, by the clock of that process. On request the device
misbehaves. POSIX only: Windows has no pseudo-terminal that pyserial could open.

``python -m posewire_bench.simulated_firmware --record FILE`` prints the port's name and then obeys lines on stdin, each
answered by ``ok``. With ``--led PIN FILE`` that pin also lights a virtual LED, which a drawn source can show.

==================  =================================================================================
``record``          write the record now (also at the end)
``stall SECONDS``   read nothing for so long; outputs and watchdogs go on
``hang SECONDS``    do nothing at all for so long
``late SECONDS``    from now on, answer that much later (0: at once)
``garbage COUNT``   send random bytes
``reset``           power off and on
``die``             vanish, as an unplugged device does
==================  =================================================================================
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire.outputs.device import BEAT_NS, Act, Device
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire_bench.simulated_channels import SimulatedDevice, forget

_COMMAND = (sys.executable, "-m", "posewire_bench.simulated_firmware")


@dataclass(frozen=True)
class Edge:
    """A pin was set: ``value`` 0 or 1, or 0..65535 where ``analog``; ``time_ns`` of perf_counter_ns."""

    time_ns: int
    pin: int
    value: int
    analog: bool


@dataclass(frozen=True)
class Read:
    """A frame was read: its type, first numbers and when."""

    time_ns: int
    kind: int
    values: tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """All that a simulated device did and read so far."""

    edges: list[Edge]
    reads: list[Read]

    def of(self, pin: int) -> list[Edge]:
        """The changes of a digital pin, in their order."""
        changes: list[Edge] = []
        for edge in self.edges:
            if edge.pin == pin and edge.value != (changes[-1].value if changes else 0):
                changes.append(edge)
        return changes

    def pulses_ns(self, pin: int) -> list[tuple[int, int]]:
        """Beginning and end of every time the pin was high, and then low again."""
        changes = self.of(pin)
        return [(on.time_ns, off.time_ns) for on, off in zip(changes[::2], changes[1::2], strict=False)]


class SimulatedFirmware:
    """Starts the device's process; ``port`` is what pyserial opens. ``command``: another program with its manners.

    ``led``: a pin, and the file of the virtual LED that it lights.
    """

    def __init__(self, command: Sequence[str] = _COMMAND, led: tuple[int, Path] | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="posewire-firmware-")
        self._file = Path(self._folder.name) / "record.json"
        words = [*command, "--record", str(self._file), *(["--led", *map(str, led)] if led else [])]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self._line()

    def ask(self, *words: object) -> None:
        """Send a line (see the module) and wait until it is obeyed."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        if words[0] != "die" and self._line() != "ok":
            raise RuntimeError(f"the simulated firmware does not know {words[0]!r}")

    def record(self) -> Record:
        """What it did so far."""
        if self.process.poll() is None:
            self.ask("record")
        found: dict[str, Any] = json.loads(self._file.read_text(encoding="ascii"))
        return Record(
            [Edge(time_ns, pin, value, bool(analog)) for time_ns, pin, value, analog in found["edges"]],
            [Read(time_ns, kind, tuple(values)) for time_ns, kind, values in found["reads"]],
        )

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self._folder.cleanup()

    def __enter__(self) -> SimulatedFirmware:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the simulated firmware ended")
        return line.strip()


def _virtual_led(path: Path) -> Device:
    led = open_device(OutputSpec("led", "virtual-led", options={"file": str(path)}), "bench")
    led.open()
    return led


class _Process:
    """The device's end of the pseudo-terminal, its record and its faults."""

    def __init__(self, record: Path, led: tuple[int, Path] | None = None) -> None:
        import pty
        import tty

        # The other end stays open here, else reading fails whenever nobody has the port open.
        self.descriptor, self._other_end = pty.openpty()
        tty.setraw(self._other_end)
        os.set_blocking(self.descriptor, False)
        self.name = os.ttyname(self._other_end)
        self._path = record
        self._led_pin = led[0] if led else -1
        self._led = _virtual_led(led[1]) if led else None
        self._edges: list[tuple[int, int, int, int]] = []
        self._reads: list[tuple[int, int, tuple[int, ...]]] = []
        self._answers: deque[tuple[int, bytes]] = deque()
        self._late_ns = 0
        self._stalled_ns = 0
        self._lines = b""
        self.device = SimulatedDevice(self._set_pin, self._send, lambda: time.perf_counter_ns() // 1000)

    def run(self) -> None:
        print(self.name, flush=True)  # noqa: T201 - the line that the starter waits for
        self.device.begin()
        while True:
            # What is due comes first: a watchdog that ran out trips before old commands are read.
            self.device.tick()
            if self._led is not None:
                self._led.beat()
            self._answer()
            now = time.perf_counter_ns()
            ears = [0] if now < self._stalled_ns else [0, self.descriptor]
            ready, _, _ = select.select(ears, [], [], self._seconds(now))
            if self.descriptor in ready:
                self.device.tick()
                self._receive()
            if 0 in ready and not self._obey():
                self._write()
                return

    def _seconds(self, now: int) -> float:
        due = [now + (1_000_000_000 if self._led is None else BEAT_NS)]
        if (next_us := self.device.due_us()) is not None:
            due.append(next_us * 1000)
        if now < self._stalled_ns:
            due.append(self._stalled_ns)
        if self._answers:
            due.append(self._answers[0][0])
        return max(0.0, (min(due) - now) / 1e9)

    def _receive(self) -> None:
        try:
            data = os.read(self.descriptor, 4096)
        except BlockingIOError:
            return
        now = time.perf_counter_ns()
        self.device.receive(data)
        for frame in self.device.frames:
            try:
                self._reads.append((now, frame.kind, frame.values))
            except ValueError:
                self._reads.append((now, frame.kind, ()))
        self.device.frames.clear()

    def _set_pin(self, pin: int, value: int, analog: bool) -> None:
        self._edges.append((time.perf_counter_ns(), pin, value, int(analog)))
        if self._led is not None and pin == self._led_pin:
            self._led.act(Act(len(self._edges), "on" if value else "off", 0.0, 0, "", -1, -1, 0))

    def _send(self, data: bytes) -> None:
        self._answers.append((time.perf_counter_ns() + self._late_ns, data))
        self._answer()

    def _answer(self) -> None:
        while self._answers and self._answers[0][0] <= time.perf_counter_ns():
            try:
                os.write(self.descriptor, self._answers.popleft()[1])
            except BlockingIOError:
                pass  # a host that does not read does not hold the device up

    def _obey(self) -> bool:
        """The lines on stdin; False at their end."""
        data = os.read(0, 4096)
        if not data:
            return False
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            word, _, argument = line.decode("ascii").partition(" ")
            if word == "die":
                self._write()
                os._exit(0)
            known = self._fault(word, float(argument or 0))
            print("ok" if known else "what?", flush=True)  # noqa: T201 - the answer to the line
        return True

    def _fault(self, word: str, amount: float) -> bool:
        if word == "record":
            self._write()
        elif word == "stall":
            self._stalled_ns = time.perf_counter_ns() + round(amount * 1e9)
        elif word == "hang":
            time.sleep(amount)
        elif word == "late":
            self._late_ns = round(amount * 1e9)
        elif word == "garbage":
            self._send(random.Random(2).randbytes(round(amount)))
        elif word == "reset":
            forget(self.device)
            self.device.begin()
        else:
            return False
        return True

    def _write(self) -> None:
        beside = self._path.with_suffix(".part")
        beside.write_text(json.dumps({"edges": self._edges, "reads": self._reads}), encoding="ascii")
        beside.replace(self._path)


def main() -> None:
    """The process itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", type=Path, required=True)
    parser.add_argument("--led", nargs=2, metavar=("PIN", "FILE"))
    given = parser.parse_args()
    _Process(given.record, (int(given.led[0]), Path(given.led[1])) if given.led else None).run()


if __name__ == "__main__":
    main()
