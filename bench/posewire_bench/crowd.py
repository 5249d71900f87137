"""More subscribers of a stream, in a process of their own: some that read at once, and some that never do.

    python -m posewire_bench.crowd ENDPOINT READING STUCK

After a line on stdin the stuck ones, too, read what was kept for them, and one JSON object tells how many pose messages
each subscriber got: ``reading`` and ``stuck``. The process runs at the lowest priority: it stands for programs that a
lab has on other cores or machines, and is not to take the core of the measured one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import Any

import zmq

from posewire.message import pose_topic
from posewire_bench.awake import lowest_priority, step_back
from posewire_models.errors import WorkError

_PATIENCE_S = 60
_SILENCE_MS = 500
_LOOK_S = 0.02  # ZeroMQ's own thread takes every message off the wire at once; the program looks as often as a screen
_STUCK_BUFFER = 16 * 1024  # so that a stuck subscriber is so at once, not after megabytes
_MOST_SOCKETS = 400  # a context has room for 1023, a process often for 1024 descriptors


def main() -> None:
    """Command line."""
    endpoint, reading, stuck = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    step_back()
    asked = threading.Event()
    threading.Thread(target=_wait_for_line, args=(asked,), daemon=True).start()
    with zmq.Context() as context:
        topic = pose_topic("main")
        readers = [_connected(context, endpoint, topic, False) for _ in range(reading)]
        deaf = [_connected(context, endpoint, topic, True) for _ in range(stuck)]
        counts = dict.fromkeys(readers, 0)
        while not asked.wait(_LOOK_S):
            for socket in readers:
                counts[socket] += _drained(socket, 0)
        time.sleep(_SILENCE_MS / 1e3)  # the last messages are still under way
        found = {
            "reading": [count + _drained(socket, 0) for socket, count in counts.items()],
            "stuck": [_drained(socket, _SILENCE_MS) for socket in deaf],
        }
        for socket in (*readers, *deaf):
            socket.close(linger=0)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def _wait_for_line(asked: threading.Event) -> None:
    sys.stdin.readline()
    asked.set()


def _connected(context: zmq.Context[Any], endpoint: str, topic: bytes, stuck: bool) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = context.socket(zmq.SUB)
    if stuck:
        socket.set(zmq.RCVHWM, 1)
        socket.set(zmq.RCVBUF, _STUCK_BUFFER)
    socket.subscribe(topic)
    socket.connect(endpoint)
    return socket


def _drained(socket: zmq.Socket[bytes], wait_ms: int) -> int:
    """Messages that are there, and that still come within ``wait_ms`` of the last one."""
    count = 0
    while True:
        try:
            socket.recv_multipart(zmq.NOBLOCK)
            count += 1
        except zmq.Again:
            if not wait_ms or not socket.poll(wait_ms):
                return count


class Crowd:
    """Those processes, from here: ``reading`` subscribers that read and ``stuck`` ones that do not."""

    def __init__(self, endpoint: str, reading: int, stuck: int) -> None:
        shares = [(min(_MOST_SOCKETS, reading - at), 0) for at in range(0, reading, _MOST_SOCKETS)]
        shares += [(0, stuck)] if stuck else []
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "posewire_bench.crowd", endpoint, str(part), str(deaf)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                creationflags=lowest_priority(),
            )
            for part, deaf in shares
        ]

    def found(self) -> dict[str, list[int]]:
        """How many messages each got; now the stuck ones read what was kept for them. Raises WorkError."""
        found: dict[str, list[int]] = {"reading": [], "stuck": []}
        for process in self._processes:
            try:
                out, _ = process.communicate("\n", timeout=_PATIENCE_S)
            except subprocess.TimeoutExpired:
                raise WorkError("the other subscribers do not answer") from None
            if process.returncode:
                raise WorkError(f"the other subscribers ended with status {process.returncode}")
            for key, counts in json.loads(out.splitlines()[-1]).items():
                found[key] += counts
        return found

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


if __name__ == "__main__":
    main()
