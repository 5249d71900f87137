"""Animals that several crops show -> each of them once, and none that a crop cuts in two."""

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


@njit(nogil=True, cache=True)
def keep_whole(found, left, top, right, bottom, width, height, near, seen, count):  # type: ignore[no-untyped-def]
    """Append to ``seen`` float32 [n, K, 3], of which ``count`` are filled, the animals of one crop that are not cut.

    ``found`` float32 [A, K, 3] in px of the frame of ``width`` x ``height`` px; the crop reaches from ``left``, ``top``
    to ``right``, ``bottom``. The animal nearest to the crop's middle is the one it was aimed at, and stays. Another one
    with a keypoint nearer than ``near`` px to a border of the crop that is none of the frame is a part of a neighbour,
    which has a crop of its own. Returns how many are filled then.
    """
    middle_x, middle_y = 0.5 * (left + right), 0.5 * (top + bottom)
    aimed, least = -1, np.inf
    for a in range(found.shape[0]):
        x = y = n = 0.0
        for k in range(found.shape[1]):
            if np.isfinite(found[a, k, 0]):
                x += found[a, k, 0]
                y += found[a, k, 1]
                n += 1.0
        if n > 0.0:
            away = (x / n - middle_x) ** 2 + (y / n - middle_y) ** 2
            if away < least:
                aimed, least = a, away
    for a in range(found.shape[0]):
        cut = False
        for k in range(found.shape[1]):
            x, y = found[a, k, 0], found[a, k, 1]
            cut |= (left > 0 and x - left < near) or (right < width - 1 and right - x < near)
            cut |= (top > 0 and y - top < near) or (bottom < height - 1 and bottom - y < near)
        if (not cut or a == aimed) and count < seen.shape[0]:
            seen[count] = found[a]
            count += 1
    return count
