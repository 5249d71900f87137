"""One animal's keypoints from heatmaps and offsets, a batch at once, as the runtime decodes them.

Training measures errors with it, and `posewire models check` holds the output ``peaks`` of a file against it. The
tests hold it together with the runtime's kernel (and both to a slow twin).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posewire_models.grid import cell_centre

Maps = npt.NDArray[np.float32]

_AROUND = np.array([(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)])
_PEAK = 4  # the cell itself among them


def unpadded(maps: Maps, height: int, width: int, stride: int) -> Maps:
    """Maps ``[B, h, w, ...]`` without the cells that lie wholly in the padding of images ``[height, width]``: those
    cannot hold a keypoint."""
    return maps[:, : -(-height // stride), : -(-width // stride)]


def best_peaks(heatmaps: Maps, offsets: Maps, stride: int) -> tuple[Maps, Maps]:
    """The highest cell of each heatmap, moved by its offset; neighbours that mean the same place vote.

    ``heatmaps``: ``[B, h, w, K]``, 0..1; ``offsets``: ``[B, h, w, K, 2]`` in input pixels. The answers of the peak's
    cell and of those of its eight neighbours that lead to within half a stride of it are averaged by squared score
    (Papandreou et al. 2017, arXiv:1701.01779, section 3.2, has all cells vote).

    Returns points ``[B, K, 2]`` in input pixels, and scores ``[B, K]``, the heatmap at the peak.
    """
    batch, height, width, keypoints = heatmaps.shape
    best = heatmaps.reshape(batch, height * width, keypoints).argmax(axis=1)  # [B, K]
    rows = best[..., None] // width + _AROUND[:, 0]  # [B, K, 9]
    columns = best[..., None] % width + _AROUND[:, 1]
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    cells = (
        np.arange(batch)[:, None, None],
        rows.clip(0, height - 1),
        columns.clip(0, width - 1),
        np.arange(keypoints)[:, None],
    )
    scores = heatmaps[cells]
    places = cell_centre(np.stack([columns, rows], axis=-1).astype(np.float64), stride) + offsets[cells]  # [B, K, 9, 2]
    away = places - places[:, :, _PEAK, None]
    votes = inside & (np.square(away).sum(axis=-1) <= (0.5 * stride) ** 2)
    weights = np.where(votes, np.square(scores, dtype=np.float64), 0.0)
    total = weights.sum(axis=-1, keepdims=True)
    moved = (weights[..., None] * away).sum(axis=2) / np.where(total > 0, total, 1.0)
    return (places[:, :, _PEAK] + moved).astype(np.float32), scores[..., _PEAK]
