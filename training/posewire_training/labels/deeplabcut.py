"""DeepLabCut label files of one animal or several, CSV or HDF5.

Reading CSV needs nothing but the base install.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled

Columns = list[tuple[str, str]]
"""(individual, keypoint) of each pair of columns x, y; the individual is empty in files of one animal."""


def read_deeplabcut(path: Path) -> Labels:
    """Read a DeepLabCut label file, CSV or HDF5, of one animal or several.

    The image column may be one path or the three columns ``labeled-data, folder, image`` of newer versions. Image
    paths are looked up from the label file's folder and each folder above it. Individuals are identities: the same name
    is the same animal in every frame.

    Raises InputError for a file that is none and bad cells.
    """
    rows, columns, table = _read_csv(path) if path.suffix.lower() == ".csv" else _read_hdf(path)
    if not rows:
        raise InputError(f"{path}: holds no labelled image")
    lookup = Lookup(path)
    individuals = tuple(dict.fromkeys(individual for individual, _ in columns))
    keypoints = tuple(dict.fromkeys(keypoint for _, keypoint in columns))
    points = np.full((len(rows), len(individuals), len(keypoints), 2), np.nan, np.float32)
    for number, (individual, keypoint) in enumerate(columns):
        points[:, individuals.index(individual), keypoints.index(keypoint)] = table[:, number]
    return Labels(
        tuple(ImageRef(lookup.find(row) or lookup.nominal(row)) for row in rows),
        keypoints,
        points,
        labelled(points),
        individuals if any(individuals) else (),
    )


def _read_csv(path: Path) -> tuple[list[str], Columns, npt.NDArray[np.float64]]:
    """Image column, columns, and float64 ``[rows, columns, 2]`` of a CSV."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a CSV text file: {error}") from None
    header = {line[0].strip(): line for line in lines[:4] if line}
    if "bodyparts" not in header or "coords" not in header:
        raise InputError(f"{path}: expected the header rows scorer, bodyparts, coords of a DeepLabCut label file")
    coords = [cell.strip() for cell in header["coords"]]
    first = coords.index("x") if "x" in coords else len(coords)
    names = [cell.strip() for cell in header["bodyparts"]][first:]
    individuals = [cell.strip() for cell in header.get("individuals", [""] * len(coords))][first:]
    columns = _columns_of(path, individuals, names, coords[first:])
    rows, table = [], []
    for line in lines[lines.index(header["coords"]) + 1 :]:
        image = _joined(line[:first])
        cells = [cell.strip() for cell in line[first:]]
        if len(cells) != len(names):
            raise InputError(f"{path}: {image}: {len(cells)} values; expected {len(names)}")
        rows.append(image)
        table.append([_number(cell, path, image, name) for cell, name in zip(cells, names, strict=True)])
    return rows, columns, np.array(table, np.float64).reshape(len(rows), len(columns), 2)


def _read_hdf(path: Path) -> tuple[list[str], Columns, npt.NDArray[np.float64]]:
    """Image index, columns, and float64 ``[rows, columns, 2]`` of an HDF5 table."""
    try:
        import pandas
        import tables  # noqa: F401  what pandas reads HDF5 with
    except ImportError:
        raise InputError(
            f"{path}: reading HDF5 labels needs the extra 'training': pip install 'posewire[training]'"
        ) from None
    try:
        frame = pandas.read_hdf(path)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a DeepLabCut HDF5 label table ({reason})") from None
    levels = list(getattr(getattr(frame, "columns", None), "names", []))
    if not isinstance(frame, pandas.DataFrame) or not {"bodyparts", "coords"} <= set(levels):
        raise InputError(f"{path}: expected a table with the column levels scorer, bodyparts, coords")

    def level(name: str) -> list[str]:
        return [str(value) for value in frame.columns.get_level_values(name)]

    individuals = level("individuals") if "individuals" in levels else [""] * frame.shape[1]
    columns = _columns_of(path, individuals, level("bodyparts"), level("coords"))
    rows = [_joined(row if isinstance(row, tuple) else (row,)) for row in frame.index]
    table = frame.to_numpy(np.float64, na_value=np.nan).reshape(len(rows), len(columns), 2)
    return rows, columns, table


def _columns_of(path: Path, individuals: Sequence[str], names: Sequence[str], coords: Sequence[str]) -> Columns:
    """Each keypoint of each individual once, after checking that x and y of each stand side by side."""
    cells = list(zip(individuals, names, strict=True))
    known = list(dict.fromkeys(cells))
    if not known or list(coords) != ["x", "y"] * len(known) or cells != [cell for cell in known for _ in "xy"]:
        raise InputError(f"{path}: expected the columns x, y for each of the body parts in the header")
    return known


def _joined(parts: Iterable[object]) -> str:
    """One path with ``/`` of an image column, whatever system wrote it and in how many columns."""
    return str(PurePosixPath(*(str(part).strip().replace("\\", "/") for part in parts)))


def _number(cell: str, path: Path, image: str, keypoint: str) -> float:
    if not cell:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{path}: {image}, keypoint {keypoint}: {cell!r} is no pixel coordinate") from None
