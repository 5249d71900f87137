"""All checks of a label file, its findings in words; and what a label file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from posewire_training.labels.check import (
    Finding,
    find_bad_numbers,
    find_empty,
    find_lengths,
    find_outside,
    find_same_place,
    find_twice,
)
from posewire_training.labels.files import load_labels
from posewire_training.labels.pictures import look_at
from posewire_training.labels.record import Labels, labelled
from posewire_training.labels.sides import find_swapped, symmetric_by_name


def check_file(path: Path, video: Path | None = None) -> dict[str, Any]:
    """Everything that is wrong in a label file: ``{"file", "frames", "animals", "findings": [...]}``.

    A finding holds ``file``, ``image``, ``animal``, ``keypoint`` (null where it is about more), ``kind`` and ``why``.
    Raises InputError if the file cannot be read at all.
    """
    labels = load_labels(path, video=video, strict=False)
    pictures = look_at(labels.images)
    findings = pictures.findings + check_labels(labels, pictures.sizes)
    findings.sort(key=lambda found: (found.frame if found.frame is not None else -1, found.animal or 0))
    return {
        "file": str(path),
        "frames": len(labels),
        "animals": int(labelled(labels.points).any(axis=-1).sum()),
        "findings": [_in_words(found, labels, path) for found in findings],
    }


def check_labels(labels: Labels, sizes: np.ndarray[Any, np.dtype[np.float64]]) -> list[Finding]:
    """What is wrong with the points, in pictures of ``sizes`` ``[F, 2]`` (width and height, NaN where unknown)."""
    index = labels.keypoints.index
    pairs = [(index(a), index(b)) for a, b in labels.symmetric] or symmetric_by_name(labels.keypoints)
    edges = [(index(a), index(b)) for a, b in labels.skeleton]
    sound = np.where(np.isfinite(labels.points).all(axis=-1, keepdims=True), labels.points, np.float32(np.nan))
    return [
        *find_bad_numbers(labels.points),
        *find_outside(labels.points, sizes),
        *find_same_place(sound, labels.keypoints),
        *find_twice(labels),
        *find_swapped(sound, labels.keypoints, pairs),
        *find_lengths(sound, labels.keypoints, edges),
        *find_empty(labels.points),
    ]


def _in_words(found: Finding, labels: Labels, path: Path) -> dict[str, Any]:
    animal = None if found.animal is None else labels.place_name(found.animal).removeprefix("animal ") or None
    return {
        "file": str(path),
        "image": None if found.frame is None else labels.images[found.frame].name,
        "animal": animal,
        "keypoint": None if found.keypoint is None else labels.keypoints[found.keypoint],
        "kind": found.kind,
        "why": found.why,
    }


def show_file(path: Path, video: Path | None = None) -> dict[str, Any]:
    """What a label file holds, in numbers. Raises InputError if it cannot be read."""
    labels = load_labels(path, video=video, strict=False)
    there = labelled(labels.points)
    animals = there.any(axis=-1)  # [F, A]
    named = [name for name in labels.individuals if name]
    return {
        "file": str(path),
        "frames": len(labels),
        "empty_frames": int((~animals.any(axis=-1)).sum()),
        "animals": int(animals.sum()),
        "most_animals_in_a_frame": int(animals.sum(axis=-1).max()),
        "individuals": named,
        "keypoints": {
            name: {
                "labelled": int(there[..., k].sum()),
                "hidden": int((there[..., k] & ~labels.visible[..., k]).sum()),
            }
            for k, name in enumerate(labels.keypoints)
        },
        "skeleton": [list(pair) for pair in labels.skeleton],
        "symmetric": [list(pair) for pair in labels.symmetric],
        "predicted_animals": 0
        if labels.scores is None
        else int((animals & ~np.isnan(labels.scores).all(axis=-1)).sum()),
        "pictures": sorted({str(image.path.parent if image.frame is None else image.path) for image in labels.images}),
        "missing_pictures": sum(not image.path.is_file() for image in labels.images),
    }
