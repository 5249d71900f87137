"""How well chosen frames stand for a whole video, by method.

python -m posewire_bench.diversity VIDEO [--poses FILE] [--model M] [--count 20] [--seeds 5]

The measure is the mean distance of all looked-at frames from the nearest chosen one (smaller is better): of their
appearances in grey values, and, where ``--poses`` gives poses of every frame (DeepLabCut's CSV of predictions), of
their keypoints in px, as they lie in the frame and about their centre. Frames with a likelihood under 0.9 are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_bench.program import machine
from posewire_training.frames.candidates import Candidates, frame_counts, survey
from posewire_training.frames.choose import Chosen, balanced, clustered, uniform
from posewire_training.frames.features import Features

SURE = 0.9

Floats = npt.NDArray[np.float64]


def read_poses(path: Path) -> Floats:
    """Predictions of every frame of a video, float ``[frames, K, 3]``: x, y, likelihood."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [line[1:] for line in csv.reader(file) if line and line[0].isdigit()]
    return np.array(rows, np.float64).reshape(len(rows), -1, 3)


def chosen_by(method: str, candidates: Candidates, count: int, seed: int) -> list[int]:
    """Numbers of the candidates that a method chooses."""
    chosen = Chosen(candidates.appearance, candidates.appearance[:0])
    if method == "uniform":
        uniform(chosen, candidates.video, candidates.frame, candidates.lengths, count, seed)
    else:
        assert candidates.features is not None
        vectors = balanced(candidates.features) if method == "features" else candidates.appearance
        clustered(chosen, vectors, candidates.video, count, seed)
    return chosen.order


def coverage(points: Floats, chosen: list[int], sure: npt.NDArray[np.bool_]) -> float:
    """Mean distance of ``points`` ``[n, K, d]`` (mean over K) of the ``sure`` frames from the nearest chosen one."""
    apart = [np.linalg.norm(points[sure] - points[i], axis=-1).mean(axis=-1) for i in chosen if sure[i]]
    return float(np.min(apart, axis=0).mean())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--poses", type=Path)
    parser.add_argument("--model", default="mouse-topview")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    counts = frame_counts([arguments.video])
    candidates = survey([arguments.video], counts, 0, Features(arguments.model))
    spaces = {"appearance": (candidates.appearance[:, None] / np.sqrt(candidates.appearance.shape[1])).astype(float)}
    sure = np.ones(len(candidates), np.bool_)
    if arguments.poses:
        poses = read_poses(arguments.poses)[candidates.frame]
        sure &= (poses[..., 2] > SURE).all(axis=1)
        spaces["place and pose (px)"] = poses[..., :2]
        spaces["pose about its centre (px)"] = poses[..., :2] - poses[..., :2].mean(axis=1, keepdims=True)
    result: dict[str, Any] = {"machine": machine(), "video": arguments.video.name, "count": arguments.count}
    for method in ("uniform", "appearance", "features"):
        choices = [chosen_by(method, candidates, arguments.count, seed) for seed in range(arguments.seeds)]
        result[method] = {}
        for space, points in spaces.items():
            values = [coverage(points, chosen, sure) for chosen in choices]
            result[method][space] = {"mean": round(float(np.mean(values)), 2), "sd": round(float(np.std(values)), 2)}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
