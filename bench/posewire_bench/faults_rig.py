"""The rig of `posewire_bench.faults`: the real program, a simulated board that it drives, when its poses were taken."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgpack
import zmq

from posewire_bench.simulated_firmware import SimulatedFirmware
from posewire_models.errors import WorkError

MAX_AGE_MS = 100
MOST_PER_S = 12  # pulses
HELD, PULSED = 5, 6  # pins
READY_S = 120.0
_RULES = """rules = 1
max_age_ms = {max_age}

[outputs.held]
kind = "serial"
port = "{port}"
pin = 5
mode = "while"
max_on_ms = 60000

[outputs.pulsed]
kind = "serial"
port = "{port}"
pin = 6
width_ms = 5
max_per_second = {most}

[[rule]]
name = "always"
when = {{ gray = [0, 0, 16, 16], above = 1 }}
output = "held"

[[rule]]
name = "often"
when = {{ gray = [0, 0, 16, 16], above = 1 }}
repeat_ms = 50
output = "pulsed"
"""
_MAIN = "from posewire.cli import main\nmain()\n"


class Poses(threading.Thread):
    """When the poses of a stream were taken and sent, ns."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        super().__init__(daemon=True)
        self.taken: list[int] = []
        self.sent: list[int] = []
        self._context, self._endpoint = context, endpoint

    def run(self) -> None:
        with self._context.socket(zmq.SUB) as socket:
            socket.subscribe("pose/main")
            socket.connect(self._endpoint)
            try:
                while True:
                    stamps = msgpack.unpackb(socket.recv_multipart()[1])["stamps"]
                    self.taken.append(stamps["grabbed"])
                    self.sent.append(stamps["sent"])
            except zmq.ContextTerminated:
                pass


@dataclass
class Run:
    """What is going on: the program, the board, and where the log is."""

    process: subprocess.Popen[str]
    board: SimulatedFirmware
    poses: Poses
    log: Path

    def until_poses(self, count: int) -> None:
        """Wait for so many poses more."""
        wanted, deadline = len(self.poses.taken) + count, time.monotonic() + READY_S
        while len(self.poses.taken) < wanted and self.process.poll() is None:
            if time.monotonic() > deadline:
                raise WorkError(f"{len(self.poses.taken)} poses came within {READY_S:g} s")
            time.sleep(0.005)


@contextmanager
def running(source: str, frames: int, before: str = "") -> Iterator[Run]:
    """The program on ``source``; ``before``: Python to run in it first."""
    with tempfile.TemporaryDirectory() as name, SimulatedFirmware() as board:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        folder = Path(name)
        text = _RULES.format(port=board.port, max_age=MAX_AGE_MS, most=MOST_PER_S)
        (folder / "rules.toml").write_text(text, encoding="utf-8")
        with context.socket(zmq.PUB) as probe:
            endpoint = f"tcp://127.0.0.1:{probe.bind_to_random_port('tcp://127.0.0.1')}"
        poses = Poses(context, endpoint)
        log = folder / "log.jsonl"
        words = ["--source", source, "--frames", str(frames), "--publish", endpoint, "--wait-subscribers", "1"]
        words += ["--rules", str(folder / "rules.toml"), "--log", str(log), "--threads", "1"]
        process = subprocess.Popen(
            [sys.executable, "-c", before + _MAIN, "run", *words], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        poses.start()
        try:
            yield Run(process, board, poses, log)
        finally:
            process.kill()
            process.communicate()
            context.term()  # ends the thread, which closes its socket
            poses.join()
