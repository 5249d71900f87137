"""The worst frames of an evaluation, drawn large enough to judge what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from posewire.draw import compare
from posewire.frame import Floats, Image
from posewire.preprocess import Crop
from posewire_bench.measured import Errors, Measured
from posewire_bench.metrics import body_length
from posewire_models.skeleton import Skeleton
from posewire_training.images import ImageRef, read_images
from posewire_training.labels.record import labelled

WORST = 6
NEIGHBOURS = 10  # frames of one video
WIDTH_PX = 760
_MARGIN = 0.25  # of the longer side of the box, on each side
_LEAST_MARGIN_PX = 12
_LEAST_WIDTH_PX = 64  # a smaller part would be all blur
_COLUMNS = 3


@dataclass(frozen=True)
class Picture:
    """One animal of one frame: its place in the labels, ``text`` and the drawing (uint8 [H, W, 3] BGR)."""

    frame: int
    animal: int
    text: str
    image: Image


def worst_animals(
    errors: Errors, missed_px: float, count: int = WORST, images: Sequence[ImageRef] = ()
) -> list[tuple[int, int]]:
    """(frame, place) of the animals of largest mean error, the worst one of each frame, worst first.

    ``errors`` [F, A, K] as in `Measured`; a keypoint that was not found counts as ``missed_px``. Of ``images`` that lie
    less than `NEIGHBOURS` frames apart in a video, and so show nearly the same, only the worst is taken.
    """
    known = ~np.isnan(errors)
    total = np.where(np.isinf(errors), missed_px, np.nan_to_num(errors)).sum(axis=-1)
    means = np.where(known.any(axis=-1), total / np.maximum(known.sum(axis=-1), 1), -1)  # [F, A]
    worst = means.max(axis=1)
    order = [n for n in np.argsort(-worst, kind="stable").tolist() if worst[n] >= 0]
    chosen: list[int] = []
    for n in order:
        if len(chosen) < count and not (images and any(_neighbours(images[n], images[other]) for other in chosen)):
            chosen.append(n)
    return [(n, int(means[n].argmax())) for n in chosen]


def _neighbours(one: ImageRef, other: ImageRef) -> bool:
    if one.frame is None or other.frame is None or one.path != other.path:
        return False
    return abs(one.frame - other.frame) < NEIGHBOURS


def worst_frames(measured: Measured, body: Skeleton, count: int = WORST) -> list[Picture]:
    """The worst frames, cropped round their worst animal; labels and predictions of all animals are drawn."""
    length = body_length(measured.labels.points)
    missed_px = length if np.isfinite(length) else _LEAST_WIDTH_PX
    chosen = worst_animals(measured.errors, missed_px, count, measured.labels.images)
    pictures = {}
    for place, image in read_images([measured.labels.images[n] for n, _ in chosen]):
        pictures[place] = _picture(measured, *chosen[place], image, body)
    return [pictures[place] for place in range(len(chosen))]


def _picture(measured: Measured, frame: int, animal: int, image: Image, body: Skeleton) -> Picture:
    labels, poses = measured.labels.points[frame], measured.poses[frame]
    if others := measured.unmatched(frame):
        poses = np.concatenate([poses, measured.found[frame][others]])
        labels = np.concatenate([labels, np.full((len(others), *labels.shape[1:]), np.nan, np.float32)])
    errors = measured.errors[frame, animal]
    near = errors[np.isfinite(errors)]
    found = f"mean error {near.mean():.1f} px" if near.size else "not found"
    missing = int(np.isinf(errors).sum())
    several = int(labelled(measured.labels.points).any(axis=-1).sum(axis=-1).max()) > 1
    text = ", ".join(
        [
            measured.labels.images[frame].name,
            *([_animal(measured, animal)] if several else []),
            found,
            *([f"{missing} keypoints not found"] if missing and near.size else []),
        ]
    )
    points = np.concatenate([labels[animal], poses[animal, :, :2]])
    area = area_round(points, image.shape[1], image.shape[0])
    return Picture(
        frame,
        animal,
        text,
        compare(image, labels, poses, body.keypoints, body.edges, text, area, animal, WIDTH_PX),
    )


def _animal(measured: Measured, animal: int) -> str:
    names = measured.labels.individuals
    return names[animal] if names else f"animal {animal + 1}"


def area_round(points: Floats, width: int, height: int) -> Crop:
    """The part of an image of ``width`` x ``height`` px round ``points`` [..., 2] (NaN ignored, one at least is not):
    with a margin, and grown towards four to three as far as the image allows."""
    places = points[np.isfinite(points).all(axis=-1)].astype(np.float64)
    low = np.clip(places.min(axis=0), 0, [width - 1, height - 1])
    high = np.clip(places.max(axis=0), 0, [width - 1, height - 1])
    margin = max(_MARGIN * float((high - low).max()), _LEAST_MARGIN_PX)
    wide, tall = high - low + 2 * margin
    wide, tall = max(wide, tall * 4 / 3, _LEAST_WIDTH_PX), max(tall, wide * 3 / 4, _LEAST_WIDTH_PX * 3 / 4)
    size = min(width, round(wide)), min(height, round(tall))
    corner = [
        int(np.clip(round(float(middle) - side / 2), 0, whole - side))
        for middle, side, whole in zip((low + high) / 2, size, (width, height), strict=True)
    ]
    return Crop(corner[0], corner[1], *size)


def sheet(tiles: Sequence[Image]) -> Image:
    """Pictures as one, three a row; black if there is none."""
    if not tiles:
        return np.zeros((32, 32, 3), np.uint8)
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    columns = min(_COLUMNS, len(tiles))
    whole = np.zeros((-(-len(tiles) // columns) * height, columns * width, 3), np.uint8)
    for n, tile in enumerate(tiles):
        top, left = n // columns * height, n % columns * width
        whole[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return whole
