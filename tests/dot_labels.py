"""Images of dots with a label file, for the tiny model."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2

import tiny_model

Places = dict[str, tuple[float, float]]


def write_set(folder: Path, frames: list[tuple[Places, Places]]) -> Path:
    """Images and a DeepLabCut label file; ``frames``: per image (drawn places, labelled places), by keypoint."""
    rows = [
        ["scorer", *["me"] * 6],
        ["bodyparts", *(name for name in tiny_model.KEYPOINTS for _ in "xy")],
        ["coords", *["x", "y"] * 3],
    ]
    for n, (drawn, labelled) in enumerate(frames):
        size = (320, 240) if n % 2 else (200, 160)  # two sizes in one set
        cv2.imwrite(str(folder / f"{n}.png"), tiny_model.draw(drawn, *size))
        cells = [labelled.get(name, ("", "")) for name in tiny_model.KEYPOINTS]
        rows.append([f"{n}.png", *(str(value) for cell in cells for value in cell)])
    path = folder / "labels.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path
