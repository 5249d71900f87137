"""All poses of a video as one array on the disk, from which every format is written part by part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.analyze.identities import Named
from posewire.analyze.journal import Block
from posewire.frame import Floats
from posewire_models.skeleton import Pair

_STEP_BYTES = 2 << 20  # of a part


@dataclass(frozen=True)
class Subject:
    """What the frames are of, in the words that files hold.

    ``scorer`` names the network. ``animals`` are the names of several, empty for a model of one animal. ``size`` is
    width and height of the frames, ``recorded_s`` when the video was written last (s since 1970).
    """

    video: Path
    size: tuple[int, int]
    fps: float
    keypoints: tuple[str, ...]
    skeleton: tuple[Pair, ...]
    symmetric: tuple[Pair, ...]
    animals: tuple[str, ...]
    scorer: str
    min_score: float
    identifier: str
    recorded_s: float


@dataclass(frozen=True)
class Result:
    """``times`` float64 [F] s; ``poses`` float32 [F, A, K, 3] = x, y (px), score, NaN where there is nothing; and
    ``id_scores`` float32 [F, A] for several animals, NaN where one is not there. The arrays lie on the disk.
    """

    subject: Subject
    times: npt.NDArray[np.float64]
    poses: Floats
    id_scores: Floats | None

    def __len__(self) -> int:
        return len(self.times)

    def parts(self) -> Iterator[tuple[int, int]]:
        """First and last + 1 of frames that fit into memory together."""
        step = max(1, _STEP_BYTES // max(1, self.poses[:1].nbytes))
        for first in range(0, len(self), step):
            yield first, min(first + step, len(self))


@dataclass(frozen=True)
class Names:
    """Who every pose of a journal is, one after the other: ``ids`` int32 [P], ``scores`` float32 [P]. On the disk."""

    ids: npt.NDArray[np.int32]
    scores: Floats

    @property
    def most(self) -> int:
        """The highest id, and one more."""
        return int(self.ids.max(initial=-1)) + 1


def keep_names(folder: Path, named: Iterable[Named]) -> Names:
    """Write names, frame by frame, into files in ``folder``. Raises OSError."""
    with (folder / "ids").open("wb") as ids, (folder / "sure").open("wb") as scores:
        for who, sure in named:
            ids.write(who.astype(np.int32).tobytes())
            scores.write(sure.astype(np.float32).tobytes())
        if not ids.tell():
            return Names(np.zeros(0, np.int32), np.zeros(0, np.float32))
    return Names(np.memmap(folder / "ids", np.int32, "r"), np.memmap(folder / "sure", np.float32, "r"))


def gather(
    folder: Path, subject: Subject, frames: int, blocks: Iterable[Block], names: Names | None
) -> tuple[Result, int]:
    """Put ``blocks`` of ``frames`` frames into files in ``folder``. ``names``: who is who, where that is not what the
    blocks say. Returns also how many poses are nobody's: these are in no table. Raises OSError.
    """
    several = bool(subject.animals)
    count = max(1, len(subject.animals))
    times = _room(folder / "times", np.float64, frames)
    poses = _room(folder / "poses", np.float32, frames, count, len(subject.keypoints), 3)
    id_scores = _room(folder / "id_scores", np.float32, frames, count) if several else None
    nobody = before = 0
    for block in blocks:
        times[block.first : block.first + len(block)] = block.times
        poses[block.first : block.first + len(block)] = np.nan
        if id_scores is None:
            poses[block.first : block.first + len(block), 0] = block.poses
            continue
        id_scores[block.first : block.first + len(block)] = np.nan
        many = len(block.poses)
        all_ids, all_scores = block.ids, block.id_scores
        if names is not None:
            all_ids, all_scores = names.ids[before : before + many], names.scores[before : before + many]
        before += many
        for n, _, place in block.frames():
            ids, scores = all_ids[place], all_scores[place]
            there = ids >= 0
            nobody += int((~there).sum())
            poses[n, ids[there]] = block.poses[place][there]
            id_scores[n, ids[there]] = scores[there]
    return Result(subject, times, poses, id_scores), nobody


def _room(path: Path, kind: type[Any], *shape: int) -> Any:
    """An array in a file; an empty one has no file, which systems refuse."""
    return np.memmap(path, kind, "w+", shape=shape) if np.prod(shape) else np.zeros(shape, kind)
