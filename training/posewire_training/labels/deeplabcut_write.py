"""Writing DeepLabCut label files of one animal or several, CSV or HDF5."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np

from posewire_models.errors import InputError
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled

_SCORER = "posewire"


def write_deeplabcut(labels: Labels, path: Path, part: Path) -> list[str]:
    """Write ``labels`` of image files to ``part``, whose name will be ``path``.

    Animals without names get some (``animal1``), since the form tells several animals apart by name only. Returns what
    it has no place for. Raises InputError for a name that stands twice.
    """
    remarks = _remarks(labels)
    individuals = list(labels.individuals)
    if twice := [name for name, count in Counter(individuals).items() if name and count > 1]:
        raise InputError(f"{path}: DeepLabCut cannot hold animal {twice[0]!r} twice in a frame")
    if not individuals and labels.animals > 1:
        individuals = [""] * labels.animals
    nameless = [place for place, name in enumerate(individuals) if not name]
    for place in nameless:
        individuals[place] = _new_name(place, individuals)
    if nameless:
        names = ", ".join(individuals[place] for place in nameless)
        remarks.append(f"DeepLabCut tells several animals apart by name: those without one are called {names}")
    _write(labels, individuals, path, part)
    return remarks


def _new_name(place: int, taken: list[str]) -> str:
    name = f"animal{place + 1}"
    while name in taken:
        name += "_"
    return name


def _remarks(labels: Labels) -> list[str]:
    remarks = []
    if hidden := int((labelled(labels.points) & ~labels.visible).sum()):
        remarks.append(f"DeepLabCut holds no visibility: {hidden} hidden keypoints become visible ones")
    if labels.skeleton or labels.symmetric:
        remarks.append("DeepLabCut's label files hold no skeleton and no symmetric pairs: they are left out")
    if labels.scores is not None:
        remarks.append("DeepLabCut's label files hold no scores: they are left out")
    return remarks


def _write(labels: Labels, individuals: list[str], path: Path, part: Path) -> None:
    scorer = path.stem.removeprefix("CollectedData_") if path.stem.startswith("CollectedData_") else ""
    lookup = Lookup(path)
    rows = [lookup.told(image.path) for image in labels.images]
    columns = [
        ((scorer or _SCORER), individual, keypoint, axis)
        for individual in individuals or [""]
        for keypoint in labels.keypoints
        for axis in "xy"
    ]
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    table = labels.points.reshape(len(rows), len(columns))
    if not individuals:
        columns = [(column[0], *column[2:]) for column in columns]  # type: ignore[misc]
        levels.remove("individuals")
    if path.suffix.lower() == ".csv":
        text = io.StringIO(newline="")
        lines = csv.writer(text, lineterminator="\n")
        for number, level in enumerate(levels):
            lines.writerow([level, *(column[number] for column in columns)])
        for row, values in zip(rows, table, strict=True):
            # The shortest text that is the same float32 when read.
            lines.writerow([row, *("" if np.isnan(value) else str(value) for value in values)])
        part.write_bytes(text.getvalue().encode())
        return
    try:
        import pandas
        import tables  # noqa: F401  what pandas writes HDF5 with
    except ImportError:
        raise InputError(
            f"{path}: writing HDF5 labels needs the extra 'training': pip install 'posewire[training]'"
        ) from None
    frame = pandas.DataFrame(
        table.astype(np.float64), index=rows, columns=pandas.MultiIndex.from_tuples(columns, names=levels)
    )
    frame.to_hdf(part, key="df_with_missing", mode="w")
