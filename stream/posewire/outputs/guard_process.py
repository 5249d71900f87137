"""Starts the guard process and connects to it.

Where the system has socket pairs that a child inherits, the connection is one: nobody else can reach it, and an act is
with the guard some 20 us sooner than through TCP (docs/guard.md). On Windows it is TCP on the loopback
interface, and the process that connects has to know a token that only the child was told.
"""

from __future__ import annotations

import hmac
import os
import secrets
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from posewire.outputs.channel import Channel
from posewire.outputs.guard_settings import HELLO, Settings
from posewire_models.errors import WorkError

PAIRS = sys.platform != "win32"
CONNECT_S = 10.0
BUFFER = 1024 * 1024  # bytes asked for in each direction: a pair counts every message with a kilobyte of its own


class GuardProcess:
    """One guard process, from its start to its end."""

    def __init__(self, settings: Settings) -> None:
        """Start it. Raises WorkError if it does not start or connect."""
        self.channel: Channel | None = None
        try:
            if PAIRS:
                self._start_with_pair(settings)
            else:
                self._start_with_port(settings)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raises WorkError if it has ended."""
        if self.status is not None:
            raise WorkError(f"the guard process could not start: it ended with status {self.status}")

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; False if it goes on."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it whatever it does; its connection as well. May be called twice."""
        if self.channel is not None:
            self.channel.ended = self.channel.ended or "closed"
            self.channel.close()
        if getattr(self, "_process", None) is not None and self.status is None:
            self._process.kill()
            self._process.wait()

    def _start_with_pair(self, settings: Settings) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self._start(replace(settings, descriptor=theirs.fileno()))

    def _start_with_port(self, settings: Settings) -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=1) as server:
            token = secrets.token_hex(16)
            self._start(replace(settings, port=server.getsockname()[1], token=token))
            self.channel = meet(server, token, self.check)

    def _start(self, settings: Settings) -> None:
        # A group of its own on Windows, where a child cannot leave the Ctrl-C of its group aside in time.
        flags: int = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "posewire.outputs.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONSAFEPATH": "1"},  # no module of the folder that we happen to be in
            pass_fds=() if settings.descriptor < 0 else (settings.descriptor,),
            creationflags=flags,
        )
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                pipe.write(settings.to_json())
        except OSError:
            pass  # it has ended: the next one to wait for it says so


def meet(server: socket.socket, token: str, check: Callable[[], None]) -> Channel:
    """The channel of the process that knows the token; whoever else connects is sent away.

    ``check`` raises if the process has ended. Raises WorkError if nobody comes within `CONNECT_S`.
    """
    until = time.monotonic() + CONNECT_S
    while time.monotonic() < until:
        if select.select([server], [], [], 0.05)[0]:
            connection = server.accept()[0]
            channel = Channel(connection)
            select.select([connection], [], [], 1.0)
            first = channel.receive()[:1]
            if first and first[0][0] == HELLO and hmac.compare_digest(str(first[0][1]), token):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return channel
            channel.close()
        check()
    raise WorkError(f"the guard process did not connect within {CONNECT_S:g} s")


def connect(settings: Settings) -> Channel:
    """The guard's end of the connection. Raises OSError."""
    if settings.descriptor >= 0:
        return Channel(socket.socket(fileno=settings.descriptor))
    connection = socket.create_connection(("127.0.0.1", settings.port), timeout=CONNECT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    channel = Channel(connection)
    channel.send((HELLO, settings.token))
    return channel
