"""What is wrong with the pictures of labels: missing, broken, twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posewire_models.errors import InputError
from posewire_training.images import ImageRef, read_image, read_images
from posewire_training.labels.check import Array, Finding

_ENDS = {b"\x89PNG": b"IEND", b"\xff\xd8\xff": b"\xff\xd9"}  # what whole files of these beginnings hold near their end


@dataclass
class Pictures:
    """``sizes`` ``[F, 2]``: width and height, NaN where a picture could not be read; and what is wrong."""

    sizes: Array
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: str, frame: int, why: str) -> None:
        self.findings.append(Finding(kind, frame, None, None, why))


def look_at(images: Sequence[ImageRef]) -> Pictures:
    """Read every picture once; nothing that is wrong with one keeps the others from being looked at."""
    found = Pictures(np.full((len(images), 2), np.nan))
    known: dict[ImageRef, int] = {}
    by_hash: dict[str, int] = {}
    videos: dict[tuple[Path, str], list[int]] = {}
    for frame, image in enumerate(images):
        first = known.setdefault(image, frame)
        if first != frame:
            found.add("same picture", frame, "is labelled more than once in this file")
        if image.frame is not None:
            videos.setdefault((image.path, image.part), []).append(frame)
        elif not image.path.is_file():
            found.add("missing", frame, f"there is no image {image.path}")
        else:
            _look_at_file(image, frame, first, images, by_hash, found)
    for frames in videos.values():
        _look_at_video(images, frames, found)
    return found


def _look_at_file(
    image: ImageRef, frame: int, first: int, images: Sequence[ImageRef], by_hash: dict[str, int], found: Pictures
) -> None:
    try:
        data = image.path.read_bytes()
        picture = read_image(image.path)
    except (InputError, OSError) as error:
        found.add("broken", frame, str(error).removeprefix(f"{image.path}: "))
        return
    found.sizes[frame] = picture.shape[1], picture.shape[0]
    if is_cut_short(data):
        found.add("broken", frame, "the file is cut short: its last part is missing")
    elif picture.size and picture.min() == picture.max():
        found.add("broken", frame, "all its pixels are the same")
    if first == frame:
        twin = by_hash.setdefault(hashlib.sha256(data).hexdigest(), frame)
        if twin != frame:
            found.add("same picture", frame, f"is byte for byte the picture {images[twin].name}")


def is_cut_short(data: bytes) -> bool:
    """Whether a PNG or JPEG file lacks its end; decoders may fill up such pictures without a word."""
    for start, end in _ENDS.items():
        if data.startswith(start):
            return end not in data[-4096:]
    return False


def _look_at_video(images: Sequence[ImageRef], frames: list[int], found: Pictures) -> None:
    path = images[frames[0]].path
    if not path.is_file():
        found.add("missing", frames[0], f"there is no video {path}; {len(frames)} labelled frames need it (--video)")
        return
    seen = set()
    try:
        for place, picture in read_images([images[frame] for frame in frames]):
            found.sizes[frames[place]] = picture.shape[1], picture.shape[0]
            seen.add(place)
    except (InputError, OSError) as error:
        lost = [frame for place, frame in enumerate(frames) if place not in seen]
        why = str(error).removeprefix(f"{path}: ")
        found.add("broken", lost[0], f"video {path.name}: {why} ({len(lost)} labelled frames not read)")
