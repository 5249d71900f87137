"""Frames of a source, read into memory before anything is timed."""

from __future__ import annotations

import cv2
import numpy as np

from posewire.frame import Image, SourceInfo
from posewire.sources import open_source
from posewire_bench.sizes import Size
from posewire_models.errors import InputError

MOST_FRAMES = 10_000
_MOST_BYTES = 4_000_000_000


def read_frames(spec: str, count: int, size: Size | None = None) -> tuple[list[Image], SourceInfo]:
    """The first ``count`` frames of a source, fewer if it ends, resized to ``size`` if that is given, each in memory of
    its own; and what the source says of itself. Raises InputError."""
    if not 1 <= count <= MOST_FRAMES:
        raise InputError(f"--frames {count}: expected 1 to {MOST_FRAMES} frames, which are held in memory")
    source = open_source(spec)
    images: list[Image] = []
    try:
        info = source.open()
        if info.live:
            raise InputError(f"--source {spec}: a camera cannot be read ahead; give a video, a folder or synthetic")
        while len(images) < count and (frame := source.read()) is not None:
            image = frame.image if size is None else _resized(frame.image, size)
            images.append(np.array(image))
            if image.nbytes * count > _MOST_BYTES:
                raise InputError(f"--frames {count}: would take {image.nbytes * count / 1e9:.0f} GB; give fewer")
    finally:
        source.close()
    if not images:
        raise InputError(f"--source {spec}: has no frame")
    if len({image.shape for image in images}) > 1:
        raise InputError(f"--source {spec}: its frames differ in size; give --frame-size or --size")
    return images, info


def _resized(image: Image, size: Size) -> Image:
    if (image.shape[1], image.shape[0]) == size:
        return image
    smaller = size.width * size.height < image.shape[0] * image.shape[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR), np.uint8)
