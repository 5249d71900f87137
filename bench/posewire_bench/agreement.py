"""How far a model agrees with poses recorded by another program, on a video that nobody labelled.

    python -m posewire_bench.agreement VIDEO PREDICTIONS.csv MODEL

``PREDICTIONS.csv`` is in DeepLabCut's layout (x, y, likelihood of each keypoint, a row a frame). Only keypoints whose
recorded likelihood is above ``--likelihood`` count. The recorded poses are another network's output, not truth.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posewire.frame import Floats
from posewire.pipeline import Pipeline
from posewire.session import load_model
from posewire.sources.video import VideoFile


def read_predictions(path: Path) -> tuple[list[str], Floats]:
    """Keypoint names and float32 [frames, K, 3] = x, y, likelihood of a DeepLabCut prediction CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        _, names, _, *rows = csv.reader(file)
    values = np.array([row[1:] for row in rows], np.float32)
    return list(dict.fromkeys(names[1:])), values.reshape(len(rows), -1, 3)


def agreement(video: Path, predictions: Path, model: str, likelihood: float = 0.95) -> dict[str, Any]:
    """Distances in px between our best peaks and the recorded points that are sure."""
    names, recorded = read_predictions(predictions)
    pipeline = Pipeline(load_model(model))
    order = [pipeline.model.contract.keypoints.index(name) for name in names]
    source = VideoFile(video)
    source.open()
    ours = []
    while (frame := source.read()) is not None:
        pipeline(frame.image)
        ours.append(pipeline.peaks[0, order].copy())
    source.close()
    count = min(len(ours), len(recorded))
    distances = np.linalg.norm(np.array(ours)[:count, :, :2] - recorded[:count, :, :2], axis=-1)
    sure = recorded[:count, :, 2] > likelihood
    chosen = distances[sure]
    by_name = {name: distances[:, k][sure[:, k]] for k, name in enumerate(names) if sure[:, k].any()}
    return {
        "model": pipeline.model.contract.name,
        "frames": count,
        "compared": int(sure.sum()),
        "median_px": float(np.median(chosen)),
        "mean_px": float(chosen.mean()),
        "within_15px": float((chosen <= 15).mean()),
        "per_keypoint_median_px": {name: float(np.median(found)) for name, found in by_name.items()},
        "per_keypoint_within_15px": {name: float((found <= 15).mean()) for name, found in by_name.items()},
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("model")
    parser.add_argument("--likelihood", type=float, default=0.95)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    result = agreement(arguments.video, arguments.predictions, arguments.model, arguments.likelihood)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
