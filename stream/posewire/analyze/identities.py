"""Two-sided identities of a recording of any length: part by part, with an overlap by which the parts are joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from posewire.analyze.journal import Block
from posewire.assignment import Workspace, assign
from posewire.frame import Floats
from posewire.track.refine import refine
from posewire_models.skeleton import Pair

PART = 20_000
OVERLAP = 2_000
"""Frames; of a part, and of it shared with the one before."""

Named = tuple[npt.NDArray[np.int64], Floats]
"""Ids int64 [A] and scores float32 [A] of the poses of a frame."""


def refined(
    blocks: Iterator[Block],
    skeleton: Sequence[Pair],
    animals: int | None,
    part: int = PART,
    overlap: int = OVERLAP,
) -> Iterator[Named]:
    """Who is who, decided by what came before and after, as `posewire tracks refine` does.

    Frames of ``part`` are looked at together; the second half of the ``overlap`` goes by the later part, which knows
    what came after. Animals of two parts are the same who share most poses there (one optimal assignment).
    """
    times: list[int] = []
    poses: list[Floats] = []
    before: list[npt.NDArray[np.int64]] = []  # ids of the overlap, in the numbering of all parts
    used = 0  # ids given so far
    for block in blocks:
        for _, time_s, place in block.frames():
            times.append(round(time_s * 1e9))
            poses.append(block.poses[place])
            if len(poses) == part:
                used, ids, scores = _part(poses, times, skeleton, animals, before, used)
                keep = part - overlap // 2
                skip = overlap // 2 if before else 0
                yield from zip(ids[skip:keep], scores[skip:keep], strict=True)
                before = ids[part - overlap :]
                del times[: part - overlap], poses[: part - overlap]
    _, ids, scores = _part(poses, times, skeleton, animals, before, used)
    skip = overlap // 2 if before else 0
    yield from zip(ids[skip:], scores[skip:], strict=True)


def _part(
    poses: list[Floats],
    times: list[int],
    skeleton: Sequence[Pair],
    animals: int | None,
    before: list[npt.NDArray[np.int64]],
    used: int,
) -> tuple[int, list[npt.NDArray[np.int64]], list[Floats]]:
    told = refine(poses, times, skeleton, animals=animals)
    count = max((int(frame.max(initial=-1)) + 1 for frame in told.ids), default=0)
    table = np.zeros((count, used))
    for mine, theirs in zip(told.ids, before, strict=False):
        both = (mine >= 0) & (theirs >= 0)
        np.subtract.at(table, (mine[both], theirs[both]), 1.0)
    new = np.full(count + 1, -1, np.int64)  # its last stays -1, for nobody
    if table.size:
        space = Workspace(max(table.shape))
        assign(table, *table.shape, new[:count], space.floats, space.integers)
        for row in range(count):
            if new[row] >= 0 and table[row, new[row]] == 0.0:
                new[row] = -1  # never seen together: somebody else
    free = sorted(set(range(animals)) - set(new.tolist())) if animals is not None else []
    for row in range(count):
        if new[row] < 0:
            if animals is not None:
                # One of those who are known to be there: whose number nobody has had yet, or was last seen long ago.
                new[row] = free.pop(0)
            else:
                new[row] = used
            used = max(used, int(new[row]) + 1)
    return used, [new[frame] for frame in told.ids], told.scores
