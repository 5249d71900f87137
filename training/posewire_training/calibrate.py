"""Do scores mean what they say: temperature scaling, reliability bins, expected calibration error. NumPy only.

Temperature scaling and the expected calibration error are those of Guo et al. 2017 (arXiv:1706.04599), for one score
in place of a softmax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_EACH = 10  # right and wrong predictions without which a temperature would be chance
BINS = 10
_CLOSEST = 1e-7  # scores are kept this far from 0 and 1, whose logits are infinite; float32 tells no less from 1
_RANGE = math.log(0.05), math.log(20.0)
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Bin:
    """Scores from ``low`` to ``high``: their number, their mean, and the share of them that were correct (NaN, NaN if
    there are none)."""

    low: float
    high: float
    count: int
    score: float
    correct: float


def _logits(scores: npt.ArrayLike) -> Floats:
    kept = np.clip(np.asarray(scores, np.float64), _CLOSEST, 1 - _CLOSEST)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def tempered(scores: npt.ArrayLike, temperature: float) -> Floats:
    """``sigmoid(logit(score) / temperature)``: above 1 the scores move towards 0.5, below 1 away from it."""
    return np.asarray(1 / (1 + np.exp(-_logits(scores) / temperature)))


def log_loss(scores: npt.ArrayLike, correct: Flags, temperature: float = 1.0) -> float:
    """Mean negative log likelihood of ``correct`` under the tempered ``scores``."""
    logits = _logits(scores) / temperature
    return float(np.logaddexp(0, np.where(correct, -logits, logits)).mean())


def can_fit(correct: npt.ArrayLike) -> bool:
    """Whether 10 of ``correct`` (bool) are true and 10 are not."""
    right = int(np.count_nonzero(correct))
    return min(right, np.size(correct) - right) >= LEAST_EACH


def fit_temperature(scores: npt.ArrayLike, correct: npt.ArrayLike) -> float:
    """The temperature (0.05..20) under which ``scores`` (0..1) predict ``correct`` (bool, same shape) with least log
    loss.

    1 if fewer than 10 are correct or fewer than 10 wrong. The loss has one minimum (it is convex in 1 / T), found by
    golden section over log T.
    """
    scores, correct = np.ravel(np.asarray(scores, np.float64)), np.ravel(np.asarray(correct, np.bool_))
    if not can_fit(correct):
        return 1.0

    def loss(at: float) -> float:
        return log_loss(scores, correct, math.exp(at))

    low, high = _RANGE
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-5:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return math.exp((low + high) / 2)


def cross_tempered(
    scores: Floats, correct: Flags, groups: Sequence[int] | npt.NDArray[np.intp], folds: int = 5
) -> Floats:
    """Scores tempered by a temperature that their own group (frame) had no part in: ``groups`` are dealt into
    ``folds``, and each fold gets the temperature of the others."""
    result = np.array(scores, np.float64)
    fold = np.asarray(groups) % folds
    for part in np.unique(fold):
        mine = fold == part
        result[mine] = tempered(scores[mine], fit_temperature(scores[~mine], correct[~mine]))
    return result


def reliability(scores: Floats, correct: Flags, bins: int = BINS) -> list[Bin]:
    """Scores (0..1) in ``bins`` bins of equal width."""
    place = np.minimum((scores * bins).astype(np.intp), bins - 1)
    return [
        Bin(
            n / bins,
            (n + 1) / bins,
            int((place == n).sum()),
            float(scores[place == n].mean()) if (place == n).any() else math.nan,
            float(correct[place == n].mean()) if (place == n).any() else math.nan,
        )
        for n in range(bins)
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of score and share correct, bins weighted by their number; NaN if they
    are empty."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.score - one.correct) for one in bins if one.count) / total if total else math.nan
