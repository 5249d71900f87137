"""What a training run leaves behind, and how it is taken up again.

``settings.json`` all settings; ``run.json`` seed, versions, data and results; ``frames.npz`` a few real frames for the
parity check of the export; ``checkpoint.npz`` weights, their mean, the optimizer; ``curve.csv``, ``curve.png``.
Every file is written beside its place and renamed, so that a kill leaves the old one or the new one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError, WorkError
from posewire_models.files import write_whole
from posewire_training.config import Project, parse_project

UNLEARNED = ("project", "colours", "data.videos")
COLUMNS = (
    "step",
    "loss",
    "heatmap_loss",
    "offset_loss",
    "paf_loss",
    "learning_rate",
    "mean_px",
    "median_px",
    "within_15px",
    "found",
)


def write(path: Path, content: bytes) -> None:
    """Write a file of a run, whole or not at all. Raises WorkError if that is not possible: what stood there stays."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise WorkError(
            f"{path}: cannot be written ({error.strerror or error}); what was there is kept: make room, or "
            "give another folder, and start the command again"
        ) from None


def write_json(path: Path, fields: Mapping[str, Any]) -> None:
    """Write readable JSON. Raises WorkError like `write`."""
    write(path, (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode())


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write an ``.npz``. Raises WorkError like `write`."""
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **dict(arrays))
    write(path, content.getvalue())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a run. Raises InputError if it is not there or broken."""
    try:
        fields = json.loads(path.read_text("utf-8"))
    except OSError:
        raise InputError(f"{path.parent}: no training run ({path.name} is missing)") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
    if not isinstance(fields, dict):
        raise InputError(f"{path}: expected a JSON object")
    return fields


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read an ``.npz`` of a run. Raises InputError if it is not there, or broken."""
    if not path.is_file():
        raise InputError(f"{path.parent}: {path.name} is missing; the run has no checkpoint yet, let it train on")
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file.items())
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: broken ({error}); put back a copy of it, or start a new run") from None


def read_settings(run: Path) -> Project:
    """The settings a run was started with."""
    path = run / "settings.json"
    return parse_project(read_json(path), str(path))


def finished(run: Path) -> bool:
    """Whether a run has come to its end."""
    return bool(read_json(run / "run.json").get("finished"))


def new_run(project_file: Path, name: str) -> Path:
    """The first free ``runs/<name>-<number>`` beside the project file."""
    number = 1
    while (run := project_file.absolute().parent / "runs" / f"{name}-{number}").exists():
        number += 1
    return run


def path_from(run: Path, folder: Path) -> str:
    """What a run keeps of the folder of its project file: relative if the run lies inside it, so that both may move."""
    run, folder = run.resolve(), folder.resolve()
    return Path(os.path.relpath(folder, run)).as_posix() if run.is_relative_to(folder) else str(folder)


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any], above: str = "") -> list[str]:
    """Dotted names of the settings in which two runs differ, but for those that no network learns from."""
    found = []
    for key in {**old, **new}:
        if above + key in UNLEARNED:
            continue
        a, b = old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += changed_settings(a, b, f"{above}{key}.")
        elif a != b:
            found.append(f"{above}{key}")
    return found


class Curve:
    """The learning curve: one row at each measurement, kept as CSV and picture."""

    def __init__(self, run: Path, last_step: int) -> None:
        """Take up the rows up to ``last_step``; later ones belong to steps that were lost."""
        self._run = run
        self.rows: list[dict[str, float]] = []
        if last_step and (run / "curve.csv").is_file():
            with (run / "curve.csv").open(newline="", encoding="utf-8") as file:
                rows = [{key: float(row.get(key) or "nan") for key in COLUMNS} for row in csv.DictReader(file)]
            self.rows = [row for row in rows if row["step"] <= last_step]

    def add(self, values: Sequence[float]) -> None:
        """Append a row in the order of COLUMNS and write both files."""
        self.rows.append(dict(zip(COLUMNS, map(float, values), strict=True)))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(self._cells(row.values()) for row in self.rows)
        write(self._run / "curve.csv", text.getvalue().encode())
        write(self._run / "curve.png", self._picture())

    @staticmethod
    def _cells(values: Iterable[float]) -> list[str]:
        return ["" if np.isnan(value) else f"{value:.6g}" for value in values]

    def _picture(self) -> bytes:
        from matplotlib.figure import Figure  # not pyplot: no display, no global state

        figure = Figure(figsize=(9, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        steps = [row["step"] for row in self.rows]
        for key in ("loss", "heatmap_loss", "offset_loss", "paf_loss"):
            left.plot(steps, [row[key] for row in self.rows], label=key.replace("_", " "))
        left.set(xlabel="step", ylabel="loss", yscale="log")
        for key in ("mean_px", "median_px"):
            right.plot(steps, [row[key] for row in self.rows], label=key.replace("_px", ""))
        right.set(xlabel="step", ylabel="error on held-out frames (px)", yscale="log")
        for axes in (left, right):
            axes.grid(alpha=0.3)
            axes.legend()
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=110)
        return content.getvalue()
