"""Stretches of one animal's poses: what is known at their two ends, and how well one goes on from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.track.rules import TrackRules
from posewire_models.skeleton import Pair

FAR = 50.0  # as good as impossible, but likelier than one animal more than there are
TURNS_S = 0.5  # out of sight for so long, an animal's heading says half as much
_SIZE_ERROR = 0.02  # of a mean log length that nothing averages out
Place = tuple[int, int]  # frame, row


@dataclass
class Tracklet:
    """Poses that hang together: ``at`` their (frame, row), and what the joining needs, in px and s."""

    at: list[Place]
    start_s: float
    end_s: float
    first: npt.NDArray[np.float64]
    last: npt.NDArray[np.float64]
    first_speed: npt.NDArray[np.float64]
    last_speed: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.float64]
    size_count: npt.NDArray[np.int64]


@dataclass
class Learnt:
    """What the passes learnt of all animals; see `posewire.track.state.COMMON`."""

    body_px: float
    speed_var: float
    surprise: float
    frame_s: float
    point_var: npt.NDArray[np.float64]
    limb_var: npt.NDArray[np.float64]


def describe(
    chain: list[Place], poses: Sequence[Floats], seconds: npt.NDArray[np.float64], skeleton: Sequence[Pair]
) -> Tracklet:
    """The tracklet of a ``chain`` of ``poses``; ``seconds`` [frames] are their times, ``skeleton`` its limbs."""
    points = np.array([poses[n][i, :, :2] for n, i in chain], np.float64)  # [n, K, 2]
    times = np.array([seconds[n] for n, _ in chain])
    edges = np.asarray(skeleton, np.int64).reshape(-1, 2)
    apart = np.linalg.norm(points[:, edges[:, 0]] - points[:, edges[:, 1]], axis=-1)  # [n, E]
    apart[~(apart > 1e-3)] = np.nan
    known = np.isfinite(apart)
    logs = np.where(known, np.log(np.where(known, apart, 1.0)), 0.0)
    count = known.sum(axis=0)
    return Tracklet(
        chain,
        float(times[0]),
        float(times[-1]),
        _end(points, times, 1),
        _end(points, times, -1),
        _speed(points, times, 1),
        _speed(points, times, -1),
        logs.sum(axis=0) / np.maximum(count, 1),
        count,
    )


def _end(points: npt.NDArray[np.float64], times: npt.NDArray[np.float64], way: int) -> npt.NDArray[np.float64]:
    """The pose at one end [K, 2], each keypoint as it was seen last within 0.3 s of the end."""
    end: npt.NDArray[np.float64] = points[::way][0].copy()
    moments = times[::way]
    for n in range(1, len(moments)):
        if abs(moments[n] - moments[0]) > 0.3 or np.isfinite(end).all():
            break
        end = np.where(np.isfinite(end), end, points[::way][n])
    return end


def _speed(points: npt.NDArray[np.float64], times: npt.NDArray[np.float64], way: int) -> npt.NDArray[np.float64]:
    """Velocity [2] px/s of the body over about 0.1 s at one end."""
    part, moments = points[::way], times[::way]
    last = int(np.searchsorted(np.abs(moments - moments[0]), 0.1, side="right"))
    last = min(max(last, 1), len(part) - 1)
    if last < 1:
        return np.zeros(2)
    moved = part[last] - part[0]
    moved = moved[np.isfinite(moved).all(axis=1)]
    if not len(moved):
        return np.zeros(2)
    speed: npt.NDArray[np.float64] = np.median(moved, axis=0) / (moments[last] - moments[0])
    return speed


def _centre(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mean [2] of the keypoints that are there; far away if none is (values that are no place)."""
    there = points[np.isfinite(points).all(axis=1)]
    centre: npt.NDArray[np.float64] = there.mean(axis=0) if len(there) else np.full(2, 1e9)
    return centre


def joining_cost(before: Tracklet, after: Tracklet, learnt: Learnt, rules: TrackRules) -> tuple[float, float]:
    """Negative log-likelihoods, beside that of an unrelated beginning, that ``after`` goes on where ``before`` ended.

    The first is of motion and pose, the second of what an animal keeps for life.
    """
    gap, body = after.start_s - before.end_s, learnt.body_px
    memory = rules.velocity_memory_s
    ahead = memory * (1.0 - np.exp(-0.5 * gap / memory))  # both sides meet in the middle
    moved = after.first - after.first_speed * ahead - (before.last + before.last_speed * ahead)
    shared = np.isfinite(moved).all(axis=1)
    place = np.median(moved[shared], axis=0) if shared.any() else _centre(after.first) - _centre(before.last)
    away = float(place @ place)
    if away > (rules.max_speed_body_lengths_per_s * body * gap + body) ** 2:
        return FAR, 0.0
    own = 0.25 * (np.square(before.last_speed).sum() + np.square(after.first_speed).sum())
    roam = 0.5 * (own + learnt.speed_var * body**2)
    roamed = roam * memory**2 * max(0.0, 2.0 * (gap / memory - 1.0 + np.exp(-gap / memory)))
    var = min(roamed * learnt.surprise + (2.0 * rules.centre_noise_body_lengths * body) ** 2, (10.0 * body) ** 2)
    cost = 2.5 * np.log1p(away / (3.0 * var)) + np.log(var / body**2)
    if shared.any():
        off = np.square(moved[shared] - place).sum(axis=1) / (3.0 * body**2)
        usual = rules.pose_sigma_body_lengths**2
        sigma = np.minimum(usual, learnt.point_var[shared] * max(1.0, gap / learnt.frame_s))
        weight = rules.independent_keypoints / (shared.sum() + rules.independent_keypoints)
        close = (2.5 * np.log1p(off / sigma) + np.log(sigma / usual)).sum()
        loose = 2.5 * np.log1p(off / usual).sum()
        # Animals turn while nobody sees them.
        cost += min(weight * close, weight * loose + rules.sudden) / (1.0 + gap / TURNS_S)
    both = (before.size_count > 0) & (after.size_count > 0)
    lasting = 0.0
    if both.any():
        # Neighbouring frames err alike: a tenth of them count.
        share = 0.1 * np.minimum(before.size_count, after.size_count)[both]
        sigma = np.sqrt(learnt.limb_var[both] / np.maximum(share, 1.0) + _SIZE_ERROR**2)
        off = np.square((after.sizes - before.sizes)[both] / sigma)
        lasting = rules.independent_keypoints * 0.5 * float(np.log1p(off / 3.0).mean())
    return float(cost), lasting
