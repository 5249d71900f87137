"""How long a command takes to the device: from the call of `act` until another process has read its bytes.

``python -m posewire_bench.serial_latency [--acts 1000]``. The device is the simulated firmware behind a
pseudo-terminal, in its own process; both stamps are of the one clock of this machine. What a wire, USB or the device's
own handling adds is not in it (docs/serial.md tells the bytes).
"""

from __future__ import annotations

import argparse
import select
from dataclasses import dataclass

import numpy as np

from posewire.clock import now_ns
from posewire.outputs import serial_protocol as p
from posewire.outputs.device import BEAT_NS, Act
from posewire.outputs.serial import open_device
from posewire.outputs.spec import OutputSpec
from posewire_bench.simulated_firmware import SimulatedFirmware


@dataclass(frozen=True)
class SerialLatency:
    """us, p50 and p99: how long `act` took, until its bytes were read by the device, until the answer was read here."""

    acts: int
    call_us: tuple[float, float]
    read_us: tuple[float, float]
    acked_us: tuple[float, float]


def measure(acts: int = 1000, every_ns: int = 5_000_000) -> SerialLatency:
    """Pulses of 0.1 ms, one every ``every_ns``. Raises RuntimeError if one is not answered."""
    called: dict[int, tuple[int, int]] = {}
    acked: dict[int, int] = {}
    with SimulatedFirmware() as firmware:
        spec = OutputSpec("bench", "serial", width_ns=100_000, options={"port": firmware.port, "pin": 5})
        device = open_device(spec, "bench")
        device.open()
        descriptor = device.fileno()
        assert descriptor is not None
        due = beat = now_ns()
        while len(called) < acts or len(acked) < acts:
            now = now_ns()
            if now >= beat:
                device.beat()
                beat = now + BEAT_NS
            if now >= due and len(called) < acts:
                event = len(called)
                before = now_ns()
                device.act(Act(event, "pulse", 0.0, 0, "bench", 0, event, before))
                called[event] = (before, now_ns())
                due = now + every_ns
            for done in device.receive():
                if done.device_us is None:  # a refusal is an answer as well: on a busy machine a pulse may not be over
                    raise RuntimeError(f"event {done.event}: {done.problem}")
                acked[done.event] = done.acked_ns
            select.select([descriptor], [], [], max(0.0, min(due, beat) - now_ns()) / 1e9)
        read = {frame.values[1]: frame.time_ns for frame in firmware.record().reads if frame.kind == p.PULSE}
        device.close()

    def percentiles(ends: dict[int, int]) -> tuple[float, float]:
        times = np.array([(ends[event] - called[event][0]) / 1e3 for event in called])
        return float(np.percentile(times, 50)), float(np.percentile(times, 99))

    returned = {event: end for event, (_, end) in called.items()}
    return SerialLatency(acts, percentiles(returned), percentiles(read), percentiles(acked))


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acts", type=int, default=1000)
    found = measure(parser.parse_args().acts)
    for name, (half, most) in (
        ("act() returns", found.call_us),
        ("bytes read by the device's process", found.read_us),
        ("answer read by the host", found.acked_us),
    ):
        print(f"{name:38} p50 {half:7.1f} us   p99 {most:7.1f} us")  # noqa: T201 - its result


if __name__ == "__main__":
    main()
