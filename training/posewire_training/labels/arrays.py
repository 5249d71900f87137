"""Labels of a video as arrays in one ``.npz``: ``points``, ``frame_index``, ``node_names``, ``edges``, ``track_names``.

The keys are those of SLEAP's analysis files; the video they belong to is told beside them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels.record import Labels, labelled


def read_arrays(path: Path, video: Path | None) -> Labels:
    """Read ``points`` ``[frames, animals, K, 2]`` of the frames ``frame_index`` of ``video``.

    Raises InputError for a file that is none, and without a video.
    """
    if video is None:
        raise InputError(
            f"{path}: tells frame numbers only; name its video: --video, or in a project file "
            "labels = [{ file = ..., video = ... }]"
        )
    if not video.is_file():
        raise InputError(f"{path}: its video {video} is no file")
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["points"], np.float32)
            frames = np.asarray(file["frame_index"], np.int64)
            names = tuple(str(name) for name in file["node_names"])
            edges = [(int(a), int(b)) for a, b in file["edges"]] if "edges" in file else []
            tracks = tuple(str(name) for name in file["track_names"]) if "track_names" in file else ()
            scores = np.asarray(file["point_score"], np.float32) if "point_score" in file else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected arrays points [frames, animals, keypoints, 2], frame_index and node_names ({error})"
        ) from None
    if points.ndim != 4 or points.shape != (len(frames), points.shape[1], len(names), 2):
        raise InputError(
            f"{path}: points has shape {list(points.shape)}; expected [{len(frames)}, animals, {len(names)}, 2]"
        )
    if not len(frames):
        raise InputError(f"{path}: holds no labelled frame")
    return Labels(
        tuple(ImageRef(video, int(number)) for number in frames),
        names,
        points,
        labelled(points),
        tracks if len(tracks) == points.shape[1] else (),
        tuple((names[a], names[b]) for a, b in edges),
        scores=scores,
    )
