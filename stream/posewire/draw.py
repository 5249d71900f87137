"""Draws poses on a frame: skeleton, keypoints, scores, labels, one line of text. For people, never for measuring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from posewire.colours import identity_colour
from posewire.frame import Floats, Image
from posewire.preprocess import Crop
from posewire_models.errors import InputError
from posewire_models.files import write_whole

_FONT = cv2.FONT_HERSHEY_SIMPLEX
PICTURES = (".png", ".jpg", ".jpeg")
_SUBPIXEL_BITS = 4  # OpenCV draws at 1/16 px
_DARK = 24  # grey of bars and columns beside pictures


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
    ids: Sequence[int] | None = None,
    id_scores: Sequence[float] | None = None,
    predicted: Floats | None = None,
) -> Image:
    """A copy of ``image`` (BGR or gray) with poses float32 [A, K, 3] drawn; keypoints that are NaN are left out.

    A legend names the keypoints, with the scores of the first animal, and lies beneath the pose; ``crop`` is framed,
    and what lies outside it darker; ``text`` stands in a bar below the image. The result is uint8 [H + bar, W, 3]
    BGR; images under 480 px high are enlarged by a whole factor so that they can be read. With ``ids`` each animal
    has the colour of its identity instead, and its number, with its ``id_scores``, beside it; the legend then names
    the animals. ``predicted``, like ``poses``: a line leads from each keypoint to where it will be.
    """
    factor = max(1, round(480 / image.shape[0]))
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    size = image.shape[1] * factor, image.shape[0] * factor
    canvas: Image = np.array(cv2.resize(colour, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    unit = max(1, round(canvas.shape[0] / 480))
    colours = keypoint_colours(len(keypoints))
    if crop is not None:
        _frame_crop(canvas, crop, factor, unit)
    if ids is None:
        _legend(canvas, poses, keypoints, colours, unit, scores)
    else:
        _identities(canvas, ids, id_scores, unit)
    for n, pose in enumerate(poses):
        own = None if ids is None else identity_colour(ids[n])
        for i, j in skeleton:
            if np.isfinite(pose[[i, j], :2]).all():
                _line(canvas, pose[i], pose[j], factor, unit, own or (235, 235, 235))
        for k, (x, y, _) in enumerate(pose):
            if np.isfinite(x + y):
                centre = _fixed(x, y, factor)
                radius = ((4 if own is None else 3) * unit) << _SUBPIXEL_BITS
                cv2.circle(canvas, centre, radius + 16 * unit, (0, 0, 0), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
                cv2.circle(canvas, centre, radius, own or colours[k], -1, cv2.LINE_AA, _SUBPIXEL_BITS)
        if predicted is not None:
            for k, (here, there) in enumerate(zip(pose[:, :2], predicted[n, :, :2], strict=True)):
                if np.isfinite(here).all() and np.isfinite(there).all():
                    _line(canvas, here, there, factor, unit, own or colours[k])
        if ids is not None and own is not None:
            _number(canvas, pose, ids[n], own, factor, unit)
    bar = np.full((20 * unit, canvas.shape[1], 3), _DARK, np.uint8)
    _text(bar, text, (6 * unit, 14 * unit), (255, 255, 255), unit)
    return np.concatenate([canvas, bar])


def compare(
    image: Image,
    labels: Floats,
    poses: Floats,
    keypoints: Sequence[str],
    skeleton: Sequence[tuple[int, int]],
    text: str,
    area: Crop,
    focus: int = 0,
    width: int = 760,
) -> Image:
    """The part ``area`` of ``image`` (BGR or gray), ``width`` px wide, with labels and predictions to judge by eye.

    ``labels`` float32 [A, K, 2]: white crosses with a black rim; ``poses`` float32 [A, K, 3], in the same places: dots
    in each keypoint's colour, a line from each to its label; NaN is left out. A column at the right tells the signs,
    and error (px) and score of each keypoint of animal ``focus``; ``text`` stands in a bar below. uint8 [H, W, 3] BGR.
    """
    view = image[area.y : area.y + area.height, area.x : area.x + area.width]
    factor = width / area.width
    height = max(1, round(area.height * factor))
    canvas: Image = np.array(
        cv2.resize(
            view if view.ndim == 3 else cv2.cvtColor(view, cv2.COLOR_GRAY2BGR),
            (width, height),
            interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA,
        ),
        np.uint8,
    )
    colours = keypoint_colours(len(keypoints))
    corner = np.array([area.x, area.y], np.float32)
    for pose in poses[..., :2] - corner:
        for i, j in skeleton:
            if np.isfinite(pose[[i, j]]).all():
                ends = _fixed(pose[i, 0], pose[i, 1], factor), _fixed(pose[j, 0], pose[j, 1], factor)
                cv2.line(canvas, *ends, (235, 235, 235), 1, cv2.LINE_AA, _SUBPIXEL_BITS)
    pairs = [
        (k, label, pose)
        for a in range(len(poses))
        for k, (label, pose) in enumerate(zip(labels[a] - corner, poses[a, :, :2] - corner, strict=True))
    ]
    for k, label, pose in pairs:
        if np.isfinite(label).all() and np.isfinite(pose).all():
            ends = _fixed(label[0], label[1], factor), _fixed(pose[0], pose[1], factor)
            cv2.line(canvas, *ends, (0, 0, 0), 4, cv2.LINE_AA, _SUBPIXEL_BITS)
            cv2.line(canvas, *ends, colours[k], 2, cv2.LINE_AA, _SUBPIXEL_BITS)
    for k, _, pose in pairs:
        if np.isfinite(pose).all():
            _dot(canvas, _fixed(pose[0], pose[1], factor), colours[k])
    for _, label, _ in pairs:
        if np.isfinite(label).all():
            _cross(canvas, _fixed(label[0], label[1], factor))
    column = _signs(labels[focus], poses[focus], keypoints, colours, height)
    short = np.full((len(column) - height, width, 3), _DARK, np.uint8)
    whole = np.concatenate([np.concatenate([canvas, short]), column], axis=1)
    bar = np.full((24, whole.shape[1], 3), _DARK, np.uint8)
    _text(bar, text, (8, 16), (255, 255, 255), 1)
    return np.concatenate([whole, bar])


def _signs(
    label: Floats, pose: Floats, keypoints: Sequence[str], colours: Sequence[tuple[int, int, int]], height: int
) -> Image:
    """The column beside a comparison, at least ``height`` high: the signs, then each keypoint's error and score."""
    errors = np.linalg.norm(pose[:, :2] - label, axis=-1)
    rows = []
    for k, name in enumerate(keypoints):
        missing = "no label" if np.isnan(label[k]).any() else "not found"
        rows.append(
            (
                name,
                f"{errors[k]:.1f}" if np.isfinite(errors[k]) else missing,
                f"{pose[k, 2]:.2f}" if np.isfinite(pose[k, 0]) else "-",
            )
        )
    heads = ("keypoint", "error px", "score")
    widths = [max(cv2.getTextSize(row[n], _FONT, 0.42, 1)[0][0] for row in (*rows, heads)) for n in range(3)]
    line, left = 18, 28
    ends = left + widths[0] + 14 + widths[1], left + widths[0] + 28 + widths[1] + widths[2]
    column = np.full((max(height, line * (len(rows) + 5) + 8), max(ends[1] + 10, 150), 3), _DARK, np.uint8)
    white, grey = (255, 255, 255), (170, 170, 170)
    _cross(column, (14 << _SUBPIXEL_BITS, (line - 4) << _SUBPIXEL_BITS))
    _text(column, "label", (left, line), white, 1)
    _dot(column, (14 << _SUBPIXEL_BITS, (2 * line - 4) << _SUBPIXEL_BITS), (200, 200, 200))
    _text(column, "prediction", (left, 2 * line), white, 1)
    cv2.line(column, (5, 3 * line - 4), (23, 3 * line - 4), (200, 200, 200), 2, cv2.LINE_AA)
    _text(column, "error", (left, 3 * line), white, 1)
    for n, row in enumerate((heads, *rows)):
        y = (n + 5) * line - line // 2
        if n:
            _dot(column, (14 << _SUBPIXEL_BITS, (y - 4) << _SUBPIXEL_BITS), colours[n - 1])
        _text(column, row[0], (left, y), white if n else grey, 1)
        for cell, end in zip(row[1:], ends, strict=True):
            wide = cv2.getTextSize(cell, _FONT, 0.42, 1)[0][0]
            _text(column, cell, (end - wide, y), white if n else grey, 1)
    return column


def _dot(canvas: Image, centre: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """``centre`` in OpenCV's fixed point."""
    cv2.circle(canvas, centre, 6 << _SUBPIXEL_BITS, (0, 0, 0), -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.circle(canvas, centre, 5 << _SUBPIXEL_BITS, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def _cross(canvas: Image, centre: tuple[int, int]) -> None:
    """``centre`` in OpenCV's fixed point."""
    x, y = centre
    for arm, thickness, colour in ((9, 4, (0, 0, 0)), (8, 2, (255, 255, 255))):
        reach = arm << _SUBPIXEL_BITS
        cv2.line(canvas, (x - reach, y), (x + reach, y), colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.line(canvas, (x, y - reach), (x, y + reach), colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(x: float, y: float, factor: float) -> tuple[int, int]:
    """Enlarged position in OpenCV's fixed point, kept within what it can draw."""
    enlarged = (np.array([x, y]) + 0.5) * factor - 0.5
    fixed = np.clip(np.rint(enlarged * (1 << _SUBPIXEL_BITS)), -(1 << 20), 1 << 20)
    return int(fixed[0]), int(fixed[1])


def _number(canvas: Image, pose: Floats, number: int, colour: tuple[int, int, int], factor: int, unit: int) -> None:
    """An animal's number to the right of it."""
    known = pose[np.isfinite(pose[:, 0]), :2]
    if len(known):
        x, y = (int(v) for v in (np.array([known[:, 0].max(), known[:, 1].mean()]) + 0.5) * factor)
        text, at = "?" if number < 0 else str(number), (x + 6 * unit, y + 5 * unit)
        cv2.putText(canvas, text, at, _FONT, 0.6 * unit, (0, 0, 0), 4 * unit, cv2.LINE_AA)
        cv2.putText(canvas, text, at, _FONT, 0.6 * unit, colour, 2 * unit, cv2.LINE_AA)


def _identities(canvas: Image, ids: Sequence[int], id_scores: Sequence[float] | None, unit: int) -> None:
    """The legend of several animals: number and score of identity of each, in its colour, by number."""
    line = 16 * unit
    height, width = min(canvas.shape[0], line * len(ids) + 8 * unit), min(canvas.shape[1], 92 * unit)
    panel = canvas[:height, :width]
    panel[:] = (panel * 0.35).astype(np.uint8)
    for row, n in enumerate(sorted(range(len(ids)), key=lambda n: ids[n])):
        score = "" if id_scores is None else f"  {id_scores[n]:.2f}"
        name = "unknown" if ids[n] < 0 else f"id {ids[n]}{score}"
        _text(canvas, name, (8 * unit, (row + 1) * line), identity_colour(ids[n]), unit)


def _line(
    canvas: Image, start: Floats, end: Floats, factor: int, unit: int, colour: tuple[int, int, int] = (235, 235, 235)
) -> None:
    points = _fixed(start[0], start[1], factor), _fixed(end[0], end[1], factor)
    cv2.line(canvas, *points, (0, 0, 0), 3 * unit, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.line(canvas, *points, colour, unit, cv2.LINE_AA, _SUBPIXEL_BITS)


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


def check_target(path: Path, endings: Sequence[str], option: str = "--show") -> None:
    """Refuse an ``option`` that cannot be written: InputError for an unknown ending or a folder that is not there."""
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} {path}: expected a file ending in {', '.join(endings)}")
    if not path.parent.is_dir():
        raise InputError(f"{option} {path}: no folder {path.parent}; make it first")
