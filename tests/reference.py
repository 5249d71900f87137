"""Slow, obvious twins of the fast kernels; tests compare the two."""

from __future__ import annotations

import math

import numpy as np


def decode_one(
    heatmaps: np.ndarray,
    offsets: np.ndarray,
    stride: int,
    frame_crop: tuple[int, int, int, int],
    resized: tuple[int, int],
) -> list[tuple[float, float, float]]:
    """Peaks (x, y, score) in frame pixels of heatmaps [h, w, K] and offsets [h, w, K, 2], cell by cell.

    Cells that lie wholly in the padding (beyond ``resized``) are left out.
    """
    left, top, width, height = frame_crop
    found = []
    for k in range(heatmaps.shape[2]):
        best = None
        for row in range(heatmaps.shape[0]):
            for column in range(heatmaps.shape[1]):
                if column * stride >= resized[0] or row * stride >= resized[1]:
                    continue
                value = float(heatmaps[row, column, k])
                if math.isnan(value):
                    continue
                if best is None or value > best[0]:
                    best = (value, row, column)
        if best is None:
            found.append((math.nan, math.nan, 0.0))
            continue
        value, row, column = best

        def place(row: int, column: int, k: int = k) -> np.ndarray:
            centre = np.array([(column + 0.5) * stride - 0.5, (row + 0.5) * stride - 0.5])
            return centre + offsets[row, column, k].astype(float)

        votes, weights = [], []
        for i in (row - 1, row, row + 1):
            for j in (column - 1, column, column + 1):
                inside = i >= 0 and j >= 0 and i * stride < resized[1] and j * stride < resized[0]
                if inside and np.linalg.norm(place(i, j) - place(row, column)) <= stride / 2:
                    score = float(heatmaps[i, j, k])
                    if score >= 0:
                        votes.append(place(i, j))
                        weights.append(score**2)
        voted = sum(weights) > 0
        input_x, input_y = np.average(votes, axis=0, weights=weights) if voted else place(row, column)
        x = left + (input_x + 0.5) * width / resized[0] - 0.5
        y = top + (input_y + 0.5) * height / resized[1] - 0.5
        found.append((x, y, value))
    return found


def percentile(values: list[int], fraction: float) -> int:
    """Nearest-rank percentile of whole numbers."""
    return sorted(values)[max(1, math.ceil(fraction * len(values))) - 1]


def resize_bilinear(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """An image [h, w, C] at ``width`` x ``height``, float64: pixel centres map onto each other, edges are repeated."""

    def along(values: np.ndarray, size: int) -> np.ndarray:
        found = []
        for n in range(size):
            place = min(max((n + 0.5) * len(values) / size - 0.5, 0.0), len(values) - 1.0)
            first = min(int(place), len(values) - 2)
            found.append(values[first] * (1 - (place - first)) + values[first + 1] * (place - first))
        return np.array(found)

    rows = along(image.astype(float), height)
    return np.swapaxes(along(np.swapaxes(rows, 0, 1), width), 0, 1)
