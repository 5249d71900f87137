"""What labels must keep to be learned from or written anew; `posewire labels check` tells the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posewire_models.errors import InputError
from posewire_training.labels.record import Labels


def refuse_bad_points(labels: Labels, path: Path) -> None:
    """Raises InputError, naming ``path``, for a coordinate that is infinite or has no partner."""
    absent = np.isnan(labels.points)
    half = absent[..., 0] != absent[..., 1]
    for frame, animal, keypoint in np.argwhere(half | np.isinf(labels.points).any(axis=-1))[:1]:
        where = f"{path}: {labels.images[frame].name}, {labels.place_name(animal, keypoint)}"
        x, y = labels.points[frame, animal, keypoint]
        if np.isinf(x) or np.isinf(y):
            raise InputError(f"{where}: ({x}, {y}) is no pixel coordinate")
        raise InputError(f"{where}: only one of x and y is given; fill or clear both")


def refuse_twice(labels: Labels, path: Path) -> None:
    """Raises InputError, naming ``path``, for a picture that is labelled more than once."""
    known = set()
    for image in labels.images:
        if image in known:
            raise InputError(f"{path}: {image.name} stands more than once; keep one set of labels per image")
        known.add(image)


def refuse_missing(labels: Labels, path: Path) -> None:
    """Raises InputError, naming ``path``, for the first image or video that is nowhere."""
    folder = path.absolute().parent
    for file in dict.fromkeys(image.path for image in labels.images):
        if not file.is_file():
            told = file.relative_to(folder) if file.is_relative_to(folder) else file
            video = next(image.frame is not None for image in labels.images if image.path == file)
            kind, mend = (
                ("video", "; name it: --video, or video = ... beside the file in a project file")
                if video
                else ("image", "")
            )
            raise InputError(f"{path}: {kind} {told.as_posix()} not found from {folder} or any folder above it{mend}")
