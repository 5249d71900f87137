"""Where each keypoint will be when the stimulus acts: poses in, predicted poses out, and how well that goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.predict.bank import BANK, Member, PredictRules, as_numbers, as_table
from posewire.predict.kernel import step
from posewire.predict.state import (
    CHOICE,
    COUNT,
    COUNT_LATELY,
    HELD,
    HELD_LATELY,
    ID,
    NOBODY,
    TAKEN,
    TIME,
    UNKEPT,
    USED,
    USED_LATELY,
    clear,
    make_memory,
)

USUAL = PredictRules()


class Predictor:
    """Predicts ``keypoints`` keypoints of up to ``slots`` animals at once, and finds out how well.

    ``noise_px``: what a measured place is usually off by, along an axis; only how the noises of keypoints compare
    depends on it, and what One-Euro takes for fast. ``waiting``: predictions of an animal that can wait for their
    measurement at a time: more than that many frames ahead, not every prediction is scored. ``network_px``: the mean
    error of the network's own places, if it is known; it may be set later.

    After `step`, ``predicted`` float32 [A, K, 3] = x, y, score, and ``used`` int64 [A, K]: which member of ``bank``
    made each, -1 where nothing is predicted. Both are overwritten by the next call.
    """

    def __init__(
        self,
        keypoints: int,
        *,
        noise_px: float = 1.0,
        slots: int = 32,
        waiting: int = 128,
        network_px: float | None = None,
        bank: Sequence[Member] = BANK,
        rules: PredictRules = USUAL,
    ) -> None:
        """Compiles the kernel, or loads what was compiled. Raises ValueError for a bank not beginning with hold."""
        self.bank = tuple(bank)
        self._table = as_table(bank)
        self._rules = as_numbers(rules)
        self._noise_px = float(noise_px)
        self.network_px = network_px
        self._memory = make_memory(slots, keypoints, len(bank), waiting)
        self._one = np.zeros(1, np.int64)
        self._room(slots, keypoints)
        self.reset()
        self.step(np.zeros((1, keypoints, 3), np.float32), None, 0, 0)
        self.reset()

    def reset(self) -> None:
        """Forget everything, also the scores."""
        clear(self._memory)
        self.predicted: Floats = self._predicted_room[:0]
        self.used: npt.NDArray[np.int64] = self._used_room[:0]

    def forget(self) -> None:
        """The next frame has nothing to do with the last; what was told of errors stays."""
        told, unkept = self._memory.told.copy(), self._memory.clock[UNKEPT]
        clear(self._memory)
        self._memory.told[...] = told
        self._memory.clock[UNKEPT] = unkept

    def forget_scores(self) -> None:
        """`figures` tell of what is scored from now on; predictions go on as they were."""
        self._memory.told[...] = 0.0
        self._memory.clock[UNKEPT] = 0

    def step(self, poses: Floats, ids: npt.NDArray[np.int64] | None, time_ns: int, target_ns: int) -> Floats:
        """One frame: ``poses`` float32 [A, K, 3] = x, y (px; NaN where absent), score, taken at ``time_ns``, of the
        animals ``ids`` int64 [A] (-1 unknown: held; None: one animal) -> where they will be at ``target_ns``.

        A time before that of the last frame counts as that one's, a target before the time as the time.
        """
        animals = len(poses)
        if animals > len(self._predicted_room):
            self._room(animals, poses.shape[1])
            self.predicted = self._predicted_room[:0]
        if animals != len(self.predicted):
            self.predicted, self.used = self._predicted_room[:animals], self._used_room[:animals]
        if ids is None:
            ids = self._one if animals == 1 else np.arange(animals)
        step(
            poses, ids, time_ns, target_ns, self._noise_px, self._table, self._rules, self.predicted, self.used,
            *self._memory,
        )  # fmt: skip
        return self.predicted

    def figures(self) -> dict[str, Any]:
        """How predictions turned out: mean errors in px against the place measured at the time that they were for
        (between two frames: on the line between their places).

        ``error_px`` of what was given out, ``hold_px`` of holding the last pose, ``gain`` the share by which the first
        is below the second, ``scored`` how many there were, ``unscored`` how many frames' were not kept; ``lately``
        the same means over the last seconds; ``keypoints``: for each, its means. None where nothing has been scored.

        ``true_px``, ``true_hold_px``: what the errors should be against where keypoints really are, which nobody sees:
        the network's own error, if it is known, is another one beside that of predicting, and adds to it in squares.
        ``in_use``: for each member of the bank that is in use, by how many keypoints of the animals in view.
        """
        told = self._memory.told
        total = told.sum(axis=0)
        figures: dict[str, Any] = _compared(total[USED], total[HELD], total[COUNT])
        return {
            **figures,
            "true_px": self._true(figures["error_px"]),
            "true_hold_px": self._true(figures["hold_px"]),
            "scored": round(float(total[COUNT])),
            "unscored": int(self._memory.clock[UNKEPT]),
            "lately": _compared(total[USED_LATELY], total[HELD_LATELY], total[COUNT_LATELY]),
            "keypoints": [_compared(row[USED], row[HELD], row[COUNT]) for row in told],
            "in_use": self._in_use(),
        }

    def _true(self, error_px: float | None) -> float | None:
        return None if error_px is None or self.network_px is None else math.hypot(error_px, self.network_px)

    def _in_use(self) -> dict[str, int]:
        memory = self._memory
        seen = (memory.who[:, ID] != NOBODY) & (memory.who[:, TAKEN] == memory.clock[TIME])
        counts = np.bincount(memory.marks[seen][..., CHOICE].ravel(), minlength=len(self.bank))
        return {member.name: int(n) for member, n in zip(self.bank, counts, strict=True) if n}

    def _room(self, animals: int, keypoints: int) -> None:
        self._predicted_room: Floats = np.zeros((animals, keypoints, 3), np.float32)
        self._used_room = np.zeros((animals, keypoints), np.int64)


def _compared(used: float, held: float, count: float) -> dict[str, float | None]:
    if not count:
        return {"error_px": None, "hold_px": None, "gain": None}
    gain = float(1.0 - used / held) if held else 0.0
    return {"error_px": float(used / count), "hold_px": float(held / count), "gain": gain}
