"""Poses that hold parts of two animals, taken apart by what each keypoint was following.

Where animals lie on each other the network's fields lie on each other too, and a frame alone does not tell which
front goes with which back. Each keypoint for itself, however, has moved little since the last frame. For two poses
that touch, all keypoints of both, and those nearby that the links lost, are given to the two tracks anew: the cheapest
choice on a tree of the skeleton's edges, by dynamic programming. What a choice costs is how far each keypoint then
lies from where its track expects it, and whether it was to be seen there; what it earns is what the fields say of its
limbs. Tracks may err, too: what the fields have said since is added up for every part of the skeleton, against what it
would have cost to let that part change sides at the time when that was cheapest.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from posewire.track.state import SURE

_BOND = 4.0  # natural logarithm: what a limb is worth whose field is all there
_LEAST = 0.3  # a limb whose field is weaker speaks against its keypoints
_BLIND = 0.25  # the same where nobody tells of fields
_PER_S, _BLIND_PER_S = 60.0, 15.0  # per second: what frames are worth that agree with each other
_MOST = 20.0  # natural logarithm: no surer than that are tracks of what they follow
_WEIGHT = 0.15  # of one keypoint's evidence, since neighbours move together
_UNUSED = 0.5  # natural logarithm: what it costs to leave a keypoint to neither animal
_CLOSE = 0.1  # body lengths: how far a keypoint that the links lost is from where its track expects it
_NEAR = 0.3  # body lengths: a keypoint that belongs to nobody is looked at where a track expects its own
_LOST_S = 0.1  # out of sight for longer: nobody knows where it went
_STAYS_HIDDEN, _BECOMES_HIDDEN = 0.8, 0.05  # from one frame to the next, of a keypoint


@njit(nogil=True, cache=True)
def _follows(t, k, place_x, place_y, pose_var, frame, body, memory):  # type: ignore[no-untyped-def]
    """Negative log-likelihood of a place (or NaN, its absence) as the next of track ``t``'s keypoint ``k``."""
    track = memory.tracks[t]
    points, seen = memory.points, memory.seen
    hidden = _STAYS_HIDDEN if seen[t, k] > 2.5 * frame else _BECOMES_HIDDEN
    if np.isnan(place_x):
        return -np.log(hidden)
    cost = -np.log(1.0 - hidden)
    if np.isnan(points[t, k, 0]):
        return cost + 2.0
    x = place_x - points[t, k, 0] - track.vx * track.ahead
    y = place_y - points[t, k, 1] - track.vy * track.ahead
    own = min(pose_var, memory.point_var[k] * max(1.0, seen[t, k] / frame)) + track.reach_var / (body * body)
    return cost + 2.5 * np.log1p((x * x + y * y) / (3.0 * own * body * body)) + np.log(own)


@njit(nogil=True, cache=True)
def _bond(one, j, other, k, e, edges, bonds):  # type: ignore[no-untyped-def]
    """What the fields say of edge ``e`` from keypoint ``j`` of row ``one`` to ``k`` of row ``other`` (-1: none)."""
    if one < 0 or other < 0:
        return 0.0
    if bonds.shape[0] == 0:
        return _BLIND if one == other else 0.0
    value = np.float64(bonds[one, other, e] if edges[e, 0] == j else bonds[other, one, e])
    return _BOND * (min(max(value, 0.0), 1.0) - _LEAST) if value == value else 0.0


@njit(nogil=True, cache=True)
def _candidates(t, u, a, b, k, body, memory, now, pool):  # type: ignore[no-untyped-def]
    """Rows of ``pool`` whose keypoint ``k`` may be pose ``a``'s or ``b``'s: ``now.options`` [k]; returns how many."""
    options, owner = now.options, now.owner
    count = 0
    for row in range(pool.shape[0]):
        if np.isnan(pool[row, k, 0]) or count == options.shape[1]:
            continue
        mine = owner[row, k] == a or owner[row, k] == b
        if not mine and owner[row, k] < 0:
            for track in (t, u):
                x = pool[row, k, 0] - memory.points[track, k, 0] - memory.tracks[track].vx * memory.tracks[track].ahead
                y = pool[row, k, 1] - memory.points[track, k, 1] - memory.tracks[track].vy * memory.tracks[track].ahead
                mine = mine or x * x + y * y < (_NEAR * body) ** 2
        if mine:
            options[k, count] = row
            count += 1
    return count


@njit(nogil=True, cache=True)
def _choose(tree, edges, bonds, unused, now):  # type: ignore[no-untyped-def]
    """The cheapest rows of every keypoint for both poses together: ``now.choice`` [k] = row or -1, row or -1.

    Dynamic programming on the tree; a state is a pair of options, that after the last one being none.
    """
    options, number, mine, theirs = now.options, now.number, now.mine, now.theirs
    table, best, bond, choice = now.states, now.best, now.bond, now.choice
    keypoints = tree.shape[0]
    side = options.shape[1] + 1
    for k in range(keypoints):
        for i in range(number[k] + 1):
            for j in range(number[k] + 1):
                value = mine[k, i] + theirs[k, j] if i != j or i == number[k] else np.inf
                for o in range(number[k]):
                    if o != i and o != j:
                        value += unused
                table[k, i * side + j] = value
    for n in range(keypoints - 1, -1, -1):
        k, parent, e = tree[n]
        if parent < 0:
            continue
        for i in range(number[parent] + 1):
            for j in range(number[k] + 1):
                one = options[parent, i] if i < number[parent] else -1
                other = options[k, j] if j < number[k] else -1
                bond[i, j] = _bond(one, parent, other, k, e, edges, bonds)
        for i in range(number[parent] + 1):
            for j in range(number[parent] + 1):
                least, at = np.inf, 0
                for m in range(number[k] + 1):
                    for o in range(number[k] + 1):
                        value = table[k, m * side + o] - bond[i, m] - bond[j, o]
                        if value < least:
                            least, at = value, m * side + o
                best[k, i * side + j] = at
                table[parent, i * side + j] += least
    for n in range(keypoints):
        k, parent = tree[n, 0], tree[n, 1]
        if parent >= 0:
            at = best[k, now.at[parent]]
        else:
            at = number[k] * side + number[k]
            for i in range(number[k] + 1):
                for j in range(number[k] + 1):
                    if table[k, i * side + j] < table[k, at]:
                        at = i * side + j
        now.at[k] = at
        i, j = at // side, at % side
        choice[k, 0] = options[k, i] if i < number[k] else -1
        choice[k, 1] = options[k, j] if j < number[k] else -1


@njit(nogil=True, cache=True)
def _give_in(t, u, end, where, tree, memory, now):  # type: ignore[no-untyped-def]
    """The tracks had the part below keypoint ``where`` exchanged, or (``end`` 1) all but that: put it right."""
    points, seen, choice, inside = memory.points, memory.seen, now.choice, now.inside
    for n in range(tree.shape[0]):
        k, parent = tree[n, 0], tree[n, 1]
        inside[k] = k == where or (parent >= 0 and inside[parent])
    for k in range(tree.shape[0]):
        if inside[k] == (end == 0):
            choice[k, 0], choice[k, 1] = choice[k, 1], choice[k, 0]
            seen[t, k], seen[u, k] = seen[u, k], seen[t, k]
            for c in range(2):
                points[t, k, c], points[u, k, c] = points[u, k, c], points[t, k, c]
    memory.tracks[t].risk = memory.tracks[u].risk = 0.6


@njit(nogil=True, cache=True)
def _both_are_left(choice):  # type: ignore[no-untyped-def]
    """Whether two poses both keep a keypoint."""
    mine = theirs = 0
    for k in range(choice.shape[0]):
        mine += choice[k, 0] >= 0
        theirs += choice[k, 1] >= 0
    return mine > 0 and theirs > 0


@njit(nogil=True, cache=True)
def _take(a, b, pool, now, poses):  # type: ignore[no-untyped-def]
    """Makes the choice true: in ``now`` and in ``poses``. Returns whether anything changed."""
    choice, origin, owner, columns, clean = now.choice, now.origin, now.owner, now.columns, now.clean
    changed = False
    for k in range(choice.shape[0]):
        if choice[k, 0] == origin[a, k] and choice[k, 1] == origin[b, k]:
            continue
        changed = True
        for column in (a, b):
            if origin[column, k] >= 0:
                owner[origin[column, k], k] = -1
        for side in range(2):
            column, row = (a, choice[k, 0]) if side == 0 else (b, choice[k, 1])
            origin[column, k] = row
            if row >= 0:
                owner[row, k] = column
            for c in range(2):
                clean[column, k, c] = pool[row, k, c] if row >= 0 else np.nan
                poses[columns[column], k, c] = pool[row, k, c] if row >= 0 else np.nan
            poses[columns[column], k, 2] = pool[row, k, 2] if row >= 0 else 0.0
    return changed


@njit(nogil=True, cache=True)
def _joins(a, row, k, edges, bonds, origin):  # type: ignore[no-untyped-def]
    """Whether the fields join keypoint ``k`` of a row to a keypoint that pose ``a`` has."""
    for e in range(edges.shape[0]):
        for side in range(2):
            j = edges[e, 1 - side]
            if edges[e, side] == k and origin[a, j] >= 0 and _bond(origin[a, j], j, row, k, e, edges, bonds) > 0.0:
                return True
    return False


@njit(nogil=True, cache=True)
def _fill(t, a, body, edges, bonds, memory, now, pool, poses):  # type: ignore[no-untyped-def]
    """Give pose ``a`` keypoints that its links lost, where its track has just seen them. Returns whether any was."""
    points, track, clean = memory.points, memory.tracks[t], now.clean
    changed = False
    for k in range(clean.shape[1]):
        if now.origin[a, k] >= 0 or np.isnan(points[t, k, 0]) or memory.seen[t, k] > _LOST_S + track.age_s:
            continue
        least, best = (_CLOSE * body) ** 2, -1
        for row in range(poses.shape[0], pool.shape[0]):
            if now.owner[row, k] >= 0 or np.isnan(pool[row, k, 0]) or not _joins(a, row, k, edges, bonds, now.origin):
                continue
            x = pool[row, k, 0] - points[t, k, 0] - track.vx * track.ahead
            y = pool[row, k, 1] - points[t, k, 1] - track.vy * track.ahead
            if x * x + y * y < least:
                least, best = x * x + y * y, row
        if best >= 0:
            changed = True
            now.origin[a, k], now.owner[best, k] = best, a
            for c in range(2):
                clean[a, k, c] = pool[best, k, c]
            for c in range(3):
                poses[now.columns[a], k, c] = pool[best, k, c]
    return changed


@njit(nogil=True, cache=True)
def part(count, used, step_s, rules, bonds, pool, edges, tree, memory, now, poses):  # type: ignore[no-untyped-def]
    """Give keypoints to the poses whose tracks they follow, in ``now.clean`` and in ``poses`` float32 [A, K, 3].

    ``now.partner`` says which pose follows which track. ``pool`` float32 [R, K, 3] is a copy of the poses, and behind
    them what belongs to none of them; ``bonds`` float32 [R, R, E] are `Tracker.step`'s, or [0, 0, E]; ``tree`` int64
    [K, 3] is `spanning_tree`'s. Returns whether anything changed.
    """
    tracks, flips = memory.tracks, memory.flips
    rows, partner, owner, origin = now.rows, now.partner, now.owner, now.origin
    mine, theirs, choice, number, change = now.mine, now.theirs, now.choice, now.number, now.scratch[0]
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    frame = common.frame_s if common.frame_s > 0.0 else 0.02
    pose_var = rules[0].pose_sigma_body_lengths ** 2
    keypoints = tree.shape[0]
    blind = bonds.shape[0] == 0
    unused = SURE if blind else _UNUSED
    weight = (_BLIND_PER_S if blind else _PER_S) * step_s
    changed = False
    owner[: pool.shape[0]] = -1
    for column in range(count):
        for k in range(keypoints):
            if np.isnan(now.clean[column, k, 0]):
                origin[column, k] = -1
            else:
                owner[origin[column, k], k] = column
    for q in range(used):
        u, b = rows[q], partner[q]
        for r in range(q):
            t, a = rows[r], partner[r]
            away_s = max(tracks[t].age_s, tracks[u].age_s)
            if a < 0 or b < 0:
                if away_s > _LOST_S:
                    flips[t, u] = SURE
                continue
            # Where an animal's parts went while nobody saw it is not known.
            known = tracks[t].id >= 0 and tracks[u].id >= 0
            if not known or away_s > step_s + _LOST_S or not now.touching[a, b]:
                flips[t, u] = SURE
                continue
            for k in range(keypoints):
                number[k] = _candidates(t, u, a, b, k, body, memory, now, pool)
                for o in range(number[k] + 1):
                    x = y = np.nan
                    if o < number[k]:
                        x, y = np.float64(pool[now.options[k, o], k, 0]), np.float64(pool[now.options[k, o], k, 1])
                    mine[k, o] = _WEIGHT * _follows(t, k, x, y, pose_var, frame, body, memory)
                    theirs[k, o] = _WEIGHT * _follows(u, k, x, y, pose_var, frame, body, memory)
            _choose(tree, edges, bonds, unused, now)
            # How much worse this frame would be, were a part of the skeleton to change sides just now.
            side = now.options.shape[1] + 1
            for k in range(keypoints):
                i, j = now.at[k] // side, now.at[k] % side
                change[k] = mine[k, j] + theirs[k, i] - mine[k, i] - theirs[k, j]
            for n in range(keypoints - 1, -1, -1):
                k, parent = tree[n, 0], tree[n, 1]
                if parent >= 0:
                    change[parent] += change[k]
            best, where, end = 0.0, -1, 0
            top = 0
            for n in range(keypoints):
                k, parent, e = tree[n]
                if parent < 0:
                    top = k
                    continue
                one, other = choice[parent, 0], choice[parent, 1]
                gain = _bond(one, parent, choice[k, 0], k, e, edges, bonds)
                gain += _bond(other, parent, choice[k, 1], k, e, edges, bonds)
                gain -= _bond(one, parent, choice[k, 1], k, e, edges, bonds)
                gain -= _bond(other, parent, choice[k, 0], k, e, edges, bonds)
                for way in range(2):
                    price = change[k] if way == 0 else change[top] - change[k]
                    cost = min(flips[t, u, k, way], max(price, 0.0)) + weight * gain
                    flips[t, u, k, way] = min(cost, _MOST)
                    if cost < best:
                        best, where, end = cost, k, way
            if where >= 0:
                # The frames disagree for too long.
                _give_in(t, u, end, where, tree, memory, now)
                flips[t, u, where, :] = SURE
            if _both_are_left(choice):
                changed = _take(a, b, pool, now, poses) or changed
    if pool.shape[0] > poses.shape[0]:
        for r in range(used):
            if partner[r] >= 0 and tracks[rows[r]].id >= 0:
                changed = _fill(rows[r], partner[r], body, edges, bonds, memory, now, pool, poses) or changed
    return changed
