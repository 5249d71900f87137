"""Slow, obvious twin of the part affinity fields; tests compare the two."""

from __future__ import annotations

import math

import numpy as np


def fields_one(
    points: np.ndarray, edges: list[tuple[int, int]], height: int, width: int, stride: int, width_cells: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fields [h, w, E, 2] and known [E] for animals [A, K, 2], cell by cell."""
    fields = np.zeros((height, width, len(edges), 2))
    known = np.ones(len(edges))
    for e, (a, b) in enumerate(edges):
        limbs = []
        for animal in points.tolist():
            first, second = not math.isnan(sum(animal[a])), not math.isnan(sum(animal[b]))
            if first != second:
                known[e] = 0
            if first and second and math.dist(animal[a], animal[b]) > 1e-3:
                limbs.append((animal[a], animal[b]))
        for row in range(height):
            for column in range(width):
                centre = ((column + 0.5) * stride - 0.5, (row + 0.5) * stride - 0.5)
                best = width_cells * stride
                for start, stop in limbs:
                    length = math.dist(start, stop)
                    direction = ((stop[0] - start[0]) / length, (stop[1] - start[1]) / length)
                    done = (centre[0] - start[0]) * direction[0] + (centre[1] - start[1]) * direction[1]
                    done = min(max(done, 0.0), length)
                    nearest = (start[0] + done * direction[0], start[1] + done * direction[1])
                    if math.dist(centre, nearest) <= best:
                        best = math.dist(centre, nearest)
                        fields[row, column, e] = direction
    return fields, known
