"""What a tracker remembers, in arrays of constant size.

Records rather than columns: a kernel that was compiled for another layout is not taken from Numba's cache.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# One animal that is or was in view. Everything about its motion stands as it was when it was last seen.
TRACK = np.dtype(
    [
        ("used", np.int64),
        ("id", np.int64),  # -1 until it is confirmed
        ("hits", np.int64),  # frames it was seen in
        ("missed", np.int64),  # frames since it was last seen
        ("born_s", np.float64),  # time since it was first seen
        ("age_s", np.float64),  # time since it was last seen
        ("absent_s", np.float64),  # the same, pauses of the camera left out
        ("vx", np.float64),  # px/s
        ("vy", np.float64),
        ("place_var", np.float64),  # px², along each axis
        ("cross_var", np.float64),  # px²/s
        ("speed_var", np.float64),  # px²/s²
        ("ahead", np.float64),  # s of its velocity that it has moved on by now
        ("reach_var", np.float64),  # px², place_var by now
        ("size_weight", np.float64),
        ("appearance_weight", np.float64),
        ("risk", np.float64),  # that its id has just been exchanged
        ("contested", np.float64),  # while it is missing: that another track is really this animal
        ("anomaly", np.float64),  # what its misfit usually is
    ]
)

# What all animals have in common, learnt as they come.
COMMON = np.dtype(
    [
        ("body_px", np.float64),
        ("body_weight", np.float64),
        ("keypoints", np.float64),  # seen of an animal, on average
        ("speed_var", np.float64),  # body²/s², along each axis
        ("surprise", np.float64),  # mean squared innovation over its prediction
        ("size_var", np.float64),
        ("appearance_var", np.float64),
        ("frame_s", np.float64),
        ("left", np.float64),
        ("right", np.float64),
        ("top", np.float64),
        ("bottom", np.float64),
        ("next_id", np.int64),
    ]
)


class State:
    """The memory of a tracker of K keypoints and E limbs, for ``slots`` animals and ``most`` poses a frame."""

    def __init__(self, slots: int, most: int, keypoints: int, limbs: int) -> None:
        self.tracks: npt.NDArray[np.void] = np.zeros(slots, TRACK)
        self.common: npt.NDArray[np.void] = np.zeros(1, COMMON)
        self.points: npt.NDArray[np.float64] = np.full((slots, keypoints, 2), np.nan)
        self.seen: npt.NDArray[np.float64] = np.zeros((slots, keypoints))  # s since each keypoint was seen
        self.limbs: npt.NDArray[np.float64] = np.full((slots, limbs), np.nan)  # mean log length
        self.limb_var: npt.NDArray[np.float64] = np.zeros(limbs)
        self.point_var: npt.NDArray[np.float64] = np.zeros(keypoints)  # body², from one frame to the next
        self.appearance: npt.NDArray[np.float64] = np.zeros((slots, 0))
        # Of one frame: rows are slots, columns poses.
        self.cost: npt.NDArray[np.float64] = np.zeros((slots, most))
        self.value: npt.NDArray[np.float64] = np.zeros((slots, most))
        self.misfit: npt.NDArray[np.float64] = np.zeros((slots, most))
        self.lasting: npt.NDArray[np.float64] = np.zeros((slots, most))
        self.moved: npt.NDArray[np.float64] = np.zeros((slots, most, 2))
        self.gate: npt.NDArray[np.float64] = np.zeros(slots)
        self.rows: npt.NDArray[np.int64] = np.zeros(slots, np.int64)
        self.clean: npt.NDArray[np.float64] = np.full((most, keypoints, 2), np.nan)
        self.columns: npt.NDArray[np.int64] = np.zeros(most, np.int64)
        self.twins: npt.NDArray[np.float64] = np.zeros((most, most))
        self.limb_now: npt.NDArray[np.float64] = np.zeros((most, limbs))
        self.scratch: npt.NDArray[np.float64] = np.zeros((4, keypoints))
        self.table: npt.NDArray[np.float64] = np.zeros((slots, most))
        self.partner: npt.NDArray[np.int64] = np.full(slots, -1, np.int64)

    def reset(self, sigma: float, size_sigma: float, speed_floor: float) -> None:
        """Forget all animals and all that was learnt."""
        self.tracks[:] = 0
        self.tracks["id"] = -1
        self.points[:] = np.nan
        self.limbs[:] = np.nan
        self.appearance[:] = 0.0
        self.limb_var[:] = 0.04
        self.point_var[:] = sigma**2
        common = self.common[0]
        common["body_px"], common["body_weight"], common["keypoints"] = 0.0, 0.0, 0.0
        common["speed_var"], common["surprise"] = max(1.0, speed_floor**2), 1.0
        common["size_var"], common["appearance_var"], common["frame_s"] = size_sigma**2, 0.0, 0.0
        common["left"] = common["top"] = np.inf
        common["right"] = common["bottom"] = -np.inf
        common["next_id"] = 0
