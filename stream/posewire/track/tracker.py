"""Identities over time, causal and in constant memory: poses of a frame in, who is who out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from posewire.assignment import Workspace
from posewire.frame import Floats
from posewire.track.doubt import EVIDENCE, WEIGHTS
from posewire.track.kernel import step
from posewire.track.rules import TrackRules, as_record
from posewire.track.state import clear, make_state
from posewire.track.touching import spanning_tree
from posewire_models.skeleton import Pair

USUAL = TrackRules()
_LONGEST_S = 3600.0
_SHORTEST_S = 1e-4
_KNOWN_NUMBER = 8.0  # natural logarithm, beside `TrackRules.clutter`


class Tracker:
    """Follows animals from frame to frame.

    ``keypoints``: K; ``skeleton``: pairs of keypoints whose distances say how large an animal is. ``animals``: how
    many there are, if that is known: then ids are 0 to animals - 1 and there is never another. Else every new animal
    gets the next number, and none is used twice. ``most``: poses of one frame that are looked at (later rows stay
    unknown), and half of the animals that are remembered. ``features``: how many numbers of appearance each
    limb has.

    After `step`, ``ids`` int64 [A] and ``id_scores`` float32 [A] tell of each pose who it is (-1: not known yet, or
    found twice) and how likely it is that no swap has just happened (0 for unknown ones).
    """

    def __init__(
        self,
        keypoints: int,
        skeleton: Sequence[Pair],
        rules: TrackRules = USUAL,
        *,
        animals: int | None = None,
        most: int = 32,
        features: int = 0,
    ) -> None:
        if animals is not None and animals < 1:
            raise ValueError(f"animals is {animals}: expected 1 or more, or None")
        self.rules = rules
        self.animals = animals
        self.most = most
        if animals is not None:
            # Whoever turns up must be one of those who are missing.
            rules = replace(rules, reappears_per_s=1e3, clutter=rules.clutter + _KNOWN_NUMBER)
        self._record = as_record(rules)
        self._edges = np.asarray(skeleton, np.int64).reshape(-1, 2)
        slots = 2 * max(most, animals or 0)
        self._memory, self._now = make_state(
            slots, most, most, keypoints, len(self._edges) * (1 + features), len(EVIDENCE)
        )
        self._tree = spanning_tree(self._edges, keypoints)
        self._space = Workspace(max(slots, most))
        self._features = features
        self._pool: Floats = np.zeros((2 * most, keypoints, 3), np.float32)
        self._no_appearance: Floats = np.zeros((0, len(self._edges), features), np.float32)
        self._no_bonds: Floats = np.zeros((0, 0, len(self._edges)), np.float32)
        self._ids_room = np.zeros(most, np.int64)
        self._scores_room: Floats = np.zeros(most, np.float32)
        self.reset()
        # Compiles, or loads what was compiled.
        self.step(np.zeros((1, keypoints, 3), np.float32), 0)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next pose is the first."""
        clear(self._memory, self.rules)
        self._last_ns: int | None = None
        self.ids: npt.NDArray[np.int64] = self._ids_room[:0]
        self.id_scores: Floats = self._scores_room[:0]

    def remembered(self) -> bytes:
        """All that is kept from frame to frame, for `recall`; a few kilobytes."""
        last = np.array([self._last_ns is not None, self._last_ns or 0], np.int64)
        return zlib.compress(b"".join([last.tobytes(), *(part.tobytes() for part in self._memory)]), 1)

    def recall(self, remembered: bytes) -> None:
        """Go on from where a tracker of the same kind was. Raises ValueError for one of another kind."""
        content = zlib.decompress(remembered)
        if len(content) != 16 + sum(part.nbytes for part in self._memory):
            raise ValueError("remembered by a tracker of another size")
        known, last = np.frombuffer(content, np.int64, 2).tolist()
        self._last_ns = last if known else None
        at = 16
        for part in self._memory:
            part[...] = np.frombuffer(content, part.dtype, part.size, at).reshape(part.shape)
            at += part.nbytes

    def step(
        self,
        poses: Floats,
        time_ns: int,
        appearance: Floats | None = None,
        bonds: Floats | None = None,
        loose: Floats | None = None,
    ) -> None:
        """One frame: ``poses`` float32 [A, K, 3] = x, y (px; NaN where absent), score, in any order, taken at
        ``time_ns``. Where two animals touch, keypoints are given to the one whose they are, in ``poses`` itself.

        ``appearance`` float32 [A, E, features]: any numbers that an animal's limb keeps, NaN where unknown, whose
        differences compare with `TrackRules.appearance_sigma`, such as logarithms of colours (`Colours`). ``loose``
        float32 [F, K, 3]: keypoints that belong to no pose, each of its own. ``bonds`` float32 [A + F, A + F, E]: how
        well the network's fields join the first end of edge e in one row (poses first, then the loose ones) with the
        second end in another or the same, NaN where either is absent. A time that does not advance counts as a tenth
        of a millisecond. Raises ValueError if one of them has another shape.
        """
        step_s = _SHORTEST_S
        if self._last_ns is not None:
            step_s = min(max((time_ns - self._last_ns) * 1e-9, _SHORTEST_S), _LONGEST_S)
        self._last_ns = time_ns
        animals, limbs = len(poses), len(self._edges)
        if animals > len(self._ids_room):
            self._ids_room, self._scores_room = np.zeros(animals, np.int64), np.zeros(animals, np.float32)
        self.ids, self.id_scores = self._ids_room[:animals], self._scores_room[:animals]
        if appearance is None:
            appearance = self._no_appearance
        elif appearance.shape != (animals, limbs, self._features):
            raise ValueError(f"appearance is {appearance.shape}: expected {(animals, limbs, self._features)}")
        rows = animals if loose is None else animals + len(loose)
        if bonds is None:
            bonds = self._no_bonds
        elif bonds.shape != (rows, rows, limbs):
            raise ValueError(f"bonds are {bonds.shape}: expected {(rows, rows, limbs)}")
        if rows > len(self._pool):
            self._pool = np.zeros((rows, *poses.shape[1:]), np.float32)
            self._now = self._now._replace(owner=np.zeros((rows, poses.shape[1]), np.int64))
        pool = self._pool[:rows]
        pool[:animals] = poses
        if loose is not None:
            pool[animals:] = loose
        step(
            poses, appearance.reshape(len(appearance), limbs * self._features), bonds, pool, self._edges,
            self._tree, step_s, self.animals or 0, self._record, WEIGHTS, self._memory, self._now,
            self._space.floats, self._space.integers, self.ids, self.id_scores,
        )  # fmt: skip
