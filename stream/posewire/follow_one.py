"""Where to look for one animal: at the part of the frame where it should be now, at all of it when in doubt.

The crop has one of a few fixed shapes (a network is warmed up for each) and is placed about where the animal will be
when the next frame is taken. The whole frame is looked at in the first frame, every ``every`` frames, while no animal
is known, and, in the same frame, whenever the crop's answer is doubtful: fewer keypoints than the last whole look
found, scores far below what they were, or a keypoint at an edge of the crop beyond which the frame goes on.

A crop never shrinks with what was found in it: its shape comes from the extent of keypoints that lie well inside
of it, and where it meets the frame's edge it is moved, not cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from posewire.frame import Floats

# Places in the follower's state.
_KNOWN, _X, _Y, _SPEED_X, _SPEED_Y, _WIDE, _HIGH, _SEEN_S, _SINCE, _SHAPE, _SMALLER, _VISIBLE, _SCORE = range(13)
_STRIKES, _DOUBTED_VISIBLE, _DOUBTED_SCORE, _QUIET, _MORE, _MISSING = range(13, 19)
_STATE = 19

WHOLE = -1  # instead of a shape's number
SHRINK_AFTER = 15  # frames for which a smaller shape must have been enough
_MARGIN = 0.25  # of the keypoints' extent, on each side: a body is larger than its keypoints
_WIDE_MARGIN = 0.75  # while keypoints are missing: nobody knows how far it really extends
_FAINT = 0.6  # of the usual score
_LONGEST_S = 0.5  # of a prediction; and a speed that old is none
_STRIKES_MOST = 2  # doubts in a row after which the crop's answer counts as usual
_CALM = 5  # frames without doubt that end a row
_SETTLED = 10  # frames in which a crop must show more keypoints than usual, to be what is usual then


@njit(nogil=True, cache=True)
def _aim(state, shapes, width, height, least_margin, every, time_s, place):  # type: ignore[no-untyped-def]
    """Chooses a shape, or `WHOLE`, and writes left and top (px) of the crop into ``place`` int64 [2]."""
    state[_SINCE] += 1.0
    if state[_KNOWN] == 0.0 or state[_SINCE] >= every:
        return WHOLE
    passed = min(max(time_s - state[_SEEN_S], 0.0), _LONGEST_S)
    away_x, away_y = state[_SPEED_X] * passed, state[_SPEED_Y] * passed
    extent = max(state[_WIDE], state[_HIGH])
    # A prediction may be off by as much as it predicts.
    margin = _MARGIN if state[_MISSING] == 0.0 else _WIDE_MARGIN
    needed = extent + 2.0 * max(margin * extent, least_margin) + 2.0 * max(abs(away_x), abs(away_y))
    chosen = WHOLE
    for n in range(shapes.shape[0] - 1, -1, -1):
        if min(shapes[n, 0], shapes[n, 1]) >= needed or (shapes[n, 0] == width and shapes[n, 1] >= needed):
            chosen = n
    if chosen == WHOLE:
        return WHOLE
    if chosen < state[_SHAPE]:
        state[_SMALLER] += 1.0
        if state[_SMALLER] < SHRINK_AFTER:
            chosen = int(state[_SHAPE])
        else:
            state[_SMALLER] = 0.0
    else:
        state[_SMALLER] = 0.0
    state[_SHAPE] = chosen
    place[0] = min(max(round(state[_X] + away_x - 0.5 * (shapes[chosen, 0] - 1)), 0), width - shapes[chosen, 0])
    place[1] = min(max(round(state[_Y] + away_y - 0.5 * (shapes[chosen, 1] - 1)), 0), height - shapes[chosen, 1])
    return chosen


@njit(nogil=True, cache=True)
def _saw(state, poses, shape, box, width, height, edge, time_s):  # type: ignore[no-untyped-def]
    """Takes in ``poses`` [K, 3] of the look at ``box`` (left, top, width, height); True if the crop is doubtful.

    ``shape`` is `WHOLE` or the number of the crop's; nothing but the doubt is noted of a doubtful crop.
    """
    visible = 0
    total = 0.0
    left = top = np.inf
    right = bottom = -np.inf
    for k in range(poses.shape[0]):
        x, y = poses[k, 0], poses[k, 1]
        if not np.isnan(x):
            visible += 1
            total += poses[k, 2]
            left, right = min(left, x), max(right, x)
            top, bottom = min(top, y), max(bottom, y)
    score = total / max(visible, 1)
    enough = 2 * visible >= poses.shape[0] and visible > 0
    if shape != WHOLE:
        cut = (
            (box[0] > 0 and left < box[0] + edge)
            or (box[1] > 0 and top < box[1] + edge)
            or (box[0] + box[2] < width and right > box[0] + box[2] - 1 - edge)
            or (box[1] + box[3] < height and bottom > box[1] + box[3] - 1 - edge)
        )
        if not enough or visible < state[_VISIBLE] or score < _FAINT * state[_SCORE] or cut:
            state[_STRIKES] += 1.0
            state[_QUIET] = 0.0
            state[_DOUBTED_VISIBLE] = visible
            state[_DOUBTED_SCORE] = score
            return True
        state[_QUIET] += 1.0
        if state[_QUIET] >= _CALM:
            state[_STRIKES] = 0.0
        state[_MORE] = state[_MORE] + 1.0 if visible > state[_VISIBLE] else 0.0
        if state[_MORE] >= _SETTLED:
            state[_VISIBLE] += 1.0
            state[_MORE] = 0.0
    else:
        state[_SINCE] = 0.0
        state[_MORE] = 0.0
        state[_VISIBLE] = visible
        state[_SCORE] = score
        if state[_STRIKES] >= _STRIKES_MOST:
            # The whole frame finds more in it again and again: that is how this animal looks in a crop just now.
            state[_VISIBLE] = min(state[_VISIBLE], state[_DOUBTED_VISIBLE])
            state[_SCORE] = min(state[_SCORE], state[_DOUBTED_SCORE])
    if not enough:
        state[_KNOWN] = 0.0
        return False
    x, y = 0.5 * (left + right), 0.5 * (top + bottom)
    passed = time_s - state[_SEEN_S]
    # What is found elsewhere all at once did not run there, and will not run on.
    hop = max(abs(x - state[_X]), abs(y - state[_Y])) > max(right - left, bottom - top, 4.0 * edge)
    if state[_KNOWN] != 0.0 and 0.0 < passed <= _LONGEST_S and not hop:
        state[_SPEED_X] = 0.5 * (state[_SPEED_X] + (x - state[_X]) / passed)
        state[_SPEED_Y] = 0.5 * (state[_SPEED_Y] + (y - state[_Y]) / passed)
    elif passed != 0.0:
        state[_SPEED_X] = 0.0
        state[_SPEED_Y] = 0.0
    state[_X], state[_Y] = x, y
    state[_WIDE], state[_HIGH] = right - left, bottom - top
    state[_KNOWN], state[_SEEN_S] = 1.0, time_s
    state[_MISSING] = poses.shape[0] - visible
    return False


class OneFollower:
    """Follows one animal through frames of ``frame`` (width, height) px with crops of ``shapes`` (width, height) px.

    ``shapes`` grow. ``edge_px``: a keypoint nearer than this to a crop's edge may be cut off. ``every``: the whole
    frame is looked at after so many frames at most.

    For each frame: `aim`, look, `saw`; if that returns True, look at the whole frame and call `saw` again for it.
    """

    def __init__(self, frame: tuple[int, int], shapes: Sequence[tuple[int, int]], edge_px: float, every: int) -> None:
        self._width, self._height = frame
        self._shapes = np.array(shapes, np.int64).reshape(-1, 2)
        self._edge = float(edge_px)
        self._every = every
        self._state = np.zeros(_STATE)
        self._place = np.zeros(2, np.int64)
        self._box = np.zeros(4, np.int64)
        self.shape = WHOLE
        self.doubts = 0
        self.forget()
        self.aim(0)  # compiles, before there is a frame
        self.saw(np.full((1, 1, 3), np.nan, np.float32), 0)
        self.forget()

    @property
    def corner(self) -> tuple[int, int]:
        """Left and top (px) of the crop of the last `aim`."""
        return int(self._place[0]), int(self._place[1])

    def forget(self) -> None:
        """The next frame has nothing to do with the last."""
        self._state[:] = 0.0
        self.shape = WHOLE

    def aim(self, time_ns: int) -> int:
        """The number of the shape to look with at a frame taken at ``time_ns``, its place in `corner`; or `WHOLE`."""
        self.shape = _aim(
            self._state,
            self._shapes,
            self._width,
            self._height,
            self._edge * 2.0,
            self._every,
            time_ns / 1e9,
            self._place,
        )
        return int(self.shape)

    def saw(self, poses: Floats, time_ns: int) -> bool:
        """What the look found, float32 [1, K, 3], NaN where there is nothing; True: look at the whole frame as well."""
        shape, box = self.shape, self._box
        if shape == WHOLE:
            box[0] = box[1] = 0
            box[2], box[3] = self._width, self._height
        else:
            box[:2] = self._place
            box[2:] = self._shapes[shape]
        doubtful = bool(_saw(self._state, poses[0], shape, box, self._width, self._height, self._edge, time_ns / 1e9))
        if doubtful:
            self.shape = WHOLE
            self.doubts += 1
        return doubtful


def crop_shapes(
    frame: tuple[int, int],
    scale: float,
    pad_multiple: int,
    side_px: int = 0,
    inputs: Sequence[int] = (128, 160, 192, 256, 320),
) -> list[tuple[int, int]]:
    """Shapes (width, height) in px of the frame whose resized crops fill network inputs of ``inputs`` px.

    Sides are rounded up to the multiple of the network; a side longer than the frame's is the frame's. Shapes that
    would not save a quarter of the frame's area are left out. ``side_px`` gives a single shape of that side.
    """
    found: list[tuple[int, int]] = []
    sides = [round(-(-side // pad_multiple) * pad_multiple / scale) for side in inputs]
    for side in [side_px] if side_px else sides:
        shape = min(side, frame[0]), min(side, frame[1])
        if shape[0] * shape[1] <= 0.75 * frame[0] * frame[1] and shape not in found:
            found.append(shape)
    return found
