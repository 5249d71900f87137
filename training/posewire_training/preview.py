"""A sheet of views as the network will see them: `posewire train --preview`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from posewire_models.errors import WorkError
from posewire_models.files import write_whole
from posewire_models.skeleton import Skeleton
from posewire_training.batches import Batch, Batches
from posewire_training.images import Image
from posewire_training.shades import shades

_VIEWS, _COLUMNS, _WIDTH = 16, 4, 420


def write_preview(
    path: Path, batches: Batches, body: Skeleton, color: str, stride: int, colours: Mapping[str, str] | None = None
) -> None:
    """Write a picture of the first views of a training: keypoints where their targets are, limbs reddish where part
    affinity fields lie.

    ``colours`` (``#rrggbb``) of some keypoints by name. Raises WorkError if it cannot be written.
    """
    inks = _shades_of(body.keypoints, colours or {})
    tiles: list[Image] = []
    step = 0
    while len(tiles) < _VIEWS:
        batch = batches.draw(step)
        tiles += [_tile(batch, n, inks, color, stride) for n in range(len(batch.images))]
        step += 1
    tiles = tiles[:_VIEWS]
    height, width = max(tile.shape[0] for tile in tiles), max(tile.shape[1] for tile in tiles)
    sheet = np.full((-(-_VIEWS // _COLUMNS) * height, _COLUMNS * width, 3), 60, np.uint8)
    for n, tile in enumerate(tiles):
        top, left = n // _COLUMNS * height, n % _COLUMNS * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    done, content = cv2.imencode(path.suffix or ".png", sheet)
    try:
        if not done:
            raise OSError("OpenCV cannot encode it")
        write_whole(path, content.tobytes())
    except OSError as error:
        raise WorkError(f"--preview {path}: cannot be written ({error.strerror or error})") from None


def _shades_of(keypoints: Sequence[str], colours: Mapping[str, str]) -> list[list[int]]:
    """A colour (BGR) for each keypoint: as told, else one round the colour circle."""
    told = {name: [int(text[n : n + 2], 16) for n in (5, 3, 1)] for name, text in colours.items()}
    return [told.get(name, shade) for name, shade in zip(keypoints, shades(len(keypoints)), strict=True)]


def _tile(batch: Batch, n: int, inks: list[list[int]], color: str, stride: int) -> Image:
    """One view with its targets drawn on it."""
    image = batch.images[n]
    if color == "gray":
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    shown = image[..., ::-1] if color == "rgb" else image
    factor = _WIDTH / shown.shape[1]
    canvas: Image = np.array(cv2.resize(shown, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR), np.uint8)
    if batch.fields.shape[-2]:
        on = (batch.fields[n] != 0).any(axis=(-1, -2)).astype(np.uint8)
        limbs = cv2.resize(on, (canvas.shape[1], canvas.shape[0]), interpolation=cv2.INTER_NEAREST)
        canvas[limbs > 0] = (0.7 * canvas[limbs > 0] + (0, 0, 70)).astype(np.uint8)
    for row, column, kind in np.argwhere(batch.mask[n]).tolist():
        move = batch.offsets[n, row, column, kind]
        if np.abs(move).max() <= stride / 2:  # the cell that holds the keypoint
            x, y = (np.array([column, row]) + 0.5) * stride - 0.5 + move
            place = (round((x + 0.5) * factor * 16), round((y + 0.5) * factor * 16))
            cv2.circle(canvas, place, 4 * 16, (0, 0, 0), -1, cv2.LINE_AA, 4)
            cv2.circle(canvas, place, 3 * 16, inks[kind], -1, cv2.LINE_AA, 4)
    return np.pad(canvas, ((2, 2), (2, 2), (0, 0)))
