"""Writing NWB files with ``PoseTraining`` of ndx-pose, by pynwb: see `nwb` for how names are told."""

from __future__ import annotations

import datetime
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels.gather import animals_in
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.nwb import TRACK
from posewire_training.labels.record import Labels, labelled
from posewire_training.labels.sleap import sleap_io


def write_nwb(labels: Labels, path: Path, part: Path) -> list[str]:
    """Write ``labels`` to ``part``, whose name will be ``path``. Returns what the format has no place for.

    Raises InputError for names that NWB cannot hold, and pictures inside SLEAP packages.
    """
    sleap_io(path)  # brings pynwb and ndx-pose
    import ndx_pose
    from pynwb import NWBHDF5IO, NWBFile

    _check_names(labels, path)
    body = ndx_pose.Skeleton(
        name="skeleton",
        nodes=list(labels.keypoints),
        edges=np.array(
            [[labels.keypoints.index(name) for name in pair] for pair in labels.skeleton],
            np.uint8 if len(labels.keypoints) < 256 else np.uint32,
        ).reshape(-1, 2),
    )
    videos, places = _series(Lookup(path), labels.images)
    digits = len(str(len(labels)))
    frames = []
    for number, (video, index) in enumerate(places):
        instances = [
            ndx_pose.SkeletonInstance(
                name=f"{TRACK}{animal.name}" if animal.name else f"instance_{place}",
                id=np.uint32(place),
                node_locations=animal.points.astype(np.float64),
                node_visibility=animal.visible,
                skeleton=body,
            )
            for place, animal in animals_in(labels, number)
        ]
        frames.append(
            ndx_pose.TrainingFrame(
                name=f"frame_{number:0{digits}d}",
                skeleton_instances=ndx_pose.SkeletonInstances(skeleton_instances=instances),
                source_video=video,
                source_video_frame_index=np.uint32(index),
            )
        )
    now = datetime.datetime.now(datetime.timezone.utc)
    file = NWBFile(
        # NWB asks for a time; when the animals were recorded is not in the labels.
        session_description="Keypoint labels; the session's start time is that of writing this file",
        identifier=str(uuid.uuid4()),
        session_start_time=now,
    )
    module = file.create_processing_module(name="behavior", description="keypoint labels")
    module.add(ndx_pose.Skeletons(skeletons=[body]))
    module.add(
        ndx_pose.PoseTraining(
            training_frames=ndx_pose.TrainingFrames(training_frames=frames),
            source_videos=ndx_pose.SourceVideos(image_series=videos),
        )
    )
    with NWBHDF5IO(str(part), "w") as out:
        out.write(file)
    return _remarks(labels)


def _check_names(labels: Labels, path: Path) -> None:
    if twice := [name for name, count in Counter(labels.individuals).items() if name and count > 1]:
        raise InputError(f"{path}: NWB cannot hold animal {twice[0]!r} twice in a frame")
    if odd := [name for name in labels.individuals if set(name) & set("/:")]:
        raise InputError(f"{path}: NWB holds no / or : in names; rename animal {odd[0]!r}")


def _remarks(labels: Labels) -> list[str]:
    remarks = []
    there = set(np.argwhere(labelled(labels.points))[:, 1].tolist())
    if lost := [name for place, name in enumerate(labels.individuals) if name and place not in there]:
        remarks.append(f"NWB names the animals of labelled frames only; labelled nowhere: {', '.join(lost)}")
    if labels.symmetric:
        remarks.append("NWB has no place for symmetric pairs: they are left out")
    if labels.scores is not None:
        remarks.append("labels of NWB are set by hand: scores are left out")
    return remarks


def _series(lookup: Lookup, images: Sequence[ImageRef]) -> tuple[list[Any], list[tuple[Any, int]]]:
    """Image series of all pictures, and for each picture its series and number in it. Images make one series."""
    from pynwb.image import ImageSeries

    if packaged := next((image for image in images if image.part), None):
        raise InputError(f"{packaged.path}: keeps its pictures inside; convert it to a DeepLabCut file (.csv) first")
    files = list(dict.fromkeys(image.path for image in images if image.frame is None))
    videos = list(dict.fromkeys(image.path for image in images if image.frame is not None))

    def series(name: str, told: list[Path], count: int) -> Any:
        return ImageSeries(
            name=name,
            format="external",
            external_file=[lookup.told(file) for file in told],
            starting_frame=list(range(len(told))),
            num_samples=count,
            unit="NA",
            # Asked for by NWB; the rate of recording is not in the labels.
            rate=1.0,
        )

    of_images = series("images", files, len(files)) if files else None
    last = {video: max(image.frame or 0 for image in images if image.path == video) for video in videos}
    of_video = {video: series(f"video_{i}", [video], last[video] + 1) for i, video in enumerate(videos)}
    number_of = {file: i for i, file in enumerate(files)}
    places = [
        (of_images, number_of[image.path]) if image.frame is None else (of_video[image.path], image.frame)
        for image in images
    ]
    return [*([of_images] if of_images else []), *of_video.values()], places
