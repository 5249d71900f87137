"""Every format's writer, and putting files in place whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from posewire.analyze.nwb import write_nwb
from posewire.analyze.results import Result
from posewire.analyze.sleap import write_slp
from posewire.analyze.tables import write_csv, write_h5, write_parquet, write_times
from posewire.analyze.targets import Target
from posewire_models.errors import WorkError
from posewire_models.files import beside, put_in_place

WRITERS: dict[str, Callable[[Result, Path], None]] = {
    "h5": write_h5,
    "csv": write_csv,
    "parquet": write_parquet,
    "slp": write_slp,
    "nwb": write_nwb,
    "times.csv": write_times,
}

_TIMELESS = ("h5", "csv", "slp")


def endings(formats: tuple[str, ...]) -> list[str]:
    """What is written for ``formats``: they, and times where one of them has no place for these."""
    return [*formats, "times.csv"] if set(formats) & set(_TIMELESS) else list(formats)


def write_outputs(result: Result, target: Target, formats: tuple[str, ...]) -> None:
    """Write all files of ``formats``, each whole or not at all. Raises WorkError naming the one that could not be."""
    for ending in endings(formats):
        path = target.output(ending)
        try:
            try:
                WRITERS[ending](result, beside(path))
                put_in_place(path)
            finally:
                beside(path).unlink(missing_ok=True)
        except WorkError as error:
            raise WorkError(f"{path}: {error}") from None
        except OSError as error:
            raise WorkError(f"{path}: cannot be written ({error.strerror or error})") from None
