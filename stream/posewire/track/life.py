"""What becomes of the animals that are remembered once it is decided who is who: learnt, born, confirmed, forgotten.

Motion is a Kalman filter on the body's displacement with velocity as an Ornstein-Uhlenbeck process (see `costs`); the
pose itself is taken as measured. The doubt about a match (see `doubt`) fades out with time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_TWIN = 0.5  # mean OKS of two poses that are one animal found twice
_LEAST_SHARE = 0.35  # of the keypoints that poses usually have; less is a fragment, and begins no animal
_LIFE_FRAMES = 300.0  # over how many frames what lasts is averaged


@njit(nogil=True, cache=True)
def _learn(t, a, limbs, step_s, fade, rules, common, memory, now):  # type: ignore[no-untyped-def]
    """Take a pose for the track's: motion, keypoints, traits."""
    track = memory.tracks[t]
    points, seen, point_var = memory.points, memory.seen, memory.point_var
    traits, trait_var, trait_now = memory.traits, memory.trait_var, now.traits
    clean, moved = now.clean, now.moved
    body = common.body_px if common.body_px > 0.0 else 50.0
    lasts_s = rules.velocity_memory_s
    ahead = track.ahead
    own = 0.5 * (track.vx * track.vx + track.vy * track.vy)
    roam = 0.5 * (own + common.speed_var * body * body)
    noise_var = (rules.centre_noise_body_lengths * body) ** 2 * 2.0
    cross = (track.cross_var + track.speed_var * ahead) * fade + roam * lasts_s * (1.0 - fade) ** 2
    speed = track.speed_var * fade * fade + roam * (1.0 - fade * fade)
    total = track.reach_var + noise_var
    x, y = moved[t, a, 0], moved[t, a, 1]
    track.vx = track.vx * fade + cross / total * x
    track.vy = track.vy * fade + cross / total * y
    track.speed_var = max(speed - cross * cross / total, 0.0)
    track.cross_var = cross * noise_var / total
    track.place_var = noise_var
    calm = track.missed == 0 and track.hits > 2
    if calm:
        common.surprise += (min(0.5 * (x * x + y * y) / total, 25.0) - common.surprise) / _LIFE_FRAMES
        now = 0.5 * (track.vx * track.vx + track.vy * track.vy) / (body * body)
        common.speed_var += (now - common.speed_var) / _LIFE_FRAMES
    least = rules.speed_floor_body_lengths_per_s**2
    common.speed_var = min(max(common.speed_var, least), 0.25 * rules.max_speed_body_lengths_per_s**2)
    for k in range(points.shape[1]):
        if np.isnan(clean[a, k, 0]):
            points[t, k, 0] += x
            points[t, k, 1] += y
            continue
        off_x = clean[a, k, 0] - points[t, k, 0] - x
        off_y = clean[a, k, 1] - points[t, k, 1] - y
        if calm and not np.isnan(off_x) and seen[t, k] < 2.5 * step_s:
            off = min(0.5 * (off_x * off_x + off_y * off_y) / (body * body), rules.pose_sigma_body_lengths**2)
            point_var[k] += (max(off, 1e-5) - point_var[k]) / _LIFE_FRAMES
        points[t, k, 0] = clean[a, k, 0]
        points[t, k, 1] = clean[a, k, 1]
        seen[t, k] = 0.0
    track.weight = min(track.weight + 1.0, _LIFE_FRAMES)
    for e in range(limbs):
        away = trait_now[a, e] - traits[t, e]
        if np.isnan(traits[t, e]):
            traits[t, e] = trait_now[a, e]
        elif not np.isnan(away):
            traits[t, e] += away / track.weight
            trait_var[e] += (min(away * away, 0.5) - trait_var[e]) / _LIFE_FRAMES
    track.hits += 1
    track.missed = 0
    track.age_s = 0.0
    track.absent_s = 0.0


@njit(nogil=True, cache=True)
def _begin(t, a, common, rules, memory, now):  # type: ignore[no-untyped-def]
    """A new track, not confirmed, from a pose."""
    points, clean = memory.points, now.clean
    body = common.body_px if common.body_px > 0.0 else 50.0
    track = memory.tracks[t]
    track.used = 1
    track.id = -1
    track.hits = 1
    track.missed = 0
    track.born_s = track.age_s = track.absent_s = 0.0
    track.vx = track.vy = 0.0
    track.place_var = (rules.centre_noise_body_lengths * body) ** 2 * 2.0
    track.cross_var = 0.0
    track.speed_var = common.speed_var * body * body
    track.ahead = 0.0
    track.reach_var = track.place_var
    track.weight = 1.0
    track.risk = track.contested = track.anomaly = 0.0
    for k in range(points.shape[1]):
        points[t, k, 0] = clean[a, k, 0]
        points[t, k, 1] = clean[a, k, 1]
        memory.seen[t, k] = 0.0
    for e in range(memory.traits.shape[1]):
        memory.traits[t, e] = now.traits[a, e]
        memory.life_s[t, e] = memory.lately_s[t, e] = 0.0
    memory.mixed[t, :] = 0
    memory.mixed[:, t] = 0


@njit(nogil=True, cache=True)
def _free_slot(tracks, wanted):  # type: ignore[no-untyped-def]
    """An unused slot, or that of the track missing for longest (not of an id if their number is known), or -1."""
    longest, oldest = 0.0, -1
    for t in range(tracks.shape[0]):
        if tracks[t].used == 0:
            return t
        if tracks[t].missed > 0 and tracks[t].age_s > longest and (tracks[t].id < 0 or wanted == 0):
            longest, oldest = tracks[t].age_s, t
    return oldest


@njit(nogil=True, cache=True)
def _name(t, tracks, wanted, common, rules):  # type: ignore[no-untyped-def]
    """An id for a track that has lasted: a new one, or with all ``wanted`` given that of one missing for long."""
    if wanted == 0 or common.next_id < wanted:
        tracks[t].id = common.next_id
        common.next_id += 1
        return
    if tracks[t].born_s < rules.takeover_after_s:
        return
    longest, old = rules.takeover_after_s, -1
    for u in range(tracks.shape[0]):
        if tracks[u].used == 1 and tracks[u].id >= 0 and tracks[u].absent_s > longest:
            longest, old = tracks[u].absent_s, u
    if old >= 0:
        tracks[t].id = tracks[old].id
        tracks[t].risk = 0.75
        tracks[old].used = 0


@njit(nogil=True, cache=True)
def settle(count, used, limbs, step_s, wanted, rules, memory, now, ids, id_scores):  # type: ignore[no-untyped-def]
    """After `doubt.weigh`: learn, let go, begin and name tracks; fills ``ids`` int64 [A], ``id_scores`` float32 [A].

    ``wanted``: how many animals there are, 0 if that is not known.
    """
    tracks, points = memory.tracks, memory.points
    rows, columns, partner, taken, doubt = now.rows, now.columns, now.partner, now.taken, now.doubt
    clean, twins = now.clean, now.twins
    rules = rules[0]
    common = memory.common[0]
    fade = np.exp(-step_s / rules.velocity_memory_s)
    forget = np.exp(-step_s / rules.recovery_s)
    for n in range(ids.shape[0]):
        ids[n] = -1
        id_scores[n] = 0.0
    for r in range(used):
        t, a = rows[r], partner[r]
        track = tracks[t]
        track.risk *= forget
        if a < 0:
            track.missed += 1
            continue
        track.contested = 0.0
        track.risk = max(track.risk, doubt[t])
        whole_fade = fade if track.age_s <= 1.5 * step_s else np.exp(-track.age_s / rules.velocity_memory_s)
        _learn(t, a, limbs, step_s, whole_fade, rules, common, memory, now)
    for a in range(count):
        if taken[a] >= 0:
            continue
        parts = 0
        for k in range(points.shape[1]):
            parts += not np.isnan(clean[a, k, 0])
        double = parts < _LEAST_SHARE * common.keypoints
        for b in range(count):
            if taken[b] >= 0 and twins[a, b] > _TWIN:
                double = True
        if double:
            continue
        t = _free_slot(tracks, wanted)
        if t >= 0:
            _begin(t, a, common, rules, memory, now)
            taken[a] = t
    for t in range(tracks.shape[0]):
        track = tracks[t]
        if track.used == 0:
            continue
        if (
            track.id < 0
            and track.missed == 0
            and track.hits >= rules.confirm_frames
            and track.born_s >= rules.confirm_s
        ):
            _name(t, tracks, wanted, common, rules)
        if track.missed > 0 and (
            (track.id < 0 and track.absent_s > 2.0 * rules.confirm_s and track.missed > 2)
            or (wanted == 0 and track.absent_s > rules.forget_after_s)
        ):
            track.used = 0
    for a in range(count):
        t = taken[a]
        if t >= 0 and tracks[t].used == 1 and tracks[t].id >= 0:
            ids[columns[a]] = tracks[t].id
            id_scores[columns[a]] = 1.0 - tracks[t].risk
    if step_s < 1.0:
        common.frame_s += (step_s - common.frame_s) * (0.02 if common.frame_s > 0.0 else 1.0)
