"""What `untangle` needs to know beforehand: which poses touch, and a tree of the skeleton."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def spanning_tree(edges, keypoints):  # type: ignore[no-untyped-def]
    """Parents before children: int64 [K, 3] = keypoint, its parent, the edge between them (-1 for a root), by breadth
    from keypoint 0 on."""
    order = np.full((keypoints, 3), -1, np.int64)
    known = np.zeros(keypoints, np.bool_)
    count = 0
    for root in range(keypoints):
        if known[root]:
            continue
        known[root] = True
        order[count, 0] = root
        first = count
        count += 1
        while first < count:
            here = order[first, 0]
            first += 1
            for e in range(edges.shape[0]):
                for side in range(2):
                    if edges[e, side] == here and not known[edges[e, 1 - side]]:
                        known[edges[e, 1 - side]] = True
                        order[count, 0] = edges[e, 1 - side]
                        order[count, 1] = here
                        order[count, 2] = e
                        count += 1
    return order


@njit(nogil=True, cache=True)
def touch(count, common, now):  # type: ignore[no-untyped-def]
    """Which poses touch: keypoints within a quarter of a body length of each other; fills ``now.touching``."""
    common = common[0]
    near = 0.25 * (common.body_px if common.body_px > 0.0 else 50.0)
    clean, touching = now.clean, now.touching
    for a in range(count):
        for b in range(a):
            touching[a, b] = touching[b, a] = _touch(a, b, near, clean)


@njit(nogil=True, cache=True)
def _touch(a, b, near, clean):  # type: ignore[no-untyped-def]
    for c in range(2):
        low_a = low_b = np.inf
        high_a = high_b = -np.inf
        for k in range(clean.shape[1]):
            if not np.isnan(clean[a, k, c]):
                low_a, high_a = min(low_a, clean[a, k, c]), max(high_a, clean[a, k, c])
            if not np.isnan(clean[b, k, c]):
                low_b, high_b = min(low_b, clean[b, k, c]), max(high_b, clean[b, k, c])
        if low_a - near > high_b or low_b - near > high_a:
            return False
    for k in range(clean.shape[1]):
        for j in range(clean.shape[1]):
            if (clean[a, k, 0] - clean[b, j, 0]) ** 2 + (clean[a, k, 1] - clean[b, j, 1]) ** 2 < near * near:
                return True
    return False
