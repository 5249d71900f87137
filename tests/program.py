"""Starts the real command in its own process, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import zmq

COMMAND = (sys.executable, "-c", "from posewire.cli import main; main()")
ANY_PORT = "tcp://127.0.0.1:*"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        found = json.loads(self.stdout.splitlines()[-1])
        assert isinstance(found, dict)
        return found


def start(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.Popen[str]:
    """Start `posewire ARGUMENTS` and return the process."""
    # A group of its own on Windows, so that a Ctrl-Break for it does not reach the tests.
    flags = subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    return subprocess.Popen(
        [*COMMAND, *(str(argument) for argument in arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        creationflags=flags,
    )


def end(process: subprocess.Popen[str], timeout_s: float = 120) -> Ended:
    """Wait for a started command; a hanging one is killed and fails the test."""
    try:
        out, err = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"the command did not end; it wrote:\n{out}\n{err}") from None
    return Ended(process.returncode, out, err)


def posewire(*arguments: object, cwd: Path | None = None, **environment: str) -> Ended:
    """Run `posewire ARGUMENTS` to its end."""
    return end(start(*arguments, cwd=cwd, **environment))


def free_endpoint() -> str:
    """An endpoint on loopback that nobody uses at this moment."""
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        return f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def read_poses(endpoint: str, process: subprocess.Popen[str], stream: str = "main") -> list[dict[str, Any]]:
    """Every pose message of a stream until its program ends, read with nothing but ZeroMQ and msgpack."""
    messages = []
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.set(zmq.RCVHWM, 0)
        socket.subscribe(f"pose/{stream}")
        socket.connect(endpoint)
        while True:
            ended = process.poll() is not None
            while socket.poll(100 if not ended else 300):
                topic, payload = socket.recv_multipart()
                if topic == f"pose/{stream}".encode():
                    messages.append(msgpack.unpackb(payload))
            if ended:
                return messages
