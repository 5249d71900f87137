"""How far poses, and predicted ones, are from the ground truth of a source that knows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.assignment import Workspace, assign
from posewire.frame import Floats, Truth


class TruthScore:
    """Mean error over the visible keypoints of matched animals, in px of the full frame, over a session.

    Keypoints are paired by name. The best peak of every visible keypoint counts, whatever its score, so that a
    network cannot look better by keeping silent. An animal is matched to the true one that is nearest on average.
    """

    def __init__(self, keypoints: Sequence[str]) -> None:
        self._keypoints = tuple(keypoints)
        self._pairs: dict[tuple[str, ...], tuple[list[int], list[int]]] = {}
        self._sum_px = 0.0
        self._count = 0

    def add(self, peaks: Floats, truth: Truth) -> None:
        """Enter one frame: ``peaks`` float32 [A, K, 3] in full-frame pixels."""
        ours, theirs = self._pairing(truth.keypoints)
        if not ours or not len(truth.points):
            return
        for animal in peaks[:, ours, :2]:
            distances = np.linalg.norm(truth.points[:, theirs] - animal, axis=-1)
            distances[~truth.visible[:, theirs]] = np.nan
            seen = np.isfinite(distances).any(axis=1)
            if seen.any():
                candidates = distances[seen]
                errors = candidates[np.argmin(np.nanmean(candidates, axis=1))]
                self._sum_px += float(np.nansum(errors))
                self._count += int(np.isfinite(errors).sum())

    @property
    def mean_px(self) -> float | None:
        """The mean error, or None if nothing could be compared."""
        return self._sum_px / self._count if self._count else None

    def _pairing(self, theirs: tuple[str, ...]) -> tuple[list[int], list[int]]:
        if theirs not in self._pairs:
            shared = [name for name in self._keypoints if name in theirs]
            self._pairs[theirs] = (
                [self._keypoints.index(name) for name in shared],
                [theirs.index(name) for name in shared],
            )
        return self._pairs[theirs]


@dataclass(frozen=True)
class _Foretold:
    target_ns: int
    animal: int  # of the truth
    points: Floats  # [2, K', 2]: predicted, held


class PredictionTruth:
    """How far predicted keypoints are from where they then were, over a session, beside those of the last pose.

    An animal is that true one which is nearest on average when it is predicted, as in `TruthScore`. Between frames the
    truth lies on the straight line. A keypoint counts among the visible ones if it is so at both frames about the time
    that it is predicted for, and among those that were found whether it is visible or not.
    """

    def __init__(self, keypoints: Sequence[str]) -> None:
        self._pairing = TruthScore(keypoints)._pairing
        self._waiting: deque[_Foretold] = deque(maxlen=10_000)
        self._last: tuple[int, Truth] | None = None
        self._visible: npt.NDArray[np.float64] = np.zeros(3)  # px of predicted and held ones, and how many
        self._found: npt.NDArray[np.float64] = np.zeros(3)
        self._own: npt.NDArray[np.float64] = np.zeros(2)  # px of found ones when they were found, and how many

    def add(self, time_ns: int, poses: Floats, target_ns: int, predicted: Floats, truth: Truth) -> None:
        """Enter one frame of ``time_ns``: ``poses`` float32 [A, K, 3], and where they should be at ``target_ns``."""
        ours, theirs = self._pairing(truth.keypoints)
        if not ours:
            return
        self._judge(time_ns, truth, theirs)
        self._last = time_ns, truth
        for pose, ahead in zip(poses[:, ours, :2], predicted[:, ours, :2], strict=True):
            away = np.linalg.norm(truth.points[:, theirs] - pose, axis=-1)
            if np.isfinite(away).any():
                known = np.isfinite(pose[:, 0])
                nearest = int(np.argmin(away[:, known].mean(axis=1)))
                self._own += away[nearest, known].sum(), known.sum()
                self._waiting.append(_Foretold(target_ns, nearest, np.stack([ahead, pose])))

    def figures(self) -> dict[str, float | None]:
        """``truth_px``, ``truth_hold_px`` (means) and ``truth_gain`` of visible keypoints, and the same of all that
        were found, ``found_truth_px`` and so on; all None if nothing could be compared."""
        figures: dict[str, float | None] = {}
        for name, (predicted, held, count) in (("truth", self._visible), ("found_truth", self._found)):
            figures[f"{name}_px"] = float(predicted / count) if count else None
            figures[f"{name}_hold_px"] = float(held / count) if count else None
            figures[f"{name}_gain"] = float(1.0 - predicted / held) if held else None
        return figures

    @property
    def network_px(self) -> float | None:
        """Mean error of the places that were found, visible or not; None if there were none."""
        return float(self._own[0] / self._own[1]) if self._own[1] else None

    def _judge(self, time_ns: int, truth: Truth, theirs: list[int]) -> None:
        for _ in range(len(self._waiting)):
            foretold = self._waiting.popleft()
            if foretold.target_ns > time_ns:
                self._waiting.append(foretold)
                continue
            if self._last is None or foretold.target_ns < self._last[0] or foretold.animal >= len(truth.points):
                continue
            before_ns, before = self._last
            share = (foretold.target_ns - before_ns) / max(time_ns - before_ns, 1)
            now, then = truth.points[foretold.animal, theirs], before.points[foretold.animal, theirs]
            errors = np.linalg.norm(foretold.points - (then + share * (now - then)), axis=-1)
            known = np.isfinite(errors).all(axis=0)
            seen = known & truth.visible[foretold.animal, theirs] & before.visible[foretold.animal, theirs]
            for sums, counts in ((self._found, known), (self._visible, seen)):
                sums += *errors[:, counts].sum(axis=1), counts.sum()


class IdentityTruth:
    """Are the animals there, and are they who they are said to be? Over a session, against a source that knows.

    A true animal is present if three of its keypoints (or all, of fewer) are visible; others are neither missed nor
    false. A found one is a true one if its keypoints lie on average within half of the true animal's extent; the best
    assignment of a frame counts. Precision and recall are of animals; an id switch is a true animal whose id is not
    the last one it had; IDF1 is that of Ristani et al. 2016 (DOI 10.1007/978-3-319-48881-3_2), by the best assignment
    of ids to true animals over the whole session. Unknown ids (-1) are found, but nobody.
    """

    def __init__(self, keypoints: Sequence[str]) -> None:
        self._pairing = TruthScore(keypoints)._pairing
        self._together: dict[tuple[int, int], int] = {}
        self._last: dict[int, int] = {}
        self._present = self._found = self._right = self._named = self._switches = 0

    def add(self, poses: Floats, ids: npt.NDArray[np.int64], truth: Truth) -> None:
        """Enter one frame: ``poses`` float32 [A, K, 3] in full-frame pixels and ``ids`` int64 [A]."""
        ours, theirs = self._pairing(truth.keypoints)
        if not ours:
            return
        visible = truth.visible[:, theirs]
        present = visible.sum(axis=1) >= min(3, len(ours))
        points = truth.points[:, theirs].astype(np.float64)
        extent = np.linalg.norm(points.max(axis=1) - points.min(axis=1), axis=-1)  # [T]
        apart = np.linalg.norm(poses[:, None, ours, :2] - points[None], axis=-1)  # [A, T, K]
        known = np.isfinite(apart)
        away = np.where(known, apart, 0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
        near = (known.any(axis=2)) & (away <= 0.5 * extent)
        cost = np.where(near, away / np.maximum(extent, 1e-6) - 1.0, 0.0)
        space = Workspace(max(*cost.shape, 1))
        partner = np.full(max(len(poses), 1), -1, np.int64)
        assign(cost, len(poses), len(points), partner, space.floats, space.integers)
        self._present += int(present.sum())
        for a in range(len(poses)):
            number, true = int(ids[a]), int(partner[a])
            matched = true >= 0 and bool(near[a, true])
            if matched and not present[true]:
                continue
            self._found += 1
            self._named += number >= 0
            if not matched:
                continue
            self._right += 1
            if number >= 0:
                self._together[true, number] = self._together.get((true, number), 0) + 1
                self._switches += self._last.get(true, number) != number
                self._last[true] = number

    def figures(self) -> dict[str, Any] | None:
        """The report's ``truth``: precision, recall, id_switches, idf1; None if nothing could be compared."""
        if not self._present:
            return None
        rows = sorted({true for true, _ in self._together})
        columns = sorted({number for _, number in self._together})
        table = np.zeros((max(len(rows), 1), max(len(columns), 1)))
        for (true, number), count in self._together.items():
            table[rows.index(true), columns.index(number)] = -count
        space = Workspace(max(table.shape))
        partner = np.full(len(table), -1, np.int64)
        assign(table, *table.shape, partner, space.floats, space.integers)
        kept = -sum(table[n, m] for n, m in enumerate(partner) if m >= 0)
        return {
            "precision": self._right / self._found if self._found else None,
            "recall": self._right / self._present,
            "id_switches": self._switches,
            "idf1": 2 * kept / (self._present + self._named) if self._present + self._named else None,
        }
