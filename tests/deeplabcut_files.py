"""Small DeepLabCut label files with images, for tests."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

NAMES = ("snout", "tailbase")
POINTS = np.array([[[1.5, 2], [30, 20.25]], [[np.nan, np.nan], [4, 5]], [[7, 8], [9, 10]]], np.float32)
FILES = ("img1.png", "img2.png", "img10.png")


def write_images(root: Path, size: tuple[int, int] = (40, 32)) -> None:
    folder = root / "labeled-data" / "clip"
    folder.mkdir(parents=True)
    for number, file in enumerate(FILES):
        image = np.full((size[1], size[0], 3), 10 * number, np.uint8)
        cv2.imwrite(str(folder / file), image)


def csv_text(columns: int, names: tuple[str, ...] = NAMES, points: np.ndarray = POINTS) -> str:
    """A label file whose image column takes 1 or 3 columns."""
    blank = "," * (columns - 1)
    lines = [
        f"scorer{blank}," + ",".join("me" for _ in names for _ in "xy"),
        f"bodyparts{blank}," + ",".join(name for name in names for _ in "xy"),
        f"coords{blank}," + ",".join("x,y" for _ in names),
    ]
    for file, row in zip(FILES, points, strict=True):
        image = ("/" if columns == 1 else ",").join(("labeled-data", "clip", file))
        lines.append(f"{image}," + ",".join("" if np.isnan(v) else repr(float(v)) for v in row.ravel()))
    return "\n".join(lines) + "\n"


def write_csv(root: Path, text: str) -> Path:
    path = root / "labeled-data" / "clip" / "CollectedData_me.csv"
    path.write_text(text)
    return path
