"""What outputs do when something goes wrong, many times over: ``python -m posewire_bench.faults``.

The real program drives a simulated board on a pseudo-terminal: one pin is on as long as a rule holds that always holds,
another has a pulse twenty times a second. Then the network stalls, the source stalls, the board stops reading, the disk
is full, or the program is killed with -9. The judge is the board's own record of its pins, and the times of the poses:
a pin is late by as much as it is on later than ``max_age`` after the newest pose was taken. POSIX only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posewire.clock import now_ns
from posewire.outputs.log import read_log
from posewire_bench.faults_rig import HELD, MAX_AGE_MS, MOST_PER_S, PULSED, READY_S, Poses, running
from posewire_bench.simulated_firmware import Record
from posewire_models.errors import WorkError

FAULTS = ("network", "source", "output", "disk", "kill")
ALLOWED_MS = 50.0
# The program, with a network that stalls every so many runs, or with little room for its log.
_STALLING = """
import itertools, time
from posewire.session import Network
plain, count = Network.run, itertools.count(1)
def run(self):
    if next(count) % {every} == 0:
        time.sleep(2.0)
    plain(self)
Network.run = run
"""
_FULL = """
import resource
from posewire.outputs.link import GuardLink
plain = GuardLink.start
def start(self):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, hard))
    try:
        return plain(self)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
GuardLink.start = start
"""


@dataclass
class Found:
    """What one kind of fault showed. ``late_ms``: how much later than ``max_age`` the pin went off, of every fault."""

    fault: str
    late_ms: list[float] = field(default_factory=list)
    stale_starts: int = 0
    most_per_s: int = 0
    told: list[str] = field(default_factory=list)  # what the logs said, each once

    @property
    def right(self) -> bool:
        """Whether all is as it has to be."""
        return bool(self.late_ms) and max(self.late_ms) <= ALLOWED_MS and not self.stale_starts and (
            self.most_per_s <= MOST_PER_S
        )  # fmt: skip

    def __str__(self) -> str:
        late = np.array(self.late_ms or [float("nan")])
        return (
            f"{self.fault}: {len(self.late_ms)} times; off {np.median(late):.1f} ms (p50), {late.max():.1f} ms (max) "
            f"after max_age, {ALLOWED_MS:g} allowed; {self.stale_starts} starts on stale poses; at most "
            f"{self.most_per_s} pulses in a second of {MOST_PER_S} allowed; the log: {'; '.join(self.told)}"
        )


def _judge(found: Found, record: Record, poses: Poses, began_ns: list[int] | None = None) -> None:
    """Enter what a run's pins did. ``began_ns``: when the faults began, where poses stay fresh."""
    taken, sent = np.array(poses.taken), np.array(poses.sent)
    for start, end in record.pulses_ns(HELD):
        newest = int(taken[np.searchsorted(sent, end) - 1])
        if began_ns is not None:
            near = [began for began in began_ns if start < began < end]
            found.late_ms += [(end - began) / 1e6 - MAX_AGE_MS for began in near]
        else:
            found.late_ms.append((end - newest) / 1e6 - MAX_AGE_MS)
    for pin in (HELD, PULSED):
        for start, _ in record.pulses_ns(pin):
            # The pose that fires is sent a little after its act: the frame under way counts as well.
            known = int(np.searchsorted(sent, start))
            frame = taken[min(known, len(taken) - 1)]
            newest = max(int(taken[known - 1]) if known else 0, int(frame) if frame < start else 0)
            found.stale_starts += start - newest > (MAX_AGE_MS + ALLOWED_MS) * 1e6
    starts = np.array([start for start, _ in record.pulses_ns(PULSED)])
    if len(starts):
        within = np.searchsorted(starts, starts + 1_000_000_000) - np.arange(len(starts))
        found.most_per_s = max(found.most_per_s, int(within.max()))


def _hear(found: Found, log: Path) -> None:
    reader = read_log(log)
    for one in reader:
        text = re.sub(r"event \d+", "its act", f"{one['record']} ({one.get('text') or one.get('reason')})")
        if one["record"] in ("safe", "failed", "disarmed") and text not in found.told:
            found.told.append(text)
    assert reader.end is not None
    ending = f"log {reader.end.state}"
    if ending not in found.told:
        found.told.append(ending)


def _network(times: int) -> Found:
    every = 120
    found = Found("network stalls 2 s")
    with running("synthetic:size=256x256,fps=60", 10**6, _STALLING.format(every=every)) as run:
        run.until_poses((times + 1) * every)
        record = run.board.record()
        run.process.terminate()
        run.process.wait(20)
        _judge(found, record, run.poses)
        _hear(found, run.log)
    return found


def _source(times: int) -> Found:
    found = Found("source stalls 1 s")
    # After a stall of a second the source has to catch up, and the output comes on again a quarter of a second later.
    stalls = ";".join(f"stall={180 * n}:1" for n in range(1, times + 1))
    with running(f"fault:{stalls}|synthetic:size=256x256,fps=60", 180 * (times + 1)) as run:
        run.process.wait(READY_S + 4 * times)
        _judge(found, run.board.record(), run.poses)
        _hear(found, run.log)
    return found


def _output(times: int) -> Found:
    found = Found("output blocks 0.6 s")
    began = []
    with running("synthetic:size=256x256,fps=60", 10**6) as run:
        run.until_poses(30)
        for _ in range(times):
            run.until_poses(60)
            began.append(now_ns())
            run.board.ask("stall", 0.6)
            run.until_poses(60)
        record = run.board.record()
        run.process.terminate()
        run.process.wait(20)
        _judge(found, record, run.poses, began)
        _hear(found, run.log)
    return found


def _disk(times: int) -> Found:
    found = Found("disk full")
    for _ in range(times):
        # The guard gets the limit with its process, and stops acting when its log cannot grow.
        with running("synthetic:size=256x256,fps=60", 600, _FULL.format(room=16384)) as run:
            run.process.wait(READY_S)
            record = run.board.record()
            held, pulsed = record.pulses_ns(HELD), record.pulses_ns(PULSED)
            text = run.process.stderr.read() if run.process.stderr is not None else ""
            if not held:
                raise WorkError(f"the output never came on: {text.strip()}")
            taken, sent = np.array(run.poses.taken), np.array(run.poses.sent)
            newest = int(taken[np.searchsorted(sent, held[0][1]) - 1])
            found.late_ms.append((held[0][1] - newest) / 1e6 - MAX_AGE_MS)
            found.stale_starts += sum(start > held[0][1] for start, _ in [*held[1:], *pulsed])
            told = [line for line in text.splitlines() if "DISARMED" in line]
            found.told = told or ["nothing was said"]
    return found


def _kill(times: int) -> Found:
    found = Found("loop killed with -9")
    for n in range(times):
        with running("synthetic:size=256x256,fps=60", 10**6) as run:
            run.until_poses(40 + 3 * n)
            killed = now_ns()
            run.process.kill()
            run.process.wait()
            time.sleep(0.5)  # a fault that lasts: the board's record shows what became of its pins meanwhile
            _judge(found, run.board.record(), run.poses, [killed])
            _hear(found, run.log)
    return found


MEASURES: dict[str, Callable[[int], Found]] = {
    "network": _network,
    "source": _source,
    "output": _output,
    "disk": _disk,
    "kill": _kill,
}


def main() -> None:
    """Measure what was asked for; the exit status is 1 if something is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", default=",".join(FAULTS), help=f"of {', '.join(FAULTS)}")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    for name in arguments.only.split(","):
        found = MEASURES[name](arguments.times)
        results.append({**vars(found), "right": found.right})
        sys.stderr.write(f"{found}{'' if found.right else '   WRONG'}\n")
    if arguments.json:
        sys.stdout.write(json.dumps(results) + "\n")
    raise SystemExit(not all(one["right"] for one in results))


if __name__ == "__main__":
    main()
