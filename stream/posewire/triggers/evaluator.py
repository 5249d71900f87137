"""Rules over the poses of one frame after the other: which fire now, which hold, and what kept others from it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats, Image
from posewire.triggers import gray
from posewire.triggers.classifier import Classifiers, Classify
from posewire.triggers.kernel import kernel_for
from posewire.triggers.layout import AGE as AGE
from posewire.triggers.layout import ARMING as ARMING
from posewire.triggers.layout import ENDED as ENDED
from posewire.triggers.layout import FIRED as FIRED
from posewire.triggers.layout import ID as ID
from posewire.triggers.layout import NAMES as NAMES
from posewire.triggers.layout import REFRACTORY as REFRACTORY
from posewire.triggers.layout import SCORE as SCORE
from posewire.triggers.layout import clear, make_answer, make_frame, make_memory
from posewire.triggers.program import lay_out
from posewire.triggers.rules import Rules


class Evaluator:
    """Evaluates rules as `posewire.triggers.rules` defines them.

    ``animals``: most rows of a frame that are looked at (later ones are not), and half of the animals that are
    remembered. ``frame_rate``: frames/s that are expected at most; it says how much past is kept for speeds.
    ``classifiers``: what to call for a classifier's file; a file that is not among them is loaded. Everything is
    compiled, or read from Numba's cache, here. Raises InputError for a classifier that does not fit, ValueError for
    rules that the reader of rules files does not let pass.

    After a `step` that returned n:

    - ``outcomes[:n]``, structured, fields int64 ``rule`` (index), ``row`` (-1: the animal is not there), ``animal``
      (id, -1 unknown), ``code`` and ``time_ns`` (of the frame, as it counts), rule by rule: ``FIRED``; ``ENDED``: a
      rule that had fired in this episode does not hold any more; or what kept it from firing, each told once an
      episode: ``SCORE`` (it would have, had low scores counted), ``ID``, ``AGE``, ``REFRACTORY``, ``ARMING``.
    - ``holding`` bool [rules]: an episode of some animal is on; ``active``: one in which the rule has fired.
    - ``values`` float64 [rules]: of rules that follow, scaled and clamped; NaN if unknown, and for other rules.

    They are written anew by the next step.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        animals: int = 8,
        frame_rate: float = 100.0,
        classifiers: Mapping[str, Classify] | None = None,
    ) -> None:
        if animals < 1 or not frame_rate > 0.0:
            raise ValueError(f"animals is {animals}, frame_rate {frame_rate}: expected 1 or more, and more than 0")
        made = lay_out(rules, frame_rate)
        self._program, self._regions = made.program, made.regions
        self._animals, self._shape = animals, (len(rules.keypoints), 3)
        slots, count = 2 * animals, len(rules.rules)
        self._classifiers: Classifiers | None = None
        if made.outputs:
            self._classifiers = Classifiers(made.outputs, classifiers or {}, self._shape[0], animals, slots)
        self._memory = make_memory(count, slots, made.whole, made.real, made.ring)
        self._frame = make_frame(
            animals, self._shape[0], len(made.program.roles), len(made.regions), len(made.outputs),
            len(made.program.nodes),
        )  # fmt: skip
        self._answer = make_answer(count, animals, slots)
        self._one = False  # the last frame was one of a model of one animal
        self._predicts = bool(made.program.readings["predicted"].any())
        self._kernel = kernel_for(self._program, self._memory, self._frame, self._answer)
        self._arrays = (*self._program, *self._memory, *self._frame, *self._answer)
        if made.regions:
            gray.compiled()
        self.outcomes: npt.NDArray[np.void] = self._answer.outcomes
        self.holding: npt.NDArray[np.bool_] = self._answer.holding
        self.active: npt.NDArray[np.bool_] = self._answer.active
        self.values: npt.NDArray[np.float64] = self._answer.values
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first of a session."""
        clear(self._memory)
        if self._classifiers is not None:
            self._classifiers.clear()
        self._first_ns: int | None = None
        self._last_ns = 0
        self.holding[:] = self.active[:] = False
        self.values[:] = np.nan

    def step(
        self,
        poses: Floats,
        ids: npt.NDArray[np.int64] | None,
        id_scores: npt.NDArray[np.floating] | None,
        time_ns: int,
        age_ns: int,
        image: Image | None = None,
        predicted: Floats | None = None,
    ) -> int:
        """One frame; returns the number of outcomes.

        ``poses`` float32 [A, K, 3]; ``ids`` int64 [A], None of a model of one animal; ``id_scores`` [A], None: all 1.
        ``time_ns`` is when the frame was taken, ``age_ns`` how long ago that is. ``image`` uint8 [H, W, 3] BGR or
        [H, W], for conditions on gray. ``predicted`` as ``poses``, for rules that want it; None: they get ``poses``.
        Raises ValueError if one of them has another shape.
        """
        frame = self._frame
        rows = min(len(poses), self._animals)
        if poses.shape[1:] != self._shape or (predicted is not None and predicted.shape != poses.shape):
            raise ValueError(
                f"poses are {poses.shape}, predicted {None if predicted is None else predicted.shape}: "
                f"expected (animals, {self._shape[0]}, 3) of both"
            )
        frame.poses[0, :rows] = poses[:rows]
        if self._predicts:
            frame.poses[1, :rows] = (poses if predicted is None else predicted)[:rows]
        for name, numbers in (("ids", ids), ("id_scores", id_scores)):
            if numbers is not None and len(numbers) != len(poses):
                raise ValueError(f"{len(numbers)} {name} of {len(poses)} poses")
        if ids is not None or id_scores is not None or not self._one:  # frames of one animal differ in nothing here
            self._one = ids is None and id_scores is None
            frame.ids[:] = -1
            frame.ids[: 1 if ids is None else rows] = 0 if ids is None else ids[:rows]
            frame.id_scores[:] = 1.0
            if id_scores is not None:
                frame.id_scores[:rows] = id_scores[:rows]
        if self._first_ns is None:
            self._first_ns = time_ns
        elif time_ns <= self._last_ns:
            time_ns = self._last_ns + 1
        self._last_ns = time_ns
        for n, region in enumerate(self._regions):
            frame.grays[n] = np.nan if image is None else gray.mean_gray(image, region)
        if self._classifiers is not None:
            self._classifiers.step(frame.poses[:, :rows], frame.ids[:rows], time_ns, frame.outputs[:rows])
        return self._kernel(rows, time_ns, time_ns - self._first_ns, age_ns, *self._arrays)
