"""How much alike two frames look: small pictures of the whole frame and of the window round the animals, as vectors."""

from __future__ import annotations

import cv2
import numpy as np

from posewire_training.images import Image
from posewire_training.labels.record import Points, labelled

_SIDE = 16  # pixels of each small picture's side
_MARGIN = 0.25  # of the animals' extent, on each side


def looks_of(image: Image, points: Points) -> Points:
    """Float32 ``[512]``: grey values 0..1 of the frame (uint8 ``[h, w, 3]``) and of the window round ``points``
    ``[A, K, 2]``, 16x16 each. Without points the window is the frame.
    """
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    found = points[labelled(points)]
    window = gray
    if len(found):
        low, high = found.min(axis=0), found.max(axis=0)
        reach = (0.5 + _MARGIN) * max(float((high - low).max()), 8.0)
        centre = (low + high) / 2
        left, top = np.floor(centre - reach).astype(int).clip(0, [image.shape[1] - 1, image.shape[0] - 1])
        right, bottom = np.ceil(centre + reach).astype(int).clip([left + 1, top + 1], [image.shape[1], image.shape[0]])
        window = gray[top:bottom, left:right]
    small = [cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for part in (gray, window)]
    return np.concatenate([part.ravel() for part in small]).astype(np.float32) / np.float32(255)


def distances(looks: Points, others: Points) -> Points:
    """Float32 ``[F, G]``: root of the mean squared difference between vectors ``[F, D]`` and ``[G, D]``."""
    a, b = looks.astype(np.float64), others.astype(np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / max(1, looks.shape[1])), np.float32)
