"""What an animal looks like: the colours along its limbs, read from the frame where the network found them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from posewire.frame import Floats, Image
from posewire_models.skeleton import Pair

CHANNELS = 3
_PLACES = 5  # along each limb, between its ends
_DARK = 10.0  # grey levels added before the logarithm: below that all is noise


@njit(nogil=True, cache=True)
def read_colours(image, poses, edges, colours):  # type: ignore[no-untyped-def]
    """``colours`` float32 [A, E, 3]: of each limb the logarithm of each channel's mean, NaN where it is not seen.

    ``image`` uint8 [H, W, C] with C 3, or 1 (which stands for all three); ``poses`` float32 [A, K, 3], px; ``edges``
    int64 [E, 2]. Light that doubles moves all numbers by 0.7.
    """
    height, width, channels = image.shape
    for a in range(poses.shape[0]):
        for e in range(edges.shape[0]):
            x, y = poses[a, edges[e, 0], 0], poses[a, edges[e, 0], 1]
            dx, dy = poses[a, edges[e, 1], 0] - x, poses[a, edges[e, 1], 1] - y
            count = 0
            for c in range(CHANNELS):
                colours[a, e, c] = 0.0
            for n in range(_PLACES):
                share = (n + 1.0) / (_PLACES + 1.0)
                column, row = np.rint(x + share * dx), np.rint(y + share * dy)
                # Also false where a keypoint is NaN.
                if 0.0 <= column < width and 0.0 <= row < height:
                    count += 1
                    for c in range(CHANNELS):
                        colours[a, e, c] += image[int(row), int(column), min(c, channels - 1)]
            for c in range(CHANNELS):
                if count == 0:
                    colours[a, e, c] = np.nan
                else:
                    colours[a, e, c] = np.log(colours[a, e, c] / count + _DARK)


class Colours:
    """Reads colours of poses into memory made once. ``skeleton``: the limbs; ``most``: poses there is room for."""

    def __init__(self, skeleton: Sequence[Pair], most: int = 32) -> None:
        self._edges = np.asarray(skeleton, np.int64).reshape(-1, 2)
        self._room: Floats = np.zeros((most, len(self._edges), CHANNELS), np.float32)
        keypoints = int(self._edges.max(initial=-1)) + 1
        # Compiles, or loads what was compiled.
        self.read(np.zeros((1, 1), np.uint8), np.full((1, keypoints, 3), np.nan, np.float32))

    def read(self, image: Image, poses: Floats) -> Floats:
        """``poses`` float32 [A, K, 3] (px) in ``image`` uint8 [H, W, 3] or [H, W] -> float32 [A, E, 3], see
        `read_colours`; overwritten by the next call.
        """
        if len(poses) > len(self._room):
            self._room = np.zeros((len(poses), *self._room.shape[1:]), np.float32)
        colours = self._room[: len(poses)]
        image = np.ascontiguousarray(image)
        read_colours(image if image.ndim == 3 else image[..., None], poses, self._edges, colours)
        return colours
