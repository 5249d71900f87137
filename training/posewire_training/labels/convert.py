"""One label file into another kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from posewire_training.labels.extract import extract_pictures, remove_pictures
from posewire_training.labels.files import IMAGES_ONLY, load_labels, refuse_unwritable, save_labels
from posewire_training.labels.record import Labels


def convert_labels(
    path: Path, out: Path, video: Path | None = None, kind: str | None = None
) -> tuple[Labels, list[str]]:
    """Write the labels of ``path`` to ``out``; frames of videos become image files where ``kind`` knows only those.

    Returns the labels as written, and a line for everything that was left out or added. Raises InputError as
    `load_labels` and `save_labels` do; then neither ``out`` nor a new image file is there.
    """
    kind = refuse_unwritable(out, kind)
    labels = load_labels(path, video=video, strict=False)
    remarks: list[str] = []
    written: list[Path] = []
    if kind in IMAGES_ONLY and any(image.frame is not None for image in labels.images):
        images, written = extract_pictures(labels.images, out.absolute().parent)
        labels = replace(labels, images=images)
        remarks.append(
            f"frames of videos are images now, under {out.parent / 'labeled-data'} ({len(written)} new files)"
        )
    try:
        return labels, remarks + save_labels(labels, out, kind)
    except BaseException:
        remove_pictures(written)
        raise
