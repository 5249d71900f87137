"""Recorded poses in files: arrays of a video (``.npz``), and what `posewire listen --json` printed.

The arrays are named as in SLEAP's analysis files: ``points`` [F, T, K, 2] px, NaN where absent, ``frame_index`` [F],
``node_names`` [K], and where known ``point_score`` [F, T, K], ``edges`` [E, 2], ``time_ns`` [F], ``fps``.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire_models.errors import InputError
from posewire_models.files import write_whole
from posewire_models.skeleton import Pair


@dataclass
class Recording:
    """``poses`` float32 [A, K, 3] = x, y (px; NaN where absent), score, of each frame; ``frames`` their numbers and
    ``times_ns`` their times, both rising; ``ids`` int64 [A] who each was said to be (-1: unknown)."""

    keypoints: tuple[str, ...]
    skeleton: tuple[Pair, ...]
    frames: npt.NDArray[np.int64]
    times_ns: npt.NDArray[np.int64]
    poses: list[Floats]
    ids: list[npt.NDArray[np.int64]]


def read_recording(path: Path, fps: float | None = None) -> Recording:
    """Read a file of poses. ``fps``: frames per second, for files that tell frame numbers alone (and wins over theirs).

    Without a skeleton in the file the edges are those pairs of keypoints that keep their distance best. Raises
    InputError for a file that is none of the two kinds, holds no pose, or has no times.
    """
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"--fps {fps:g}: expected frames per second, above 0")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an .npz, or what `posewire listen --json` printed")
    recording = _read_arrays(path, fps) if path.suffix.lower() == ".npz" else _read_lines(path, fps)
    if not any(len(poses) for poses in recording.poses):
        raise InputError(f"{path}: holds no pose")
    if (np.diff(recording.times_ns) <= 0).any():
        first = int(np.flatnonzero(np.diff(recording.times_ns) <= 0)[0]) + 1
        raise InputError(
            f"{path}: frame {recording.frames[first]} is not later than the one before; expected rising times"
        )
    if not recording.skeleton:
        recording.skeleton = steady_pairs(recording.poses, len(recording.keypoints))
    return recording


def _times(path: Path, frames: npt.NDArray[np.int64], fps: float | None) -> npt.NDArray[np.int64]:
    if fps is None:
        raise InputError(f"{path}: tells frame numbers only; give --fps, the frames per second of the recording")
    times: npt.NDArray[np.int64] = np.rint(frames * (1e9 / fps)).astype(np.int64)
    return times


def _read_arrays(path: Path, fps: float | None) -> Recording:
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["points"], np.float32)
            frames = np.asarray(file["frame_index"], np.int64)
            names = tuple(str(name) for name in file["node_names"])
            scores = np.asarray(file["point_score"], np.float32) if "point_score" in file else None
            skeleton = tuple((int(a), int(b)) for a, b in file["edges"]) if "edges" in file else ()
            times = np.asarray(file["time_ns"], np.int64) if "time_ns" in file else None
            told = float(file["fps"]) if "fps" in file else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: expected arrays points [frames, animals, keypoints, 2], frame_index and node_names ({error})"
        ) from None
    shape = (len(frames), points.shape[1] if points.ndim == 4 else 0, len(names))
    if points.shape != (*shape, 2) or (scores is not None and scores.shape != shape):
        raise InputError(
            f"{path}: points has shape {list(points.shape)}; expected {[*shape, 2]} for its names and frames"
        )
    if any(not 0 <= end < len(names) for edge in skeleton for end in edge):
        raise InputError(f"{path}: edges name keypoints beyond the {len(names)} there are")
    if fps is not None or times is None or times.shape != frames.shape:
        times = _times(path, frames, fps or told)
    if scores is None:
        scores = np.ones(shape, np.float32)
    poses, ids = [], []
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=-1))
    for n in range(len(frames)):
        rows = np.flatnonzero(there[n].any(axis=1))
        frame = np.concatenate([points[n, rows], scores[n, rows, :, None]], axis=-1)
        frame[~there[n, rows], :2] = np.nan
        poses.append(frame.astype(np.float32))
        ids.append(rows.astype(np.int64))
    return Recording(names, skeleton, frames, times, poses, ids)


def _read_lines(path: Path, fps: float | None) -> Recording:
    names: tuple[str, ...] = ()
    frames: list[int] = []
    times: list[int | None] = []
    poses: list[Floats] = []
    ids: list[npt.NDArray[np.int64]] = []
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            message = _object(line)
            if message is None:
                raise InputError(
                    f"{path}: line {number} is no JSON object; expected what `posewire listen --json` printed"
                )
            if "animals" not in message or "frame" not in message:
                continue  # the report at the end
            try:
                animals = message["animals"]
                if animals and not names:
                    names = tuple(animals[0])
                frame = np.full((len(animals), len(names), 3), np.nan, np.float32)
                for row, animal in enumerate(animals):
                    frame[row] = [[np.nan if v is None else v for v in animal[name]] for name in names]
                told = np.array(message.get("ids") or [-1] * len(animals), np.int64)
                if len(told) != len(animals):
                    raise ValueError(f"{len(told)} ids of {len(animals)} animals")
                frames.append(int(message["frame"]))
                times.append(message.get("time_ns"))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path}: line {number} is no pose of `posewire listen --json` ({error!r})") from None
            poses.append(frame)
            ids.append(told)
    numbers = np.array(frames, np.int64)
    known = fps is None and all(time is not None for time in times)
    stamps = np.array(times, np.int64) if known else _times(path, numbers, fps) if poses else np.zeros(0, np.int64)
    # Before the first animal nobody knows how many keypoints there are.
    poses = [frame if frame.shape[1] == len(names) else np.zeros((0, len(names), 3), np.float32) for frame in poses]
    return Recording(names, (), numbers, stamps, poses, ids)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def steady_pairs(poses: list[Floats], keypoints: int) -> tuple[Pair, ...]:
    """The tree of pairs of keypoints whose distances vary least in relation to their length (Prim's algorithm)."""
    points = np.concatenate([frame[:, :, :2] for frame in poses]).astype(np.float64)[:20_000]  # [n, K, 2]
    spread = np.full((keypoints, keypoints), np.inf)
    for a in range(keypoints):
        for b in range(a):
            apart = np.linalg.norm(points[:, a] - points[:, b], axis=-1)
            apart = apart[np.isfinite(apart) & (apart > 1e-3)]
            if len(apart) >= 2:
                spread[a, b] = spread[b, a] = np.log(apart).std()
    tree: list[Pair] = []
    reached = {0} if keypoints else set()
    while len(reached) < keypoints:
        inside, outside = sorted(reached), sorted(set(range(keypoints)) - reached)
        part = spread[np.ix_(inside, outside)]
        i, j = np.unravel_index(int(np.argmin(part)), part.shape)
        if not np.isfinite(part[i, j]):
            reached.add(outside[0])  # never seen together with the others: a new root
            continue
        tree.append((inside[int(i)], outside[int(j)]))
        reached.add(outside[int(j)])
    return tuple(tree)


def write_recording(path: Path, recording: Recording, ids: list[npt.NDArray[np.int64]], scores: list[Floats]) -> None:
    """Write ``recording`` as arrays with a column for each id, and ``id_score`` [F, T].

    Poses of nobody (id -1) are left out. Raises OSError; nothing half-written is left then.
    """
    count = max((int(frame.max()) + 1 for frame in ids if len(frame)), default=0)
    shape = (len(recording.frames), count, len(recording.keypoints))
    points = np.full((*shape, 2), np.nan, np.float32)
    point_score = np.full(shape, np.nan, np.float32)
    id_score = np.full(shape[:2], np.nan, np.float32)
    for n, (poses, who, sure) in enumerate(zip(recording.poses, ids, scores, strict=True)):
        rows = np.flatnonzero(who >= 0)
        points[n, who[rows]] = poses[rows, :, :2]
        point_score[n, who[rows]] = poses[rows, :, 2]
        id_score[n, who[rows]] = sure[rows]

    content = io.BytesIO()
    np.savez_compressed(
        content,
        points=points,
        frame_index=recording.frames,
        time_ns=recording.times_ns,
        node_names=np.array(recording.keypoints),
        edges=np.array(recording.skeleton, np.int64).reshape(-1, 2),
        track_names=np.array([str(number) for number in range(count)]),
        point_score=point_score,
        id_score=id_score,
    )
    write_whole(path, content.getvalue())
