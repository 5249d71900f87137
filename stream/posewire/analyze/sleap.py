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
    with h5py.File(part, "r+") as file:
        kinds = {}
        for name in _TABLES:
            kinds[name] = file[name].dtype
            attributes = dict(file[name].attrs)
            del file[name]
            file.create_dataset(name, (0,), kinds[name], maxshape=(None,), chunks=(4096,)).attrs.update(attributes)
        for first, last in result.parts():
            for name, table in _tables(result, first, last, file, kinds).items():
                length = len(file[name])
                file[name].resize((length + len(table),))
                file[name][length:] = table


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


def _tables(result: Result, first: int, last: int, file: Any, kinds: dict[str, Any]) -> dict[str, Any]:
    """The rows of some frames: frames, instances (animals by frame), and points (keypoints by instance)."""
    poses: Floats = np.array(result.poses[first:last])
    poses[poses[..., 2] < result.subject.min_score] = np.nan
    there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(poses[..., :2]).all(axis=-1))  # [F, A, K]
    animals = there.any(axis=-1)  # [F, A]
    rows, places = np.nonzero(animals)
    shown, found = poses[rows, places], there[rows, places]
    keypoints = shown.shape[1]

    before = {name: len(file[name]) for name in _TABLES}
    points = np.zeros(shown.shape[:2], kinds["pred_points"])
    points["x"], points["y"] = shown[..., 0], shown[..., 1]
    points["score"] = np.where(found, shown[..., 2], 0.0)
    points["visible"] = found
    points["x"][~found] = points["y"][~found] = np.nan

    several = result.id_scores is not None
    instances = np.zeros(len(rows), kinds["instances"])
    frames = np.unique(rows)
    instances["instance_id"] = before["instances"] + np.arange(len(rows))
    instances["instance_type"] = _PREDICTED
    instances["frame_id"] = before["frames"] + np.searchsorted(frames, rows)
    instances["track"] = places if several else -1
    instances["from_predicted"] = -1
    # Of an animal: the mean of its keypoints.
    instances["score"] = np.where(found, shown[..., 2], 0.0).sum(axis=1) / np.maximum(found.sum(axis=1), 1)
    if result.id_scores is not None:
        instances["tracking_score"] = result.id_scores[first:last][rows, places]
    instances["point_id_start"] = before["pred_points"] + keypoints * np.arange(len(rows))
    instances["point_id_end"] = instances["point_id_start"] + keypoints

    labelled = np.zeros(len(frames), kinds["frames"])
    counts = animals.sum(axis=1)[frames]
    labelled["frame_id"] = before["frames"] + np.arange(len(frames))
    labelled["frame_idx"] = first + frames
    labelled["instance_id_end"] = before["instances"] + np.cumsum(counts)
    labelled["instance_id_start"] = labelled["instance_id_end"] - counts
    return {"frames": labelled, "instances": instances, "pred_points": points.reshape(-1)}
