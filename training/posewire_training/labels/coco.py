"""COCO keypoints (``.json``).

Beside the standard keys these are read and written where there is something to hold: ``track_id`` of an annotation,
with a list ``tracks`` of ``id`` and ``name`` (identity), ``keypoint_scores`` of an annotation (predicted), and
``symmetric`` of a category (pairs, counted from 1 like those of ``skeleton``). Visibility: 0 not labelled, 1 hidden,
2 visible.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels.gather import Animal, Pairs, animals_in, gathered
from posewire_training.labels.jsonfile import Name, checked, image_size, json_bytes
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled


class _Image(BaseModel):
    id: Name
    file_name: str


class _Category(BaseModel):
    id: Name
    name: str = ""
    keypoints: list[str] = []
    skeleton: list[tuple[int, int]] = []
    symmetric: list[tuple[int, int]] = []


class _Annotation(BaseModel):
    image_id: Name
    category_id: Name
    keypoints: list[float] | None = None
    track_id: Name | None = None
    attributes: dict[str, Any] = {}
    keypoint_scores: list[float | None] | None = None

    def track(self) -> Name | None:
        """The track, wherever the file tells it (CVAT: among the attributes)."""
        return self.track_id if self.track_id is not None else self.attributes.get("track_id")


class _Track(BaseModel):
    id: Name
    name: str | None = None


class _File(BaseModel):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]
    tracks: list[_Track] = []


def read_coco(path: Path, content: Any) -> Labels:
    """Labels of ``content``, the JSON of the COCO file ``path``: every image, with all its animals.

    Raises InputError for a file that is none, several categories with keypoints, and numbers that do not fit.
    """
    file = checked(path, content, _File)
    category = _only_category(path, file)
    names = tuple(category.keypoints)
    tracks = {track.id: str(track.name if track.name is not None else track.id) for track in file.tracks}
    places = {image.id: number for number, image in enumerate(file.images)}
    if len(places) < len(file.images):
        raise InputError(f"{path}: two images have the same id")
    frames: list[list[Animal]] = [[] for _ in file.images]
    for number, annotation in enumerate(file.annotations):
        if annotation.category_id != category.id or annotation.keypoints is None:
            continue
        where = f"{path}: annotation {number}"
        if annotation.image_id not in places:
            raise InputError(f"{where}: its image_id {annotation.image_id} is none of the file's images")
        track = annotation.track()
        if track is not None:
            tracks.setdefault(track, str(track))
        name = "" if track is None else tracks[track]
        frames[places[annotation.image_id]].append(_animal(where, annotation, len(names), name))
    lookup = Lookup(path)
    return gathered(
        [ImageRef(lookup.find(image.file_name) or _beside(lookup, image.file_name)) for image in file.images],
        names,
        frames,
        list(tracks.values()),
        _pairs(path, "skeleton", category.skeleton, names),
        _pairs(path, "symmetric", category.symmetric, names),
    )


def _beside(lookup: Lookup, name: str) -> Path:
    """An image that is not where it is told: COCO sets often keep images in a folder of that name."""
    return lookup.find(f"images/{name}") or lookup.nominal(name)


def _only_category(path: Path, file: _File) -> _Category:
    found = [category for category in file.categories if category.keypoints]
    used = {annotation.category_id for annotation in file.annotations if annotation.keypoints is not None}
    if len(found) > 1:
        found = [category for category in found if category.id in used]
    if len(found) != 1:
        names = ", ".join(category.name or str(category.id) for category in found)
        raise InputError(
            f"{path}: several categories have keypoints ({names}); keep one per file"
            if found
            else f"{path}: no category has keypoints"
        )
    return found[0]


def _animal(where: str, annotation: _Annotation, count: int, name: str) -> Animal:
    if len(annotation.keypoints or ()) != 3 * count:
        raise InputError(
            f"{where}: {len(annotation.keypoints or ())} numbers in keypoints; expected x, y, v of {count} keypoints"
        )
    table = np.asarray(annotation.keypoints, np.float64).reshape(count, 3)
    if not np.isin(table[:, 2], (0, 1, 2)).all():
        raise InputError(f"{where}: a keypoint's visibility is none of 0, 1, 2")
    points = np.where(table[:, 2:] > 0, table[:, :2], np.nan).astype(np.float32)
    scores = annotation.keypoint_scores
    if scores is not None and len(scores) != count:
        raise InputError(f"{where}: {len(scores)} keypoint_scores; expected {count}")
    told = None if scores is None else np.array([np.nan if s is None else s for s in scores], np.float32)
    return Animal(points, table[:, 2] == 2, name, told)


def _pairs(path: Path, key: str, pairs: list[tuple[int, int]], names: tuple[str, ...]) -> Pairs:
    """Names of pairs of numbers, which count from 1; some writers count from 0, which a 0 gives away."""
    first = 0 if any(0 in pair for pair in pairs) else 1
    if any(not first <= i < len(names) + first for pair in pairs for i in pair):
        raise InputError(f"{path}: {key} of the category: a number is none of its {len(names)} keypoints")
    return tuple((names[a - first], names[b - first]) for a, b in pairs)


def write_coco(labels: Labels, path: Path, part: Path) -> list[str]:
    """Write ``labels`` of image files as COCO keypoints to ``part``, whose name will be ``path``.

    Returns a remark if images are missing. Raises InputError for a broken image.
    """
    remarks = []
    lookup = Lookup(path)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(labels.images):
        entry: dict[str, Any] = {"id": number + 1, "file_name": lookup.told(image.path)}
        if size := image_size(image):
            entry |= {"width": size[0], "height": size[1]}
        images.append(entry)
        for place, animal in animals_in(labels, number):
            told = {"id": len(annotations) + 1, "image_id": number + 1, "category_id": 1, "iscrowd": 0}
            annotations.append(told | _annotation(animal, place))
    if lost := sum("width" not in entry for entry in images):
        remarks.append(f"{lost} of {len(images)} images were not found: their width and height are left out")
    content: dict[str, Any] = {"images": images, "annotations": annotations, "categories": [_category(labels)]}
    if labels.individuals:
        content["tracks"] = [{"id": i, "name": name} for i, name in enumerate(labels.individuals) if name]
    part.write_bytes(json_bytes(content))
    return remarks


def _category(labels: Labels) -> dict[str, Any]:
    def numbers(pairs: Pairs) -> list[list[int]]:
        return [[labels.keypoints.index(name) + 1 for name in pair] for pair in pairs]

    category: dict[str, Any] = {"id": 1, "name": "animal", "supercategory": "animal"}
    category |= {"keypoints": list(labels.keypoints), "skeleton": numbers(labels.skeleton)}
    if labels.symmetric:
        category["symmetric"] = numbers(labels.symmetric)
    return category


def _annotation(animal: Animal, place: int) -> dict[str, Any]:
    there = labelled(animal.points)
    points = np.where(there[:, None], animal.points, 0).astype(np.float64)
    flags = np.where(there, np.where(animal.visible, 2, 1), 0)
    low, high = points[there].min(axis=0), points[there].max(axis=0)
    # An integer is a pixel's centre: points of a single pixel still cover that pixel.
    width, height = (high - low + 1).tolist()
    entry: dict[str, Any] = {
        "keypoints": [v for (x, y), flag in zip(points.tolist(), flags.tolist(), strict=True) for v in (x, y, flag)],
        "num_keypoints": int(there.sum()),
        "bbox": [*low.tolist(), width, height],
        "area": width * height,
    }
    if animal.name:
        entry["track_id"] = place
    if animal.scores is not None:
        entry["keypoint_scores"] = [None if np.isnan(s) else float(s) for s in animal.scores]
    return entry
