"""Draws poses on a frame: skeleton, keypoints, scores, one line of text. For people, never for measuring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from posewire.frame import Floats, Image
from posewire.preprocess import Crop
from posewire_models.errors import InputError
from posewire_models.files import write_whole

_FONT = cv2.FONT_HERSHEY_SIMPLEX
PICTURES = (".png", ".jpg", ".jpeg")
_SUBPIXEL_BITS = 4  # OpenCV draws at 1/16 px


def keypoint_colours(count: int) -> list[tuple[int, int, int]]:
    """``count`` colours (BGR) around the colour circle, in a fixed order."""
    hues = (np.arange(count) * 180 / max(count, 1)).astype(np.uint8)
    hsv = np.stack([hues, np.full(count, 210, np.uint8), np.full(count, 255, np.uint8)], axis=-1)
    return [(int(b), int(g), int(r)) for b, g, r in cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0]]


def annotate(
    image: Image,
    poses: Floats,
    keypoints: Sequence[str],
    skeleton: Sequence[tuple[int, int]],
    text: str,
    scores: bool = True,
    crop: Crop | None = None,
) -> Image:
    """A copy of ``image`` (BGR or gray) with poses float32 [A, K, 3] drawn; keypoints that are NaN are left out.

    A legend names the keypoints, with the scores of the first animal, and lies beneath the pose; ``crop`` is framed,
    and what lies outside it darker; ``text`` stands in a bar below the image. The result is uint8 [H + bar, W, 3] BGR;
    images under 480 px high are enlarged by a whole factor so that they can be read.
    """
    factor = max(1, round(480 / image.shape[0]))
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    size = image.shape[1] * factor, image.shape[0] * factor
    canvas: Image = np.array(cv2.resize(colour, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    unit = max(1, round(canvas.shape[0] / 480))
    colours = keypoint_colours(len(keypoints))
    if crop is not None:
        _frame_crop(canvas, crop, factor, unit)
    _legend(canvas, poses, keypoints, colours, unit, scores)
    for pose in poses:
        for i, j in skeleton:
            if np.isfinite(pose[[i, j], :2]).all():
                _line(canvas, pose[i], pose[j], factor, unit)
        for k, (x, y, _) in enumerate(pose):
            if np.isfinite(x + y):
                centre = _fixed(x, y, factor)
                radius = (4 * unit) << _SUBPIXEL_BITS
                cv2.circle(canvas, centre, radius + 16 * unit, (0, 0, 0), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
                cv2.circle(canvas, centre, radius, colours[k], -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    bar = np.full((20 * unit, canvas.shape[1], 3), 24, np.uint8)
    _text(bar, text, (6 * unit, 14 * unit), (255, 255, 255), unit)
    return np.concatenate([canvas, bar])


def _fixed(x: float, y: float, factor: int) -> tuple[int, int]:
    """Enlarged position in OpenCV's fixed point, kept within what it can draw."""
    enlarged = (np.array([x, y]) + 0.5) * factor - 0.5
    fixed = np.clip(np.rint(enlarged * (1 << _SUBPIXEL_BITS)), -(1 << 20), 1 << 20)
    return int(fixed[0]), int(fixed[1])


def _line(canvas: Image, start: Floats, end: Floats, factor: int, unit: int) -> None:
    points = _fixed(start[0], start[1], factor), _fixed(end[0], end[1], factor)
    cv2.line(canvas, *points, (0, 0, 0), 3 * unit, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.line(canvas, *points, (235, 235, 235), unit, cv2.LINE_AA, _SUBPIXEL_BITS)


def _frame_crop(canvas: Image, crop: Crop, factor: int, unit: int) -> None:
    left, top = crop.x * factor, crop.y * factor
    right, bottom = left + crop.width * factor, top + crop.height * factor
    inside = canvas[top:bottom, left:right].copy()
    canvas[:] = canvas // 2
    canvas[top:bottom, left:right] = inside
    cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), (235, 235, 235), unit)


def _legend(
    canvas: Image,
    poses: Floats,
    keypoints: Sequence[str],
    colours: Sequence[tuple[int, int, int]],
    unit: int,
    scores: bool,
) -> None:
    if not keypoints or not len(poses):
        return
    line = 16 * unit
    rows = [f"{name}  {poses[0, k, 2]:.2f}" if scores else name for k, name in enumerate(keypoints)]
    widest = max(cv2.getTextSize(row, _FONT, 0.42 * unit, unit)[0][0] for row in rows)
    height, width = min(canvas.shape[0], line * len(rows) + 8 * unit), min(canvas.shape[1], widest + 26 * unit)
    panel = canvas[:height, :width]
    panel[:] = (panel * 0.35).astype(np.uint8)
    for k, row in enumerate(rows):
        y = (k + 1) * line
        cv2.circle(canvas, (10 * unit, y - 4 * unit), 4 * unit, colours[k], -1, cv2.LINE_AA)
        seen = bool(np.isfinite(poses[0, k, 0]))
        _text(canvas, row, (19 * unit, y), (255, 255, 255) if seen else (140, 140, 140), unit)


def _text(canvas: Image, text: str, at: tuple[int, int], colour: tuple[int, int, int], unit: int) -> None:
    cv2.putText(canvas, text, at, _FONT, 0.42 * unit, colour, unit, cv2.LINE_AA)


def write_picture(path: Path, image: Image) -> None:
    """Write a .png or .jpg, there whole or not at all. Raises OSError."""
    # Not cv2.imwrite: it fails for some names on Windows.
    _, encoded = cv2.imencode(path.suffix.lower(), image)
    write_whole(path, encoded.tobytes())


def check_target(path: Path, endings: Sequence[str]) -> None:
    """Refuse a ``--show`` that cannot be written: InputError for an unknown ending or a folder that is not there."""
    if path.suffix.lower() not in endings:
        raise InputError(f"--show {path}: expected a file ending in {', '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"--show {path}: no folder {path.parent}; make it first")
