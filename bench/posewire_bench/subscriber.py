"""A subscriber in a process of its own: reads a stream until a last message, then tells when each message came.

    python -m posewire_bench.subscriber ENDPOINT reader|client

Pose messages from frame number `PASSED_OVER` on are no measurements; `LAST` is the last one. It then prints one JSON
object: ``grabbed`` and ``sent`` (stamps of the publisher), ``received`` (taken from the socket) and ``in_hand``
(unpacked, handed to the program), ns of the one clock of this machine, and ``frame`` of every message; ``lost`` on the
wire.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from posewire.client import Client
from posewire.clock import now_ns
from posewire.reader import Pose, Reader
from posewire_models.errors import WorkError

PASSED_OVER, LAST = 2_000_000_000, 2_000_000_001
READERS = ("reader", "client")
_PATIENCE_S = 60


def main() -> None:
    """Command line."""
    endpoint, kind = sys.argv[1:]
    reader: Reader | Client = Reader(endpoint) if kind == "reader" else Client(endpoint)
    rows: list[tuple[int, int, int, int, int]] = []
    with reader:
        for pose, in_hand in _poses(reader):
            if pose.frame < PASSED_OVER:
                rows.append((pose.stamps.grabbed, pose.stamps.sent, pose.received_ns, in_hand, pose.frame))
            elif pose.frame == LAST:
                break
        lost = reader.lost
    columns = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    found = dict(zip(("grabbed", "sent", "received", "in_hand", "frame"), map(list, columns), strict=True))
    sys.stdout.write(json.dumps({**found, "lost": lost}) + "\n")


def _poses(reader: Reader | Client) -> Iterator[tuple[Pose, int]]:
    while True:
        pose = reader.receive() if isinstance(reader, Reader) else reader.newest()
        in_hand = now_ns()
        if isinstance(pose, Pose):
            yield pose, in_hand


class Subscriber:
    """That process, from here. A context manager; it is ended in any case."""

    def __init__(self, endpoint: str, kind: str = "reader") -> None:
        command = [sys.executable, "-m", "posewire_bench.subscriber", endpoint, kind]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def found(self) -> dict[str, Any]:
        """What it tells after the last message. Raises WorkError if it does not."""
        try:
            out, _ = self._process.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise WorkError("the measured subscriber does not answer: it never saw the last message") from None
        if self._process.returncode:
            raise WorkError(f"the measured subscriber ended with status {self._process.returncode}")
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
        return found

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


if __name__ == "__main__":
    main()
