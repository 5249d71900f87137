"""Tiny videos: a bright dot on grey that stands where it is told, and what the tiny models find."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

import several_model
import tiny_model


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


def film(path: Path, images: Sequence[np.ndarray], frames: int | None = None, fourcc: str = "MJPG") -> Path:
    """A video at 30 frames/s of ``images`` in turn, until there are ``frames``."""
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), 30, (width, height))
    for number in range(len(images) if frames is None else frames):
        writer.write(images[number % len(images)])
    writer.release()
    return path


def dots(frames: int, width: int = 240, height: int = 160) -> list[np.ndarray]:
    """Pictures of the tiny model's three dots on a walk."""
    places = [(60 + 80 * n / frames, 60 + 10 * np.sin(n / 9)) for n in range(frames)]
    return [
        tiny_model.draw({"blue": (x, y), "green": (x + 40, y + 5), "red": (x + 80, y)}, width, height)
        for x, y in places
    ]


def herd(frames: int, width: int = 240, height: int = 160) -> list[np.ndarray]:
    """Pictures of two animals of the tiny model of several: one goes right, one left."""
    return [
        several_model.draw([(20 + 60 * n / frames, 40), (120 - 60 * n / frames, 110)], width, height)
        for n in range(frames)
    ]
