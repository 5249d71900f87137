"""TensorRT's engines on the disk: made once, whole or not there at all.

An engine fits one network, input shape, GPU and set of versions, and takes minutes to make. It is made by a program of
its own (`posewire.gpu.build`), which a signal can end at any moment, into a folder beside its place, which is renamed
when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from posewire.clock import now_ns
from posewire.providers import ProviderError

FACTS_FILE = "engine.json"
_FORMAT = 1  # counts up when engines of older versions of this program do not fit any more
_LOOK_EVERY_S = 0.2
_STALE_S = 86_400.0

Say = Callable[[str], None]


class EngineError(ProviderError):
    """An engine that could not be made or kept: trying again would take as long and fail again."""


@dataclass(frozen=True)
class EngineFacts:
    """All that an engine depends on. ``shape`` is the input's [N, H, W, C]; ``outputs`` are those it computes."""

    model: str
    model_sha256: str
    shape: tuple[int, ...]
    outputs: tuple[str, ...]
    precision: str
    gpu: str
    compute_capability: str
    driver: str
    tensorrt: str
    onnxruntime: str

    @property
    def folder_name(self) -> str:
        """Readable, and another one for any other facts."""
        facts = json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True)
        words = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in self.model)[:40]
        size = "x".join(str(length) for length in (self.shape[2], self.shape[1], self.shape[0]))
        return f"{words}-{size}-{self.precision}-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"

    def to_json(self) -> str:
        """The facts as text for people, beside the engine."""
        return json.dumps(asdict(self), indent=2) + "\n"


def user_cache_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """The user's own folder for what can be made again: ``$XDG_CACHE_HOME/posewire`` or ``~/.cache/posewire``; on
    Windows ``%LOCALAPPDATA%\\posewire``, on macOS ``~/Library/Caches/posewire``."""
    if platform == "win32":
        root = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "posewire"


def engine_root(engine_cache: str) -> Path | None:
    """The folder that holds the engines' folders, as `Compute.engine_cache` names it; None for ``off``."""
    if engine_cache == "off":
        return None
    return user_cache_folder() / "engines" if engine_cache == "auto" else Path(engine_cache).expanduser()


def say_on_stderr(line: str) -> None:
    """One line for people."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def engine_folder(
    root: Path,
    facts: EngineFacts,
    command: Callable[[Path], Sequence[str]],
    say: Say = say_on_stderr,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """The folder of an engine with these facts below ``root``, made if it is not there.

    ``command``: what makes it, for the folder to write to. It is ended, and nothing is left, if this call is
    interrupted or the command fails. Raises EngineError with the last line that it wrote on stderr.
    """
    place = root / facts.folder_name
    if (place / FACTS_FILE).is_file():
        return place
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_stale(root)
        # A name of its own: two programs may be making the same engine.
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=root))
    except OSError as error:
        raise EngineError(f"engine cache {root}: cannot be written ({error.strerror})") from None
    try:
        say(f"making TensorRT's engine of {facts.model} for this GPU, {facts.precision}: once, and it takes minutes")
        start = now_ns()
        _make(command(part), environment)
        (part / FACTS_FILE).write_text(facts.to_json(), encoding="utf-8")
        with suppress(OSError):  # another program was faster: its folder is as good
            part.rename(place)
        if not (place / FACTS_FILE).is_file():
            raise EngineError(f"engine cache {place}: could not be given its name")
        say(f"TensorRT's engine is made, in {(now_ns() - start) / 1e9:.0f} s, and kept in {place}")
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return place


def _make(command: Sequence[str], environment: Mapping[str, str] | None) -> None:
    """Run a program to its end, or end it with this call. What it writes comes through on stderr at its end."""
    with tempfile.TemporaryFile() as written:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            env=None if environment is None else dict(environment),
        )
        try:
            while True:  # on Windows a wait without an end does not let signals in
                try:
                    status = process.wait(_LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        written.seek(0)
        lines = [line for line in written.read().decode(errors="replace").splitlines() if line.strip()]
    if status:
        raise EngineError(f"TensorRT's engine could not be made: {lines[-1][:200] if lines else f'status {status}'}")


def _remove_stale(root: Path) -> None:
    """What programs that were killed left behind, after a day: others may be at work."""
    for part in root.glob(".part-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_S:
                shutil.rmtree(part, ignore_errors=True)
