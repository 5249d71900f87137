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
_AGREE = 1.5  # robust standard deviations within which edges agree on an animal's size
_STEADY = 4  # steadiest partners of each keypoint where there is no skeleton
_UNSTEADY = 0.4  # spread of a log length from which on it tells nothing
_CLOSE, _OFTEN_CLOSE = 3.0, 0.1  # two keypoints nearer than 3 px in a tenth of the animals may also coincide
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
    for frame, animal, keypoint in np.argwhere(half | np.isinf(points).any(axis=-1)).tolist():
        x, y = points[frame, animal, keypoint]
        if np.isinf(points[frame, animal, keypoint]).any():
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
        size = "" if np.isnan(width) else f" of {width:.0f}x{height:.0f}"
        found.append(Finding("outside", frame, animal, keypoint, f"({x:.1f}, {y:.1f}) lies outside the picture{size}"))
    return found


def find_same_place(points: Points, keypoints: Sequence[str]) -> list[Finding]:
    """Two keypoints of one animal at the very same place.

    Two that often lie within a few pixels of each other (tips of folded wings, placed on whole pixels) are let pass.
    """
    found = []
    for a, b in combinations(range(points.shape[2]), 2):
        apart = np.abs(points[:, :, a] - points[:, :, b]).max(axis=-1)
        others = apart[np.isfinite(apart) & (apart > 0)]
        if len(others) >= LEAST_ANIMALS and (others < _CLOSE).mean() > _OFTEN_CLOSE:
            continue
        for frame, animal in np.argwhere(apart == 0).tolist():
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

    Lengths are compared as logarithms, each less the size of its animal in its frame (animals and distances to the
    camera differ), with the median and median absolute deviation of the edge over all animals and frames. Without
    ``edges`` each keypoint is held against those that keep the steadiest distance from it, and is told if half of
    these, and at least two, are odd.
    """
    places = np.argwhere(labelled(points).any(axis=-1))
    if not len(places) or points.shape[2] < 2:
        return []
    animals = points[places[:, 0], places[:, 1]].astype(np.float64)
    pairs = np.array(edges if edges else _steady_pairs(animals))
    if not len(pairs):
        return []
    lengths = _Lengths(animals, pairs)
    found = []
    for row in np.flatnonzero(lengths.far.any(axis=-1)):
        frame, animal = places[row].tolist()
        labelled_edges = np.flatnonzero(np.isfinite(lengths.pixels[row]))
        left = set(np.flatnonzero(lengths.far[row]).tolist())
        while left:
            culprit, its, share = _culprit(pairs, labelled_edges.tolist(), left)
            left -= its
            if not edges and (share < 0.5 or len(its) < min(2, points.shape[2] - 1)):
                continue
            worst = max(its, key=lambda i: lengths.far[row, i])
            other = keypoints[next(k for k in pairs[worst] if k != culprit)]
            found.append(Finding("length", frame, animal, culprit, f"{lengths.told(int(row), worst)} from {other}"))
    return found


def _culprit(pairs: npt.NDArray[np.int_], known: list[int], odd: set[int]) -> tuple[int, set[int], float]:
    """The keypoint that most odd edges share, its odd edges, and their share of its edges.

    Of several, the one with the fewest other edges.
    """
    best: tuple[tuple[int, float], int, set[int]] | None = None
    for keypoint in sorted({int(k) for i in odd for k in pairs[i]}):
        its = {i for i in odd if keypoint in pairs[i]}
        rank = (len(its), len(its) / sum(keypoint in pairs[i] for i in known))
        if best is None or rank > best[0]:
            best = rank, keypoint, its
    assert best is not None  # there is an odd edge
    return best[1], best[2], best[0][1]


def _steady_pairs(animals: Array) -> list[tuple[int, int]]:
    """For each keypoint the pairs with the few others that keep the steadiest distance from it."""
    every = np.array(list(combinations(range(animals.shape[1]), 2)))
    spread = _Lengths(animals, every).spread
    spread = np.where(np.isfinite(spread), spread, np.inf)
    chosen = set()
    for keypoint in range(animals.shape[1]):
        its = np.flatnonzero((every == keypoint).any(axis=1))
        its = its[spread[its] < _UNSTEADY]
        chosen |= set(its[np.argsort(spread[its], kind="stable")][:_STEADY].tolist())
    return [(int(a), int(b)) for a, b in every[sorted(chosen)]]


class _Lengths:
    """Lengths of ``pairs`` ``[E, 2]`` of keypoints in ``animals`` ``[N, K, 2]``, all ``[N, E]``.

    ``pixels``; ``usual``: pixels, for an animal of that size; ``far``: robust standard deviations of the logarithm for
    lengths that are far off, else 0. ``spread`` ``[E]``: the robust standard deviation.
    """

    def __init__(self, animals: Array, pairs: npt.NDArray[np.int_]) -> None:
        between = animals[:, pairs[:, 0]] - animals[:, pairs[:, 1]]
        self.pixels = np.hypot(between[..., 0], between[..., 1])
        # Very short lengths are mostly noise of the hand: a floor takes it out of their logarithms.
        floor = np.maximum(0.05 * _median(self.pixels), 1.0)
        logs = np.log(self.pixels + floor)
        rest = logs - _median(logs)
        rest = rest - _scales(rest)[:, None]
        rest = rest - _median(rest)
        self.usual = np.maximum(np.exp(logs - rest) - floor, 0)
        self.spread = np.maximum(1.4826 * _median(np.abs(rest)), _LEAST_SPREAD)
        known = np.isfinite(rest).sum(axis=0) >= LEAST_ANIMALS
        far = np.abs(rest) / self.spread
        odd = (far > FAR_LENGTH) & (np.abs(rest) > _LEAST_FACTOR) & known
        self.far = np.where(odd, far, 0.0)

    def told(self, row: int, edge: int) -> str:
        return f"{self.pixels[row, edge]:.1f} px (usual for an animal of this size: {self.usual[row, edge]:.1f})"


def _scales(rest: Array) -> Array:
    """The log size of each animal ``[N]``, from how much longer its edges are than usual, ``rest`` ``[N, E]``.

    The size that most of its edges agree on, not their median: one wrong keypoint of four spoils half of the edges.
    """
    spread = np.maximum(1.4826 * _median(np.abs(rest)), _LEAST_SPREAD)
    scales = np.zeros(len(rest))
    most = (np.abs(rest) < _AGREE * spread).sum(axis=1)  # size as usual, unless more edges agree on another
    known = np.isfinite(rest).sum(axis=1)
    several = known >= 3
    for edge in range(rest.shape[1]):
        guess = rest[:, edge]
        agreeing = (np.abs(rest - guess[:, None]) < _AGREE * spread).sum(axis=1)
        better = several & (agreeing > most) & (agreeing >= 0.5 * known)
        scales[better], most[better] = guess[better], agreeing[better]
    # The edges that agree tell the size better than the one that was tried.
    near = np.abs(rest - scales[:, None]) < _AGREE * spread
    fine = _median(np.where(near, rest, np.nan).T)
    return np.asarray(np.where(several & np.isfinite(fine), fine, 0.0), np.float64)


def _median(values: Array) -> Array:
    """The median of each column's known values, NaN where none is known."""
    known = np.isfinite(values).any(axis=0)
    filled = np.where(known, np.where(np.isfinite(values), values, np.nan), 0.0)
    return np.asarray(np.where(known, np.nanmedian(filled, axis=0), np.nan), np.float64)
