"""SLEAP label files (``.slp``), by sleap-io.

What is read: frames of videos, of lists of images, and of packages that hold their pictures; animals set by hand and
predicted ones. A predicted animal that was corrected by hand, or that stands beside one of the same track set by hand,
is left out, as SLEAP does.

A keypoint that SLEAP shows as hidden counts as labelled (and hidden) if it was placed by a person ("complete");
otherwise its position is only where SLEAP's template put it, and it is not labelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels.gather import Animal, Pairs, animals_in, gathered
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled

if TYPE_CHECKING:
    import sleap_io as sio


def read_sleap(path: Path, video: Path | None = None) -> Labels:
    """Read a ``.slp`` file. ``video`` stands in for the video it names.

    Raises InputError for a file that is none, several skeletons, and a ``video`` that fits none of several.
    """
    sio = sleap_io(path)
    try:
        file = sio.load_slp(str(path), open_videos=False)
    except Exception as error:
        raise InputError(f"{path}: not a SLEAP label file ({_reason(error)})") from None
    skeleton = _only_skeleton(path, file)
    names = tuple(skeleton.node_names)
    sources = _Sources(path, file, video)
    images, frames = [], []
    for frame in file:
        images.append(sources.picture(frame.video, int(frame.frame_idx)))
        frames.append([_animal(sio, instance) for instance in _standing(sio, frame)])
    order = {name: i for i, name in enumerate(names)}
    symmetric = sorted(
        (sorted((node.name for node in pair.nodes), key=order.__getitem__) for pair in skeleton.symmetries),
        key=lambda pair: order[pair[0]],
    )
    return gathered(
        images,
        names,
        frames,
        [track.name for track in file.tracks],
        tuple((edge.source.name, edge.destination.name) for edge in skeleton.edges),
        tuple((pair[0], pair[1]) for pair in symmetric),
    )


def sleap_io(path: Path) -> Any:
    """The package sleap-io. Raises InputError where it is not installed."""
    try:
        import sleap_io as sio
    except ImportError:
        raise InputError(
            f"{path}: this kind of label file needs the extra 'training': pip install 'posewire[training]'"
        ) from None
    return sio


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _only_skeleton(path: Path, file: sio.Labels) -> sio.Skeleton:
    used = {id(instance.skeleton): instance.skeleton for frame in file for instance in frame}
    found = list(used.values()) or file.skeletons[:1]
    if not found:
        raise InputError(f"{path}: holds no skeleton, so no keypoints")
    if len(found) > 1:
        names = ", ".join(str(skeleton.name) for skeleton in found)
        raise InputError(f"{path}: holds animals of several skeletons ({names}); keep one per file")
    return found[0]


def _standing(sio: Any, frame: sio.LabeledFrame) -> list[sio.Instance]:
    """The animals of a frame without the predicted ones that a person replaced."""
    by_hand = [instance for instance in frame if not isinstance(instance, sio.PredictedInstance)]
    replaced = {id(instance.from_predicted) for instance in by_hand if instance.from_predicted is not None}
    tracks = {id(instance.track) for instance in by_hand if instance.track is not None}
    return [
        instance
        for instance in frame
        if not isinstance(instance, sio.PredictedInstance)
        or (id(instance) not in replaced and id(instance.track) not in tracks)
    ]


def _animal(sio: Any, instance: sio.Instance) -> Animal:
    points = instance.points
    placed = points["visible"] | points["complete"]
    xy = np.where(placed[:, None], points["xy"], np.nan).astype(np.float32)
    predicted = isinstance(instance, sio.PredictedInstance)
    return Animal(
        xy,
        np.asarray(points["visible"], np.bool_),
        instance.track.name if instance.track is not None else "",
        points["score"].astype(np.float32) if predicted else None,
    )


class _Sources:
    """Where the pictures of each video of a file lie."""

    def __init__(self, path: Path, file: sio.Labels, video: Path | None) -> None:
        self._path = path
        self._lookup = Lookup(path)
        self._given: dict[int, Path] = {}
        if video is not None:
            self._given[id(self._meant(path, file, video))] = video

    @staticmethod
    def _meant(path: Path, file: sio.Labels, video: Path) -> sio.Video:
        """The video of the file that ``video`` stands for."""
        if len(file.videos) == 1:
            return file.videos[0]
        names = [_told(entry) for entry in file.videos]
        fitting = [entry for entry, name in zip(file.videos, names, strict=True) if _file_name(name) == video.name]
        if len(fitting) != 1:
            raise InputError(
                f"{path}: labels {len(names)} videos ({', '.join(map(_file_name, names))}); "
                f"{len(fitting)} of them have the name {video.name}, expected one"
            )
        return fitting[0]

    def picture(self, video: sio.Video, number: int) -> ImageRef:
        if id(video) in self._given:
            return ImageRef(self._given[id(video)], number)
        if isinstance(video.filename, list):
            if number >= len(video.filename):
                raise InputError(f"{self._path}: names image {number} of a list of {len(video.filename)} images")
            told = str(video.filename[number])
            return ImageRef(self._lookup.find(told, least=2) or self._lookup.nominal(told))
        told = _told(video)
        part = str(video.backend_metadata.get("dataset") or "")
        if part and video.backend_metadata.get("filename") == ".":
            return ImageRef(self._path, number, part)
        return ImageRef(self._lookup.find(told, least=1) or self._lookup.nominal(told), number, part)


def _told(video: sio.Video) -> str:
    return str(video.filename[0] if isinstance(video.filename, list) else video.filename)


def _file_name(told: str) -> str:
    return told.replace("\\", "/").rsplit("/", 1)[-1]


def write_sleap(labels: Labels, path: Path, part: Path) -> list[str]:
    """Write ``labels`` as a ``.slp`` file to ``part``, whose name will be ``path``. All of `Labels` is kept."""
    sio = sleap_io(path)
    nodes = list(labels.keypoints)
    skeleton = sio.Skeleton(
        nodes=nodes, edges=_pairs(labels.skeleton), symmetries=_pairs(labels.symmetric), name="animal"
    )
    # One track for each place: a name may stand twice.
    tracks = [sio.Track(name) if name else None for name in labels.individuals or [""] * labels.animals]
    videos, places = _videos(sio, labels.images)
    frames = []
    for number, (video, index) in enumerate(places):
        animals = [_instance(sio, animal, skeleton, tracks[place]) for place, animal in animals_in(labels, number)]
        frames.append(sio.LabeledFrame(video=video, frame_idx=index, instances=animals))
    file = sio.Labels(
        labeled_frames=frames, videos=videos, skeletons=[skeleton], tracks=[track for track in tracks if track]
    )
    sio.save_slp(file, str(part), embed=False, verbose=False)
    return []


def _pairs(pairs: Pairs) -> list[tuple[str, str]]:
    return [(a, b) for a, b in pairs]


def _instance(sio: Any, animal: Animal, skeleton: sio.Skeleton, track: sio.Track | None) -> sio.Instance:
    """``complete`` tells a hidden keypoint that was labelled from one that was not (see the head of this file)."""
    there = labelled(animal.points)
    flags = [animal.visible & there, there]
    points = animal.points.astype(np.float64)
    if animal.scores is None:
        return sio.Instance.from_numpy(np.column_stack([points, *flags]), skeleton=skeleton, track=track)
    table = np.column_stack([points, animal.scores, *flags])
    score = float(np.nanmean(animal.scores))
    return sio.PredictedInstance.from_numpy(table, skeleton=skeleton, track=track, score=score)


def _videos(sio: Any, images: Sequence[ImageRef]) -> tuple[list[sio.Video], list[tuple[sio.Video, int]]]:
    """The videos of ``images``, and for each image its video and number in it. Images of a folder make one video."""
    lists: dict[Path, dict[Path, int]] = {}
    for image in images:
        if image.frame is None:
            files = lists.setdefault(image.path.parent, {})
            files.setdefault(image.path, len(files))
    videos: dict[tuple[Path, str], sio.Video] = {}
    places = []
    for image in images:
        key = (image.path.parent, "") if image.frame is None else (image.path, image.part)
        if key not in videos:
            if image.frame is None:
                told: Any = [file.absolute().as_posix() for file in lists[image.path.parent]]
                backend = {"type": "ImageVideo", "filename": told[0], "filenames": told}
            else:
                told = image.path.absolute().as_posix()
                kind = "HDF5Video" if image.part else "MediaVideo"
                backend = {"type": kind, "filename": told, "dataset": image.part, "input_format": ""}
            videos[key] = sio.Video(filename=told, backend_metadata=backend, open_backend=False)
        index = image.frame if image.frame is not None else lists[image.path.parent][image.path]
        places.append((videos[key], index))
    return list(videos.values()), places
