"""Who an animal is by its proportions, which it keeps for life while its place and pose come and go.

Animals that were together may come apart under each other's id. Each has limbs of its own lengths, and a head, ears
and a tail; a frame shows them badly, seconds show them well. What was measured of an animal while it was alone, since
it was last together with another, is compared with what is known of both for longer: if the exchanged ids explain it
far better, they are exchanged back. (Re-identification after contact by lasting features is what offline tools do
with pictures of the animals, e.g. idtracker.ai, DOI 10.1038/s41592-018-0295-5; proportions cost nothing.)
"""

from __future__ import annotations

import numpy as np
from numba import njit

_ALIKE_S = 0.5  # frames nearer to each other than that show the same posture: no new evidence
_HINT = 1.5  # natural logarithm: less does not speak for an exchange
_LEAST_S = 0.3
_NEAR_S = 5.0  # one that has been out of sight for longer may be anywhere
_OUTLIER = 0.3
_KNOWN_S = 1.0
_LONGEST_S = 600.0
_FLOOR = 4e-4  # squared error of a mean log length that time does not average out


@njit(nogil=True, cache=True)
def _unlike(measured, measured_s, known, known_s, other_s, limb_var):  # type: ignore[no-untyped-def]
    """Negative log-likelihood that limbs measured for some seconds are those of an animal known for longer.

    Only limbs that are known of the ``other`` animal too. Student's t with 4 degrees of freedom for each: one bad limb
    proves nothing.
    """
    total = 0.0
    for e in range(measured.shape[0]):
        if measured_s[e] < _LEAST_S or known_s[e] < _KNOWN_S or other_s[e] < _KNOWN_S:
            continue
        away = measured[e] - known[e]
        var = limb_var[e] * _ALIKE_S * (1.0 / measured_s[e] + 1.0 / known_s[e]) + _FLOOR
        total += 2.5 * np.log1p(away * away / (4.0 * var))
    return total


@njit(nogil=True, cache=True)
def _begin_again(t, sure, life, life_s, lately, lately_s):  # type: ignore[no-untyped-def]
    """A new measurement; if it is ``sure`` whose the last one was, it becomes part of what is known."""
    for e in range(life.shape[1]):
        if sure and lately_s[t, e] > 0.0:
            total = life_s[t, e] + lately_s[t, e]
            life[t, e] += (lately[t, e] - life[t, e]) * lately_s[t, e] / total
            life_s[t, e] = min(total, _LONGEST_S)
        lately_s[t, e] = 0.0


@njit(nogil=True, cache=True)
def _swap(values, t, u):  # type: ignore[no-untyped-def]
    for e in range(values.shape[1]):
        values[t, e], values[u, e] = values[u, e], values[t, e]


@njit(nogil=True, cache=True)
def _may_be_under(u, a, body, tracks, points, clean):  # type: ignore[no-untyped-def]
    """Whether track ``u``, which nobody sees, may be where pose ``a`` is."""
    x = y = n = 0.0
    for k in range(points.shape[1]):
        apart = points[u, k, 0] - clean[a, k, 0]
        if not np.isnan(apart):
            x += apart
            y += points[u, k, 1] - clean[a, k, 1]
            n += 1.0
    reach = n * (body + 2.0 * np.sqrt(tracks[u].reach_var))
    return n == 0.0 or x * x + y * y < reach * reach


@njit(nogil=True, cache=True)
def recognise(used, step_s, rules, memory, now):  # type: ignore[no-untyped-def]
    """After the assignment: measure who is alone, and exchange the ids of those who turn out to be each other.

    ``now.touching`` [column, column] says which poses touch.
    """
    tracks, points = memory.tracks, memory.points
    life, life_s, lately, lately_s, mixed = memory.life, memory.life_s, memory.lately, memory.lately_s, memory.mixed
    rows, partner, touching, limb_now = now.rows, now.partner, now.touching, now.limbs
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    step = min(step_s, 0.2)
    enough = rules[0].exchange_at
    for r in range(used):
        t, a = rows[r], partner[r]
        if a < 0 or tracks[t].id < 0:
            continue
        alone = True
        for q in range(used):
            u, b = rows[q], partner[q]
            if u == t or tracks[u].id < 0:
                continue
            if b >= 0:
                together = touching[a, b]
            else:
                together = tracks[u].age_s < _NEAR_S and _may_be_under(u, a, body, tracks, points, now.clean)
            if together:
                alone = False
                now.met[r, q] = True
        if not alone:
            _begin_again(t, memory.hint[t] < _HINT, life, life_s, lately, lately_s)
            continue
        for e in range(life.shape[1]):
            if np.isnan(limb_now[a, e]):
                continue
            if lately_s[t, e] == 0.0:
                lately[t, e] = limb_now[a, e]
            lately_s[t, e] += step
            away = limb_now[a, e] - lately[t, e]
            lately[t, e] += min(max(away, -_OUTLIER), _OUTLIER) * step / lately_s[t, e]
    for r in range(used):
        memory.hint[rows[r]] = 0.0
    for r in range(used):
        t = rows[r]
        for q in range(r):
            u = rows[q]
            if now.met[r, q] or now.met[q, r]:
                now.met[r, q] = now.met[q, r] = False
                mixed[t, u] = mixed[u, t] = 1
            if mixed[t, u] == 0 or tracks[t].id < 0 or tracks[u].id < 0:
                continue
            own = _unlike(lately[t], lately_s[t], life[t], life_s[t], life_s[u], memory.limb_var)
            own += _unlike(lately[u], lately_s[u], life[u], life_s[u], life_s[t], memory.limb_var)
            exchanged = _unlike(lately[t], lately_s[t], life[u], life_s[u], life_s[t], memory.limb_var)
            exchanged += _unlike(lately[u], lately_s[u], life[t], life_s[t], life_s[u], memory.limb_var)
            memory.hint[t] = max(memory.hint[t], own - exchanged)
            memory.hint[u] = max(memory.hint[u], own - exchanged)
            if own - exchanged > enough:
                tracks[t].id, tracks[u].id = tracks[u].id, tracks[t].id
                _swap(life, t, u)
                _swap(life_s, t, u)
                _swap(memory.limbs, t, u)
                _swap(memory.looks, t, u)
                tracks[t].risk = max(tracks[t].risk, 0.6)
                tracks[u].risk = max(tracks[u].risk, 0.6)
                for v in range(mixed.shape[0]):
                    if v != t and v != u:
                        mixed[t, v], mixed[u, v] = mixed[u, v], mixed[t, v]
                        mixed[v, t], mixed[v, u] = mixed[v, u], mixed[v, t]
            elif exchanged - own > enough:
                # Known again: as if they had never been together.
                mixed[t, u] = mixed[u, t] = 0
