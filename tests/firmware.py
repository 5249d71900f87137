"""Devices of the serial protocol for tests: the simulated one, and the sketch's own logic compiled for this machine."""

from __future__ import annotations

import functools
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from posewire.clock import now_ns
from posewire.outputs import serial_protocol as p
from posewire.outputs.device import BEAT_NS, Act, Done
from posewire.outputs.serial import SerialOutput, open_device
from posewire.outputs.spec import OutputSpec
from posewire_bench.simulated_firmware import SimulatedFirmware

_ROOT = Path(__file__).parents[1]
SKETCH = _ROOT / "stream" / "posewire" / "outputs" / "firmware" / "posewire_output"
NATIVE = _ROOT / "tests" / "stream" / "outputs" / "native_firmware.cpp"


@functools.cache
def native_program() -> Path:
    """The sketch's logic as a program of this machine; skips where there is no C++ compiler."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    program = Path(tempfile.mkdtemp(prefix="posewire-native-")) / "firmware"
    flags = ["-std=c++11", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{SKETCH}"]
    subprocess.run([compiler, *flags, str(NATIVE), "-o", str(program)], check=True)
    return program


def start(kind: str) -> SimulatedFirmware:
    """A device that runs: ``simulated`` or ``native``."""
    return SimulatedFirmware([str(native_program())]) if kind == "native" else SimulatedFirmware()


def output(firmware: SimulatedFirmware, name: str = "light", pin: int = 5, **changes: Any) -> SerialOutput:
    """An output of kind serial on the device, opened. ``options`` are added to its port and pin."""
    options = {"port": firmware.port, "pin": pin, **changes.pop("options", {})}
    device = open_device(OutputSpec(name, "serial", options=options, **changes), "main")
    device.open()
    return device


def act(event: int, what: str = "pulse", *, value: float = 0.0, longest_ns: int = 10_000_000_000) -> Act:
    """An act decided now."""
    return Act(event, what, value, longest_ns, "rule", 0, 1, now_ns())


def until(condition: Callable[[list[Done]], Any], *devices: SerialOutput, seconds: float = 10.0) -> list[Done]:
    """Keep the devices' hearts beating until the condition holds of what they told since; fails after ``seconds``."""
    told: list[Done] = []
    end, beat = now_ns() + round(seconds * 1e9), 0
    while True:
        for device in devices:
            told += device.receive()
        if condition(told):
            return told
        assert now_ns() < end, f"it did not come; told: {told}"
        if now_ns() >= beat:
            beat = now_ns() + BEAT_NS
            for device in devices:
                try:
                    device.beat()
                except BlockingIOError:
                    pass
        files = [device.fileno() for device in devices]
        select.select([file for file in files if file is not None], [], [], 0.005)


def answered(*events: int) -> Callable[[list[Done]], bool]:
    """For `until`: something was told of each of these events."""
    return lambda told: {done.event for done in told} >= set(events)


def seconds(duration: float) -> Callable[[list[Done]], bool]:
    """For `until`: so much time has gone by."""
    end = now_ns() + round(duration * 1e9)
    return lambda _: now_ns() >= end


class Raw:
    """The port without our host's code: frames out by hand, frames in as they come."""

    def __init__(self, port: str) -> None:
        self._descriptor = os.open(port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._parser = p.Parser()
        self._frames: list[p.Frame] = []

    def send(self, data: bytes) -> None:
        assert os.write(self._descriptor, data) == len(data)

    def get(self, kind: int, sequence: int | None = None) -> tuple[int, ...]:
        """The numbers of the oldest frame of a type (and sequence) not got yet; fails after ten seconds."""
        end = now_ns() + 10_000_000_000
        while True:
            for frame in self._frames:
                if frame.kind == kind and sequence in (None, frame.sequence):
                    self._frames.remove(frame)
                    return frame.values
            left = (end - now_ns()) / 1e9
            assert left > 0, f"no frame {kind:#04x} came"
            if select.select([self._descriptor], [], [], left)[0]:
                self._frames += self._parser.feed(os.read(self._descriptor, 4096))

    def taken(self) -> list[p.Frame]:
        """The frames that came and were not got."""
        frames, self._frames = self._frames, []
        return frames

    def ask(self, kind: int, *values: int, sequence: int = 7) -> int:
        """Send a command; the status that its acknowledgement says."""
        self.send(p.pack(kind, sequence, *values))
        return self.get(p.ACK, sequence)[2]

    def close(self) -> None:
        os.close(self._descriptor)


def parsed_by_sketch(data: bytes) -> list[p.Frame]:
    """The frames that the sketch's parser finds in a stream of bytes."""
    ended = subprocess.run([str(native_program()), "parse"], input=data, stdout=subprocess.PIPE, check=True)
    lines: Sequence[bytes] = [bytes.fromhex(line) for line in ended.stdout.decode("ascii").split()]
    return [p.Frame(line[0], line[1], line[2:]) for line in lines]
