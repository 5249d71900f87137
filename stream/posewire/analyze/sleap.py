"""SLEAP files of predictions. sleap-io writes the head; the long tables are then filled part by part.

sleap-io keeps an object of some kilobytes for each animal of each frame: of a million frames more than a lab's computer
has. So it writes a file of a single frame, which has skeleton, video, tracks and all tables in the right layout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.analyze.results import Result
from posewire.frame import Floats

_PREDICTED = 1  # instance_type
_TABLES = ("frames", "instances", "pred_points")


def write_slp(result: Result, part: Path) -> None:
    """Predicted instances with scores, on tracks where there are several animals. Keypoints below the least score are
    left out, as SLEAP does, and so are frames without any. Raises OSError.
    """
    import h5py

    part.unlink(missing_ok=True)
    _write_head(result, part)
    lengths = dict.fromkeys(_TABLES, 0)
    for first, last in result.parts():
        _, there = _shown(result, first, last)
        animals = there.any(axis=-1)
        lengths["frames"] += int(animals.any(axis=-1).sum())
        lengths["instances"] += int(animals.sum())
    lengths["pred_points"] = lengths["instances"] * len(result.subject.keypoints)
    with h5py.File(part, "r+") as file:
        for name, length in lengths.items():
            kind, attributes = file[name].dtype, dict(file[name].attrs)
            del file[name]
            # In one piece: what a chunk has left over would be whatever stood in memory.
            file.create_dataset(name, (length,), kind).attrs.update(attributes)
        written = dict.fromkeys(_TABLES, 0)
        for first, last in result.parts():
            kinds = {name: file[name].dtype for name in _TABLES}
            for name, table in _tables(result, first, last, written, kinds).items():
                begin = written[name]
                file[name][begin : begin + len(table)] = table
                written[name] += len(table)


def _shown(result: Result, first: int, last: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The poses of some frames, NaN below the least score, and bool [F, A, K] which keypoints are there."""
    poses: Floats = np.array(result.poses[first:last])
    poses[poses[..., 2] < result.subject.min_score] = np.nan
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(poses[..., :2]).all(axis=-1))
    return poses, there


def _write_head(result: Result, part: Path) -> None:
    import sleap_io as sio

    subject = result.subject
    names = subject.keypoints
    skeleton = sio.Skeleton(
        nodes=list(names),
        edges=[(names[a], names[b]) for a, b in subject.skeleton],
        symmetries=[(names[a], names[b]) for a, b in subject.symmetric],
        name="animal",
    )
    for symmetry in skeleton.symmetries:
        # A set, which sleap-io writes in the order of chance; so that the same poses are the same bytes, a list.
        object.__setattr__(symmetry, "nodes", sorted(symmetry.nodes, key=lambda node: names.index(node.name)))
    told = subject.video.absolute().as_posix()
    width, height = subject.size
    video = sio.Video(
        filename=told,
        backend_metadata={
            "type": "MediaVideo",
            "filename": told,
            "dataset": "",
            "input_format": "",
            "shape": [len(result), height, width, 3],
        },
        open_backend=False,
    )
    tracks = [sio.Track(name) for name in subject.animals]
    points = np.zeros((len(names), 3))
    instance = sio.PredictedInstance.from_numpy(points, skeleton=skeleton, track=tracks[0] if tracks else None, score=0)
    frame = sio.LabeledFrame(video=video, frame_idx=0, instances=[instance])
    labels = sio.Labels(labeled_frames=[frame], videos=[video], skeletons=[skeleton], tracks=tracks)
    sio.save_slp(labels, str(part), embed=False, verbose=False)


def _tables(
    result: Result, first: int, last: int, written: dict[str, int], kinds: dict[str, Any]
) -> dict[str, npt.NDArray[np.void]]:
    """The rows of some frames behind those ``written``: frames, animals by frame, and keypoints by animal."""
    poses, there = _shown(result, first, last)
    animals = there.any(axis=-1)  # [F, A]
    rows, places = np.nonzero(animals)
    shown, found = poses[rows, places], there[rows, places]
    keypoints = shown.shape[1]

    points = np.zeros(shown.shape[:2], kinds["pred_points"])
    points["x"], points["y"] = shown[..., 0], shown[..., 1]
    points["score"] = np.where(found, shown[..., 2], 0.0)
    points["visible"] = found
    points["x"][~found] = points["y"][~found] = np.nan

    several = result.id_scores is not None
    instances = np.zeros(len(rows), kinds["instances"])
    frames = np.unique(rows)
    instances["instance_id"] = written["instances"] + np.arange(len(rows))
    instances["instance_type"] = _PREDICTED
    instances["frame_id"] = written["frames"] + np.searchsorted(frames, rows)
    instances["track"] = places if several else -1
    instances["from_predicted"] = -1
    # Of an animal: the mean of its keypoints.
    instances["score"] = np.where(found, shown[..., 2], 0.0).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    if result.id_scores is not None:
        instances["tracking_score"] = result.id_scores[first:last][rows, places]
    instances["point_id_start"] = written["pred_points"] + keypoints * np.arange(len(rows))
    instances["point_id_end"] = instances["point_id_start"] + keypoints

    labelled = np.zeros(len(frames), kinds["frames"])
    counts = animals.sum(axis=1)[frames]
    labelled["frame_id"] = written["frames"] + np.arange(len(frames))
    labelled["frame_idx"] = first + frames
    labelled["instance_id_end"] = written["instances"] + np.cumsum(counts)
    labelled["instance_id_start"] = labelled["instance_id_end"] - counts
    return {"frames": labelled, "instances": instances, "pred_points": points.reshape(-1)}
