"""The guard process by itself, on a virtual LED: ``python -m posewire_bench.guard [--acts 1000] [--rate 100]``.

From the decision (the call of `GuardLink.act`) to the LED's own stamp, a pulse for every decision; how long the call
takes; how much longer than asked for a pulse is. Then, ``--times`` times each: how much later than the greatest age the
LED is off when poses stop, and how long after it when the loop is killed with -9.

The loop sleeps between two frames, which is harder on the guard than a network that keeps the processor awake.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posewire.clock import now_ns
from posewire.outputs.device import Act
from posewire.outputs.link import GuardLink
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire.outputs.virtual_led import VirtualLed

_WIDTH_NS = 3_000_000
_AGE_NS = 100_000_000
_PATIENCE_NS = 10_000_000_000
# A loop that turns its output on and vouches for it until it is killed.
_LOOP = """
import sys, time
from pathlib import Path
from posewire_bench.guard import link, on
from posewire.clock import now_ns
guard = link(Path(sys.argv[1]), "while")
guard.start()
on(guard)
print("on", flush=True)
while True:
    guard.vouch(now_ns())
    guard.beat()
    guard.poll()
    time.sleep(0.005)
"""


def link(folder: Path, mode: str, realtime: bool = False) -> GuardLink:
    """A guard with one virtual LED, ``folder``/led, not yet started."""
    spec = OutputSpec("light", "virtual-led", mode, width_ns=_WIDTH_NS, options={"file": str(folder / "led")})
    return GuardLink(
        [spec],
        log=folder / "log",
        header={},
        max_age_ns=[_AGE_NS],
        stream="main",
        unsafe=False,
        realtime=realtime,
    )


def on(guard: GuardLink) -> int:
    """Turn the LED on for good; when the pose was taken by which that is vouched for."""
    taken = now_ns()
    guard.vouch(taken)
    guard.beat()
    guard.act(0, Act(0, "on", 1.0, NEVER_NS, "bench", 0, 0, taken))
    return taken


def latency(folder: Path, acts: int, rate: float, realtime: bool) -> dict[str, list[float]]:
    """us: from decision to LED, of the call, and of the pulses what they are longer than asked for."""
    guard = link(folder, "pulse", realtime)
    guard.start()
    decided, call = [], []
    due = now_ns()
    with VirtualLed(folder / "led") as led:
        for event in range(acts):
            due += round(1e9 / rate)
            time.sleep(max(0.0, (due - now_ns()) / 1e9))
            guard.vouch(now_ns())
            decided.append(now_ns())
            guard.act(0, Act(event, "pulse", 1.0, 0, "bench", 0, event, decided[-1]))
            call.append((now_ns() - decided[-1]) / 1e3)
            guard.record({"record": "fired", "event": event})
            guard.beat()
            guard.poll()
        until = now_ns() + _PATIENCE_NS
        while (led.rises < acts or led.on) and now_ns() < until:
            time.sleep(0.001)
        changes = led.changes()
    guard.close("measured")
    starts, ends = ([change for change in changes if bool(change.value) == lit] for lit in (True, False))
    return {
        "decision to LED": [(start.time_ns - decided[start.event]) / 1e3 for start in starts],
        "call of act": call,
        "pulse longer by": [
            (end.time_ns - start.time_ns - _WIDTH_NS) / 1e3 for start, end in zip(starts, ends, strict=True)
        ],
    }


def stale(folder: Path, times: int, realtime: bool) -> list[float]:
    """ms: how much later than the greatest age the LED went off after the last pose."""
    guard = link(folder, "while", realtime)
    guard.start()
    late = []
    with VirtualLed(folder / "led") as led:
        for _ in range(times):
            taken = on(guard)
            _wait_for(led, True)
            _wait_for(led, False)
            guard.poll()
            late.append((led.changes()[-1].time_ns - taken - _AGE_NS) / 1e6)
    guard.close("measured")
    return late


def killed(folder: Path) -> float:
    """ms from the end of a loop that is killed to the LED being off."""
    process = subprocess.Popen([sys.executable, "-c", _LOOP, str(folder)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        with VirtualLed(folder / "led") as led:
            _wait_for(led, True)
            killed_ns = now_ns()
            process.kill()
            _wait_for(led, False)
            return (led.changes()[-1].time_ns - killed_ns) / 1e6
    finally:
        process.kill()
        process.wait()


def _wait_for(led: VirtualLed, lit: bool) -> None:
    until = now_ns() + _PATIENCE_NS
    while led.on != lit and now_ns() < until:
        time.sleep(0.0005)


def _line(name: str, unit: str, values: Sequence[float]) -> str:
    p50, p90, p99 = np.percentile(values, (50, 90, 99))
    return f"{name}: {len(values)} times, p50 {p50:.3g}, p90 {p90:.3g}, p99 {p99:.3g}, max {max(values):.3g} {unit}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--acts", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100.0, help="acts per second")
    parser.add_argument("--times", type=int, default=20, help="of each fault")
    parser.add_argument("--realtime", action="store_true", help="the guard goes before other programs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(n) for n in range(arguments.times + 2)]
        for folder in folders:
            folder.mkdir()
        pulses = latency(folders[0], arguments.acts, arguments.rate, arguments.realtime)
        found = {f"{key} (us)": value for key, value in pulses.items()}
        found["poses stop: off after the greatest age (ms)"] = stale(folders[1], arguments.times, arguments.realtime)
        found["loop killed: off after that (ms)"] = [killed(folder) for folder in folders[2:]]
    for key, values in found.items():
        sys.stderr.write(_line(key[: key.rindex(" (")], key[key.rindex("(") + 1 : -1], values) + "\n")
    sys.stderr.write(f"load before: {load:.2f}\n")
    if arguments.json:
        sys.stdout.write(json.dumps({"load": load, **found}) + "\n")


if __name__ == "__main__":
    main()
