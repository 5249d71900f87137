"""Where to look: about each animal that was seen, where it should be now; at the whole frame now and then.

The whole frame is looked at every ``every`` frames for newcomers, and every `SEARCH_EVERY` frames while an animal
is missing: one that was followed, or, if it is known how many there are, one that is still to be found.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.looks import CropLook, Settings

WHOLE_EVERY = 30
SEARCH_EVERY = 5
MOST = 8  # crops in one batch; with more animals than that the whole frame is the faster look
_LEAST_SIDE_PX = 96


class Follower:
    """Crops of ``side_px`` px (0: half of the frame's shorter side) about up to ``animals`` animals (None: 8).

    For each frame `aim` decides where to look; `saw` is then told what was found there.
    """

    def __init__(self, animals: int | None, side_px: int = 0, every: int = WHOLE_EVERY) -> None:
        self._wanted = animals
        self._most = min(animals or MOST, MOST)
        self._side_px = side_px
        self._every = every
        self._centres: npt.NDArray[np.float64] = np.zeros((0, 2))
        self._speeds: npt.NDArray[np.float64] = np.zeros((0, 2))  # px per ns
        self._ids: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._seen_ns = 0
        self._since_whole = every
        self._missing = False
        self._whole = True

    def look(self, settings: Settings, width: int, height: int) -> CropLook | None:
        """The crops for frames of this size; None where they would not be smaller than the frame."""
        side = self._side_px or max(min(width, height) // 2, _LEAST_SIDE_PX)
        self._since_whole = self._every
        return CropLook(settings, width, height, side, self._most) if side < max(width, height) else None

    def aim(self, look: CropLook, time_ns: int) -> bool:
        """Place the crops for a frame taken at ``time_ns``; False if the whole frame is to be looked at."""
        self._since_whole += 1
        every = min(SEARCH_EVERY, self._every) if self._missing else self._every
        animals = len(self._centres)
        self._whole = self._since_whole >= every or not 0 < animals <= self._most
        if self._whole:
            self._since_whole = 0
            return False
        look.aim(self._centres + self._speeds * (time_ns - self._seen_ns))
        return True

    def saw(self, poses: Floats, ids: npt.NDArray[np.int64], time_ns: int) -> None:
        """What was found in the frame of the last `aim`: poses float32 [A, K, 3] and who they are, int64 [A]."""
        known = np.isfinite(poses[..., 0]).any(axis=1)
        found = poses[known, :, :2].astype(np.float64)
        now = ids[known].copy()
        # The middle of its extent, so that all of the animal has the same margin.
        centres = 0.5 * (np.nanmin(found, axis=1) + np.nanmax(found, axis=1)) if len(found) else np.zeros((0, 2))
        speeds = np.zeros_like(centres)
        elapsed = time_ns - self._seen_ns
        for n, number in enumerate(now):
            before = np.flatnonzero(self._ids == number)
            if number >= 0 and len(before) and elapsed > 0:
                speeds[n] = 0.5 * (self._speeds[before[0]] + (centres[n] - self._centres[before[0]]) / elapsed)
        lost = not self._whole and len(now) < len(self._centres)
        short = self._wanted is not None and len(now) < self._wanted
        self._missing = short or lost or (self._missing and not self._whole)
        self._centres, self._speeds, self._ids, self._seen_ns = centres, speeds, now, time_ns
