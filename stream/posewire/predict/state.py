"""What a predictor remembers, in arrays of constant size; they go to kernels together, as a named tuple."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.predict.filters import NUMBERS

NOBODY = -1  # in a slot
NEVER = -(2**62)  # instead of a time
FREE = -(2**62)  # instead of a target: the place is not in use

# Columns of `Memory.told`.
USED, HELD, COUNT, USED_LATELY, HELD_LATELY, COUNT_LATELY = range(6)


class Memory(NamedTuple):
    """Of S slots (one an animal, who stays in it), K keypoints, M members of the bank and R waiting predictions."""

    ids: npt.NDArray[np.int64]
    """[S] who."""
    taken_ns: npt.NDArray[np.int64]
    """[S]: when the animal was seen last."""
    seen_ns: npt.NDArray[np.int64]
    """[S, K]: when each keypoint was found last; of the measurement in ``last``."""
    last: npt.NDArray[np.float64]
    """[S, K, 3]: x, y, score of that."""
    filters: npt.NDArray[np.float64]
    """[S, K, M, NUMBERS]: see `posewire.predict.filters`."""
    error: npt.NDArray[np.float64]
    """[S, K, M]: fading sum of the errors (px) of each member."""
    weight: npt.NDArray[np.float64]
    """[S, K]: fading count of them."""
    choice: npt.NDArray[np.int64]
    """[S, K]: the member in use."""
    targets: npt.NDArray[np.int64]
    """[S, R]: the times (ns) that predictions waiting for their measurement are for; `FREE` where there is none."""
    waiting: npt.NDArray[np.float32]
    """[S, R, K, M, 2]: those predictions, NaN where there is none."""
    given: npt.NDArray[np.int64]
    """[S, R, K]: the member that was given out."""
    told: npt.NDArray[np.float64]
    """[K, 6]: sums of errors (px) of what was given out and of holding, and their count; then the same, fading."""
    common: npt.NDArray[np.float64]
    """[2]: usual time (s) between frames, 0 before there are two; predictions that found no place to wait in."""
    clock: npt.NDArray[np.int64]
    """[1]: time (ns) of the last frame."""


def make_memory(slots: int, keypoints: int, members: int, waiting: int) -> Memory:
    """Arrays of these sizes, as `clear` leaves them."""
    memory = Memory(
        np.zeros(slots, np.int64),
        np.zeros(slots, np.int64),
        np.zeros((slots, keypoints), np.int64),
        np.zeros((slots, keypoints, 3)),
        np.zeros((slots, keypoints, members, NUMBERS)),
        np.zeros((slots, keypoints, members)),
        np.zeros((slots, keypoints)),
        np.zeros((slots, keypoints), np.int64),
        np.zeros((slots, waiting), np.int64),
        np.zeros((slots, waiting, keypoints, members, 2), np.float32),
        np.zeros((slots, waiting, keypoints), np.int64),
        np.zeros((keypoints, 6)),
        np.zeros(2),
        np.zeros(1, np.int64),
    )
    clear(memory)
    return memory


def clear(memory: Memory) -> None:
    """Nobody was ever seen, nothing was ever told."""
    for part in memory:
        part[...] = 0
    memory.ids[:] = NOBODY
    memory.taken_ns[:] = NEVER
    memory.seen_ns[:] = NEVER
    memory.targets[:] = FREE
    memory.clock[:] = NEVER
