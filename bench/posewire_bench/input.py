"""How much faster views are drawn than the network learns from them: `python -m posewire_bench.input PROJECT.toml`.

Batches are drawn in one thread, as in training, and each is learned from; drawing and learning take turns in one run,
so that both meet the same load of the machine. Targets are timed apart, beside a plain loop over keypoints.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posewire_training.augment import Augment
from posewire_training.batches import Batches
from posewire_training.config import read_project
from posewire_training.learner import Learner
from posewire_training.source import open_source
from posewire_training.targets import Array, make_targets


def measure(project: Path, batches: int = 40) -> dict[str, Any]:
    """Views drawn and learned from per second, and their ratio, over as many batches."""
    settings = read_project(project)
    settings = settings.model_copy(update={"network": settings.network.model_copy(update={"weights": "none"})})
    source = open_source(settings, project.absolute().parent)
    edges = source.body.edges if settings.animals > 1 else ()
    learner = Learner(settings, len(source.body.keypoints), len(edges))
    views = Batches(settings, source.train, Augment(settings.augment, source.body.flip_order), 0, edges)
    cv2.setNumThreads(1)  # as the thread that draws them does
    shapes: set[tuple[int, ...]] = set()
    drawing, learning = [], []
    for step in range(batches * 4):
        begun = time.perf_counter()
        batch = views.draw(step)
        drawn = time.perf_counter()
        learner.learn(batch, step)
        if batch.images.shape in shapes:  # the first of each size builds the step
            drawing.append(drawn - begun)
            learning.append(time.perf_counter() - drawn)
        shapes.add(batch.images.shape)
        if len(drawing) == batches:
            break
    size = settings.schedule.batch
    return {
        "project": settings.name,
        "batches": len(drawing),
        "views_drawn_per_s": size * len(drawing) / sum(drawing),
        "views_learned_per_s": size * len(learning) / sum(learning),
        "ratio": sum(learning) / sum(drawing),
        "targets": targets_beside_a_loop(settings.schedule.batch, len(source.body.keypoints), settings.network.stride),
    }


def targets_beside_a_loop(batch: int, keypoints: int, stride: int, rounds: int = 20) -> dict[str, float]:
    """Milliseconds for the targets of a batch of 256x256, and of a loop over its keypoints, in turns; medians."""
    points = np.random.default_rng(0).uniform(0, 255, (batch, 1, keypoints, 2)).astype(np.float32)
    cells = 256 // stride
    whole, looped = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        made = make_targets(points, cells, cells, stride, 1.0, 1.25)
        between = time.perf_counter()
        plain = _looped(points[:, 0], cells, stride, 1.0, 1.25)
        looped.append(time.perf_counter() - between)
        whole.append(between - begun)
    if not all(np.allclose(a, b, atol=1e-4) for a, b in zip(made, plain, strict=True)):
        raise AssertionError("the loop gives other targets")
    ours, theirs = 1e3 * float(np.median(whole)), 1e3 * float(np.median(looped))
    return {"vectorised_ms": ours, "loop_ms": theirs, "ratio": theirs / ours}


def _looped(points: Array, cells: int, stride: int, sigma: float, radius: float) -> tuple[Array, Array, Array]:
    """The same targets, one keypoint after the other, each on all cells at once."""
    shape = (len(points), cells, cells, points.shape[1])
    heatmaps, mask = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    offsets = np.zeros((*shape, 2), np.float32)
    rows, columns = np.mgrid[:cells, :cells]
    for b, animal in enumerate(points):
        for k, (x, y) in enumerate(animal):
            dx, dy = x - ((columns + 0.5) * stride - 0.5), y - ((rows + 0.5) * stride - 0.5)
            away = dx**2 + dy**2
            near = away <= (radius * stride) ** 2
            heatmaps[b, :, :, k] = np.exp(-away / (2 * (sigma * stride) ** 2))
            mask[b, :, :, k] = near
            offsets[b, :, :, k, 0] = np.where(near, dx, 0)
            offsets[b, :, :, k, 1] = np.where(near, dy, 0)
    return heatmaps, offsets, mask


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--batches", type=int, default=40)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(measure(arguments.project, arguments.batches)) + "\n")


if __name__ == "__main__":
    main()
