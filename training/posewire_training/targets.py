"""Keypoints -> what the network is to put out, and back.

All by the one pixel grid of `posewire_models.grid`: cell (i, j)'s centre lies at pixel
((j + 0.5) * stride - 0.5, (i + 0.5) * stride - 0.5) of the network's input.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire_models.grid import cell_centre

Array = npt.NDArray[np.float32]


class Targets(NamedTuple):
    """What a batch is to look like.

    ``heatmaps``: ``[B, h, w, K]``, 0..1. ``offsets``: ``[B, h, w, K, 2]``, x and y in input pixels from the
    cell's centre to the keypoint, zero off the mask. ``mask``: ``[B, h, w, K]``, 1 where the offset counts.
    """

    heatmaps: Array
    offsets: Array
    mask: Array


def make_targets(
    points: Array, height: int, width: int, stride: int, sigma_cells: float, radius_cells: float
) -> Targets:
    """Targets for keypoints.

    ``points``: float32 ``[B, K, 2]``, x and y in input pixels, NaN = absent (zero heatmap, no offset);
    ``height`` and ``width`` in cells. The heatmap is a Gaussian of ``sigma_cells``; cells whose centre is at most
    ``radius_cells`` from the keypoint carry its offset.
    """
    x = points[:, None, None, :, 0]  # [B, 1, 1, K]
    y = points[:, None, None, :, 1]
    dx = x - cell_centre(np.arange(width, dtype=np.float32), stride)[None, None, :, None]  # [B, 1, w, K]
    dy = y - cell_centre(np.arange(height, dtype=np.float32), stride)[None, :, None, None]  # [B, h, 1, K]
    spread = 2 * (sigma_cells * stride) ** 2
    heatmaps = np.exp(-(dx**2) / spread) * np.exp(-(dy**2) / spread)  # [B, h, w, K]
    mask = dx**2 + dy**2 <= (radius_cells * stride) ** 2  # NaN compares false
    offsets = np.stack(np.broadcast_arrays(dx, dy), axis=-1)  # [B, h, w, K, 2]
    return Targets(
        np.nan_to_num(heatmaps).astype(np.float32),
        np.where(mask[..., None], offsets, 0).astype(np.float32),
        mask.astype(np.float32),
    )


def best_peaks(heatmaps: Array, offsets: Array, stride: int) -> tuple[Array, Array]:
    """The highest cell of each heatmap moved by its offset.

    Returns points ``[B, K, 2]`` in input pixels, and scores ``[B, K]``, the heatmap at the cell.
    """
    batch, height, width, keypoints = heatmaps.shape
    flat = heatmaps.reshape(batch, height * width, keypoints)
    best = flat.argmax(axis=1)  # [B, K]
    cells = np.stack([best % width, best // width], axis=-1).astype(np.float32)
    moves = np.take_along_axis(offsets.reshape(batch, height * width, keypoints, 2), best[:, None, :, None], axis=1)[
        :, 0
    ]  # [B, K, 2]
    scores = np.take_along_axis(flat, best[:, None], axis=1)[:, 0]
    return (cell_centre(cells, stride) + moves).astype(np.float32), scores
