"""From what was found in the maps to what is published: pixels of the full frame, NaN where there is nothing to say."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def publishable(peaks, min_score, poses):  # type: ignore[no-untyped-def]
    """Copy [A, K, 3]; keypoints whose score is below ``min_score`` become NaN, NaN with their score."""
    for a in range(peaks.shape[0]):
        for k in range(peaks.shape[1]):
            score = peaks[a, k, 2]
            if score < min_score:
                poses[a, k, 0] = np.nan
                poses[a, k, 1] = np.nan
            else:
                poses[a, k, 0] = peaks[a, k, 0]
                poses[a, k, 1] = peaks[a, k, 1]
            poses[a, k, 2] = score


@njit(nogil=True, cache=True)
def write_bonds(scores, members, kept, number, edges, bonds):  # type: ignore[no-untyped-def]
    """``bonds`` float32 [A, A, E]: the score of edge e from its first end in one animal to its second end in another
    (or the same), NaN where either is missing. ``scores`` float64 [E, M, M] are those of all pairs of peaks.
    """
    for e in range(edges.shape[0]):
        for a in range(number):
            i = members[kept[a], edges[e, 0]]
            for b in range(number):
                j = members[kept[b], edges[e, 1]]
                bonds[a, b, e] = scores[e, i, j] if i >= 0 and j >= 0 else np.nan


@njit(nogil=True, cache=True)
def write_poses(peaks, members, kept, number, scale_x, scale_y, left, top, poses):  # type: ignore[no-untyped-def]
    """``poses`` float32 [A, K, 3]: animals in full-frame pixels, NaN, NaN, 0 where a keypoint is missing.

    Pixel of the maps' input to pixel of the frame: ``left + (x + 0.5) / scale_x - 0.5``, and so for y.
    """
    for n in range(number):
        for k in range(members.shape[1]):
            i = members[kept[n], k]
            if i < 0:
                poses[n, k, 0] = np.nan
                poses[n, k, 1] = np.nan
                poses[n, k, 2] = 0.0
            else:
                poses[n, k, 0] = left + (peaks[k, i, 0] + 0.5) / scale_x - 0.5
                poses[n, k, 1] = top + (peaks[k, i, 1] + 0.5) / scale_y - 0.5
                poses[n, k, 2] = peaks[k, i, 2]
