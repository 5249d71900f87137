"""What makes a predicted frame suspicious: four signals, each 0 (nothing strange) to 1 for every part of every frame.

A part is a keypoint or a limb. `frame_value` makes one number of a frame's parts. All work on the predictions of the
frames that were looked at, in their order: ``points`` float32 ``[F, A, K, 2]`` (px, NaN = not found) and ``scores``
float32 ``[F, A, K]`` (0..1, 0 = not found).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from posewire_models.skeleton import Pair
from posewire_training.assemble import matched
from posewire_training.labels.record import Points, labelled

Values = npt.NDArray[np.float64]

_MAD = 1.4826  # makes the median absolute deviation of normal numbers their standard deviation
_DOUBT = 0.5  # how far a score must be below 1 to count a half
_STRANGE = 5.0  # robust standard deviations that count a half
_STILL = 0.02  # body lengths added to the spread of displacements: less motion is never strange
_FIRM = 0.05  # added to the spread of the logarithm of a limb's length, likewise
_FLIP = 0.1  # body lengths between a keypoint and its mirror image's that count a half


def low_score(points: Points, scores: Points) -> Values:
    """Float64 ``[F, K]``: how far the score is below 1, on average over the animals of a frame; a score of 0.5 counts a
    half.

    Animals that are missing, against the median number of animals in a frame, count 1.
    """
    there = np.asarray(labelled(points).any(axis=-1))  # [F, A]
    found = there.sum(axis=1)  # [F]
    missing = np.maximum(np.median(found) - found, 0) if len(found) else found
    doubt = (_rising((1 - scores.astype(np.float64)).clip(0, 1) / _DOUBT) * there[..., None]).sum(axis=1)
    return np.asarray((doubt + missing[:, None]) / np.maximum(found + missing, 1)[:, None])


def jumps(points: Points) -> Values:
    """Float64 ``[F, K]``: how much farther than typical a keypoint moved to or from this frame; NaN where unknown.

    Displacements between neighbouring frames are compared, in robust standard deviations, with the median displacement
    of this keypoint. A frame gets the larger one of its two sides: the prediction may be wrong on either.
    """
    frames, animals, keypoints = points.shape[:3]
    moved = np.full((max(frames - 1, 0), animals, keypoints), np.nan)
    for n in range(frames - 1):
        moved[n] = _apart(points[n], points[n + 1])
    strange = _fold(_outlying(moved, _STILL * body_length(points), both_sides=False))  # [F - 1, K]
    edge = np.full((1, keypoints), np.nan)
    return np.asarray(np.fmax(np.concatenate([edge, strange]), np.concatenate([strange, edge])))[:frames]


def limb_lengths(points: Points, edges: Sequence[Pair]) -> Values:
    """Float64 ``[F, E]``: how unusual the length of a limb is; NaN where an end is missing.

    Logarithms of lengths (a limb of half the length is as strange as one of twice) in robust standard deviations from
    the median of that limb. ``edges``: see `limbs_of`.
    """
    pairs = np.asarray(edges, np.intp).reshape(-1, 2)
    ends = points[:, :, pairs].astype(np.float64)  # [F, A, E, 2 ends, 2]
    length = np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1)
    return _fold(_outlying(np.log(np.maximum(length, 0.5)), _FIRM, both_sides=True))


def flip_disagreement(points: Points, mirrored: Points) -> Values:
    """Float64 ``[F, K]``: how far a prediction is from that of the mirrored frame, mirrored back; NaN where unknown.

    ``mirrored``: as ``points``, in the same pixels, with symmetric keypoints swapped back already. A tenth of a body
    length counts a half. An animal, or a keypoint of it, that is found in one of the two only counts 1.
    """
    body = body_length(points)
    apart = np.full(points.shape[:3], np.nan)
    for n in range(len(points)):
        apart[n] = _apart(points[n], mirrored[n])
        alone = labelled(points[n]) & np.isnan(apart[n])
        apart[n][alone] = np.inf
        if labelled(mirrored[n]).any(axis=-1).sum() > labelled(points[n]).any(axis=-1).sum():
            apart[n, 0] = np.inf
    return _fold(_rising(apart / (_FLIP * body)))


def limbs_of(skeleton: Sequence[Pair], keypoints: int) -> tuple[Pair, ...]:
    """The skeleton's edges; without any, all pairs of keypoints."""
    return tuple(skeleton) or tuple(combinations(range(keypoints), 2))


def frame_value(parts: Values) -> Values:
    """Float64 ``[F]`` from ``[F, parts]``: the mean of the worst half of the parts, 0 where nothing is known.

    The mean of all would drown one lost paw among thirty good keypoints; the worst alone would be noise.
    """
    known = np.sort(np.nan_to_num(parts, nan=-1.0), axis=1)[:, ::-1][:, : -(-parts.shape[1] // 2)]
    there = known >= 0
    return np.asarray(np.where(there, known, 0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.float64)


def body_length(points: Points) -> float:
    """Median diagonal (px, 1 at least) of the box round an animal's keypoints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # animals without keypoints are NaN
        box = np.nanmax(points, axis=2) - np.nanmin(points, axis=2) if points.size else np.full((1, 1, 2), np.nan)
        length = float(np.nanmedian(np.linalg.norm(box, axis=-1)))
    return max(1.0, length) if np.isfinite(length) else 1.0


def _apart(points: Points, others: Points) -> Values:
    """Distance ``[A, K]`` of the keypoints of each animal to the same animal of ``others``; NaN where there is none."""
    apart = np.full(points.shape[:2], np.nan)
    pairs = [(0, 0)] if len(points) == len(others) == 1 else matched(points, others)
    for a, b in pairs:
        apart[a] = np.linalg.norm(points[a].astype(np.float64) - others[b], axis=-1)
    return apart


def _outlying(values: Values, firm: float, both_sides: bool) -> Values:
    """0..1 of ``[F, A, parts]``: how many robust standard deviations each is from the median of its part.

    ``firm`` is added to each spread, so that tiny deviations of steady parts are not strange.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # parts that are never known are NaN
        centre = np.nanmedian(values, axis=(0, 1)) if values.size else np.zeros(values.shape[2:])
        away = values - centre
        spread = _MAD * np.nanmedian(np.abs(away), axis=(0, 1)) + firm if values.size else np.ones(values.shape[2:])
    return _rising((np.abs(away) if both_sides else np.maximum(away, 0)) / (_STRANGE * spread))


def _rising(times: Values) -> Values:
    """0..1: 0 at 0, a half at 1, next to 1 from a few on (1 at infinity). Little counts little: all are squared."""
    squares = np.minimum(times, 1e9) ** 2
    return np.asarray(squares / (1 + squares))


def _fold(values: Values) -> Values:
    """The worst animal: ``[F, A, parts]`` -> ``[F, parts]``."""
    return np.asarray(np.fmax.reduce(values, axis=1))
