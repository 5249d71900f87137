"""Tables in DeepLabCut's layout: CSV with the standard library, HDF5 with pandas and PyTables; and Parquet.

Rows are frames, columns scorer, (individuals,) bodyparts, coords with x, y and likelihood. The index is the frame's
number, as DeepLabCut's is; its time has no place there and stands in a file of its own (`write_times`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.analyze.results import Result
from posewire_models.errors import WorkError

COORDS = ("x", "y", "likelihood")
KEY = "df_with_missing"


def columns(result: Result) -> tuple[list[str], list[tuple[str, ...]]]:
    """The levels of DeepLabCut's header, and each column's entry in all of them."""
    subject = result.subject
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    entries = [
        (subject.scorer, animal, keypoint, coord)
        for animal in subject.animals or ("",)
        for keypoint in subject.keypoints
        for coord in COORDS
    ]
    if subject.animals:
        return levels, entries  # type: ignore[return-value]
    return levels[:1] + levels[2:], [(scorer, keypoint, coord) for scorer, _, keypoint, coord in entries]


def _rows(result: Result) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The first frame of each part, and its table float32 [frames, columns]."""
    for first, last in result.parts():
        yield first, result.poses[first:last].reshape(last - first, -1)


def write_csv(result: Result, part: Path) -> None:
    """DeepLabCut's CSV; an empty cell is nothing found. Raises OSError."""
    levels, entries = columns(result)
    with part.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        for number, level in enumerate(levels):
            lines.writerow([level, *(entry[number] for entry in entries)])
        for first, table in _rows(result):
            text = table.astype("U16")  # the shortest text that is the same float32 when read
            text[np.isnan(table)] = ""
            lines.writerows([first + n, *row] for n, row in enumerate(text.tolist()))


def write_h5(result: Result, part: Path) -> None:
    """DeepLabCut's HDF5, float64, read by ``pandas.read_hdf``. Raises OSError, and WorkError for too many columns."""
    import pandas

    levels, entries = columns(result)
    header = pandas.MultiIndex.from_tuples(entries, names=levels)
    try:
        with pandas.HDFStore(str(part), mode="w") as store:
            for first, table in _rows(result):
                index = np.arange(first, first + len(table))
                frame = pandas.DataFrame(table.astype(np.float64), index=index, columns=header)
                # No times of creation, so that the same poses are the same bytes.
                store.put(KEY, frame, format="table", append=first > 0, index=False, track_times=False)
    except Exception as error:
        if type(error).__name__ != "HDF5ExtError":
            raise
        animals = len(result.subject.animals)
        raise WorkError(
            f"HDF5 in DeepLabCut's layout does not hold {len(entries)} columns, of {animals} animals; "
            "say how many animals there are (--animals), or take --format parquet or slp"
        ) from None


def flat_names(result: Result) -> list[str]:
    """Names of the columns of a plain table, in the order of ``poses``: ``snout_x``, or ``animal1_snout_x``."""
    return ["_".join(entry[1:]) for entry in columns(result)[1]]


def write_parquet(result: Result, part: Path) -> None:
    """A row for each frame: ``frame``, ``time_s``, then three columns for each keypoint, float32, null where nothing
    was found; for several animals also ``animal1_id_score``. Raises OSError.
    """
    import pyarrow
    import pyarrow.parquet

    subject = result.subject
    names = flat_names(result)
    kinds = [("frame", pyarrow.int64()), ("time_s", pyarrow.float64()), *((name, pyarrow.float32()) for name in names)]
    if subject.animals:
        kinds += [(f"{animal}_id_score", pyarrow.float32()) for animal in subject.animals]
    schema = pyarrow.schema(kinds)
    with pyarrow.parquet.ParquetWriter(str(part), schema, compression="zstd") as writer:
        for first, last in result.parts():
            values: list[Any] = [np.arange(first, last), np.asarray(result.times[first:last])]
            values += list(result.poses[first:last].reshape(last - first, -1).T)
            if result.id_scores is not None:
                values += list(result.id_scores[first:last].T)
            arrays = [
                pyarrow.array(np.ascontiguousarray(value), type=kind.type, from_pandas=True)
                for value, kind in zip(values, schema, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(arrays, schema=schema))


def write_times(result: Result, part: Path) -> None:
    """The frames' times, for formats that hold none: CSV, ``frame,time_s``, to the microsecond. Raises OSError."""
    with part.open("w", encoding="utf-8", newline="") as file:
        file.write("frame,time_s\n")
        for first, last in result.parts():
            times = result.times[first:last].tolist()
            file.writelines(f"{first + n},{time_s:.6f}\n" for n, time_s in enumerate(times))
