"""Heatmaps and offsets -> keypoints in pixels of the full frame.

One animal: the highest heatmap cell of each keypoint, moved by the offset that the network gives at that cell. Its
eight neighbours vote as well, as far as they mean the same place: where their own cell and offset lead to within half
a stride of the peak's answer, the answers are averaged by squared score (Papandreou et al. 2017, "Towards accurate
multi-person pose estimation in the wild", section 3.2, has all cells vote). Networks whose offsets hold at the peak
only are left as they are. Slow plain twin: ``tests/reference.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from posewire.frame import Floats
from posewire.preprocess import Geometry
from posewire_models.contract import ModelContract


@njit(nogil=True, cache=True)
def _decode_one(heatmaps, offsets, rows, columns, place, best_cell, best, peaks, poses):  # type: ignore[no-untyped-def]
    """heatmaps [h, w, K], offsets [h, w, K, 2] in input pixels -> peaks [K, 3] = x, y (frame pixels), score.

    Only the first ``rows`` x ``columns`` cells are looked at. Of equal cells the first in reading order wins. A channel
    without any finite value gives NaN, NaN, 0. ``poses`` [K, 3] are the peaks with NaN, NaN where the score is below
    the least one. ``place`` float64 [6]: stride, scale_x, scale_y, left, top, least score; ``best_cell`` int64 [K] and
    ``best`` float32 [K] are scratch. One kernel with few arguments, since behind a network that has filled the
    processor's caches the way into a kernel costs more than its work.
    """
    count = heatmaps.shape[2]
    stride, scale_x, scale_y, left, top = place[0], place[1], place[2], place[3], place[4]
    least = np.float32(place[5])
    for k in range(count):
        best_cell[k] = -1
        best[k] = -np.inf
    for row in range(rows):
        for column in range(columns):
            for k in range(count):
                value = heatmaps[row, column, k]
                if value > best[k]:
                    best[k] = value
                    best_cell[k] = row * columns + column
    for k in range(count):
        if best_cell[k] < 0:
            peaks[k, 0] = np.nan
            peaks[k, 1] = np.nan
            peaks[k, 2] = 0.0
            poses[k] = peaks[k]
            continue
        row = best_cell[k] // columns
        column = best_cell[k] - row * columns
        # Input pixel + 0.5 = (cell + 0.5) * stride + offset; frame pixel = crop + (input + 0.5) / scale - 0.5
        peak_x = (column + 0.5) * stride + offsets[row, column, k, 0]
        peak_y = (row + 0.5) * stride + offsets[row, column, k, 1]
        near = (0.5 * stride) ** 2
        weight_sum = sum_x = sum_y = 0.0
        for i in range(max(0, row - 1), min(rows, row + 2)):
            for j in range(max(0, column - 1), min(columns, column + 2)):
                away_x = (j + 0.5) * stride + offsets[i, j, k, 0] - peak_x
                away_y = (i + 0.5) * stride + offsets[i, j, k, 1] - peak_y
                # Written so that a NaN does not vote.
                if away_x * away_x + away_y * away_y <= near and heatmaps[i, j, k] >= 0.0:
                    score = np.float64(heatmaps[i, j, k])  # squares of float32 vanish below 1e-19
                    weight = score * score
                    weight_sum += weight
                    sum_x += weight * away_x
                    sum_y += weight * away_y
        if weight_sum > 0.0:
            peak_x += sum_x / weight_sum
            peak_y += sum_y / weight_sum
        peaks[k, 0] = left + peak_x / scale_x - 0.5
        peaks[k, 1] = top + peak_y / scale_y - 0.5
        peaks[k, 2] = best[k]
        poses[k] = peaks[k]
        if best[k] < least:
            poses[k, 0] = np.nan
            poses[k, 1] = np.nan


@njit(nogil=True, cache=True)
def _place_one(found, place, peaks, poses):  # type: ignore[no-untyped-def]
    """found [K, 3] = x, y (pixels of the network's input), score -> peaks [K, 3] in frame pixels, NaN, NaN, 0 where the
    score is NaN; ``place`` and ``poses`` as in `_decode_one`."""
    scale_x, scale_y, left, top = place[1], place[2], place[3], place[4]
    least = np.float32(place[5])
    for k in range(found.shape[0]):
        score = found[k, 2]
        if np.isnan(score):
            peaks[k, 0] = np.nan
            peaks[k, 1] = np.nan
            score = np.float32(0.0)
        else:
            peaks[k, 0] = left + (found[k, 0] + 0.5) / scale_x - 0.5
            peaks[k, 1] = top + (found[k, 1] + 0.5) / scale_y - 0.5
        peaks[k, 2] = score
        poses[k] = peaks[k]
        if score < least:
            poses[k, 0] = np.nan
            poses[k, 1] = np.nan


class Decoder:
    """Decodes the maps of one network input size, or the peaks that the network itself found, into buffers made once.

    ``peaks`` and ``poses`` are float32 [1, K, 3] = x, y (full-frame pixels), score; ``peaks`` holds every best peak,
    ``poses`` what is published: NaN below ``min_score``.
    """

    def __init__(self, contract: ModelContract, geometry: Geometry, min_score: float) -> None:
        shape = (1, len(contract.keypoints), 3)
        self.peaks: Floats = np.full(shape, np.nan, np.float32)
        self.poses: Floats = np.full(shape, np.nan, np.float32)
        # A cell that lies wholly in the padding cannot hold a keypoint.
        self._columns, self._rows = (-(-size // contract.stride) for size in geometry.resized)
        self._place = np.array(
            [contract.stride, *geometry.scale, geometry.crop.x, geometry.crop.y, min_score], np.float64
        )
        self._best_cell = np.zeros(shape[1], np.int64)
        self._best: Floats = np.zeros(shape[1], np.float32)
        self._found = self.peaks[0], self.poses[0]
        self._maps: tuple[Floats | None, Floats | None] = None, None
        self._planes: tuple[Floats, ...] = ()

    def move(self, left: int, top: int) -> None:
        """The crop now begins at this pixel of the frame."""
        self._place[3] = left
        self._place[4] = top

    def decode(self, heatmaps: Floats, offsets: Floats) -> None:
        """Read heatmaps float32 [1, h, w, K] and offsets float32 [1, h, w, K, 2] into ``peaks`` and ``poses``."""
        if heatmaps is not self._maps[0] or offsets is not self._maps[1]:
            self._maps = heatmaps, offsets
            self._planes = heatmaps[0], offsets[0]  # of the network's own maps once and for all
        _decode_one(*self._planes, self._rows, self._columns, self._place, self._best_cell, self._best, *self._found)

    def place(self, found: Floats) -> None:
        """Read peaks that were computed in the graph, float32 [1, K, 3] = x, y (pixels of the network's input), score,
        into ``peaks`` and ``poses``."""
        _place_one(found[0], self._place, self.peaks[0], self.poses[0])
