"""NWB files (``.nwb``) with poses of the extension ndx-pose, read as the HDF5 they are.

``PoseTraining`` holds labels set by hand. A skeleton instance named ``track=NAME`` is the animal NAME (so writes
`nwb_write`); sleap-io may tell names in a table of subjects instead, by the instance's ``id``. ``PoseEstimation`` holds
predictions over time, one for each animal, named by its container.

Not read by sleap-io: it drops names of tracks, positions of hidden keypoints, and frame numbers of predictions.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_training.images import VIDEO_ENDINGS, ImageRef
from posewire_training.labels.gather import Animal, Pairs, gathered
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled

TRACK = "track="


def read_nwb(path: Path, video: Path | None = None) -> Labels:
    """Read the poses of an NWB file. ``video`` stands in for the only video it names.

    Raises InputError for a file that is none, or holds no pose, several skeletons or 3D poses.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f"{path}: reading NWB needs the extra 'training': pip install 'posewire[training]'") from None
    try:
        with h5py.File(path, "r") as file:
            training = _of_type(file, "PoseTraining")
            if training:
                return _read_training(path, file, training, video)
            estimated = _of_type(file, "PoseEstimation")
            if estimated:
                return _read_estimated(path, estimated, video)
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not an NWB file that can be read ({reason})") from None
    raise InputError(f"{path}: holds no poses; expected PoseTraining or PoseEstimation of ndx-pose")


def _of_type(file: Any, kind: str) -> list[Any]:
    """All groups of a neurodata type."""
    found: list[Any] = []

    def look(name: str, item: Any) -> None:
        if _text(item.attrs.get("neurodata_type")) == kind:
            found.append(item)

    file.visititems(look)
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _children(group: Any, kind: str) -> list[Any]:
    """The groups of a type in a group, ``frame_9`` before ``frame_10``."""

    def key(item: Any) -> list[tuple[int, str]]:
        return [(int(text or 0), "") if text.isdigit() else (-1, text) for text in re.split(r"(\d+)", _name(item))]

    items = [item for item in group.values() if _text(item.attrs.get("neurodata_type")) == kind]
    return sorted(items, key=key)


def _name(group: Any) -> str:
    return str(group.name).rsplit("/", 1)[-1]


def _skeleton(path: Path, found: Sequence[Any]) -> tuple[tuple[str, ...], Pairs]:
    """Keypoints and edges of the one skeleton that all poses share."""
    known = {(tuple(_text(name) for name in item["nodes"][:]), _edges(item)) for item in found}
    if len(known) != 1:
        raise InputError(f"{path}: expected poses of one skeleton; found {len(known)}")
    ((names, edges),) = known
    return names, tuple((names[a], names[b]) for a, b in edges)


def _edges(skeleton: Any) -> tuple[tuple[int, int], ...]:
    return tuple((int(a), int(b)) for a, b in skeleton["edges"][:]) if "edges" in skeleton else ()


def _read_training(path: Path, file: Any, found: list[Any], video: Path | None) -> Labels:
    frames = [
        frame
        for item in found
        if "training_frames" in item
        for frame in _children(item["training_frames"], "TrainingFrame")
    ]
    if not frames:
        raise InputError(f"{path}: holds no labelled frame")
    animals = [_children(frame["skeleton_instances"], "SkeletonInstance") for frame in frames]
    used = [skeleton for group in animals for animal in group for skeleton in _children(animal, "Skeleton")]
    names, edges = _skeleton(path, used or _of_type(file, "Skeleton"))
    subjects = [_text(name) for table in _of_type(file, "SubjectsTable") for name in table["subject_id"][:]]
    pictures = _Pictures(path, video)
    images = []
    for frame in frames:
        number = frame.attrs.get("source_video_frame_index")
        if "source_video" not in frame or number is None:
            raise InputError(f"{path}: {_name(frame)} names no frame of a source video")
        images.append(pictures.of_series(frame["source_video"], int(number)))
    pictures.check()
    told = [[_animal(path, item, len(names), subjects) for item in group] for group in animals]
    order = {animal.name: number for group in told for number, animal in group if animal.name}
    return gathered(
        images, names, [[animal for _, animal in group] for group in told], sorted(order, key=order.__getitem__), edges
    )


def _animal(path: Path, item: Any, count: int, subjects: list[str]) -> tuple[int, Animal]:
    """An animal of a frame, and its number."""
    points = np.asarray(item["node_locations"][:], np.float32)
    if points.shape != (count, 2):
        raise InputError(f"{path}: {_name(item)} has positions of shape {list(points.shape)}; expected [{count}, 2]")
    seen = np.asarray(item["node_visibility"][:], np.bool_) if "node_visibility" in item else np.ones(count, np.bool_)
    number = int(item.attrs.get("id", -1))
    name = _name(item)
    name = name.removeprefix(TRACK) if name.startswith(TRACK) else ""
    if not name and 0 <= number < len(subjects):
        name = subjects[number]
    return number, Animal(points, seen, name)


class _Pictures:
    """Where the pictures lie that image series of an NWB file name."""

    def __init__(self, path: Path, video: Path | None) -> None:
        self._path = path
        self._video = video
        self._lookup = Lookup(path)
        self._named: set[str] = set()

    def of_series(self, series: Any, number: int) -> ImageRef:
        """Frame ``number`` of an image series, which names one video, several in turn, or many images."""
        if "external_file" not in series:
            raise InputError(f"{self._path}: {_name(series)} keeps its pictures inside the file; expected a video file")
        files = [_text(name) for name in series["external_file"][:]]
        starts = [int(i) for i in series["external_file"].attrs.get("starting_frame", range(len(files)))]
        place = max(0, bisect_right(starts, number) - 1)
        return self.of_file(files[place], number - starts[place])

    def of_file(self, told: str, number: int) -> ImageRef:
        if not told.lower().endswith(VIDEO_ENDINGS) and number == 0:
            return ImageRef(self._lookup.find(told, least=2) or self._lookup.nominal(told))
        self._named.add(told)
        found = self._video or self._lookup.find(told, least=1)
        return ImageRef(found or self._lookup.nominal(told), number)

    def check(self) -> None:
        """Raises InputError if one video was to stand in for several."""
        if self._video is not None and len(self._named) > 1:
            raise InputError(f"{self._path}: labels {len(self._named)} videos; one cannot stand in for them")


def _read_estimated(path: Path, found: list[Any], video: Path | None) -> Labels:
    """Predictions over time: one container for each animal, one series of positions for each keypoint."""
    # Before ndx-pose 0.2 the names stood in the container itself.
    names, edges = _skeleton(path, [part for item in found for part in _children(item, "Skeleton") or [item]])
    pictures = _Pictures(path, video)
    several = len(found) > 1
    frames: dict[ImageRef, list[Animal]] = {}
    tracks = []
    for item in found:
        name = _name(item).removeprefix(TRACK) if several else ""
        tracks.append(name)
        for image, animal in _estimates(path, item, names, name, pictures):
            frames.setdefault(image, []).append(animal)
    pictures.check()
    images = sorted(frames, key=lambda image: (str(image.path), image.frame or 0))
    if not images:
        raise InputError(f"{path}: holds no labelled frame")
    return gathered(images, names, [frames[image] for image in images], tracks if several else (), edges)


def _estimates(
    path: Path, item: Any, names: tuple[str, ...], name: str, pictures: _Pictures
) -> Iterator[tuple[ImageRef, Animal]]:
    """Each frame of one animal in which a keypoint is placed."""
    series = {_name(child): child for child in _children(item, "PoseEstimationSeries")}
    if missing := [keypoint for keypoint in names if keypoint not in series]:
        raise InputError(f"{path}: {_name(item)} holds no series of keypoint {missing[0]}")
    table: dict[int, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = {}
    for place, keypoint in enumerate(names):
        data = np.asarray(series[keypoint]["data"][:], np.float32)
        if data.ndim != 2 or data.shape[1] != 2:
            raise InputError(f"{path}: {keypoint} has positions of shape {list(data.shape)}; expected [frames, 2]")
        scores = np.full(len(data), np.nan, np.float32)
        if "confidence" in series[keypoint]:
            scores = np.asarray(series[keypoint]["confidence"][:], np.float32)
        for row, number in enumerate(_frame_numbers(path, item, series[keypoint])):
            points, told = table.setdefault(
                number, (np.full((len(names), 2), np.nan, np.float32), np.full(len(names), np.nan, np.float32))
            )
            points[place], told[place] = data[row], scores[row]
    videos = [_text(entry) for entry in item["original_videos"][:]] if "original_videos" in item else []
    if "source_video" not in item and not videos:
        raise InputError(f"{path}: {_name(item)} names no video")
    for number, (points, told) in table.items():
        if np.isnan(points).all():
            continue
        image = (
            pictures.of_series(item["source_video"], number)
            if "source_video" in item
            else pictures.of_file(videos[0], number)
        )
        yield image, Animal(points, labelled(points), name, told)


def _frame_numbers(path: Path, item: Any, series: Any) -> list[int]:
    """The frame that each row of a series belongs to, by its time and the video's rate."""
    if "timestamps" not in series:
        start = float(series["starting_time"][()])
        rate = float(series["starting_time"].attrs["rate"])
        return [round(start * rate) + row for row in range(len(series["data"]))]
    times = np.asarray(series["timestamps"][:], np.float64)
    if "source_video" in item and "starting_time" in item["source_video"]:
        clock = item["source_video"]["starting_time"]
        numbers = (times - float(clock[()])) * float(clock.attrs["rate"])
    elif np.array_equal(times, np.round(times)):
        numbers = times  # what sleap-io writes where it knows no rate: frame numbers
    else:
        numbers = times / np.diff(times).min()
    rounded = np.round(numbers)
    if len(set(rounded.tolist())) < len(rounded) or np.abs(numbers - rounded).max() > 0.3:
        raise InputError(f"{path}: {_name(item)}: its times fit no frames of a steady rate")
    return [int(number) for number in rounded]
