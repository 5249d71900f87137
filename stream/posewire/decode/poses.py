"""From what was found in the maps to what is published: pixels of the full frame, NaN where there is nothing to say."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def write_poses(peaks, rows, number, scale_x, scale_y, left, top, poses):  # type: ignore[no-untyped-def]
    """``poses`` float32 [R, K, 3]: ``rows`` int64 [R, K] of peaks in full-frame pixels, NaN, NaN, 0 where one is -1.

    Pixel of the maps' input to pixel of the frame: ``left + (x + 0.5) / scale_x - 0.5``, and so for y.
    """
    for n in range(number):
        for k in range(rows.shape[1]):
            i = rows[n, k]
            if i < 0:
                poses[n, k, 0] = np.nan
                poses[n, k, 1] = np.nan
                poses[n, k, 2] = 0.0
            else:
                poses[n, k, 0] = left + (peaks[k, i, 0] + 0.5) / scale_x - 0.5
                poses[n, k, 1] = top + (peaks[k, i, 1] + 0.5) / scale_y - 0.5
                poses[n, k, 2] = peaks[k, i, 2]


@njit(nogil=True, cache=True)
def list_rows(counts, members, kept, number, most, rows, used):  # type: ignore[no-untyped-def]
    """``rows`` int64 [R, K]: the peaks of ``number`` animals, then those of nobody, the best of each keypoint first, in
    up to ``most`` further rows; -1 for none. ``used`` bool [K, M] is scratch. Returns how many rows are filled.
    """
    used[:] = False
    for n in range(number):
        for k in range(counts.shape[0]):
            rows[n, k] = members[kept[n], k]
            if rows[n, k] >= 0:
                used[k, rows[n, k]] = True
    filled = number
    rows[number : number + most] = -1
    for k in range(counts.shape[0]):
        place = number
        for i in range(counts[k]):
            if not used[k, i] and place < number + most:
                rows[place, k] = i
                place += 1
        filled = max(filled, place)
    return filled


@njit(nogil=True, cache=True)
def write_bonds(scores, rows, number, edges, bonds):  # type: ignore[no-untyped-def]
    """``bonds`` float32 [R, R, E]: the score of edge e from its first end in one row to its second end in another (or
    the same), NaN where either is missing. ``scores`` float64 [E, M, M] are those of all pairs of peaks.
    """
    for e in range(edges.shape[0]):
        for a in range(number):
            i = rows[a, edges[e, 0]]
            for b in range(number):
                j = rows[b, edges[e, 1]]
                bonds[a, b, e] = scores[e, i, j] if i >= 0 and j >= 0 else np.nan
