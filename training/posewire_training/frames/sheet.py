"""A contact sheet: thumbnails in a grid, each with its video's name and frame number."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from posewire_training.images import Image

WIDTH = 240  # of a thumbnail
SMALL_WIDTH = 120  # of each of more than 200
_FONT, _SIZE, _LINE = cv2.FONT_HERSHEY_SIMPLEX, 0.42, 17
_GAP = 6


def thumbnail(image: Image, width: int) -> Image:
    """An image (uint8 BGR), ``width`` pixels wide; a tall one is made to fit a square of that width."""
    factor = width / max(image.shape[1], image.shape[0])
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    smooth = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=smooth), np.uint8)


def thumbnail_width(count: int) -> int:
    """How wide thumbnails of a sheet of ``count`` are."""
    return WIDTH if count <= 200 else SMALL_WIDTH


def contact_sheet(thumbnails: Sequence[Image], names: Sequence[str], numbers: Sequence[int]) -> Image:
    """One picture (uint8 BGR) of all thumbnails, with the video's name and the frame number beneath each."""
    width = thumbnail_width(len(thumbnails))
    columns = min(len(thumbnails), max(5, math.ceil(math.sqrt(len(thumbnails)))))
    high = max(image.shape[0] for image in thumbnails)
    cell_height, cell_width = high + 2 * _LINE + _GAP, width + _GAP
    rows = -(-len(thumbnails) // columns)
    sheet = np.full((rows * cell_height + _GAP, columns * cell_width + _GAP, 3), 24, np.uint8)
    for place, (image, name, number) in enumerate(zip(thumbnails, names, numbers, strict=True)):
        top = place // columns * cell_height + _GAP
        left = place % columns * cell_width + _GAP
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
        for line, text in enumerate((fitting(name, width), fitting(f"frame {number}", width)), 1):
            at = left, top + high + line * _LINE - 4
            cv2.putText(sheet, text, at, _FONT, _SIZE, (235, 235, 235), 1, cv2.LINE_AA)
    return sheet


def fitting(text: str, width: int) -> str:
    """``text`` as it can be drawn within ``width`` pixels: with its middle left out if it is too long."""
    text = text.encode("ascii", "replace").decode()
    kept = len(text)
    short = text
    while kept > 2 and cv2.getTextSize(short, _FONT, _SIZE, 1)[0][0] > width:
        kept -= 1
        short = f"{text[: kept // 2]}..{text[len(text) - (kept - kept // 2) :]}"
    return short
