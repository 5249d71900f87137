"""How well each pose of a frame fits each animal that is remembered: negative log-likelihoods.

The body's place: velocity forgets itself exponentially (integrated Ornstein-Uhlenbeck process; Johnson et al. 2008,
DOI 10.1890/07-1032.1, use it for animals' tracks), which gives the uncertainty of a prediction over any time in
closed form. The pose: keypoints' distances over their own sigmas, as in OKS (COCO), but with Student's t instead of a
Gaussian, so that one keypoint on the wrong leg costs little. Then the limbs' lengths, and the appearance. All in body
lengths.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FAR = 1e9


@njit(nogil=True, cache=True)
def _median(values, count):  # type: ignore[no-untyped-def]
    """Median of the first ``count`` values, which are sorted in place."""
    for i in range(1, count):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
    half = count // 2
    return values[half] if count % 2 else 0.5 * (values[half - 1] + values[half])


@njit(nogil=True, cache=True)
def measure(poses, appearance, edges, again, memory, now):  # type: ignore[no-untyped-def]
    """Read the poses float32 [A, K, 3] and ``appearance`` float32 [A, E * F] (or none, [0, E * F]) into ``now``:
    columns, keypoints that are numbers, traits, twins. Body size and arena are learnt here. Returns the number of
    columns.

    ``again``: for the same frame, after keypoints went to other poses; each limb's appearance goes with them.
    """
    common = memory.common[0]
    clean, columns, traits, twins = now.clean, now.columns, now.traits, now.twins
    limbs = edges.shape[0]
    features = (traits.shape[1] - limbs) // max(limbs, 1)
    most = columns.shape[0]
    count = 0
    total = poses.shape[1]
    for a in range(poses.shape[0]):
        if count == most:
            break
        valid = 0
        x_sum = y_sum = 0.0
        for k in range(total):
            x = np.float64(poses[a, k, 0])
            y = np.float64(poses[a, k, 1])
            if abs(x) < 1e6 and abs(y) < 1e6:
                clean[count, k, 0] = x
                clean[count, k, 1] = y
                valid += 1
                x_sum += x
                y_sum += y
            else:
                clean[count, k, 0] = np.nan
                clean[count, k, 1] = np.nan
        if valid == 0:
            continue
        x_mean = x_sum / valid
        y_mean = y_sum / valid
        spread = 0.0
        for k in range(total):
            if not np.isnan(clean[count, k, 0]):
                spread += (clean[count, k, 0] - x_mean) ** 2 + (clean[count, k, 1] - y_mean) ** 2
        # The length of a straight rod that spreads as far.
        length = np.sqrt(12.0 * spread / valid)
        if valid >= 2 and length > 0.0 and valid >= 0.5 * common.keypoints:
            common.body_weight = min(common.body_weight + 1.0, 400.0)
            common.body_px += (length - common.body_px) / common.body_weight
            common.keypoints += (valid - common.keypoints) / common.body_weight
        common.left = min(common.left, x_mean)
        common.right = max(common.right, x_mean)
        common.top = min(common.top, y_mean)
        common.bottom = max(common.bottom, y_mean)
        for e in range(edges.shape[0]):
            one, other = edges[e]
            squared = (clean[count, one, 0] - clean[count, other, 0]) ** 2
            squared += (clean[count, one, 1] - clean[count, other, 1]) ** 2
            traits[count, e] = 0.5 * np.log(squared) if squared > 1e-6 else np.nan
            row = now.origin[count, one] if again else a
            whole = 0 <= row < appearance.shape[0] and (not again or row == now.origin[count, other])
            for f in range(e * features, (e + 1) * features):
                value = np.float64(appearance[row, f]) if whole else np.nan
                traits[count, limbs + f] = value if abs(value) < 1e15 else np.nan
        if not again:
            for k in range(total):
                now.origin[count, k] = a
        columns[count] = a
        count += 1
    body = 50.0 if common.body_px <= 0.0 else common.body_px
    for a in range(count):
        for b in range(a):
            both = 0
            alike = 0.0
            for k in range(total):
                squared = (clean[a, k, 0] - clean[b, k, 0]) ** 2 + (clean[a, k, 1] - clean[b, k, 1]) ** 2
                if not np.isnan(squared):
                    both += 1
                    alike += np.exp(-squared / (2.0 * (0.1 * body) ** 2))
            twins[a, b] = twins[b, a] = alike / both if both else 0.0
    return count


@njit(nogil=True, cache=True)
def compare(count, limbs, step_s, rules, memory, now):  # type: ignore[no-untyped-def]
    """Move all tracks on by ``step_s`` seconds and weigh each against each of the ``count`` poses. The first ``limbs``
    traits are lengths.

    Fills ``now``: rows, gate, cost, value, table, misfit, lasting, moved. Returns the number of rows.
    """
    tracks, points, seen, traits = memory.tracks, memory.points, memory.seen, memory.traits
    trait_var, point_var = memory.trait_var, memory.point_var
    clean, trait_now, rows, gate, scratch = now.clean, now.traits, now.rows, now.gate, now.scratch
    cost, value, table, misfit, lasting, moved = now.cost, now.value, now.table, now.misfit, now.lasting, now.moved
    rules = rules[0]
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    memory = rules.velocity_memory_s
    frame = common.frame_s if common.frame_s > 0.0 else 0.02
    wide = max(common.right - common.left, common.bottom - common.top, 10.0 * body)
    most_var = 0.1 * wide * wide
    inflation = min(max(common.surprise, 0.5), 20.0)
    pose_var = rules.pose_sigma_body_lengths**2
    features = (traits.shape[1] - limbs) // max(limbs, 1)
    used = 0
    for t in range(tracks.shape[0]):
        track = tracks[t]
        if track.used == 0:
            continue
        rows[used] = t
        track.age_s += step_s
        track.born_s += step_s
        track.absent_s += min(step_s, 0.5)
        fade = np.exp(-track.age_s / memory)
        ahead = memory * (1.0 - fade)
        track.ahead = ahead
        own = 0.5 * (track.vx * track.vx + track.vy * track.vy)
        roam = 0.5 * (own + common.speed_var * body * body)
        spread = roam * memory * memory * max(0.0, 2.0 * track.age_s / memory - 3.0 + 4.0 * fade - fade * fade)
        reach = track.place_var + 2.0 * track.cross_var * ahead + track.speed_var * ahead * ahead + spread
        track.reach_var = min(reach, most_var)
        found = rules.detected
        if track.missed > 0:
            found = min(0.5, max(0.01, rules.reappears_per_s * frame))
        gate[t] = np.log(most_var / (body * body)) + rules.clutter + np.log(found / (1.0 - found))
        if track.id < 0:
            gate[t] -= 3.0
        far = rules.max_speed_body_lengths_per_s * body * track.age_s + body
        for k in range(points.shape[1]):
            seen[t, k] += step_s
        for a in range(count):
            shared = 0
            for k in range(points.shape[1]):
                away_x = clean[a, k, 0] - points[t, k, 0]
                if not np.isnan(away_x):
                    scratch[0, shared] = away_x - track.vx * ahead
                    scratch[1, shared] = clean[a, k, 1] - points[t, k, 1] - track.vy * ahead
                    scratch[2, shared] = scratch[0, shared]
                    scratch[3, shared] = scratch[1, shared]
                    shared += 1
            noise = rules.centre_noise_body_lengths * body
            if shared > 0:
                x = _median(scratch[2], shared)
                y = _median(scratch[3], shared)
                noise_var = noise * noise * (1.0 + 4.0 / shared)
            else:
                x = y = 0.0
                mine = theirs = 0
                mine_x = mine_y = 0.0
                for k in range(points.shape[1]):
                    if not np.isnan(points[t, k, 0]):
                        mine += 1
                        mine_x += points[t, k, 0]
                        mine_y += points[t, k, 1]
                    if not np.isnan(clean[a, k, 0]):
                        theirs += 1
                        x += clean[a, k, 0]
                        y += clean[a, k, 1]
                # A track has no keypoint left if all that it had turned out to be another's.
                mine = max(mine, 1)
                x = x / theirs - mine_x / mine - track.vx * ahead
                y = y / theirs - mine_y / mine - track.vy * ahead
                noise_var = 0.1 * body * body
            moved[t, a, 0] = x
            moved[t, a, 1] = y
            if x * x + y * y > far * far:
                cost[t, a] = FAR
                value[t, a] = FAR
                table[used, a] = 0.0
                misfit[t, a] = 100.0
                lasting[t, a] = 0.0
                continue
            var = min(track.reach_var * inflation + noise_var, most_var)
            place = 2.5 * np.log1p((x * x + y * y) / (3.0 * var))
            total = place + np.log(var / (body * body))
            odd = place
            if shared > 0:
                shape = 0.0
                loose = 0.0
                density = 0.0
                n = 0
                for k in range(points.shape[1]):
                    if np.isnan(clean[a, k, 0] - points[t, k, 0]):
                        continue
                    off_x = scratch[0, n] - x
                    off_y = scratch[1, n] - y
                    n += 1
                    own_var = min(pose_var, point_var[k] * max(1.0, seen[t, k] / frame))
                    off = (off_x * off_x + off_y * off_y) / (3.0 * body * body)
                    shape += 2.5 * np.log1p(off / own_var)
                    loose += 2.5 * np.log1p(off / pose_var)
                    density += np.log(own_var / pose_var)
                weight = rules.independent_keypoints / (shared + rules.independent_keypoints)
                odd += weight * shape
                # Seldom, a pose changes at once: the animal turned, or the network took left for right.
                total += min(weight * (shape + density), weight * loose + rules.sudden)
            motion_and_pose = total
            ratio = heavy = 0.0
            for e in range(limbs):
                away = trait_now[a, e] - traits[t, e]
                if not np.isnan(away):
                    w = 1.0 / (trait_var[e] + 0.0025)
                    ratio += w * min(max(away, -0.7), 0.7)
                    heavy += w
            if heavy > 0.0:
                ratio /= heavy
                size_var = common.size_var * (1.0 + 1.0 / max(1.0, track.weight))
                total += 2.5 * np.log1p(ratio * ratio / (3.0 * size_var))
            alike = 0.0
            known = 0
            for e in range(limbs if features > 0 else 0):
                apart = 0.0
                for f in range(limbs + e * features, limbs + (e + 1) * features):
                    away = trait_now[a, f] - traits[t, f]
                    apart += away * away / (trait_var[f] + rules.appearance_sigma**2)
                if not np.isnan(apart):
                    known += 1
                    alike += 2.5 * np.log1p(apart / (4.0 * features))
            if known > 0:
                total += rules.independent_limbs * alike / known
            lasting[t, a] = total - motion_and_pose
            cost[t, a] = total
            value[t, a] = total - gate[t]
            table[used, a] = min(0.0, total - gate[t])
            misfit[t, a] = odd
        used += 1
    return used
