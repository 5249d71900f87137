"""What errors of keypoints add up to: arrays in, numbers out. Definitions and sources: docs/evaluation.md.

``errors`` are float [frames, animals, K] in pixels: NaN where nothing is labelled, infinite where a labelled keypoint
was not found at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_training.labels.record import labelled

Floats = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]
Interval = tuple[float, float]

RESAMPLES = 2000


@dataclass(frozen=True)
class Spread:
    """Mean, median and 95th percentile of ``count`` errors (px) of found keypoints; NaN if there is none.

    ``interval``: 95 % of the means of resampled frames lie in it.
    """

    mean: float
    median: float
    p95: float
    count: int
    interval: Interval


def keypoint_errors(found: Points, labels: Points) -> Floats:
    """Distances in px of ``found`` [F, A, K, 2 or 3] to ``labels`` [F, A, K, 2]: [F, A, K]."""
    apart = np.linalg.norm(found[..., :2].astype(np.float64) - labels.astype(np.float64), axis=-1)
    return np.where(~labelled(labels), np.nan, np.where(np.isnan(apart), np.inf, apart))


def box_sizes(labels: Points) -> Floats:
    """Width and height (px) of the box of each animal's labelled keypoints: [..., A, 2] of [..., A, K, 2]; NaN for an
    animal that is not there."""
    known = labelled(labels)[..., None]
    high = np.where(known, labels, -np.inf).max(axis=-2)
    low = np.where(known, labels, np.inf).min(axis=-2)
    return np.asarray(np.where(known.any(axis=-2), high - low, np.nan), np.float64)


def body_length(labels: Points) -> float:
    """The unit of relative errors, in px: the median, over animals of all frames with two labelled keypoints or more,
    of the diagonal of the box of the animal's labelled keypoints. NaN if there is no such animal or all have no extent.
    """
    several = labelled(labels).sum(axis=-1) >= 2
    diagonals = np.linalg.norm(box_sizes(labels), axis=-1)[several]
    middle = float(np.median(diagonals)) if diagonals.size else np.nan
    return middle if middle > 0 else np.nan


def pck(errors: Floats, thresholds: Sequence[float] | Floats) -> Floats:
    """Share of the labelled keypoints found within each threshold (same unit as ``errors``): [thresholds]; NaN if
    nothing is labelled."""
    known = np.sort(errors[~np.isnan(errors)])
    if not known.size:
        return np.full(len(thresholds), np.nan)
    return np.asarray(np.searchsorted(known, np.asarray(thresholds, np.float64), side="right") / known.size)


def spread(errors: Floats, seed: int = 0) -> Spread:
    """Figures of the found keypoints of ``errors`` [F, ...]."""
    known = errors[np.isfinite(errors)]
    if not known.size:
        return Spread(np.nan, np.nan, np.nan, 0, (np.nan, np.nan))
    return Spread(
        float(known.mean()),
        float(np.median(known)),
        float(np.percentile(known, 95)),
        int(known.size),
        mean_interval(errors, seed),
    )


def mean_interval(errors: Floats, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """95 % interval of the mean of the finite ``errors`` [F, ...], by the percentile bootstrap (Efron 1979).

    Whole frames are drawn with replacement, since errors of one frame hang together. NaN, NaN for fewer than two frames
    with an error.
    """
    finite = np.isfinite(errors).reshape(len(errors), -1)
    counts = finite.sum(axis=1)
    sums = np.where(finite, errors.reshape(len(errors), -1), 0).sum(axis=1)
    sums, counts = sums[counts > 0], counts[counts > 0]
    if len(sums) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def precision_recall(found: Sequence[int], present: Sequence[int], matched: Sequence[int]) -> tuple[float, float]:
    """Of the numbers of animals found, present (labelled) and matched in each frame: share of the found ones that are
    matched (NaN if none was found), share of the present ones that are (NaN if none is there)."""
    right = sum(matched)
    return (right / sum(found) if sum(found) else np.nan), (right / sum(present) if sum(present) else np.nan)
