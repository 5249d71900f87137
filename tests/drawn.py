"""A tiny labelled set, drawn: a bright dot and a dark one on grey, and the project file that trains on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

KEYPOINTS = ("bright", "dark")


def write_images(root: Path, images: int) -> Path:
    """Write PNGs of 90x60 and their label file; returns the label file."""
    folder = root / "labeled-data" / "clip"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    lines = ["scorer,me,me,me,me", "bodyparts,bright,bright,dark,dark", "coords,x,y,x,y"]
    for number in range(images):
        points = rng.uniform((10, 10), (80, 50), (2, 2))
        image = np.full((60, 90, 3), 120, np.uint8)
        for (x, y), grey in zip(points, (250, 10), strict=True):
            centre = (round(x * 16), round(y * 16))  # sixteenths of a pixel
            cv2.circle(image, centre, 5 * 16, (grey,) * 3, -1, cv2.LINE_AA, shift=4)
        cv2.imwrite(str(folder / f"img{number}.png"), image)
        lines.append(f"labeled-data/clip/img{number}.png," + ",".join(f"{v:.3f}" for v in points.ravel()))
    path = folder / "CollectedData_me.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def write_project(root: Path, images: int = 8, **parts: dict[str, Any]) -> Path:
    """Write images, labels, and a project file with a small, quick network; returns the project file."""
    write_images(root, images)
    tables: dict[str, dict[str, Any]] = {
        "data": {"labels": ["labeled-data/clip/CollectedData_me.csv"], "validation": 0.25},
        "network": {"weights": "none", "channels": 16},
        "augment": {"rotation_degrees": 20, "compression": 0, "occlusion": 0},
        "schedule": {
            "steps": 30,
            "batch": 4,
            "learning_rate": 0.01,
            "warmup": 2,
            "average": 0.5,
            "validate_every": 15,
            "checkpoint_every": 5,
        },
    }
    for name, values in parts.items():
        tables[name] = {**tables.get(name, {}), **values}
    lines = ['name = "dots"', f"keypoints = {json.dumps(KEYPOINTS)}", 'skeleton = [["bright", "dark"]]']
    for name, values in tables.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path = root / "dots.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
