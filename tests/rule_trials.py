"""Rules tried on frames that are written out, for tests that know the answer."""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers.evaluator import NAMES, Evaluator
from posewire.triggers.rules import Condition, Point, Quantity, Rule, Rules, Zone

MS = 1_000_000
A, B, C = Point(0), Point(1), Point(2)
LEFT = Zone("left", ((0.0, 0.0), (50.0, 0.0), (50.0, 100.0), (0.0, 100.0)))
WIDE = (-1e6, 1e6)


def make(what: Condition | Quantity | Rule, **settings) -> Rule:
    if isinstance(what, Rule):
        return what
    if isinstance(what, Quantity):
        return Rule("value", ("output",), value=what, value_from=WIDE, value_to=WIDE, **settings)
    return Rule("rule", ("output",), when=what, **settings)


class Trial:
    """An evaluator of rules on three keypoints. Roles: first is 0, second is 1."""

    def __init__(self, *what, animals=4, frame_rate=100.0, classifiers=None, **settings):
        rules = tuple(make(item, **settings) for item in what)
        self.engine = Evaluator(
            Rules(("a", "b", "c"), rules, {"first": 0, "second": 1}, ()),
            animals=animals, frame_rate=frame_rate, classifiers=classifiers,
        )  # fmt: skip

    def see(self, ms, *animals, ids=None, id_scores=None, age_ms=0, image=None, predicted=None):
        """A frame at ``ms``; each animal is a list of (x, y) or (x, y, score), what is left out is missing.

        Without ``ids`` animals are 0, 1, ... -> [(rule, animal, word)].
        """
        numbers = np.arange(len(animals)) if ids is None else np.array(ids, np.int64)
        count = self.engine.step(
            _poses(animals), numbers, None if id_scores is None else np.array(id_scores, np.float32),
            round(ms * MS), round(age_ms * MS), image, None if predicted is None else _poses(predicted),
        )  # fmt: skip
        assert all(o["time_ns"] >= round(ms * MS) for o in self.engine.outcomes[:count])
        return [(int(o["rule"]), int(o["animal"]), NAMES[o["code"]]) for o in self.engine.outcomes[:count]]

    def words(self, *arguments, **more):
        """Of `see`, the words alone."""
        return [word for _, _, word in self.see(*arguments, **more)]

    def value(self, *arguments, **more):
        """The value of rule 0 after `see`."""
        self.see(*arguments, **more)
        return float(self.engine.values[0])


def _poses(animals):
    poses = np.full((len(animals), 3, 3), np.nan, np.float32)
    poses[..., 2] = 0.0
    for pose, animal in zip(poses, animals, strict=True):
        for k, point in enumerate(animal):
            pose[k] = (*point, 1.0)[:3]
    return poses


def truths(condition, frames, **settings):
    """True, False or None (unknown) of one animal in each frame: (ms, keypoints) or (ms, keypoints, more).

    A rule that repeats after 1 ns fires in every frame in which its condition is true.
    """
    trial = Trial(condition, Condition("not", inner=(condition,)), repeat_ns=1, **settings)
    found = []
    for ms, keypoints, *more in frames:
        fired = {n for n, _, word in trial.see(ms, keypoints, **(more[0] if more else {})) if word == "fired"}
        assert len(fired) < 2
        found.append({0: True, 1: False}[fired.pop()] if fired else None)
    return found


def series(condition, values, step_ms=10, **settings):
    """`truths` of a condition on the x of keypoint a; None: it is missing."""
    frames = [(n * step_ms, [] if x is None else [(x, 0.0)]) for n, x in enumerate(values)]
    return truths(condition, frames, **settings)


def unknown(value):
    return math.isnan(value)
