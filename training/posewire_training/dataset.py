"""The frames that training holds in memory: images as the network is to see them, and their keypoints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posewire_models.errors import InputError
from posewire_models.grid import resize_averages, resized
from posewire_training.images import Image, read_images
from posewire_training.labels.record import Labels, Points


@dataclass(frozen=True)
class Frames:
    """Images in memory, as the network is to see them.

    ``images``: uint8 ``[h, w, C]`` each, resized by ``scale`` and in the network's channel order; sizes may differ.
    ``points``: float32 ``[frames, animals, K, 2]`` in pixels of these resized images, NaN where nothing is labelled.
    """

    names: tuple[str, ...]
    images: tuple[Image, ...]
    points: Points
    scale: float

    def __len__(self) -> int:
        return len(self.images)

    def pick(self, chosen: Iterable[int]) -> Frames:
        """The frames of these numbers, in this order."""
        order = list(chosen)
        return Frames(
            tuple(self.names[i] for i in order),
            tuple(self.images[i] for i in order),
            self.points[order],
            self.scale,
        )

    def of(self, images: Sequence[Image]) -> Frames:
        """Other images without labels, at the same scale."""
        points = np.full((len(images), *self.points.shape[1:]), np.nan, np.float32)
        return Frames(("",) * len(images), tuple(images), points, self.scale)

    def sha256(self) -> str:
        """Hash of all images and points: the same data gives the same text."""
        digest = hashlib.sha256(repr((self.names, self.scale)).encode())
        for image in self.images:
            digest.update(repr(image.shape).encode() + image.tobytes())
        digest.update(self.points.tobytes())
        return digest.hexdigest()


def check_inside(where: str, image: object, keypoints: Sequence[str], points: Points, width: int, height: int) -> None:
    """Refuse labels ``[animals, K, 2]`` outside an image: InputError naming ``where``, ``image`` and the keypoint."""
    for name, (x, y) in ((name, point) for animal in points for name, point in zip(keypoints, animal, strict=True)):
        if not np.isnan(x) and not (-0.5 <= x <= width and -0.5 <= y <= height):
            raise InputError(
                f"{where}: {image}, keypoint {name}: ({x:.1f}, {y:.1f}) lies outside the image of {width}x{height}; "
                "was the image resized or cropped after labelling?"
            )


def scaled_image(image: Image, scale: float, color: str) -> Image:
    """A BGR frame as the network sees it: resized by ``scale``, channels in the order ``color``."""
    if scale != 1.0:
        smooth = cv2.INTER_AREA if resize_averages(scale) else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=smooth), np.uint8)
    if color == "gray":
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[..., None]
    return np.ascontiguousarray(image[..., ::-1]) if color == "rgb" else image


def read_frames(labels: Labels, where: str, scale: float, color: str) -> Frames:
    """Read all images of ``labels`` into memory; ``where`` names the label file in errors."""
    images: list[Image] = [np.empty(0, np.uint8)] * len(labels)
    for place, image in read_images(labels.images):
        name = labels.images[place].name
        check_inside(where, name, labels.keypoints, labels.points[place], image.shape[1], image.shape[0])
        images[place] = scaled_image(image, scale, color)
    names = tuple(image.name for image in labels.images)
    points = np.asarray(resized(labels.points, scale), np.float32)
    return Frames(names, tuple(images), points, scale)


def joined_frames(sets: Sequence[Frames]) -> Frames:
    """Several sets as one; animals that a set has no place for are NaN."""
    most = max(part.points.shape[1] for part in sets)

    def widened(points: Points) -> Points:
        room = np.full((len(points), most - points.shape[1], *points.shape[2:]), np.nan, np.float32)
        return np.concatenate([points, room], axis=1)

    return Frames(
        tuple(name for part in sets for name in part.names),
        tuple(image for part in sets for image in part.images),
        np.concatenate([widened(part.points) for part in sets]),
        sets[0].scale,
    )
