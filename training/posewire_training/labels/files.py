"""Which reader a label file needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posewire_models.errors import InputError
from posewire_training.labels.arrays import read_arrays
from posewire_training.labels.deeplabcut import read_deeplabcut
from posewire_training.labels.record import Labels


def load_labels(path: Path, keypoints: Sequence[str] | None = None, video: Path | None = None) -> Labels:
    """Read a label file: DeepLabCut (``.csv``, ``.h5``) or arrays (``.npz``), of one animal or several.

    ``keypoints`` chooses and orders; None takes all of the file. ``video``: the video whose frames the labels mean, for
    files that tell frame numbers only. Raises InputError for a file that is none, unknown keypoints, bad cells and
    missing images.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a DeepLabCut label file (.csv or .h5)")
    kind = path.suffix.lower()
    if kind in (".csv", ".h5", ".hdf5", ".hdf"):
        labels = read_deeplabcut(path)
    elif kind == ".npz":
        labels = read_arrays(path, video)
    else:
        raise InputError(f"{path}: expected a DeepLabCut label file ending in .csv or .h5")
    return labels.choose(keypoints, str(path)) if keypoints else labels
