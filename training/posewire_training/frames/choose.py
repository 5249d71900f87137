"""Which of many candidate frames to take: pure functions on arrays.

Two frames are near-duplicates if their appearances (see `candidates.appearance`) differ by less than `DUPLICATE` grey
values in the root mean square. Noise alone makes 0.1 to 0.4 of consecutive frames of a video in which nothing moves,
0.9 where the animal only breathes or sniffs; two random frames of the test videos differ by 5 and more.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

DUPLICATE = 1.0  # grey values

Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


class Chosen:
    """A growing choice of candidates, none of them a near-duplicate of another or of a frame that is there already.

    ``appearance``: float32 ``[n, d]`` of the candidates; ``present``: float32 ``[m, d]`` of the frames already there.
    """

    def __init__(self, appearance: Vectors, present: Vectors, duplicate: float = DUPLICATE) -> None:
        self._appearance, self._duplicate = appearance, duplicate
        self.order: list[int] = []
        self.nearest = np.full(len(appearance), np.inf)
        """How far each candidate is from what was taken or is there already: root mean square, grey values."""
        for vector in present:
            self.nearest = np.minimum(self.nearest, distances(appearance, vector))
        self.known = self.nearest < duplicate
        """bool ``[n]``: candidates that look like a frame that is there already."""

    def exclude(self, numbers: Iterable[int]) -> None:
        """Never take these candidates."""
        for number in numbers:
            self.nearest[number], self.known[number] = 0.0, True

    def fits(self, number: int) -> bool:
        """Whether a candidate is distinct from everything so far."""
        return bool(self.nearest[number] >= self._duplicate)

    def take(self, number: int) -> None:
        """Add a candidate."""
        self.order.append(number)
        self.nearest = np.minimum(self.nearest, distances(self._appearance, self._appearance[number]))
        self.nearest[number] = 0.0

    def take_first(self, numbers: Iterable[int]) -> bool:
        """Add the first of ``numbers`` that is distinct; False if none is."""
        for number in numbers:
            if self.fits(number):
                self.take(int(number))
                return True
        return False

    def fill(self, count: int) -> None:
        """Add the candidate farthest from the choice again and again, until there are ``count`` or none is distinct."""
        while len(self.order) < count and len(self.nearest):
            farthest = int(self.nearest.argmax())
            if not self.fits(farthest):
                return
            self.take(farthest)


def distances(vectors: Vectors, one: Vectors) -> npt.NDArray[np.float64]:
    """Root mean square difference of each of ``vectors`` ``[n, d]`` from ``one`` ``[d]``."""
    return np.asarray(np.sqrt(np.square(vectors - one, dtype=np.float64).mean(axis=1)))


def shares(lengths: npt.NDArray[np.int64], count: int) -> Numbers:
    """``count`` parted in proportion to ``lengths`` (largest remainder), at least one each if ``count`` allows it."""
    least = 1 if count >= len(lengths) else 0
    wished = (count - least * len(lengths)) * lengths / lengths.sum()
    result = np.floor(wished).astype(np.int64)
    rest = np.argsort(-(wished - result), kind="stable")[: count - least * len(lengths) - int(result.sum())]
    result[rest] += 1
    return np.asarray(result + least, np.int64)


def uniform(chosen: Chosen, video: Numbers, frame: Numbers, lengths: Numbers, count: int, seed: int) -> None:
    """Frames evenly spaced over each video, each shaken within its part of it.

    ``video``, ``frame``: int ``[n]``, which frame of which video each candidate is; ``lengths``: frames of each video.
    A place whose frame is a near-duplicate takes the next distinct one in time.
    """
    rng = np.random.default_rng(seed)
    for number, share in enumerate(shares(lengths, count)):
        here = np.flatnonzero(video == number)
        for place in (np.arange(share) + rng.uniform(size=share)) * lengths[number] / max(share, 1):
            chosen.take_first(here[np.argsort(np.abs(frame[here] - place), kind="stable")])
    chosen.fill(count)


def balanced(features: Vectors) -> Vectors:
    """Several kinds of features ``[n, kinds, d]`` as one, ``[n, kinds * d]``, in which each kind varies as much."""
    centred = features - features.mean(axis=0)
    total = np.sqrt(np.square(centred, dtype=np.float64).sum(axis=2, keepdims=True).mean(axis=0))
    return np.asarray(centred / np.maximum(total, 1e-12), np.float32).reshape(len(features), -1)


def clustered(chosen: Chosen, vectors: Vectors, video: Numbers, count: int, seed: int) -> None:
    """One frame of each of ``count`` clusters (k-means) of ``vectors`` float32 ``[n, d]``: the one nearest the centre.

    All videos are clustered together, so that a video gets as many frames as it shows different things; each gets at
    least one, if ``count`` allows it. A cluster with no distinct frame gives its place to the frame farthest from all
    chosen.
    """
    from sklearn.cluster import KMeans

    free = np.flatnonzero(~chosen.known)
    if not len(free):
        return
    # Standard start (k-means++) and one run: more runs change the sum of squares by about a percent.
    distinct = len(np.unique(vectors[free], axis=0))
    clusters = KMeans(min(count, distinct), n_init=1, random_state=seed).fit(vectors[free])
    apart = np.linalg.norm(vectors[free] - clusters.cluster_centers_[clusters.labels_], axis=1)
    nearest = np.argsort(apart, kind="stable")
    members = [free[nearest[clusters.labels_[nearest] == label]] for label in range(clusters.n_clusters)]
    members = sorted((numbers for numbers in members if len(numbers)), key=len, reverse=True)
    centres = [int(numbers[0]) for numbers in members]
    videos = np.unique(video[free])
    if count >= len(videos):
        for number in videos:
            own = [centre for centre in centres if video[centre] == number]
            chosen.take_first([*own, *free[nearest[video[free[nearest]] == number]]])
    for centre, numbers in zip(centres, members, strict=True):
        if len(chosen.order) < count and centre not in chosen.order:
            chosen.take_first(numbers)
    chosen.fill(count)
