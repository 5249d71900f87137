"""Who an animal is by its traits, which it keeps for life while its place and pose come and go.

Animals that were together may come apart under each other's id. Each has limbs of its own lengths, and a head, ears
and a tail, and perhaps a coat of its own; a frame shows them badly, seconds show them well. What was measured of an
animal while it was alone, since it was last together with another, is compared with what is known of both for longer:
if the exchanged ids explain it far better, they are exchanged back. (Re-identification after contact by lasting
features is what offline tools do with pictures of the animals, e.g. idtracker.ai, DOI 10.1038/s41592-018-0295-5;
proportions and colours cost nothing.)
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
_LEARN_FRAMES = 300.0
_RECENT_S = 1.0  # over which the appearance of the moment is averaged
_CLEAR = 0.12  # body lengths: how far a limb is from other animals where its colour is its own


@njit(nogil=True, cache=True)
def _unlike(measured, measured_s, known, known_s, other_s, limbs, rules, trait_var):  # type: ignore[no-untyped-def]
    """Negative log-likelihood that traits measured for some seconds are those of an animal known for longer.

    Only traits that are known of the ``other`` animal too. Student's t with 4 degrees of freedom for each: one bad limb
    proves nothing. Traits from ``limbs`` on are of appearance, so many for each limb.
    """
    features = (measured.shape[0] - limbs) // max(limbs, 1)
    lengths = looks = 0.0
    seen = 0
    for e in range(limbs):
        if measured_s[e] >= _LEAST_S and known_s[e] >= _KNOWN_S and other_s[e] >= _KNOWN_S:
            away = measured[e] - known[e]
            var = trait_var[e] * _ALIKE_S * (1.0 / measured_s[e] + 1.0 / known_s[e]) + _FLOOR
            lengths += 2.5 * np.log1p(away * away / (4.0 * var))
        apart = 0.0
        for f in range(limbs + e * features, limbs + (e + 1) * features):
            if measured_s[f] < _LEAST_S or known_s[f] < _KNOWN_S or other_s[f] < _KNOWN_S:
                apart = np.nan
                break
            away = measured[f] - known[f]
            var = trait_var[f] * _ALIKE_S * (1.0 / measured_s[f] + 1.0 / known_s[f]) + rules.appearance_sigma**2
            apart += away * away / var
        if features > 0 and not np.isnan(apart):
            seen += 1
            looks += 2.5 * np.log1p(apart / (4.0 * features))
    return lengths + min(1.0, rules.independent_limbs / max(seen, 1)) * looks


@njit(nogil=True, cache=True)
def _begin_again(t, sure, limbs, life, life_s, lately, lately_s):  # type: ignore[no-untyped-def]
    """A new measurement of lengths; if it is ``sure`` whose the last one was, it becomes part of what is known."""
    for e in range(limbs):
        if sure and lately_s[t, e] > 0.0:
            total = life_s[t, e] + lately_s[t, e]
            life[t, e] += (lately[t, e] - life[t, e]) * lately_s[t, e] / total
            life_s[t, e] = min(total, _LONGEST_S)
        lately_s[t, e] = 0.0


@njit(nogil=True, cache=True)
def _clear(a, e, count, edges, near, now):  # type: ignore[no-untyped-def]
    """Whether nothing of other poses is near the middle of limb ``e`` of pose ``a``."""
    clean = now.clean
    x = 0.5 * (clean[a, edges[e, 0], 0] + clean[a, edges[e, 1], 0])
    y = 0.5 * (clean[a, edges[e, 0], 1] + clean[a, edges[e, 1], 1])
    for b in range(count):
        if b == a or not now.touching[a, b]:
            continue
        for k in range(clean.shape[1]):
            if (clean[b, k, 0] - x) ** 2 + (clean[b, k, 1] - y) ** 2 < near * near:
                return False
        for o in range(edges.shape[0]):
            one, other = edges[o]
            away_x = 0.5 * (clean[b, one, 0] + clean[b, other, 0]) - x
            away_y = 0.5 * (clean[b, one, 1] + clean[b, other, 1]) - y
            if away_x * away_x + away_y * away_y < near * near:
                return False
    return True


@njit(nogil=True, cache=True)
def _look(t, a, count, edges, step, body, memory, now):  # type: ignore[no-untyped-def]
    """Measure the appearance of limbs that are clear of other animals: of the moment, and for life."""
    limbs = edges.shape[0]
    life, life_s, lately, lately_s = memory.life, memory.life_s, memory.lately, memory.lately_s
    features = (life.shape[1] - limbs) // max(limbs, 1)
    fade = np.exp(-step / _RECENT_S)
    sure = memory.hint[t] < _HINT and memory.tracks[t].risk < 0.5
    for e in range(limbs):
        first = limbs + e * features
        clear = not np.isnan(now.traits[a, first]) and _clear(a, e, count, edges, _CLEAR * body, now)
        for f in range(first, first + features):
            value = now.traits[a, f]
            if not clear or np.isnan(value):
                lately_s[t, f] *= fade
                continue
            lately_s[t, f] = min(lately_s[t, f] + step, _RECENT_S)
            away = value - lately[t, f]
            if lately_s[t, f] > step:
                memory.trait_var[f] += (min(away * away, 0.5) - memory.trait_var[f]) / _LEARN_FRAMES
            lately[t, f] += away * min(1.0, step / lately_s[t, f])
            if sure:
                life_s[t, f] = min(life_s[t, f] + step, _LONGEST_S)
                life[t, f] += (value - life[t, f]) * min(1.0, step / life_s[t, f])
                memory.traits[t, f] = life[t, f]


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
def recognise(count, used, edges, step_s, rules, memory, now):  # type: ignore[no-untyped-def]
    """After the assignment: measure lengths of who is alone and colours of limbs that nobody touches, and exchange the
    ids of those who turn out to be each other. The first traits are the ``edges``' lengths.

    ``now.touching`` [column, column] says which poses touch.
    """
    tracks, points = memory.tracks, memory.points
    life, life_s, lately, lately_s, mixed = memory.life, memory.life_s, memory.lately, memory.lately_s, memory.mixed
    rows, partner, touching, trait_now = now.rows, now.partner, now.touching, now.traits
    rules = rules[0]
    trait_var = memory.trait_var
    common = memory.common[0]
    body = common.body_px if common.body_px > 0.0 else 50.0
    step = min(step_s, 0.2)
    limbs = edges.shape[0]
    enough = rules.exchange_at
    for r in range(used):
        t, a = rows[r], partner[r]
        if a < 0 or tracks[t].id < 0:
            continue
        if life.shape[1] > limbs:
            _look(t, a, count, edges, step, body, memory, now)
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
            _begin_again(t, memory.hint[t] < _HINT, limbs, life, life_s, lately, lately_s)
            continue
        for e in range(limbs):
            if np.isnan(trait_now[a, e]):
                continue
            if lately_s[t, e] == 0.0:
                lately[t, e] = trait_now[a, e]
            lately_s[t, e] += step
            away = trait_now[a, e] - lately[t, e]
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
            own = _unlike(lately[t], lately_s[t], life[t], life_s[t], life_s[u], limbs, rules, trait_var)
            own += _unlike(lately[u], lately_s[u], life[u], life_s[u], life_s[t], limbs, rules, trait_var)
            exchanged = _unlike(lately[t], lately_s[t], life[u], life_s[u], life_s[t], limbs, rules, trait_var)
            exchanged += _unlike(lately[u], lately_s[u], life[t], life_s[t], life_s[u], limbs, rules, trait_var)
            memory.hint[t] = max(memory.hint[t], own - exchanged)
            memory.hint[u] = max(memory.hint[u], own - exchanged)
            if own - exchanged > enough:
                tracks[t].id, tracks[u].id = tracks[u].id, tracks[t].id
                _swap(life, t, u)
                _swap(life_s, t, u)
                _swap(memory.traits, t, u)
                tracks[t].risk = max(tracks[t].risk, 0.6)
                tracks[u].risk = max(tracks[u].risk, 0.6)
                for v in range(mixed.shape[0]):
                    if v != t and v != u:
                        mixed[t, v], mixed[u, v] = mixed[u, v], mixed[t, v]
                        mixed[v, t], mixed[v, u] = mixed[v, u], mixed[v, t]
            elif exchanged - own > enough:
                # Known again: as if they had never been together.
                mixed[t, u] = mixed[u, t] = 0
