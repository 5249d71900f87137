"""The program's face in a terminal: what goes to stdout, how errors look, how signals stop it, the live status line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from posewire.clock import now_ns

Json = Annotated[bool, typer.Option("--json", help="The last line of stdout is one JSON object.")]

_STATUS_EVERY_S = 0.5
_PATIENCE_NS = 2_000_000_000


def keep_stdout_clean() -> None:
    """Send what native libraries print on file descriptor 1 to stderr; Python's own stdout stays where it was."""
    try:
        sys.stdout.flush()
        ours = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError, AttributeError):
        return  # no such descriptors (a service without a console): nothing to keep clean
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout = open(ours, "w", encoding=encoding, errors="replace", buffering=1, closefd=True)  # noqa: SIM115


def emit(result: dict[str, Any], text: str, as_json: bool) -> None:
    """A verb's result on stdout: for people, or as one JSON object on the last line."""
    sys.stdout.write((json.dumps(result) if as_json else text) + "\n")


def say(line: str) -> None:
    """One line for people, on stderr."""
    sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + line + "\n")
    sys.stderr.flush()


def fail(line: str, status: int) -> NoReturn:
    """One line on stderr, then the end of the program with ``status``."""
    say("posewire: " + " ".join(line.split()))
    raise SystemExit(status)


@contextmanager
def training_extra() -> Iterator[None]:
    """Turns a missing package of the training extra into one line with the mend."""
    try:
        yield
    except ModuleNotFoundError as error:
        fail(f"{error.name} is missing: this verb needs `pip install 'posewire[training]'`", 2)


class Stopped(BaseException):
    """Raised by a signal while the program is still starting, when no loop looks at the stop event yet.

    Native code may turn it into an error of its own; ``raised`` tells then what the matter is.
    """

    raised = False


class Signals:
    """SIGINT, SIGTERM (and Ctrl-Break on Windows) set ``stop``; one that comes 2 s later ends the program at once.

    Sooner ones are taken for the same wish: a terminal and a shell script may both send theirs.
    Until `running` is called, the first signal raises `Stopped` in the main thread, since a start (compiling kernels,
    opening a device) does not look at an event.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._starting = True
        self._stopped_ns = 0

    def running(self) -> None:
        """From now on somebody looks at ``stop``."""
        self._starting = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.stop.is_set():
            if now_ns() - self._stopped_ns > _PATIENCE_NS:
                os._exit(130)
            return
        self._stopped_ns = now_ns()
        self.stop.set()
        if self._starting:
            self._starting = False
            Stopped.raised = True
            raise Stopped

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take over the signals, and give them back at the end."""
        names = ("SIGINT", "SIGTERM", "SIGBREAK")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class StatusLine:
    """One live line on a terminal's stderr, twice a second, from its own thread; silent where there is no terminal."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, name="posewire-status", daemon=True)

    def __enter__(self) -> StatusLine:
        if sys.stderr.isatty():
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _work(self) -> None:
        while not self._end.wait(_STATUS_EVERY_S):
            if text := self._text():
                sys.stderr.write(f"\r\x1b[K{text}")
                sys.stderr.flush()
