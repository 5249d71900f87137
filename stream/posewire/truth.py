"""How far poses are from the ground truth of a source that knows it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
