"""NWB files with ``PoseEstimation`` of ndx-pose, by pynwb: one container an animal, one series a keypoint."""

from __future__ import annotations

import datetime
import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from posewire import __version__
from posewire.analyze.results import Result, Subject
from posewire_models.errors import WorkError

_NAMESPACE = uuid.UUID("6f1ac25e-6d0c-5b58-9d43-0a4e2f6c6b0e")


def write_nwb(result: Result, part: Path) -> None:
    """All best peaks with their scores as confidence, stamped with the frames' times. Raises OSError, and WorkError
    for names that NWB cannot hold.

    NWB asks for the start of the session, which a video does not tell: it is the time the file was written last.
    """
    import ndx_pose
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.image import ImageSeries

    subject = result.subject
    if odd := [name for name in subject.keypoints if set(name) & set("/:")]:
        raise WorkError(f"NWB holds no / or : in names, as in that of keypoint {odd[0]!r}; take another format")
    start = datetime.datetime.fromtimestamp(subject.recorded_s, datetime.timezone.utc)
    file = NWBFile(
        session_description=f"Poses in {subject.video.name}; the session starts when the video file was changed last",
        identifier=subject.identifier,
        session_start_time=start,
        file_create_date=[start],
    )
    # The times stand in the file once, with the video; all positions refer to them.
    video = ImageSeries(
        name="video",
        format="external",
        external_file=[_told(subject.video, part.parent)],
        dimension=np.array(subject.size, np.int32),
        unit="NA",
        timestamps=result.times,
    )
    file.add_acquisition(video)
    module = file.create_processing_module(name="behavior", description="poses found by a network")
    skeleton = ndx_pose.Skeleton(
        name="skeleton",
        nodes=list(subject.keypoints),
        edges=np.array(subject.skeleton, np.uint8 if len(subject.keypoints) < 256 else np.uint32).reshape(-1, 2),
    )
    module.add(ndx_pose.Skeletons(skeletons=[skeleton]))
    for place, name in enumerate(subject.animals or ("PoseEstimation",)):
        mine = [_series(result, place, number, keypoint, video) for number, keypoint in enumerate(subject.keypoints)]
        module.add(_estimation(subject, name, mine, skeleton, video))
    _name_by(file, subject)
    with NWBHDF5IO(str(part), "w") as out:
        out.write(file)


def _series(result: Result, place: int, number: int, keypoint: str, video: Any) -> Any:
    import ndx_pose

    return ndx_pose.PoseEstimationSeries(
        name=keypoint,
        description=f"position of {keypoint}",
        # Views: each is read from the disk only when it is written.
        data=result.poses[:, place, number, :2],
        unit="pixels",
        reference_frame="(0, 0) is the centre of the top left pixel of the whole frame, x right, y down",
        timestamps=video,
        confidence=result.poses[:, place, number, 2],
        confidence_definition="score of the network's heatmap at its peak, 0 to 1",
    )


def _estimation(subject: Subject, name: str, series: list[Any], skeleton: Any, video: Any) -> Any:
    import ndx_pose

    return ndx_pose.PoseEstimation(
        name=name,
        pose_estimation_series=series,
        description=f"{name}: x and y in px of each keypoint's best peak, whatever its score",
        source_video=video,
        scorer=subject.scorer,
        source_software="Posewire",
        source_software_version=__version__,
        skeleton=skeleton,
    )


def _told(video: Path, folder: Path) -> str:
    """The video's path from the folder of the file, or in full where there is no such path (another drive)."""
    try:
        return Path(os.path.relpath(video.absolute(), folder.absolute())).as_posix()
    except ValueError:
        return video.absolute().as_posix()


def _name_by(file: Any, subject: Subject) -> None:
    """Give every object an id that follows from the inputs, so that the same poses are the same bytes.

    hdmf draws random ones when they are first asked for, and takes none from its caller. Should it keep them under
    another name one day, ids are random again, and nothing else changes.
    """
    for number, part in enumerate(file.all_children()):
        vars(part)["_AbstractContainer__object_id"] = str(uuid.uuid5(_NAMESPACE, f"{subject.identifier}/{number}"))
