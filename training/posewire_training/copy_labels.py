"""Labels and their images, copied into a project's ``labeled-data`` in DeepLabCut's form.

Every label file becomes ``<set>/CollectedData_<scorer>.csv`` beside its images, one set a video or folder of images.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from posewire_training.dataset import check_inside
from posewire_training.images import Image, ImageRef, read_images
from posewire_training.labels import Labels, save_labels
from posewire_training.labels.extract import extract_pictures

FOLDER = "labeled-data"


def copy_labels(
    labels: Labels, where: Path, project: Path, scorer: str | None, look: Callable[[Image], None]
) -> list[str]:
    """Copy the labels of the file ``where`` and their images into the folder ``project``.

    Frames of videos become PNG files. ``scorer``: default as in the file's name. ``look`` is shown each image (uint8
    BGR). Returns a line for everything that has no place in them. Raises InputError for unreadable images and labels
    outside them.
    """
    pictures, _ = extract_pictures(labels.images, project)
    sources = dict.fromkeys(picture.path.parent for picture in pictures)
    into = project / FOLDER
    folders = {
        source: source if source.is_relative_to(into) else _new_folder(into, _set_name(source)) for source in sources
    }
    for picture in pictures:
        if (folder := folders[picture.path.parent]) != picture.path.parent:
            shutil.copyfile(picture.path, folder / picture.path.name)
    copies = tuple(ImageRef(folders[picture.path.parent] / picture.path.name) for picture in pictures)
    for number, image in read_images(copies):
        name, points = copies[number].name, labels.points[number]
        check_inside(str(where), name, labels.keypoints, points, image.shape[1], image.shape[0])
        look(image)
    copied = replace(labels, images=copies)
    remarks = []
    for folder in dict.fromkeys(folders.values()):
        here = [number for number, copy in enumerate(copies) if copy.path.parent == folder]
        remarks += save_labels(copied.pick(here), _new_file(folder, scorer or _scorer_of(where)))
    return [f"{where}: {remark}" for remark in dict.fromkeys(remarks)]


def _set_name(folder: Path) -> str:
    """A folder's name: that of the one above a folder that is just called ``labeled-data``."""
    folder = folder.absolute()
    return (folder.parent if folder.name == FOLDER else folder).name or "images"


def _new_folder(into: Path, name: str) -> Path:
    number, folder = 1, into / name
    while folder.exists():
        number += 1
        folder = into / f"{name}-{number}"
    folder.mkdir(parents=True)
    return folder


def _new_file(folder: Path, scorer: str) -> Path:
    number, file = 1, folder / f"CollectedData_{scorer}.csv"
    while file.exists():
        number += 1
        file = folder / f"CollectedData_{scorer}{number}.csv"
    return file


def _scorer_of(path: Path) -> str:
    start, _, scorer = path.stem.partition("_")
    return scorer if start == "CollectedData" and scorer else "me"
