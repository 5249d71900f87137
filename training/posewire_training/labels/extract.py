"""Frames of videos as image files, for label files that know images only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from posewire_models.errors import InputError
from posewire_models.files import write_whole
from posewire_training.images import Image, ImageRef, read_image, read_images


def extract_pictures(images: Sequence[ImageRef], folder: Path) -> tuple[tuple[ImageRef, ...], list[Path]]:
    """Write frames of videos as ``folder/labeled-data/<video's name>/img000123.png``; image files stay where they are.

    Returns ``images`` as image files, and the files that were written. A file that already holds the very picture is
    kept. Raises InputError, and leaves no new file, if a frame cannot be read or another picture is in its place.
    """
    places = _places(images, folder)
    written: list[Path] = []
    try:
        wanted = [image for image in dict.fromkeys(images) if image.frame is not None]
        for number, picture in read_images(wanted):
            place = places[wanted[number]]
            if place.exists():
                _check_same(place, picture, wanted[number])
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, cv2.imencode(".png", picture)[1].tobytes())
            written.append(place)
    except BaseException:
        remove_pictures(written)
        raise
    return tuple(ImageRef(places.get(image, image.path)) for image in images), written


def remove_pictures(written: Sequence[Path]) -> None:
    """Take back what `extract_pictures` wrote, and the folders it leaves empty."""
    for place in written:
        place.unlink(missing_ok=True)
    for folder in {place.parent for place in written}:
        for empty in (folder, folder.parent):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()


def _places(images: Sequence[ImageRef], folder: Path) -> dict[ImageRef, Path]:
    """Where each frame of a video goes. Videos of the same name are told apart by their folder, then by a number."""
    videos = list(dict.fromkeys((image.path, image.part) for image in images if image.frame is not None))
    names: dict[tuple[Path, str], str] = {}
    for path, part in videos:
        stem = path.name.removesuffix(".pkg.slp") if part else path.stem
        names[path, part] = f"{stem}-{part.split('/')[0]}" if part else stem
    for tell in ("folder", "number"):
        counts = Counter(names.values())
        for i, ((path, part), name) in enumerate(list(names.items())):
            if counts[name] > 1:
                names[path, part] = f"{path.parent.name}-{name}" if tell == "folder" else f"{name}-{i + 1}"
    return {
        image: folder / "labeled-data" / names[image.path, image.part] / f"img{image.frame:06d}.png"
        for image in images
        if image.frame is not None
    }


def _check_same(place: Path, picture: Image, image: ImageRef) -> None:
    if not np.array_equal(read_image(place), picture):
        raise InputError(f"{place}: is there and is not {image.name}; move it away, or write to another folder")
