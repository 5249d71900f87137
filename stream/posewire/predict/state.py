"""What a predictor remembers, in arrays of constant size; they go to kernels together, as a named tuple."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.predict.filters import NUMBERS

NOBODY = -1  # in a slot
NEVER = -(2**62)  # instead of a time
FREE = -(2**62)  # instead of a target: the place is not in use

ID, TAKEN = range(2)  # columns of `Memory.who`
SEEN, CHOICE = range(2)  # of `Memory.marks`
WEIGHT = 0  # column of `Memory.error`; the members follow
TARGET = 0  # row of `Memory.notes`; the keypoints follow
USED, HELD, COUNT, USED_LATELY, HELD_LATELY, COUNT_LATELY = range(6)  # of `Memory.told`
TIME, USUAL, UNKEPT = range(3)  # places in `Memory.clock`


class Memory(NamedTuple):
    """Of S slots (one an animal, who stays in it), K keypoints, M members of the bank and R waiting predictions.

    As few arrays as can be: each costs time when it is handed to a kernel.
    """

    who: npt.NDArray[np.int64]
    """[S, 2]: id, `NOBODY` for none; when the animal was seen last, ns."""
    marks: npt.NDArray[np.int64]
    """[S, K, 2]: when the keypoint was found last, ns; the member in use."""
    last: npt.NDArray[np.float64]
    """[S, K, 3]: x, y, score of that."""
    filters: npt.NDArray[np.float64]
    """[S, K, M, NUMBERS]: see `posewire.predict.filters`."""
    error: npt.NDArray[np.float64]
    """[S, K, 1 + M]: fading count of predictions that met their measurement; fading sum of each member's errors, px."""
    notes: npt.NDArray[np.int64]
    """[S, 1 + K, R]: the time (ns) that a waiting prediction is for, `FREE` where there is none; the member given."""
    waiting: npt.NDArray[np.float32]
    """[S, R, K, M, 2]: those predictions, NaN where there is none."""
    told: npt.NDArray[np.float64]
    """[K, 6]: sums of errors (px) of what was given out and of holding, and their count; then the same, fading."""
    clock: npt.NDArray[np.int64]
    """[3]: time of the last frame, ns; usual time between frames, ns, 0 before there are two; frames whose prediction
    found no place to wait in."""


def make_memory(slots: int, keypoints: int, members: int, waiting: int) -> Memory:
    """Arrays of these sizes, as `clear` leaves them."""
    memory = Memory(
        np.zeros((slots, 2), np.int64),
        np.zeros((slots, keypoints, 2), np.int64),
        np.zeros((slots, keypoints, 3)),
        np.zeros((slots, keypoints, members, NUMBERS)),
        np.zeros((slots, keypoints, 1 + members)),
        np.zeros((slots, 1 + keypoints, waiting), np.int64),
        np.zeros((slots, waiting, keypoints, members, 2), np.float32),
        np.zeros((keypoints, 6)),
        np.zeros(3, np.int64),
    )
    clear(memory)
    return memory


def clear(memory: Memory) -> None:
    """Nobody was ever seen, nothing was ever told."""
    for part in memory:
        part[...] = 0
    memory.who[:, ID] = NOBODY
    memory.who[:, TAKEN] = NEVER
    memory.marks[..., SEEN] = NEVER
    memory.notes[:, TARGET] = FREE
    memory.clock[TIME] = NEVER
