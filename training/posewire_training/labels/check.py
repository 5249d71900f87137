"""What is wrong in labels, from the arrays alone: points in, findings out.

Left and right have a file of their own, `sides`; missing and broken pictures are looked at by `inspect`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from posewire_training.labels.record import Labels, Points, labelled

Array = npt.NDArray[np.float64]

LEAST_ANIMALS = 8
"""Labelled animals that a usual length, or a usual side, must be known from."""
FAR_LENGTH = 6.0
"""Robust standard deviations of a log length that are far off."""
_LEAST_FACTOR = np.log(1.6)  # lengths within this factor of the usual one are never far off
_LEAST_SPREAD = 0.08  # of a log length: rigid parts vary by less than hands place points
_TWICE = 0.1  # animals nearer to each other than this share of their size are one


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its kind, where (numbers of frame, animal and keypoint), and why it is wrong."""

    kind: str
    frame: int | None
    animal: int | None
    keypoint: int | None
    why: str


def find_bad_numbers(points: Points) -> list[Finding]:
    """Coordinates that are infinite, or stand without their partner, of ``points`` ``[F, A, K, 2]``."""
    found = []
    half = np.isnan(points[..., 0]) != np.isnan(points[..., 1])
    infinite = np.isinf(points).any(axis=-1)
    for frame, animal, keypoint in np.argwhere(half | infinite).tolist():
        x, y = points[frame, animal, keypoint]
        if infinite[frame, animal, keypoint]:
            found.append(Finding("number", frame, animal, keypoint, f"({x}, {y}) is no pixel coordinate"))
        else:
            found.append(Finding("number", frame, animal, keypoint, f"only {'y' if np.isnan(x) else 'x'} is given"))
    return found


def find_outside(points: Points, sizes: Array) -> list[Finding]:
    """Keypoints outside their picture; ``sizes`` ``[F, 2]`` are width and height, NaN where unknown."""
    low, high = points < -0.5, points > sizes[:, None, None].astype(np.float64)
    bad = (low | high).any(axis=-1) & np.isfinite(points).all(axis=-1)
    found = []
    for frame, animal, keypoint in np.argwhere(bad).tolist():
        x, y = points[frame, animal, keypoint]
        width, height = sizes[frame]
        why = f"({x:.1f}, {y:.1f}) lies outside the picture of {width:.0f}x{height:.0f}"
        found.append(Finding("outside", frame, animal, keypoint, why))
    return found


def find_same_pixel(points: Points, keypoints: Sequence[str]) -> list[Finding]:
    """Two keypoints of one animal at the very same place."""
    found = []
    for a, b in combinations(range(points.shape[2]), 2):
        same = (points[:, :, a] == points[:, :, b]).all(axis=-1)
        for frame, animal in np.argwhere(same).tolist():
            x, y = points[frame, animal, a]
            why = f"lies at the very place of {keypoints[a]}, ({x:g}, {y:g})"
            found.append(Finding("same place", frame, animal, b, why))
    return found


def find_empty(points: Points) -> list[Finding]:
    """Frames without a label."""
    empty = ~labelled(points).any(axis=(1, 2))
    return [Finding("empty", frame, None, None, "holds no label") for frame in np.flatnonzero(empty).tolist()]


def find_twice(labels: Labels) -> list[Finding]:
    """Animals that are labelled twice in a frame: two of one name, or two in the same place."""
    there = labelled(labels.points)  # [F, A, K]
    found = []
    for a, b in combinations(range(labels.animals), 2):
        both = there[:, a] & there[:, b]
        if labels.individuals and labels.individuals[a] == labels.individuals[b] != "":
            for frame in np.flatnonzero(there[:, a].any(axis=-1) & there[:, b].any(axis=-1)).tolist():
                found.append(Finding("twice", frame, b, None, "is labelled twice in this frame"))
            continue
        for frame in np.flatnonzero(both.sum(axis=-1) >= min(2, there.shape[-1])).tolist():
            shared = both[frame]
            first, second = labels.points[frame, a][shared], labels.points[frame, b][shared]
            size = float(np.hypot(*np.ptp(first, axis=0)))
            apart = float(np.median(np.hypot(*(first - second).T)))
            if apart < max(_TWICE * size, 1.0):
                why = f"lies where {labels.place_name(a)} lies ({apart:.1f} px apart): one animal labelled twice?"
                found.append(Finding("twice", frame, b, None, why))
    return found


def find_lengths(points: Points, keypoints: Sequence[str], edges: Sequence[tuple[int, int]]) -> list[Finding]:
    """Edges that are much longer or shorter than usual, told at the keypoint that most of them share.

    Lengths are compared as logarithms, each less the median of its animal in its frame (animals and distances to the
    camera differ), with the median and median absolute deviation of the edge over all animals and frames. Without
    ``edges`` all pairs of keypoints are taken.
    """
    pairs = list(edges) or list(combinations(range(points.shape[2]), 2))
    places = np.argwhere(labelled(points).any(axis=-1))
    if not pairs or not len(places):
        return []
    far, lengths, usual = _far_lengths(points[places[:, 0], places[:, 1]].astype(np.float64), np.array(pairs))
    found = []
    for row in np.flatnonzero(far.any(axis=-1)):
        frame, animal = places[row].tolist()
        left = {i: far[row, i] for i in np.flatnonzero(far[row]).tolist()}
        while left:
            # The keypoint that most of the odd edges share is the one to look at.
            weight = {k: sum(1 + 1e-6 * z for i, z in left.items() if k in pairs[i]) for i in left for k in pairs[i]}
            culprit = max(weight, key=lambda k: weight[k])
            its = [i for i in left if culprit in pairs[i]]
            worst = max(its, key=lambda i: left[i])
            other = keypoints[next(k for k in pairs[worst] if k != culprit)]
            why = f"{lengths[row, worst]:.1f} px from {other}; usual for an animal of this size: {usual[row, worst]:.1f}"
            found.append(Finding("length", frame, animal, culprit, why))
            left = {i: z for i, z in left.items() if i not in its}
    return found


def _far_lengths(animals: Array, pairs: npt.NDArray[np.int_]) -> tuple[Array, Array, Array]:
    """Of ``animals`` ``[N, K, 2]``: how far off each pair is (0: it is not), its length, its usual length ``[N, E]``."""
    lengths = np.hypot(*np.moveaxis(animals[:, pairs[:, 0]] - animals[:, pairs[:, 1]], -1, 0))
    size = np.nanmax(lengths, axis=0, initial=0.0)
    # Very short lengths are mostly noise: a floor of 5 % of the edge's usual length, at least a pixel.
    floor = np.maximum(0.05 * _median(lengths), 1.0) + 0 * size
    logs = np.log(lengths + floor)
    rest = logs - _median(logs)
    enough = np.isfinite(rest).sum(axis=1) >= 3
    scale = np.where(enough, _median(rest.T), 0.0)
    rest = rest - scale[:, None]
    rest = rest - _median(rest)
    spread = np.maximum(1.4826 * _median(np.abs(rest)), _LEAST_SPREAD)
    far = np.abs(rest) / spread
    known = np.isfinite(rest).sum(axis=0) >= LEAST_ANIMALS
    odd = (far > FAR_LENGTH) & (np.abs(rest) > _LEAST_FACTOR) & known
    return np.where(odd, far, 0.0), lengths, np.maximum(np.exp(logs - rest) - floor, 0)


def _median(values: Array) -> Array:
    """The median of each column's known values, NaN where none is known."""
    known = np.isfinite(values).any(axis=0)
    filled = np.where(known, np.where(np.isfinite(values), values, np.nan), 0.0)
    return np.asarray(np.where(known, np.nanmedian(filled, axis=0), np.nan), np.float64)
