"""A run folder has one writer at a time: two trainings in one folder would write over each other's checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from posewire_models.errors import InputError
from posewire_models.files import lock_file

CLAIM = ".writing"


@contextmanager
def claimed(run: Path) -> Iterator[None]:
    """Keep a run folder, made if it is not there, for this process alone.

    The system ends the claim with the process, however that ends. A folder that was made here and is still empty at the
    end is taken away. Raises InputError if another training holds the folder or it cannot be made.
    """
    made = not run.exists()
    claim = run / CLAIM
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = claim.open("ab")
    except OSError as error:
        raise InputError(
            f"--run {run}: cannot be made ({error.strerror}); expected a folder that can be written"
        ) from None
    with file:
        if not lock_file(file):
            raise InputError(f"{run}: another training is writing there; wait for its end, or give another --run")
        try:
            yield
        finally:
            file.close()  # Windows removes no open file
            with contextlib.suppress(OSError):
                claim.unlink()
                if made:
                    run.rmdir()  # refuses where anything was written


def is_new(run: Path) -> bool:
    """No training has written anything there yet."""
    return not run.exists() or all(path.name == CLAIM for path in run.iterdir())
