"""From signals to the frames worth labelling: they stand for many doubtful ones, unlike each other and known ones.

Frames are taken one by one, like the medoids of Kaufman & Rousseeuw 1990 (PAM, phase BUILD): each time the frame that
brings the most doubt nearer to a labelled or chosen frame. Taking the most doubtful frames alone would bring ten frames
of one mishap; taking the most different ones alone would bring oddities that stand for nothing. Nor need a chosen frame
be doubtful itself: what counts is the doubt around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_training.frames.choose import DUPLICATE
from posewire_training.labels.record import Points
from posewire_training.refine.appearance import distances
from posewire_training.refine.signals import Values

WEIGHTS: Mapping[str, float] = {"score": 1.0, "jumps": 1.0, "limbs": 1.0, "flip": 1.0}
"""How much each signal counts for the worth of a frame."""

_MOST = 3000  # frames that are compared with each other: the most doubtful ones
_LEAST = 0.01  # worth of a frame without any doubt: the choice is by looks alone if there is none anywhere


def worth_of(values: Mapping[str, Values], weights: Mapping[str, float] = WEIGHTS) -> Values:
    """Float64 ``[F]``, 0..1: the weighted mean of the signals ``[F]`` that are there."""
    total = sum(weights[name] for name in values)
    summed = sum(weights[name] * signal for name, signal in values.items())
    return np.asarray(summed / total, np.float64)


@dataclass(frozen=True)
class Candidates:
    """Frames to choose from.

    ``worth``: float64 ``[F]``, 0..1; ``looks``: float32 ``[F, D]`` (see `appearance`); ``videos`` and ``numbers``: int
    ``[F]``, which frame of which video each is; ``free``: bool ``[F]``, False for those that must not be chosen.
    """

    worth: Values
    looks: Points
    videos: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    free: npt.NDArray[np.bool_]


def choose(
    candidates: Candidates, known: Points, count: int, gap: int, seed: int, alike: float = DUPLICATE
) -> list[int]:
    """At most ``count`` places of frames, the first one chosen first; the same for the same seed.

    ``known``: float32 ``[T, D]``, looks of frames that are labelled already. No two frames of a video that are chosen
    are nearer than ``gap`` frames, and no two look nearer than ``alike``, in the units of ``looks``. Fewer come back if
    no frame is left. The seed decides between equals, and which frames are compared where there are more than 3000.
    """
    order = np.random.default_rng(seed).permutation(len(candidates.worth))
    order = order[candidates.free[order]]
    order = order[np.argsort(-candidates.worth[order], kind="stable")]
    top = order[:_MOST]
    chosen = _cover(candidates, top, known, count, gap, alike)
    # Where the gap shuts out too many of the top, the rest is asked.
    rest = order[len(top) : len(top) + _MOST]
    taken = np.concatenate([known, candidates.looks[chosen]])
    chosen += _cover(candidates, rest, taken, count - len(chosen), gap, alike, chosen)
    return chosen


def _cover(
    candidates: Candidates,
    places: npt.NDArray[np.int64],
    known: Points,
    count: int,
    gap: int,
    alike: float,
    before: Sequence[int] = (),
) -> list[int]:
    """Choose among ``places``; ``before``: places chosen already."""
    if not len(places) or count < 1:
        return []
    looks, worth = candidates.looks[places], candidates.worth[places] + _LEAST
    apart = distances(looks, looks)
    far = distances(looks, known).min(axis=1) if len(known) else np.full(len(places), apart.max() + alike + 1e-3)
    free = np.ones(len(places), np.bool_)
    for other in before:
        free &= ~_near(candidates, places, other, gap)
    chosen: list[int] = []
    while len(chosen) < count and (left := free & (far > alike)).any():
        # What each candidate would bring: the doubt of all frames, times how much nearer a known frame would be.
        gain = np.maximum(far - apart, 0) @ worth
        chosen.append(int(places[np.where(left, gain, -1).argmax()]))
        far = np.minimum(far, apart[places == chosen[-1]][0])
        free &= ~_near(candidates, places, chosen[-1], gap)
    return chosen


def _near(candidates: Candidates, places: npt.NDArray[np.int64], other: int, gap: int) -> npt.NDArray[np.bool_]:
    """Which ``places`` are the frame ``other`` or nearer to it than ``gap`` frames."""
    same = candidates.videos[places] == candidates.videos[other]
    near = np.abs(candidates.numbers[places] - candidates.numbers[other]) < gap
    return np.asarray((same & near) | (places == other))
