"""Keypoints taken for one another: predictions that lie at another keypoint's label of the same animal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_models.skeleton import Pair
from posewire_training.labels.record import labelled

Points = npt.NDArray[np.float32]

LEAST_ERROR = 0.05  # body lengths: what is nearer to its own label is right
REACH = 0.1  # body lengths: what is farther from every label is lost, not confused
NEARER = 0.5  # the other label is at most half as far as the own one
FAR = 0.5  # body lengths between the two labels from which on head and tail are taken for one another


@dataclass(frozen=True)
class Confusion:
    """Keypoint ``keypoint`` of animal ``animal`` of frame ``frame`` was predicted at the label of keypoint ``at``;
    ``kind`` is ``left_right``, ``head_tail`` or ``other``."""

    frame: int
    animal: int
    keypoint: int
    at: int
    kind: str


def confusions(found: Points, labels: Points, symmetric: Sequence[Pair], length: float) -> list[Confusion]:
    """All confusions of ``found`` [F, A, K, 2 or 3], of the animals labelled at ``labels`` [F, A, K, 2].

    A prediction of k lies at the label of j if k and j are both labelled, it is more than 0.05 body ``length`` (px)
    from its own label, at most 0.1 from that of j, and at most half as far from j as from k. Of several such j the
    mirror partner counts, else the nearest. Mirror partners (``symmetric``) are a left-right confusion; others whose
    labels lie more than half a body length apart a head-tail confusion. Empty if ``length`` is NaN.
    """
    if not np.isfinite(length):
        return []
    partner = {a: b for pair in symmetric for a, b in (pair, pair[::-1])}
    known = labelled(labels)
    own = np.linalg.norm(found[..., :2] - labels, axis=-1)  # NaN where not labelled or not found
    listed = []
    for frame, animal, k in np.argwhere(own > LEAST_ERROR * length).tolist():
        places = labels[frame, animal]
        apart = np.linalg.norm(found[frame, animal, k, :2] - places, axis=-1)  # [K]
        near = known[frame, animal] & (apart <= min(REACH * length, NEARER * float(own[frame, animal, k])))
        if not near.any():
            continue
        at = partner.get(k, k)
        if not near[at]:
            at = int(np.where(near, apart, np.inf).argmin())
        if partner.get(k) == at:
            kind = "left_right"
        else:
            kind = "head_tail" if np.linalg.norm(places[k] - places[at]) > FAR * length else "other"
        listed.append(Confusion(frame, animal, k, at, kind))
    return listed


def swapped_animals(
    listed: Sequence[Confusion], found: Points, labels: Points, symmetric: Sequence[Pair]
) -> list[Pair]:
    """(frame, animal) of those whose left and right are exchanged as a whole: every mirror pair that is labelled and
    found (one at least) is confused with each other, both ways. Arrays as in `confusions`, whose result is ``listed``.
    """
    confused = {(one.frame, one.animal, one.keypoint, one.at) for one in listed if one.kind == "left_right"}
    there = np.isfinite(np.linalg.norm(found[..., :2] - labels, axis=-1))
    swapped = []
    for frame, animal in sorted({(one.frame, one.animal) for one in listed if one.kind == "left_right"}):
        pairs = [(i, j) for i, j in symmetric if there[frame, animal, [i, j]].all()]
        if pairs and all({(frame, animal, i, j), (frame, animal, j, i)} <= confused for i, j in pairs):
            swapped.append((frame, animal))
    return swapped


def confusion_counts(listed: Sequence[Confusion], keypoints: int) -> npt.NDArray[np.int64]:
    """How often keypoint k (row) was predicted at the label of keypoint j (column): [K, K]."""
    counts = np.zeros((keypoints, keypoints), np.int64)
    for one in listed:
        counts[one.keypoint, one.at] += 1
    return counts
