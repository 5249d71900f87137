"""Poses in DeepLabCut's layout, as `posewire analyze` and DeepLabCut write them: CSV without pandas, HDF5 with it.

Columns are scorer, (individuals,) bodyparts, coords; rows are frames by number. Times, which have no place there, come
from the ``.times.csv`` beside the file, else from the frame rate.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posewire.dryrun.poses import Poses, time_of
from posewire.recorded import steady_pairs
from posewire_models.errors import InputError

_EXPECTED = "DeepLabCut's layout: rows scorer, (individuals,) bodyparts, coords, then a row for each frame"
Column = tuple[str, str, str]  # animal (empty: there is one), keypoint, coordinate


def read_table(path: Path, fps: float | None) -> Poses:
    """A table of poses. ``fps``: frames/s, for tables without times beside them; wins over those.

    Raises InputError for a file that is none, and for one whose frames have no times.
    """
    if path.suffix.lower() == ".csv":
        columns, frames, values = _read_csv(path)
    else:
        columns, frames, values = _read_h5(path)
    animals = list(dict.fromkeys(animal for animal, _, _ in columns))
    keypoints = tuple(dict.fromkeys(keypoint for _, keypoint, _ in columns))
    table = np.full((len(frames), len(animals), len(keypoints), 3), np.nan, np.float32)
    table[..., 2] = 1.0 if not any(coord == "likelihood" for _, _, coord in columns) else np.nan
    for n, (animal, keypoint, coord) in enumerate(columns):
        place = ("x", "y", "likelihood").index(coord)
        table[:, animals.index(animal), keypoints.index(keypoint), place] = values[:, n]
    half = np.isnan(table[..., :2]).any(axis=-1)
    table[half, :2] = np.nan
    several = animals != [""]
    found = Poses(keypoints, animals="many" if several else "one", fps=fps or 0.0)
    for number, time_ns, frame in zip(frames.tolist(), _times(path, frames, fps), table, strict=True):
        if several:
            rows = np.flatnonzero(np.isfinite(frame[..., 0]).any(axis=1))
            found.add(number, time_ns, frame[rows], rows.astype(np.int64), None)
        else:
            found.add(number, time_ns, frame, None, None)
    found.skeleton = steady_pairs(found.poses, len(keypoints))
    if not found.fps and len(found) > 1:
        found.fps = float(1e9 / np.median(np.diff(found.times_ns)))
    return found


def _header(path: Path, rows: Sequence[Sequence[str]]) -> list[Column]:
    """The columns that the header's rows (each with its name first) tell. Raises InputError."""
    names = [row[0] for row in rows]
    if names not in (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"]):
        raise InputError(f"{path}: not a table of poses; expected {_EXPECTED}")
    levels = [list(row[1:]) for row in rows]
    if len({len(level) for level in levels}) != 1 or not levels[0]:
        raise InputError(f"{path}: the rows of its header differ in length; expected {_EXPECTED}")
    animals = levels[1] if len(levels) == 4 else [""] * len(levels[0])
    columns = list(zip(animals, levels[-2], levels[-1], strict=True))
    for column in columns:
        if column[2] not in ("x", "y", "likelihood") or columns.count(column) > 1:
            raise InputError(f"{path}: column {'/'.join(column).strip('/')}: expected x, y, likelihood of each, once")
    return columns


def _read_csv(path: Path) -> tuple[list[Column], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    head: list[list[str]] = []
    frames: list[int] = []
    values: list[list[float]] = []
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = csv.reader(file)
        for row in lines:
            if len(head) == 4 or (head and head[-1][0] == "coords"):
                try:
                    frames.append(int(row[0]))
                    values.append([float(cell) if cell else np.nan for cell in row[1:]])
                except (ValueError, IndexError):
                    raise InputError(
                        f"{path}:{lines.line_num}: expected a frame's number and numbers, not {','.join(row)[:60]!r}"
                    ) from None
                if len(values[-1]) != len(head[0]) - 1:
                    raise InputError(f"{path}:{lines.line_num}: {len(row)} cells; the header has {len(head[0])}")
            elif row and len(head) < 4:
                head.append(row)
    columns = _header(path, head)
    return columns, np.array(frames, np.int64), np.array(values, np.float64).reshape(-1, len(columns))


def _read_h5(path: Path) -> tuple[list[Column], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    try:
        import pandas
        import tables  # noqa: F401  (what pandas reads HDF5 with)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{path}: {error.name} is missing; `pip install 'posewire[analyze]'`, or take the .csv"
        ) from None
    try:
        table = pandas.read_hdf(path)
        names = [str(name) for name in table.columns.names]
        rows = [[name, *table.columns.get_level_values(n).astype(str)] for n, name in enumerate(names)]
        frames = np.asarray(table.index, np.int64)
        values = np.asarray(table, np.float64)
    except Exception as error:  # pandas and PyTables raise classes of their own
        raise InputError(f"{path}: not a table of poses ({' '.join(str(error).split())[:120]})") from None
    return _header(path, rows), frames, values


def _times(path: Path, frames: npt.NDArray[np.int64], fps: float | None) -> list[int]:
    if (np.diff(frames) <= 0).any():
        raise InputError(f"{path}: its frames are not in order; expected rising numbers")
    beside = path.with_suffix(".times.csv")
    if fps is None and beside.is_file():
        try:
            with beside.open(encoding="utf-8", newline="") as file:
                told = {int(row["frame"]): float(row["time_s"]) for row in csv.DictReader(file)}
            times = [round(told[frame] * 1e9) for frame in frames.tolist()]
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{beside}: not the times of {path.name} ({error!r}); give --fps") from None
        if (np.diff(times) > 0).all():
            return times
        raise InputError(f"{beside}: times do not rise; give --fps")
    if fps is None:
        raise InputError(f"{path}: tells frame numbers only; give --fps, the frames per second of the recording")
    return [time_of(frame, fps) for frame in frames.tolist()]
