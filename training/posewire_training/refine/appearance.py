"""How much alike two frames look: from afar, and round the animals."""

from __future__ import annotations

import numpy as np

from posewire_training.frames.candidates import appearance
from posewire_training.images import Image
from posewire_training.labels.record import Points, labelled

_MARGIN = 0.25  # of the animals' extent, on each side


def looks_of(image: Image, points: Points) -> Points:
    """Float32 ``[D]``: the `appearance` of the frame (uint8 ``[h, w, 3]``), then that of the window round ``points``
    ``[A, K, 2]``, in grey values. Without points the window is the frame.
    """
    found = points[labelled(points)]
    window = image
    if len(found):
        low, high = found.min(axis=0), found.max(axis=0)
        reach = (0.5 + _MARGIN) * max(float((high - low).max()), 8.0)
        centre = (low + high) / 2
        left, top = np.floor(centre - reach).astype(int).clip(0, [image.shape[1] - 1, image.shape[0] - 1])
        right, bottom = np.ceil(centre + reach).astype(int).clip([left + 1, top + 1], [image.shape[1], image.shape[0]])
        window = image[top:bottom, left:right]
    return np.concatenate([appearance(image), appearance(window)])


def distances(looks: Points, others: Points) -> Points:
    """Float32 ``[F, G]``: root of the mean squared difference between vectors ``[F, D]`` and ``[G, D]``."""
    a, b = looks.astype(np.float64), others.astype(np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / max(1, looks.shape[1])), np.float32)
