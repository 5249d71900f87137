"""Kinds of output that misbehave, found by the guard as plug-ins: see `installed`."""

from __future__ import annotations

import threading
from pathlib import Path

from posewire.outputs.device import Act, Done
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import WorkError

KINDS = ("odd-blocking", "odd-broken", "odd-unopened", "odd-unwatched", "odd-slow", "odd-failing")


def installed(folder: Path) -> str:
    """Make a package with entry points for `KINDS` in ``folder``; the PYTHONPATH on which it is found."""
    info = folder / "odd_outputs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-outputs\nVersion: 1.0\n")
    lines = "\n".join(f"{kind} = odd_outputs:open_device" for kind in KINDS)
    (info / "entry_points.txt").write_text(f"[posewire.outputs]\n{lines}\n")
    return f"{folder}:{Path(__file__).parent}"


def open_device(spec: OutputSpec, stream: str) -> OddDevice:
    return OddDevice(spec)


class OddDevice:
    """Blocks for ever in `act` (``odd-blocking``), fails in it at once or after a while (``odd-failing``), fails in
    `open`, has no watchdog, or writes what it does to the file of its option ``file`` (``odd-slow``)."""

    times_itself = False

    def __init__(self, spec: OutputSpec) -> None:
        self.kind = spec.kind
        self.blocking = spec.kind in ("odd-blocking", "odd-slow", "odd-failing")
        self.watchdog = spec.kind != "odd-unwatched"
        self.failing = threading.Event()
        self.file = spec.options.get("file")

    def open(self) -> str:
        if self.kind == "odd-unopened":
            raise OSError(5, "Input/output error")
        return f"{self.kind} on {threading.current_thread().name}"

    def _write(self, what: str) -> None:
        if self.file:
            with open(self.file, "a") as file:
                file.write(what + "\n")

    def act(self, act: Act) -> None:
        if self.kind == "odd-blocking":
            threading.Event().wait()
        if self.kind == "odd-broken":
            raise WorkError("the cable is out")
        if self.kind == "odd-failing":
            self.failing.wait(0.03)
            raise OSError(5, "Input/output error")
        self._write(f"{act.what} {act.event}")

    def beat(self) -> None:
        """Nobody looks."""

    def safe(self) -> None:
        self._write("safe")

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        self._write("close")
        if self.kind == "odd-broken":
            raise WorkError("it has no manners")
