"""Poses that hold parts of two animals, taken apart by what each keypoint was following.

Where animals lie on each other the network's fields lie on each other too, and a frame alone does not tell which
front goes with which back. Each keypoint for itself, however, has moved little since the last frame. For two poses
that follow two animals every keypoint either stays or changes sides: the cheapest of these choices, on a tree of the
skeleton's edges, by dynamic programming. What a choice costs is how far each keypoint then lies from where its track
expects it, whether it was to be seen there, and a price for every edge that is cut.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from posewire.track.state import SURE

_BOND = 4.0  # natural logarithm: what a limb is worth whose field is all there
_BLIND = 0.5  # the same for both limbs of a pair where nobody tells of fields
_PER_S = 15.0  # per second: what frames are worth that agree with each other
_MOST = 20.0  # natural logarithm: no surer than that are tracks of what they follow
_WEIGHT = 0.15  # of one keypoint's evidence, since neighbours move together
_STAYS_HIDDEN, _BECOMES_HIDDEN = 0.8, 0.05  # from one frame to the next, of a keypoint


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
def _follows(t, a, k, pose_var, frame, body, memory, clean):  # type: ignore[no-untyped-def]
    """Negative log-likelihood of pose ``a``'s keypoint ``k`` (or its absence) as the next of track ``t``'s."""
    track = memory.tracks[t]
    points, seen = memory.points, memory.seen
    hidden = _STAYS_HIDDEN if seen[t, k] > 2.5 * frame else _BECOMES_HIDDEN
    if np.isnan(clean[a, k, 0]):
        return -np.log(hidden)
    cost = -np.log(1.0 - hidden)
    if np.isnan(points[t, k, 0]):
        return cost + 2.0
    x = clean[a, k, 0] - points[t, k, 0] - track.vx * track.ahead
    y = clean[a, k, 1] - points[t, k, 1] - track.vy * track.ahead
    own = min(pose_var, memory.point_var[k] * max(1.0, seen[t, k] / frame)) + track.reach_var / (body * body)
    return cost + 2.5 * np.log1p((x * x + y * y) / (3.0 * own * body * body)) + np.log(own)


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


@njit(nogil=True, cache=True)
def _bond(a, j, b, i, e, edges, bonds, origin):  # type: ignore[no-untyped-def]
    """What the fields say of edge ``e`` between keypoint ``j`` of pose ``a`` and ``i`` of pose ``b``."""
    one, other = origin[a, j], origin[b, i]
    value = np.float64(bonds[one, other, e] if edges[e, 0] == j else bonds[other, one, e])
    return min(max(value, 0.0), 1.0) if value == value else 0.0


@njit(nogil=True, cache=True)
def _price(a, b, tree, edges, bonds, origin, price):  # type: ignore[no-untyped-def]
    """``price`` [k]: what it costs to cut the edge between a keypoint and its parent in poses ``a`` and ``b``."""
    for n in range(tree.shape[0]):
        k, parent, e = tree[n]
        price[k] = 0.0
        if parent < 0:
            continue
        if bonds.shape[0] == 0:
            price[k] = _BLIND
            continue
        own = _bond(a, parent, a, k, e, edges, bonds, origin) + _bond(b, parent, b, k, e, edges, bonds, origin)
        cross = _bond(a, parent, b, k, e, edges, bonds, origin) + _bond(b, parent, a, k, e, edges, bonds, origin)
        price[k] = _BOND * (own - cross)


@njit(nogil=True, cache=True)
def _choose(tree, lone, price, table, choice):  # type: ignore[no-untyped-def]
    """``choice`` [k, 0]: the side of each keypoint, 0 or 1, that is cheapest together; ``lone`` [k, side] are the
    costs, ``price`` [k] that of parting a keypoint from its parent.
    """
    keypoints = tree.shape[0]
    for k in range(keypoints):
        table[k, 0], table[k, 1] = lone[k, 0], lone[k, 1]
    for n in range(keypoints - 1, -1, -1):
        k, parent = tree[n, 0], tree[n, 1]
        if parent < 0:
            continue
        for side in range(2):
            stay, change = table[k, side], table[k, 1 - side] + price[k]
            choice[k, side] = side if stay <= change else 1 - side
            table[parent, side] += min(stay, change)
    for n in range(keypoints):
        k, parent = tree[n, 0], tree[n, 1]
        if parent < 0:
            choice[k, 0] = 0 if table[k, 0] <= table[k, 1] else 1
        else:
            choice[k, 0] = choice[k, choice[parent, 0]]


@njit(nogil=True, cache=True)
def _both_are_left(a, b, clean, choice):  # type: ignore[no-untyped-def]
    """Whether two poses both keep a keypoint after the exchange."""
    mine = theirs = 0
    for k in range(clean.shape[1]):
        one, other = (a, b) if choice[k, 0] == 0 else (b, a)
        mine += not np.isnan(clean[one, k, 0])
        theirs += not np.isnan(clean[other, k, 0])
    return mine > 0 and theirs > 0


@njit(nogil=True, cache=True)
def part(used, step_s, rules, bonds, edges, tree, memory, now, poses):  # type: ignore[no-untyped-def]
    """Exchange keypoints between poses, in ``now.clean`` and in ``poses`` float32 [A, K, 3], where the tracks say so.

    ``now.partner`` says which pose follows which track. ``bonds`` float32 [A, A, E] are `Tracker.step`'s, or [0, 0, E];
    ``tree`` int64 [K, 3] is `spanning_tree`'s. Returns whether anything was exchanged.
    """
    tracks, points, seen, flips = memory.tracks, memory.points, memory.seen, memory.flips
    rows, columns, partner, clean = now.rows, now.columns, now.partner, now.clean
    lone, table, choice, price = now.sides[0], now.sides[1], now.choice, now.scratch[0]
    rules = rules[0]
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    frame = common.frame_s if common.frame_s > 0.0 else 0.02
    pose_var = rules.pose_sigma_body_lengths**2
    keypoints = points.shape[1]
    changed = False
    for q in range(used):
        u, b = rows[q], partner[q]
        for r in range(q):
            t, a = rows[r], partner[r]
            known = a >= 0 and b >= 0 and tracks[t].id >= 0 and tracks[u].id >= 0
            # Where an animal's parts went while nobody saw it is not known.
            if not known or tracks[t].missed + tracks[u].missed > 0 or not now.touching[a, b]:
                flips[t, u] = SURE
                continue
            for k in range(keypoints):
                lone[k, 0] = _follows(t, a, k, pose_var, frame, body, memory, clean)
                lone[k, 0] += _follows(u, b, k, pose_var, frame, body, memory, clean)
                lone[k, 1] = _follows(t, b, k, pose_var, frame, body, memory, clean)
                lone[k, 1] += _follows(u, a, k, pose_var, frame, body, memory, clean)
                lone[k, 0] *= _WEIGHT
                lone[k, 1] *= _WEIGHT
            _price(a, b, tree, edges, bonds, now.origin, price)
            _choose(tree, lone, price, table, choice)
            # How much worse this frame would be, were a part of the skeleton (column 0) to change sides just now.
            for k in range(keypoints):
                table[k, 0] = lone[k, 1 - choice[k, 0]] - lone[k, choice[k, 0]]
            for n in range(keypoints - 1, -1, -1):
                k, parent = tree[n, 0], tree[n, 1]
                if parent >= 0:
                    table[parent, 0] += table[k, 0]
            best, where, end = 0.0, -1, 0
            top = 0
            for n in range(keypoints):
                k, parent = tree[n, 0], tree[n, 1]
                if parent < 0:
                    top = k
                    continue
                cut = choice[k, 0] != choice[parent, 0]
                gain = _PER_S * step_s * (-price[k] if cut else price[k])
                for side in range(2):
                    change = table[k, 0] if side == 0 else table[top, 0] - table[k, 0]
                    cost = min(flips[t, u, k, side], max(change, 0.0)) + gain
                    flips[t, u, k, side] = min(cost, _MOST)
                    if cost < best:
                        best, where, end = cost, k, side
            if where >= 0:
                # The frames disagree for too long: the tracks had this part exchanged.
                for n in range(keypoints):
                    k, parent = tree[n, 0], tree[n, 1]
                    inside = k == where or (parent >= 0 and choice[parent, 1] == -7)
                    choice[k, 1] = -7 if inside else 0
                for k in range(keypoints):
                    if (choice[k, 1] == -7) == (end == 0):
                        choice[k, 0] = 1 - choice[k, 0]
                        seen[t, k], seen[u, k] = seen[u, k], seen[t, k]
                        for c in range(2):
                            points[t, k, c], points[u, k, c] = points[u, k, c], points[t, k, c]
                flips[t, u, where, :] = SURE
                tracks[t].risk = tracks[u].risk = 0.6
            if not _both_are_left(a, b, clean, choice):
                continue
            for k in range(keypoints):
                if choice[k, 0] == 1:
                    changed = True
                    now.origin[a, k], now.origin[b, k] = now.origin[b, k], now.origin[a, k]
                    for c in range(2):
                        clean[a, k, c], clean[b, k, c] = clean[b, k, c], clean[a, k, c]
                    for c in range(3):
                        one, other = columns[a], columns[b]
                        poses[one, k, c], poses[other, k, c] = poses[other, k, c], poses[one, k, c]
    return changed
