"""What `posewire analyze` can be told, and whether this installation can do it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from posewire.config import DEFAULT_MODEL
from posewire_models.errors import InputError, nearest

PACKAGES: dict[str, tuple[str, ...]] = {
    "h5": ("pandas", "tables"),
    "csv": (),
    "parquet": ("pyarrow",),
    "slp": ("sleap_io", "h5py"),
    "nwb": ("pynwb", "ndx_pose"),
}
"""Formats, and what each needs beside the base install."""

GPU_BATCH = 16


class AnalyzeSettings(BaseModel):
    """The options of the verb; ``formats`` are keys of `PACKAGES`, 0 leaves a number to be chosen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = DEFAULT_MODEL
    out: Path | None = None
    formats: tuple[str, ...] = ()
    crop: str = "full"
    animals: int | None = Field(default=None, ge=1, le=100)
    min_score: float | None = Field(default=None, ge=0, le=1)
    provider: str = "auto"
    threads: int = Field(default=0, ge=0)
    batch: int = Field(default=0, ge=0, le=1024)
    workers: int = Field(default=0, ge=0, le=256)
    refine: bool = True
    again: bool = False


def analyze_settings(options: dict[str, Any]) -> AnalyzeSettings:
    """Settings of the options that were given (not None). Raises InputError for the first wrong one."""
    given = {name: value for name, value in options.items() if value is not None}
    given["formats"] = parse_formats(given.pop("format", None))
    try:
        return AnalyzeSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        message = f"{first['msg'][0].lower()}{first['msg'][1:]}"
        raise InputError(f"--{key.replace('_', '-')} {first['input']}: {message}") from None


def parse_formats(text: str | None) -> tuple[str, ...]:
    """The formats of ``h5,csv``; of None ``h5`` where pandas and PyTables are installed, else ``csv``.

    Raises InputError for one that is not known, or whose packages are missing here.
    """
    if text is None:
        return ("csv",) if _missing("h5") else ("h5",)
    chosen = tuple(dict.fromkeys(filter(None, (part.strip().lower().lstrip(".") for part in text.split(",")))))
    if not chosen:
        raise InputError(f"--format {text!r}: expected one or more of {', '.join(PACKAGES)}, with commas between")
    for name in chosen:
        if name not in PACKAGES:
            raise InputError(f"--format {name}: expected {', '.join(PACKAGES)}{nearest(name, PACKAGES)}")
        if missing := _missing(name):
            raise InputError(
                f"--format {name}: {missing} is missing; install it with `pip install 'posewire[analyze]'`, "
                "or take --format csv, which needs nothing more"
            )
    return chosen


def _missing(name: str) -> str | None:
    return next((package for package in PACKAGES[name] if find_spec(package) is None), None)


@dataclass(frozen=True)
class Layout:
    """How the machine is used: ``workers`` networks at a time, each with ``threads`` on the CPU, ``batch`` frames at
    once, and ``decoders`` threads of FFmpeg.
    """

    workers: int
    threads: int
    batch: int
    decoders: int


def layout(settings: AnalyzeSettings, provider: str, cores: int | None = None) -> Layout:
    """What `settings` say, and for the rest what was measured to be fastest (docs/analyze.md).

    On the CPU one network of one thread for each core, one frame at a time: a frame's maps stay in the core's cache,
    and no core waits for another. On a GPU one network, many frames at a time. Raises InputError for more
    threads than cores.
    """
    cores = cores or os.cpu_count() or 1
    if provider == "cpu":
        threads = settings.threads or 1
        workers = settings.workers or max(1, cores // threads)
        if threads > cores:
            raise InputError(
                f"--threads {threads}: this machine has {cores} cores, and more threads than cores take turns; "
                f"give at most {cores}, or 0 to have it chosen"
            )
        if workers * threads > cores:
            raise InputError(
                f"--workers {workers} --threads {threads}: this machine has {cores} cores, and more threads than cores "
                f"take turns; give at most {max(1, cores // threads)} workers, or 0 to have it chosen"
            )
    else:
        threads, workers = settings.threads or 1, settings.workers or 1
    batch = settings.batch or (1 if provider == "cpu" else GPU_BATCH)
    # Decoding is a third of the work of a small network: with more cores one thread could not feed them all.
    return Layout(workers, threads, batch, max(1, min(8, cores // 3)))
