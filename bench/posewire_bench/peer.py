"""Another program on the same frames, timed in its own Python, in turn with ours: round by round, one at a time.

The peer runs as a child process that waits for its turn on a pipe; frames lie in memory on both sides.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from posewire.frame import Image
from posewire_bench.live import Nanoseconds
from posewire_models.errors import InputError, WorkError, nearest

PEERS = ("dlclive",)
_SIDE = Path(__file__).parent / "peer_side" / "time_dlclive.py"
_PATIENCE_S = 300.0  # of the start: TensorFlow's import, and the network's building
_KEYPOINTS = 4  # of a network that is built here


def check_peer(name: str, python: Path | None, model: Path | None) -> None:
    """Raises InputError if the peer ``name`` cannot be started like this: ``python`` is the interpreter that has it,
    ``model`` a folder with a model that it exported, None to have one built."""
    if name not in PEERS:
        raise InputError(f"--against {name}: expected {', '.join(PEERS)}{nearest(name, PEERS)}")
    if python is None:
        raise InputError("--against dlclive: say which Python has DeepLabCut-Live: --peer-python PATH")
    if shutil.which(python) is None:
        raise InputError(f"--peer-python {python}: no such program; expected a Python that has DeepLabCut-Live")
    if model is not None and not (model / "pose_cfg.yaml").is_file():
        raise InputError(f"--peer-model {model}: no pose_cfg.yaml in it; expected a folder of deeplabcut.export_model")


def open_peers(stack: ExitStack, python: Path, model: Path | None, images: Sequence[Image]) -> list[Peer]:
    """DeepLabCut-Live on one thread and on all, closed by ``stack``: which is faster differs with the machine. Without
    a ``model``, on a network of the usual kind with random weights. Raises WorkError."""
    counts = [1] if (os.cpu_count() or 1) == 1 else [1, 0]
    return [stack.enter_context(Peer(python, model, images, threads)) for threads in counts]


class Peer:
    """DeepLabCut-Live in its own process. A context manager; its `run` is a contestant of `rounds.measure`."""

    def __init__(self, python: Path, model: Path | None, images: Sequence[Image], threads: int) -> None:
        self.name = f"DeepLabCut-Live, {'1 thread' if threads == 1 else 'all threads'}"
        self.facts: dict[str, Any] = {}
        self._model = model
        self._folder = Path(tempfile.mkdtemp(prefix="posewire-peer-"))
        np.save(self._folder / "frames.npy", np.stack([_coloured(image) for image in images]))
        made = model or self._folder / "network"
        self._said = open(self._folder / "said.txt", "w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        self._process = subprocess.Popen(
            [str(python), str(_SIDE), str(self._folder / "frames.npy"), str(made), str(threads), str(_KEYPOINTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment,
        )
        guard = threading.Timer(_PATIENCE_S, self._process.kill)
        guard.start()
        try:
            self.facts = {"peer": self._answer(), "threads": threads or os.cpu_count()}
        except BaseException:
            self.close()
            raise
        finally:
            guard.cancel()

    def run(self, count: int) -> Nanoseconds:
        """``count`` frames, each int64 ns. Raises WorkError if the peer ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{count}\n")
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None
        return np.asarray(self._answer(), np.int64)

    def notes(self) -> list[str]:
        """What ran, for people."""
        peer = self.facts["peer"]
        network = (
            f"the network in {self._model}"
            if self._model
            else f"a MobileNetV2-0.35 of its kind with {_KEYPOINTS} keypoints, built here with random weights"
        )
        return [
            f"DeepLabCut-Live {peer['dlclive']} (TensorFlow {peer['tensorflow']}, Python {peer['python']}, "
            f"{', '.join(peer['devices'])}) runs {network}; timed is get_pose on whole frames, without sending. "
            "Each program sees a frame at its own network's scale."
        ]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was written to the pipe of an ended process
                    pass
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._ended()
        return json.loads(line)

    def _ended(self) -> WorkError:
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        why = lines[-1] if lines else "it said nothing"
        return WorkError(f"DeepLabCut-Live ended in the peer's Python: {why[:300]}")


def _coloured(image: Image) -> Image:
    """uint8 [H, W, 3]: the peer wants three channels."""
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
