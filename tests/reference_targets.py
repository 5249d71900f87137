"""Slow, obvious twin of the training targets; tests compare the two."""

from __future__ import annotations

import math

import numpy as np


def targets_one(
    points: np.ndarray, height: int, width: int, stride: int, sigma_cells: float, radius_cells: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heatmaps [h, w, K], offsets [h, w, K, 2] and mask [h, w, K] for keypoints [K, 2], cell by cell."""
    count = len(points)
    heatmaps = np.zeros((height, width, count))
    offsets = np.zeros((height, width, count, 2))
    mask = np.zeros((height, width, count))
    for k, (x, y) in enumerate(points.tolist()):
        if math.isnan(x) or math.isnan(y):
            continue
        for row in range(height):
            for column in range(width):
                dx = x - ((column + 0.5) * stride - 0.5)
                dy = y - ((row + 0.5) * stride - 0.5)
                cells = math.hypot(dx, dy) / stride
                heatmaps[row, column, k] = math.exp(-(cells**2) / (2 * sigma_cells**2))
                if cells <= radius_cells:
                    mask[row, column, k] = 1
                    offsets[row, column, k] = dx, dy
    return heatmaps, offsets, mask
