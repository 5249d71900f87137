"""How likely it is that this frame exchanged an id: evidence about each match, and a logistic function of it.

Against each match stand the other explanations of the frame: two animals exchanged, or a missing one has come back in
this one's place. They are weighed twice, by the costs that the assignment used, and by costs for somebody who knows
that animals turn, stop and bend while nobody sees them. Then how odd the pose is for its track, how long it was out
of sight, and whether another track may have been following it meanwhile. The weights were fitted to simulated
meetings, by ``python -m posewire_bench.identity_fit``; see docs/identities.md for what the score means.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

EVIDENCE = ("exact", "wide", "nearby", "odd", "odder", "unseen", "contested", "together", "step")
# For an animal that was seen in the last frame, and for one that was not; the last weight is that of 1.
WEIGHTS: npt.NDArray[np.float64] = np.array(
    [
        [0.471, -0.564, 0.403, 1.785, 2.141, 0.000, -0.000, 2.506, 0.059, -6.708],
        [0.168, 0.123, 0.828, 0.081, 1.125, 3.884, 0.071, 0.785, 0.462, -0.270],
    ]
)


@njit(nogil=True, cache=True)
def _odds(delta, soft):  # type: ignore[no-untyped-def]
    """Likelihood ratio of an explanation that costs ``delta`` more, softened since keypoints are not independent."""
    return np.exp(-soft * min(max(delta, -40.0), 80.0))


@njit(nogil=True, cache=True)
def _widen(used, count, rules, common, tracks, now):  # type: ignore[no-untyped-def]
    """``now.wide``: the costs for somebody who knows how animals behave when nobody sees them.

    Out of sight an animal may have stopped or turned back, so its place says less than the motion model thinks; and its
    pose says the less the longer ago it was. Size and appearance stay.
    """
    rows, cost, lasting, moved, wide = now.rows, now.cost, now.lasting, now.moved, now.wide
    body = common.body_px if common.body_px > 0.0 else 50.0
    inflation = min(max(common.surprise, 0.5), 20.0)
    noise_var = (rules.centre_noise_body_lengths * body) ** 2 * 2.0
    for r in range(used):
        t = rows[r]
        track = tracks[t]
        recent = np.exp(-track.age_s / rules.turning_s) if track.missed > 0 else 1.0
        turned = 2.0 * track.ahead * np.sqrt(track.vx * track.vx + track.vy * track.vy)
        var = track.reach_var * inflation + noise_var
        wide_var = var + turned * turned + (rules.contact_body_lengths * body) ** 2 * (1.0 - recent)
        for a in range(count):
            if cost[t, a] >= 1e9:
                wide[t, a] = 1e9
                continue
            away = moved[t, a, 0] ** 2 + moved[t, a, 1] ** 2
            place = 2.5 * np.log1p(away / (3.0 * var)) + np.log(var / (body * body))
            wide[t, a] = 2.5 * np.log1p(away / (3.0 * wide_var)) + np.log(wide_var / (body * body))
            wide[t, a] += recent * (cost[t, a] - place - lasting[t, a]) + lasting[t, a]


@njit(nogil=True, cache=True)
def _others(t, a, tracks, rows, used, partner, cost, soft):  # type: ignore[no-untyped-def]
    """Sum of the likelihood ratios of all explanations in which pose ``a`` is another track's."""
    total = 0.0
    for q in range(used):
        u = rows[q]
        if u == t or tracks[u].id < 0 or cost[u, a] >= 1e9:
            continue
        b = partner[q]
        if b < 0:
            # A missing one is this, and this one is missing instead.
            total += _odds(cost[u, a] - cost[t, a], soft)
        elif cost[t, b] < 1e9:
            total += _odds(cost[t, b] + cost[u, a] - cost[t, a] - cost[u, b], soft)
    return total


@njit(nogil=True, cache=True)
def weigh(count, used, step_s, rules, weights, memory, now):  # type: ignore[no-untyped-def]
    """After the assignment: strike out matches that are not worth it, and say how doubtful the others are.

    ``now.partner`` [row] becomes -1 where matching costs more than not; taken, evidence and doubt are filled.
    """
    tracks, points = memory.tracks, memory.points
    rows, partner, taken, evidence, doubt = now.rows, now.partner, now.taken, now.evidence, now.doubt
    cost, value, misfit, wide = now.cost, now.value, now.misfit, now.wide
    rules = rules[0]
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    for a in range(count):
        taken[a] = -1
    for r in range(used):
        a = partner[r]
        if a >= 0 and value[rows[r], a] < 0.0:
            taken[a] = rows[r]
        else:
            partner[r] = -1
    _widen(used, count, rules, common, tracks, now)
    for r in range(used):
        t, a = rows[r], partner[r]
        doubt[t] = 0.0
        evidence[t, 0] = np.nan
        if a < 0 or tracks[t].id < 0:
            continue
        track = tracks[t]
        nearest = 9.0
        for q in range(used):
            u = rows[q]
            if u != t and tracks[u].id >= 0:
                # Where both were seen last, and what either may have moved since.
                x = y = 0.0
                n = 0
                for k in range(points.shape[1]):
                    apart = points[u, k, 0] - points[t, k, 0]
                    if not np.isnan(apart):
                        x += apart
                        y += points[u, k, 1] - points[t, k, 1]
                        n += 1
                if n > 0:
                    slack = 0.5 * body + np.sqrt(track.reach_var) + np.sqrt(tracks[u].reach_var)
                    nearest = min(nearest, np.sqrt(x * x + y * y) / (n * slack))
        gone = track.missed > 0
        exact = np.log(_others(t, a, tracks, rows, used, partner, cost, 0.5) + 1e-9)
        broad = np.log(_others(t, a, tracks, rows, used, partner, wide, 0.5) + 1e-9)
        evidence[t, 0] = max(exact, -12.0)
        evidence[t, 1] = max(broad, -12.0)
        evidence[t, 2] = np.exp(-nearest)
        evidence[t, 3] = np.log1p(misfit[t, a])
        evidence[t, 4] = max(0.0, np.log1p(misfit[t, a]) - np.log1p(track.anomaly))
        evidence[t, 5] = min(track.age_s - step_s, 1.0) if gone else 0.0
        evidence[t, 6] = np.log((track.contested + 1e-5) / (1.0 - track.contested + 1e-5)) if gone else -12.0
        evidence[t, 8] = np.log(min(max(step_s, 1e-3), 0.2) * 100.0)
    for r in range(used):
        t, a = rows[r], partner[r]
        track = tracks[t]
        if a < 0 or track.id < 0:
            continue
        # When two changed at once, they may have changed places.
        evidence[t, 7] = 0.0
        for q in range(used):
            u = rows[q]
            if u != t and partner[q] >= 0 and tracks[u].id >= 0:
                evidence[t, 7] = max(evidence[t, 7], min(evidence[t, 4], evidence[u, 4]))
        row = weights[1] if track.missed > 0 else weights[0]
        z = row[row.shape[0] - 1]
        for i in range(evidence.shape[1]):
            z += row[i] * evidence[t, i]
        doubt[t] = 1.0 / (1.0 + np.exp(-z))
        track.anomaly += (misfit[t, a] - track.anomaly) / (20.0 if track.hits > 20 else track.hits)
    # A missing animal may be the one that another track now follows: remembered until it is found again.
    for r in range(used):
        u = rows[r]
        if partner[r] >= 0 or tracks[u].id < 0:
            continue
        for q in range(used):
            t, a = rows[q], partner[q]
            if a >= 0 and tracks[t].id >= 0 and cost[u, a] < 1e9:
                odds = _odds(wide[u, a] - wide[t, a], 0.5)
                tracks[u].contested = max(tracks[u].contested, odds / (1.0 + odds))
