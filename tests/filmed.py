"""Tiny videos: a bright dot on grey that stands where it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np


def write_video(path: Path, places: Sequence[tuple[float, float]], background: int = 90) -> Path:
    """A Motion-JPEG video (.avi) of 64x48, one frame for each place (x, y) of the dot."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for x, y in places:
        image = np.full((48, 64, 3), background, np.uint8)
        cv2.circle(image, (round(x), round(y)), 5, (250, 250, 250), -1)
        writer.write(image)
    writer.release()
    return path


def walk(frames: int) -> list[tuple[float, float]]:
    """A course from left to right, a new place in every frame."""
    return [(8 + 48 * n / max(frames - 1, 1), 24 + 12 * np.sin(n)) for n in range(frames)]
