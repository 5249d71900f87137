"""The tiny model with the output ``peaks``, as `posewire export` writes it."""

from __future__ import annotations

from pathlib import Path

import tiny_model
from posewire_training.peaks_output import upgrade


def write(path: Path, **changes: object) -> Path:
    """Write the model with changed metadata fields and return its path."""
    tiny_model.write(path, **changes)
    upgrade(path)
    return path
