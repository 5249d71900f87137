"""Pixel errors of a model on labelled frames, decoded by the runtime's own pipeline: `posewire evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from posewire.draw import PICTURES, annotate, check_target, write_picture
from posewire.frame import Floats, Image
from posewire.pipeline import Pipeline
from posewire.session import load_model
from posewire_models.errors import WorkError
from posewire_training.dataset import check_inside
from posewire_training.images import read_image, read_images
from posewire_training.labels import Labels, load_labels

Errors = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What a model made of labelled frames.

    ``peaks``: float32 [frames, K, 3] best peaks in full-frame pixels; ``errors``: float [frames, K] distances to the
    labels in px (NaN where there is no label).
    """

    labels: Labels
    peaks: Floats
    errors: Errors


def measure(pipeline: Pipeline, labels: Labels, where: str) -> Measured:
    """Run every labelled frame through the pipeline; ``labels`` hold the model's keypoints in its order.

    Frames of one size follow each other, whatever their order. Raises InputError, naming ``where``, for a label outside
    its image.
    """
    keypoints = pipeline.model.contract.keypoints
    count = len(labels.images)
    images: list[Image] = [np.empty((0, 0), np.uint8)] * count
    for n, image in read_images(labels.images):
        check_inside(where, labels.images[n].name, keypoints, labels.points[n], image.shape[1], image.shape[0])
        images[n] = image
    peaks = np.empty((count, len(keypoints), 3), np.float32)
    for n in sorted(range(count), key=lambda n: images[n].shape):
        pipeline(images[n])
        peaks[n] = pipeline.peaks[0]
    return Measured(labels, peaks, np.linalg.norm(labels.points[:, 0].astype(np.float64) - peaks[..., :2], axis=-1))


def figures(model: str, keypoints: Sequence[str], measured: Measured, min_score: float) -> dict[str, Any]:
    """The object of ``evaluate --json``. Every labelled keypoint counts at its best peak, whatever the score.

    ``missed`` are labelled keypoints below ``min_score``, ``false`` unlabelled ones at or above it.
    """
    errors = measured.errors[np.isfinite(measured.errors)]
    labelled = np.isfinite(measured.labels.points[:, 0, :, 0])
    sure = measured.peaks[..., 2] >= min_score
    some = bool(errors.size)
    return {
        "model": model,
        "frames": len(measured.errors),
        "keypoints": list(keypoints),
        "mean_px": float(errors.mean()) if some else None,
        "median_px": float(np.median(errors)) if some else None,
        "p95_px": float(np.percentile(errors, 95)) if some else None,
        "within_15px": float((errors <= 15).mean()) if some else None,
        "per_keypoint_px": {
            name: float(np.nanmean(measured.errors[:, k])) if np.isfinite(measured.errors[:, k]).any() else None
            for k, name in enumerate(keypoints)
        },
        "missed": int((labelled & ~sure).sum()),
        "false": int((~labelled & sure).sum()),
    }


def evaluate(model: str, labels: Path, *, provider: str = "auto", show: Path | None = None) -> dict[str, Any]:
    """Measure a model (zoo name or file) against a label file. Raises InputError for either of them or a ``show``
    that cannot be written, WorkError if writing it failed."""
    if show is not None:
        check_target(show, PICTURES)
    pipeline = Pipeline(load_model(model), provider=provider)
    contract = pipeline.model.contract
    measured = measure(pipeline, load_labels(labels, contract.keypoints), str(labels))
    if show is not None:
        try:
            write_picture(show, worst_frames(measured, contract.keypoints, contract.skeleton))
        except OSError as error:
            raise WorkError(f"--show {show}: cannot be written ({error.strerror or error})") from None
    return figures(contract.name, contract.keypoints, measured, pipeline.min_score)


def worst_frames(
    measured: Measured, keypoints: Sequence[str], skeleton: Sequence[tuple[int, int]], count: int = 6
) -> Image:
    """The frames with the largest mean error, three a row: poses in colour, labels as white crosses, error lines."""
    labelled = np.isfinite(measured.errors).any(axis=1)
    means = np.full(len(measured.errors), -1.0)
    means[labelled] = np.nanmean(measured.errors[labelled], axis=1)
    tiles = []
    for n in np.argsort(-means)[:count]:
        image = read_image(measured.labels.images[n].path)
        text = f"{measured.labels.images[n].name}   mean error {means[n]:.1f} px"
        tiles.append(_with_labels(image, measured.labels.points[n, 0], measured.peaks[n], keypoints, skeleton, text))
    height = max(tile.shape[0] for tile in tiles)
    width = max(tile.shape[1] for tile in tiles)
    columns = min(3, len(tiles))
    sheet = np.zeros((-(-len(tiles) // columns) * height, columns * width, 3), np.uint8)
    for n, tile in enumerate(tiles):
        top, left = n // columns * height, n % columns * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet


def _with_labels(
    image: Image,
    points: Floats,
    peaks: Floats,
    keypoints: Sequence[str],
    skeleton: Sequence[tuple[int, int]],
    text: str,
) -> Image:
    tile = annotate(image, peaks[None], keypoints, skeleton, text)
    factor = tile.shape[1] / image.shape[1]  # below the image stands a bar
    for point, peak in zip(points, peaks, strict=True):
        if np.isfinite(point).all():
            label = tuple(int(v) for v in np.rint((point + 0.5) * factor - 0.5))
            found = tuple(int(v) for v in np.rint((peak[:2] + 0.5) * factor - 0.5))
            cv2.line(tile, label, found, (255, 255, 255), 1, cv2.LINE_AA)
            cv2.drawMarker(tile, label, (255, 255, 255), cv2.MARKER_CROSS, 9, 1, cv2.LINE_AA)
    return tile


def readable(result: dict[str, Any]) -> str:
    """The figures as text for a terminal."""
    lines = [f"{result['model']}: {result['frames']} frames"]
    if result["mean_px"] is None:
        return f"{lines[0]}, no labelled keypoint"
    lines += [
        f"error      mean {result['mean_px']:.2f} px, median {result['median_px']:.2f} px, "
        f"p95 {result['p95_px']:.2f} px; {100 * result['within_15px']:.1f} % within 15 px",
        *(
            f"  {name:<20}" + ("no label" if value is None else f"{value:.2f} px")
            for name, value in result["per_keypoint_px"].items()
        ),
        f"missed     {result['missed']} labelled keypoints below the model's min_score",
        f"false      {result['false']} unlabelled keypoints above it",
    ]
    return "\n".join(lines)
