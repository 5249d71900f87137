"""Files that are there whole or not at all: written beside their place, to the disk, then renamed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def beside(path: Path) -> Path:
    """Where a file lies until it is whole; it keeps its ending, by which some writers choose their format."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def put_in_place(path: Path) -> None:
    """Give the file at `beside` its name ``path``, once it is on the disk. Raises OSError."""
    part = beside(path)
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one. Raises OSError; nothing new is left then."""
    try:
        beside(path).write_bytes(content)
        put_in_place(path)
    except OSError:
        beside(path).unlink(missing_ok=True)
        raise


@contextmanager
def folder_beside(path: Path) -> Iterator[Path]:
    """An empty folder at `beside` ``path`` to work in, from which what is whole is renamed to its place.

    Whatever is left of it goes away at the end, also after an error, and what a killed program left before it starts.
    Raises OSError.
    """
    part = beside(path)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def lock_file(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed or the process ends; False if another one holds it.

    A file system without locks counts as held by nobody.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True
    return True
