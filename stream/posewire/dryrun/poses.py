"""Poses of a recording, as the loop meets them live: made frame by frame, kept in a file, read from one."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.recorded import Recording, read_recording
from posewire_models.errors import InputError
from posewire_models.files import write_whole
from posewire_models.skeleton import Pair

Ids = npt.NDArray[np.int64]
ENDINGS = (".npz", ".csv", ".h5", ".hdf5", ".json", ".jsonl", ".ndjson", ".txt")
_OTHERS = (".parquet", ".slp", ".nwb")


@dataclass
class Poses:
    """Frames with ``poses`` float32 [A, K, 3] = x, y (px; NaN where unknown), score, in the order of time.

    ``frames`` are their numbers, ``times_ns`` when they were taken. ``ids`` int64 [A] and ``id_scores`` [A] are None
    where there is one animal, or nobody told. ``animals`` is that of the model, ``one`` or ``many``, empty where it is
    not known; ``size`` (width, height) that of the frames; ``fps`` 0 where it is not known. ``about``: what made them.
    """

    keypoints: tuple[str, ...]
    skeleton: tuple[Pair, ...] = ()
    fps: float = 0.0
    size: tuple[int, int] | None = None
    animals: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    frames: list[int] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)
    poses: list[Floats] = field(default_factory=list)
    ids: list[Ids | None] = field(default_factory=list)
    id_scores: list[Floats | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.frames)

    def add(self, frame: int, time_ns: int, poses: Floats, ids: Ids | None, id_scores: Floats | None) -> None:
        """One more frame; the arrays are copied."""
        self.frames.append(frame)
        self.times_ns.append(time_ns)
        self.poses.append(poses.copy())
        self.ids.append(None if ids is None else ids.copy())
        self.id_scores.append(None if id_scores is None else id_scores.copy())

    def cut(self, count: int) -> None:
        """Keep the first ``count`` frames."""
        for part in (self.frames, self.times_ns, self.poses, self.ids, self.id_scores):
            del part[count:]

    def hide(self, min_score: float) -> None:
        """Keypoints of a lower score become unknown, as a run with this ``min_score`` publishes them."""
        for n, frame in enumerate(self.poses):
            low = frame[:, :, 2] < min_score
            if low.any():
                self.poses[n] = frame = frame.copy()
                frame[low, :2] = np.nan

    def named(self, keypoints: tuple[str, ...], path: Path) -> None:
        """Take these keypoints, by name and in this order. Raises InputError if one is missing."""
        missing = [name for name in keypoints if name not in self.keypoints]
        if missing:
            raise InputError(
                f"{path}: has no keypoint {missing[0]!r}, which the model has; "
                f"its keypoints are {', '.join(self.keypoints)}"
            )
        if keypoints == self.keypoints:
            return
        order = [self.keypoints.index(name) for name in keypoints]
        self.poses = [frame[:, order] for frame in self.poses]
        place = {old: new for new, old in enumerate(order)}
        self.skeleton = tuple((place[a], place[b]) for a, b in self.skeleton if a in place and b in place)
        self.keypoints = keypoints

    def retime(self, fps: float) -> None:
        """Frames come ``fps`` times a second."""
        self.fps = fps
        self.times_ns = [time_of(frame, fps) for frame in self.frames]


def time_of(frame: int, fps: float) -> int:
    """When a frame of a recording was taken, in ns since frame 0."""
    return round(frame * 1e9 / fps)


def is_poses_file(spec: str) -> bool:
    """Whether what is to be tried is a file of poses. Raises InputError for one that cannot be read."""
    path = Path(spec)
    if path.suffix.lower() in _OTHERS and path.is_file():
        raise InputError(f"{path}: poses are read from {', '.join(ENDINGS[:4])} and what `listen --json` printed")
    return path.suffix.lower() in ENDINGS and not path.is_dir()


def read_poses(path: Path, fps: float | None) -> Poses:
    """Poses of a file, by its ending. ``fps``: for files that tell frame numbers only, and wins over theirs.

    Raises InputError for a file that is none, holds no frame, or has no times.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected poses ({', '.join(ENDINGS)})")
    ending = path.suffix.lower()
    if ending in (".csv", ".h5", ".hdf5"):
        from posewire.dryrun.tables import read_table

        found = read_table(path, fps)
    elif ending == ".npz" and (kept := read_kept(path)) is not None:
        found = kept
        if fps is not None:
            found.retime(fps)
    else:
        found = _of_recording(read_recording(path, fps))
        found.fps = fps or _rate(found.times_ns)
    if not len(found):
        raise InputError(f"{path}: holds no frame")
    return found


def _of_recording(recording: Recording) -> Poses:
    told = any((ids >= 0).any() for ids in recording.ids)
    several = max((len(frame) for frame in recording.poses), default=0) > 1
    ids: list[Ids | None] = list(recording.ids) if told or several else [None] * len(recording.ids)
    return Poses(
        recording.keypoints,
        recording.skeleton,
        animals="many" if several else "" if told else "one",
        frames=recording.frames.tolist(),
        times_ns=recording.times_ns.tolist(),
        poses=recording.poses,
        ids=ids,
        id_scores=[None] * len(ids),
    )


def _rate(times_ns: list[int]) -> float:
    steps = np.diff(times_ns)
    return float(1e9 / np.median(steps)) if len(steps) else 0.0


# Kept poses ----------------------------------------------------------------------------------------------------------


def keep(path: Path, poses: Poses) -> None:
    """Write all of it: as arrays that `posewire.recorded` and SLEAP's readers know, and row by row as it was.

    Raises OSError; nothing half-written is left then.
    """
    ids = [np.arange(len(frame)) if who is None else who for frame, who in zip(poses.poses, poses.ids, strict=True)]
    sure = [
        np.ones(len(frame), np.float32) if score is None else score
        for frame, score in zip(poses.poses, poses.id_scores, strict=True)
    ]
    count, names = len(poses), len(poses.keypoints)
    animals = max((int(who.max()) + 1 for who in ids if len(who)), default=0)
    points = np.full((count, animals, names, 2), np.nan, np.float32)
    point_score = np.full((count, animals, names), np.nan, np.float32)
    for n, (frame, who) in enumerate(zip(poses.poses, ids, strict=True)):
        rows = np.flatnonzero(who >= 0)
        points[n, who[rows]] = frame[rows, :, :2]
        point_score[n, who[rows]] = frame[rows, :, 2]
    about = {
        **poses.about, "fps": poses.fps, "size": poses.size, "animals": poses.animals,
        "ids": any(who is not None for who in poses.ids),
    }  # fmt: skip
    content = io.BytesIO()
    np.savez_compressed(
        content,
        points=points,
        point_score=point_score,
        frame_index=np.array(poses.frames, np.int64),
        time_ns=np.array(poses.times_ns, np.int64),
        node_names=np.array(poses.keypoints),
        edges=np.array(poses.skeleton, np.int64).reshape(-1, 2),
        track_names=np.array([str(number) for number in range(animals)]),
        row_count=np.array([len(frame) for frame in poses.poses], np.int64),
        row_poses=np.concatenate([*poses.poses, np.zeros((0, names, 3), np.float32)]),
        row_ids=np.concatenate([*ids, np.zeros(0, np.int64)]),
        row_id_scores=np.concatenate([*sure, np.zeros(0, np.float32)]),
        about=np.array(json.dumps(about)),
    )
    write_whole(path, content.getvalue())


def read_kept(path: Path) -> Poses | None:
    """What `keep` wrote; None for another file of arrays. Raises InputError for a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if "row_poses" not in file or "about" not in file:
                return None
            about = json.loads(str(file["about"]))
            counts, rows = file["row_count"], np.asarray(file["row_poses"], np.float32)
            ids, sure = np.asarray(file["row_ids"], np.int64), np.asarray(file["row_id_scores"], np.float32)
            keypoints = tuple(str(name) for name in file["node_names"])
            skeleton = tuple((int(a), int(b)) for a, b in file["edges"])
            frames, times = file["frame_index"].tolist(), file["time_ns"].tolist()
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: not a whole file of poses ({error}); remove it and make it anew") from None
    size, told = about.pop("size"), about.pop("ids")
    ends = np.cumsum(counts)[:-1]
    return Poses(
        keypoints,
        skeleton,
        fps=about.pop("fps"),
        size=None if size is None else (size[0], size[1]),
        animals=about.pop("animals"),
        about=about,
        frames=frames,
        times_ns=times,
        poses=np.split(rows, ends),
        ids=list(np.split(ids, ends)) if told else [None] * len(frames),
        id_scores=list(np.split(sure, ends)) if told else [None] * len(frames),
    )
