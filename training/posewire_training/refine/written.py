"""What `posewire refine` leaves behind: pictures, predictions to correct, and reasons."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posewire_models.contract import ModelContract
from posewire_models.errors import WorkError
from posewire_models.files import beside, write_whole
from posewire_training.images import ImageRef
from posewire_training.labels import Labels, save_labels
from posewire_training.labels.extract import extract_pictures, remove_pictures
from posewire_training.labels.record import Points, labelled


@dataclass(frozen=True)
class Chosen:
    """A frame worth labelling: ``points`` ``[A, K, 2]`` and ``scores`` ``[A, K]`` as predicted, why, and how much."""

    image: ImageRef
    points: Points
    scores: Points
    worth: float
    values: dict[str, float]
    why: str


@dataclass(frozen=True)
class Files:
    """What was written: the picture of each chosen frame, and of each video a file of pre-labels and one of reasons."""

    pictures: tuple[Path, ...]
    predicted: tuple[Path, ...]
    reasons: tuple[Path, ...]


def write_chosen(chosen: Sequence[Chosen], contract: ModelContract, out: Path, least: float) -> Files:
    """Write each frame to ``out/labeled-data/<video>/img<frame>.png``, and beside them pre-labels and reasons.

    Predictions below the score ``least`` are left empty. Nothing is overwritten, and nothing stays behind on a failure:
    InputError if another picture is in the place of one, WorkError if the disk refuses.
    """
    images, written = extract_pictures([frame.image for frame in chosen], out)
    files: list[list[Path]] = [[], []]
    try:
        for folder in dict.fromkeys(image.path.parent for image in images):
            mine = [n for n, image in enumerate(images) if image.path.parent == folder]
            mine.sort(key=lambda n: chosen[n].image.frame or 0)
            predicted, reasons = _free_names(folder, contract.name)
            files[0].append(predicted)
            save_labels(_prelabels([chosen[n] for n in mine], [images[n] for n in mine], contract, least), predicted)
            files[1].append(reasons)
            write_whole(reasons, _reasons([chosen[n] for n in mine], [images[n].path for n in mine]))
    except BaseException as error:
        for file in (*files[0], *files[1]):
            file.unlink(missing_ok=True)
            beside(file).unlink(missing_ok=True)
        remove_pictures(written)
        if isinstance(error, OSError):
            raise WorkError(f"{out}: cannot be written ({error.strerror or error})") from None
        raise
    return Files(tuple(image.path for image in images), tuple(files[0]), tuple(files[1]))


def _free_names(folder: Path, model: str) -> tuple[Path, Path]:
    """Names of pre-labels and reasons that are free: ``predicted_mouse.csv``, then ``predicted_mouse-2.csv``."""
    number = 1
    while True:
        end = model if number == 1 else f"{model}-{number}"
        predicted, reasons = folder / f"predicted_{end}.csv", folder / f"reasons_{end}.csv"
        if not predicted.exists() and not reasons.exists():
            return predicted, reasons
        number += 1


def _prelabels(chosen: Sequence[Chosen], images: Sequence[ImageRef], contract: ModelContract, least: float) -> Labels:
    """Predictions as labels; keypoints below ``least`` are left empty, and places for animals that nobody takes."""
    points = np.stack([frame.points for frame in chosen])
    scores = np.stack([frame.scores for frame in chosen])
    points = np.where((scores >= least)[..., None], points, np.float32(np.nan))
    places = max(1, int(labelled(points).any(axis=-1).sum(axis=1).max()))
    order = np.argsort(~labelled(points).any(axis=-1), axis=1, kind="stable")[:, :places]
    points = np.take_along_axis(points, order[:, :, None, None], axis=1)
    return Labels(tuple(images), contract.keypoints, points, labelled(points))


def _reasons(chosen: Sequence[Chosen], pictures: Sequence[Path]) -> bytes:
    rows = [row_of(frame, picture) for frame, picture in zip(chosen, pictures, strict=True)]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | {"image": Path(row["image"]).name} for row in rows)
    return text.getvalue().encode()


def row_of(frame: Chosen, picture: Path) -> dict[str, Any]:
    """What is told of a chosen frame."""
    return {
        "image": str(picture),
        "video": str(frame.image.path),
        "frame": frame.image.frame,
        "worth": round(frame.worth, 4),
        **{name: round(value, 4) for name, value in frame.values.items()},
        "why": frame.why,
    }
