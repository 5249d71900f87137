"""Which frames are labelled already, or wait to be: they are not proposed again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posewire_models.errors import InputError
from posewire_training.config import Project, read_project
from posewire_training.images import ImageRef, read_images
from posewire_training.labels import load_labels
from posewire_training.labels.record import Points
from posewire_training.refine.appearance import looks_of
from posewire_training.source import label_files

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_COMPARED = 500  # labelled pictures whose looks are compared with


def labelled_pictures(project: Path) -> tuple[Project, list[tuple[ImageRef, Points]]]:
    """A project's settings, and its labelled pictures with their points ``[A, K, 2]``."""
    settings = read_project(project)
    if settings.data is None:
        raise InputError(f"{project}: has no [data]; refine works on labelled images")
    found: list[tuple[ImageRef, Points]] = []
    for path, video in label_files(settings.data, project.absolute().parent, strict=False):
        labels = load_labels(path, video=video)
        found += zip(labels.images, labels.points, strict=True)
    return settings, found


def taken_frames(video: Path, pictures: Sequence[ImageRef], folder: Path) -> set[int]:
    """Numbers of the frames of ``video`` that are labelled, or lie in ``folder/labeled-data/<video>`` already.

    A picture in a folder named like the video is the frame of the number at the end of its name.
    """
    place = folder / "labeled-data" / video.stem
    there = [file for file in place.iterdir() if file.suffix.lower() in _PICTURES] if place.is_dir() else []
    numbers = {_number(file) for file in there}
    for image in pictures:
        if image.frame is None:
            numbers |= {_number(image.path)} if image.path.parent.name == video.stem else set()
        elif image.path.resolve() == video.resolve():
            numbers.add(image.frame)
    return {number for number in numbers if number is not None}


def looks_of_pictures(pictures: Sequence[tuple[ImageRef, Points]], seed: int) -> Points:
    """Looks (see `appearance`) of labelled pictures ``[T, D]``; of many a choice by ``seed``."""
    order = np.random.default_rng(seed).permutation(len(pictures))[:_COMPARED]
    chosen = [pictures[n] for n in order]
    looks = [looks_of(image, chosen[place][1]) for place, image in read_images([image for image, _ in chosen])]
    return np.stack(looks) if looks else np.zeros((0, 1), np.float32)


def _number(file: Path) -> int | None:
    found = re.search(r"(\d+)$", file.stem)
    return int(found[1]) if found else None
