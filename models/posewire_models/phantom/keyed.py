"""Randomness that never changes: numbers as a pure function of integer keys.

The hash is SplitMix64 (G. L. Steele, D. Lea, C. H. Flood: Fast splittable pseudorandom number generators,
OOPSLA 2014), in integers, so the same keys give the same numbers on every machine and with every NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB

Item = TypeVar("Item")
Field = npt.NDArray[np.float32]


def mixed(value: int) -> int:
    """SplitMix64's output function: an integer of 64 bits scattered over all of them."""
    value = ((value ^ (value >> 30)) * _FIRST) & _MASK
    value = ((value ^ (value >> 27)) * _SECOND) & _MASK
    return value ^ (value >> 31)


def key_of(*parts: int) -> int:
    """One key of 64 bits from several integers; their order counts."""
    key = 0
    for part in parts:
        key = mixed((key * 3 + (part & _MASK) + _GOLDEN) & _MASK)
    return key


def unit(key: int, index: int) -> float:
    """The number in [0, 1) that belongs to ``index`` (any integer) under ``key``."""
    return (mixed((key + (index + 1) * _GOLDEN) & _MASK) >> 11) * 2.0**-53


def wander(key: int, position: float) -> float:
    """Smooth value noise in [-1, 1]: quintic steps between the numbers of the whole positions."""
    whole = math.floor(position)
    f = position - whole
    low = unit(key, whole)
    high = unit(key, whole + 1)
    return 2.0 * (low + (high - low) * (f * f * f * (f * (f * 6.0 - 15.0) + 10.0))) - 1.0


class Draws:
    """A run of draws from one key, each of which moves on by one."""

    def __init__(self, *parts: int) -> None:
        self.key = key_of(*parts)
        self._count = 0

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        self._count += 1
        return low + (high - low) * unit(self.key, self._count)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.between(0.0, 1.0) < probability

    def whole(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self.between(0.0, 1.0) * (high - low + 1))

    def choice(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[self.whole(0, len(items) - 1)]


def hashes(key: int, count: int) -> npt.NDArray[np.uint64]:
    """The first ``count`` hashes of 64 bits under ``key``: uint64 [count]."""
    value = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(key)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(_FIRST)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(_SECOND)
    return value ^ (value >> np.uint64(31))


def grain(key: int, height: int, width: int) -> Field:
    """Independent numbers in [0, 1): float32 [height, width]."""
    bits = (hashes(key, height * width) >> np.uint64(40)).astype(np.float32)
    return (bits * np.float32(2.0**-24)).reshape(height, width)


def _steps(size: int, cell: float) -> tuple[npt.NDArray[np.intp], Field]:
    position = np.arange(size, dtype=np.float64) / cell
    whole = np.floor(position)
    f = position - whole
    return whole.astype(np.intp), (f * f * (3.0 - 2.0 * f)).astype(np.float32)


def clouds(key: int, height: int, width: int, cell_y: float, cell_x: float) -> Field:
    """Smooth value noise in [-1, 1] with cells of so many pixels: float32 [height, width]."""
    y, fy = _steps(height, max(1.0, cell_y))
    x, fx = _steps(width, max(1.0, cell_x))
    knots = grain(key, int(y[-1]) + 2, int(x[-1]) + 2) * np.float32(2.0) - np.float32(1.0)
    rows = knots[y] + (knots[y + 1] - knots[y]) * fy[:, None]
    left = rows[:, x]
    field = left + (rows[:, x + 1] - left) * fx[None, :]
    return np.asarray(field, np.float32)
