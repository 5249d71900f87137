"""Label Studio's JSON: tasks with keypoint regions, animals as rectangle regions that keypoints belong to.

The export knows neither the order of keypoints nor a skeleton, so both are written into ``meta`` of every task, which
Label Studio keeps. Hidden keypoints carry the choice ``hidden``. A keypoint belongs to a rectangle by a relation or by
``parentID``; the rectangle's label is the animal's name, unless a task has two of the same label (then it names a kind,
not an animal).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from pydantic import BaseModel

from posewire_models.errors import InputError
from posewire_training.images import VIDEO_ENDINGS, ImageRef
from posewire_training.labels.gather import Animal, animals_in, gathered
from posewire_training.labels.jsonfile import Name, checked, image_size, json_bytes
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.record import Labels, labelled

_KIND = "animal"  # rectangle label of animals without identity
_NO_IDENTITY = {_KIND, "instance_class"}  # sleap-io writes the latter
_HIDDEN = {"hidden", "occluded", "invisible", "not visible"}


class _Region(BaseModel):
    type: str
    id: str = ""
    parentID: str | None = None
    original_width: int = 0
    original_height: int = 0
    image_rotation: float | None = 0
    value: dict[str, Any] = {}
    score: float | None = None
    from_id: str = ""
    to_id: str = ""


class _Annotation(BaseModel):
    result: list[_Region] = []
    was_cancelled: bool = False


class _Video(BaseModel):
    filename: str
    frame_idx: int


class _Meta(BaseModel):
    keypoints: list[str] = []
    individuals: list[str] = []
    skeleton: list[tuple[str, str]] = []
    symmetric: list[tuple[str, str]] = []
    video: _Video | None = None


class _Task(BaseModel):
    id: Name | None = None
    data: dict[str, Any]
    meta: _Meta | None = None
    annotations: list[_Annotation] | None = None
    completions: list[_Annotation] | None = None
    predictions: list[_Annotation] = []


class _File(BaseModel):
    tasks: list[_Task]


def read_label_studio(path: Path, content: Any, video: Path | None = None) -> Labels:
    """Labels of ``content``, the JSON of the Label Studio export ``path``. Tasks that nobody worked on are left out.

    Raises InputError for a file that is none, several annotations of one task, and a keypoint that stands twice.
    """
    file = checked(path, {"tasks": content if isinstance(content, list) else [content]}, _File)
    meta = next((task.meta for task in file.tasks if task.meta and task.meta.keypoints), None) or _Meta()
    names = list(meta.keypoints)
    lookup = Lookup(path)
    images, tasks = [], []
    for number, task in enumerate(file.tasks):
        where = f"{path}: task {task.id if task.id is not None else number + 1}"
        regions = _regions(where, task)
        if regions is None:
            continue
        for region in regions:
            if region.type == "keypointlabels" and (name := _label(where, region)) not in names:
                names.append(name)
        images.append(_picture(where, lookup, task, video))
        tasks.append((where, regions))
    if not names:
        raise InputError(f"{path}: holds no keypoint; expected a Label Studio export (JSON) with KeyPointLabels")
    nameless = _NO_IDENTITY - set(meta.individuals)
    named = _told_apart(nameless, (regions for _, regions in tasks))
    frames = [_animals(where, regions, names, nameless if named else None) for where, regions in tasks]
    return gathered(images, names, frames, meta.individuals, tuple(meta.skeleton), tuple(meta.symmetric))


def _regions(where: str, task: _Task) -> list[_Region] | None:
    """What a person drew, else what was predicted; None if nothing was done."""
    done = [a for a in task.annotations or task.completions or () if not a.was_cancelled]
    done = done or task.predictions[:1]
    if len(done) > 1:
        raise InputError(f"{where}: holds {len(done)} annotations; keep one")
    return done[0].result if done else None


def _label(where: str, region: _Region) -> str:
    labels = region.value.get(region.type)
    if not isinstance(labels, list) or len(labels) != 1:
        raise InputError(f"{where}: region {region.id}: expected one of {region.type}")
    return str(labels[0])


def _told_apart(nameless: set[str], tasks: Iterable[list[_Region]]) -> bool:
    """Whether rectangle labels beside ``nameless`` are names of animals: no task has one twice."""
    for regions in tasks:
        labels = Counter(_label("", region) for region in regions if region.type == "rectanglelabels")
        if any(count > 1 for label, count in labels.items() if label not in nameless):
            return False
    return True


def _animals(where: str, regions: list[_Region], names: list[str], nameless: set[str] | None) -> list[Animal]:
    """The animals of a task. ``nameless``: labels of rectangles that are no names; None: none is."""
    owners = {region.id: _label(where, region) for region in regions if region.type == "rectanglelabels"}
    owner_of = {region.id: region.parentID for region in regions if region.parentID in owners}
    for region in regions:
        if region.type == "relation":
            for part, owner in ((region.from_id, region.to_id), (region.to_id, region.from_id)):
                if owner in owners:
                    owner_of[part] = owner
    hidden = {r.id for r in regions if r.type == "choices" and _HIDDEN & {str(c) for c in r.value.get("choices", ())}}
    tables: dict[str, dict[int, tuple[float, float, bool, float]]] = {owner: {} for owner in owners}
    for region in regions:
        if region.type != "keypointlabels":
            continue
        table = tables.setdefault(owner_of.get(region.id) or "", {})
        keypoint = names.index(_label(where, region))
        if keypoint in table:
            raise InputError(f"{where}: keypoint {names[keypoint]} stands twice; put each animal's into a rectangle")
        score = np.nan if region.score is None else region.score
        table[keypoint] = (*_pixel(where, region), region.id not in hidden, score)

    def name(owner: str) -> str:
        label = owners.get(owner, "")
        return "" if nameless is None or label in nameless else label

    return [_animal(table, len(names), name(owner)) for owner, table in tables.items() if table]


def _animal(table: dict[int, tuple[float, float, bool, float]], count: int, name: str) -> Animal:
    points = np.full((count, 2), np.nan, np.float32)
    visible = np.zeros(count, np.bool_)
    scores = np.full(count, np.nan, np.float32)
    for keypoint, (x, y, seen, score) in table.items():
        points[keypoint], visible[keypoint], scores[keypoint] = (x, y), seen, score
    return Animal(points, visible, name, None if np.isnan(scores).all() else scores)


def _pixel(where: str, region: _Region) -> tuple[float, float]:
    """x and y in pixels; Label Studio tells percent of the picture's size."""
    if region.image_rotation:
        raise InputError(f"{where}: the picture was turned by {region.image_rotation:g} degrees; label it upright")
    try:
        x, y = float(region.value["x"]), float(region.value["y"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{where}: region {region.id}: expected numbers x and y") from None
    if region.original_width < 1 or region.original_height < 1:
        raise InputError(f"{where}: region {region.id}: original_width and original_height are missing")
    return x * region.original_width / 100, y * region.original_height / 100


def _picture(where: str, lookup: Lookup, task: _Task, video: Path | None) -> ImageRef:
    if task.meta is not None and task.meta.video is not None:
        told = task.meta.video.filename
        return ImageRef(video or lookup.find(told, least=1) or lookup.nominal(told), task.meta.video.frame_idx)
    texts = [value for value in task.data.values() if isinstance(value, str)]
    address = task.data.get("image") or (texts[0] if texts else None)
    if not isinstance(address, str):
        raise InputError(f"{where}: data names no image")
    # Served local files: /data/local-files/?d=path; uploads: /data/upload/1/0a1b2c3d-name.png; else a path or address.
    parts = urlsplit(address) if "://" in address or address.startswith("/data/") else None
    told = address if parts is None else unquote((parse_qs(parts.query).get("d") or [parts.path])[0])
    if told.lower().endswith(VIDEO_ENDINGS):
        raise InputError(f"{where}: labels of a whole video; expected keypoints on images")
    folder, _, name = told.rpartition("/")
    prefix, _, rest = name.partition("-")
    uploaded = rest if folder.startswith("/data/upload") and len(prefix) == 8 and rest else name
    least = 1 if parts is not None else 2
    return ImageRef(lookup.find(told, least) or lookup.find(uploaded) or lookup.nominal(told))


def write_label_studio(labels: Labels, path: Path, part: Path) -> list[str]:
    """Write ``labels`` of image files as Label Studio tasks to ``part``, whose name will be ``path``.

    Raises InputError for an image that is missing (positions are percent of its size), and a name that stands twice.
    """
    if twice := [name for name, count in Counter(labels.individuals).items() if name and count > 1]:
        raise InputError(f"{path}: Label Studio cannot hold animal {twice[0]!r} twice in a frame")
    lookup = Lookup(path)
    named = any(labels.individuals)
    meta: dict[str, Any] = {"keypoints": labels.keypoints, "skeleton": labels.skeleton, "symmetric": labels.symmetric}
    if named:
        meta["individuals"] = [name for name in labels.individuals if name]
    tasks = []
    for number, image in enumerate(labels.images):
        size = image_size(image)
        if size is None:
            raise InputError(
                f"{path}: image {image.path} not found; Label Studio tells positions in percent of its size"
            )
        animals = animals_in(labels, number)
        result: list[dict[str, Any]] = []
        for place, animal in animals:
            # Without names, a single animal needs no rectangle.
            boxed = named or len(animals) > 1
            result += _written(animal, f"a{place}", size, labels.keypoints, boxed)
        tasks.append(
            {
                "id": number + 1,
                "data": {"image": lookup.told(image.path)},
                "meta": meta,
                "annotations": [{"result": result, "was_cancelled": False, "ground_truth": False}],
            }
        )
    part.write_bytes(json_bytes(tasks))
    return []


def _written(
    animal: Animal, owner: str, size: tuple[int, int], names: tuple[str, ...], boxed: bool
) -> list[dict[str, Any]]:
    """The regions of one animal."""
    there = np.flatnonzero(labelled(animal.points))
    percent = animal.points.astype(np.float64) * 100 / np.array(size)
    head = {"original_width": size[0], "original_height": size[1], "image_rotation": 0, "to_name": "image"}
    regions: list[dict[str, Any]] = []
    if boxed:
        low, high = percent[there].min(axis=0), percent[there].max(axis=0)
        box = dict(zip(("x", "y", "width", "height"), (*low.tolist(), *(high - low).tolist()), strict=True))
        value = {**box, "rotation": 0, "rectanglelabels": [animal.name or _KIND]}
        regions.append({**head, "id": owner, "from_name": "animals", "type": "rectanglelabels", "value": value})
    for keypoint in there.tolist():
        place = {"x": percent[keypoint, 0].item(), "y": percent[keypoint, 1].item(), "width": 0.5}
        region: dict[str, Any] = {**head, "id": f"{owner}k{keypoint}", "from_name": "keypoints"}
        if boxed:
            region["parentID"] = owner
        if animal.scores is not None and not np.isnan(animal.scores[keypoint]):
            region["score"] = float(animal.scores[keypoint])
        regions.append({**region, "type": "keypointlabels", "value": {**place, "keypointlabels": [names[keypoint]]}})
        if not animal.visible[keypoint]:
            region = {**region, "from_name": "visibility", "type": "choices"}
            regions.append({**region, "value": {**place, "choices": ["hidden"]}})
    return regions
