"""Animals that several crops show -> each of them once."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def merge(seen, count, near, sums, order, kept, poses):  # type: ignore[no-untyped-def]
    """Greedy suppression by pose: of two animals of which half of the lesser one's keypoints lie on average nearer than
    ``near`` px to the same ones of the other, the one with the larger sum of scores stays.

    ``seen`` float32 [n, K, 3], of which ``count`` are filled; ``sums`` float64 [n], ``order`` and ``kept`` int64 [n]
    are scratch. ``poses`` float32 [n, K, 3] gets those that stay, the largest sum first; returns how many.
    """
    keypoints = seen.shape[1]
    for n in range(count):
        sums[n] = 0.0
        for k in range(keypoints):
            if np.isfinite(seen[n, k, 0]):
                sums[n] += seen[n, k, 2]
        place = n
        while place > 0 and sums[order[place - 1]] < sums[n]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = n
    number = 0
    for m in range(count):
        n = order[m]
        alone = True
        parts = 0
        for k in range(keypoints):
            parts += np.isfinite(seen[n, k, 0])
        for other in range(number):
            shared = 0
            total = 0.0
            for k in range(keypoints):
                dx = seen[kept[other], k, 0] - seen[n, k, 0]
                dy = seen[kept[other], k, 1] - seen[n, k, 1]
                if np.isfinite(dx):
                    shared += 1
                    total += np.sqrt(dx * dx + dy * dy)
            if 2 * shared >= parts and total <= near * shared:
                alone = False
                break
        if alone and parts > 0:
            kept[number] = n
            poses[number] = seen[n]
            number += 1
    return number
