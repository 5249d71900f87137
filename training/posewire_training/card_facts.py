"""What a card tells besides the error: the commands that make the model, and how fast it is."""

from __future__ import annotations

import platform
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from posewire_training.run_folder import read_json, read_settings

_SECONDS, _FEWEST, _MOST = 1.0, 5, 100


def made_by(run: Path, error_from: Sequence[Path] = (), options: str = "") -> list[str]:
    """The commands that make the model of ``run``, in order.

    ``error_from``: the runs that its error comes from; ``options``: of the export.
    """
    exported = ["posewire export", _name(run), *(f"--error-from {_name(other)}" for other in error_from)]
    return [*map(_training, (*error_from, run)), " ".join([*exported, options]).strip()]


def _training(run: Path) -> str:
    settings = read_settings(run)
    file = read_json(run / "run.json").get("project_file", f"{settings.name}.toml")  # older runs do not tell
    words = ["posewire train", shlex.quote(file)]
    data = settings.data
    if data is not None and data.folds:
        words.append(f"--fold {data.fold}/{data.folds}")
    elif data is not None and not data.validation and not data.validation_images:
        words.append("--all")
    return " ".join([*words, "--run", _name(run), "--no-export"])


def _name(run: Path) -> str:
    return shlex.quote(f"runs/{run.absolute().name}")


def speed(model: Any, size: tuple[int, int], channels: int) -> dict[str, Any]:
    """How long an ONNX model takes for one frame of ``size`` (width, height) on one thread of this CPU: milliseconds,
    the median of up to 100 runs in about a second."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    frame = np.random.default_rng(0).integers(0, 256, (1, size[1], size[0], channels), np.uint8)
    session.run(None, {"frames": frame})
    taken: list[float] = []
    while len(taken) < _FEWEST or (len(taken) < _MOST and sum(taken) < _SECONDS):
        begun = time.perf_counter()
        session.run(None, {"frames": frame})
        taken.append(time.perf_counter() - begun)
    median = round(1e3 * float(np.median(taken)), 2)
    return {"median_ms": median, "size": list(size), "threads": 1, "provider": "CPU", "processor": processor()}


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(told, platform.processor() or platform.machine())
