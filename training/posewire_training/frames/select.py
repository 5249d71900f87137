"""From videos to the frames to label: look at them, choose, write. `posewire frames` from top to bottom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posewire_models.errors import InputError, WorkError
from posewire_models.files import folder_beside, write_whole
from posewire_training.config import Project, find_data, project_file, read_project
from posewire_training.frames.candidates import APPEARANCE_SIZE, appearance, frame_counts, survey
from posewire_training.frames.choose import Chosen, Vectors, balanced, clustered, uniform
from posewire_training.frames.sheet import contact_sheet, thumbnail, thumbnail_width
from posewire_training.images import Image, ImageRef, encoded, read_images, video_frames
from posewire_training.labels import load_labels
from posewire_training.progress import progress
from posewire_training.source import label_files

METHODS = ("uniform", "appearance", "features")
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class Taken:
    """A chosen frame: of which video, its number, and the image file written."""

    video: Path
    frame: int
    image: Path


@dataclass(frozen=True)
class Selection:
    """What was written. ``looked_at`` frames were compared, ``known`` of them looked like one there already."""

    frames: tuple[Taken, ...]
    folder: Path
    sheet: Path | None
    looked_at: int
    known: int


def select_frames(
    places: Sequence[Path],
    *,
    count: int = 40,
    method: str = "appearance",
    model: str | None = None,
    seed: int = 0,
    out: Path | None = None,
    sheet: Path | None = None,
    quiet: bool = False,
    running: Callable[[], None] = lambda: None,
) -> Selection:
    """Choose ``count`` distinct frames of videos and write them as PNG, with a contact sheet.

    ``places``: videos, a project (its file or folder), or both. Images go to ``<out>/<video's stem>/img<frame>.png``;
    default: the project's ``labeled-data``. ``model``: the network whose features ``method`` ``features`` compares.
    Nothing is overwritten; nothing is written before all is chosen; ``running`` is called when the last step begins,
    putting files in their places, which nothing should break off. Fewer frames are written if no more are distinct.

    Raises InputError for wrong options and unreadable videos, labels or images, WorkError if writing fails.
    """
    if method not in METHODS:
        raise InputError(f"--method {method}: expected one of {', '.join(METHODS)}")
    if (model is not None) != (method == "features"):
        raise InputError("--method features needs --model, and no other method takes it")
    if count < 1:
        raise InputError(f"--count {count}: expected at least 1")
    file, videos = _videos(places)
    if out is None:
        if file is None:
            raise InputError("no folder to write to: name a project (`posewire new` makes one) or give --out FOLDER")
        out = file.parent / "labeled-data"
    sheet = _sheet_place(sheet, out)
    lengths = frame_counts(videos)
    describe = None
    if model is not None:
        from posewire_training.frames.features import Features

        describe = Features(model)
    present = _present(out, file, quiet)
    with progress("looking at frames", int(lengths.sum()), quiet) as advance:
        candidates = survey(videos, lengths, seed, describe, advance)
    targets = [
        out / videos[v].stem / f"img{f:06d}.png" for v, f in zip(candidates.video, candidates.frame, strict=True)
    ]
    chosen = Chosen(candidates.appearance, present)
    chosen.exclude(number for number, target in enumerate(targets) if target.exists())
    if method == "uniform":
        uniform(chosen, candidates.video, candidates.frame, candidates.lengths, count, seed)
    else:
        vectors = candidates.appearance if candidates.features is None else balanced(candidates.features)
        clustered(chosen, vectors, candidates.video, count, seed)
    order = sorted(chosen.order, key=lambda number: (candidates.video[number], candidates.frame[number]))
    taken = tuple(
        Taken(videos[candidates.video[number]], int(candidates.frame[number]), targets[number]) for number in order
    )
    if taken:
        try:
            _write(taken, out, sheet, quiet, running)
        except OSError as error:
            raise WorkError(f"{out}: frames cannot be written ({error.strerror or error})") from None
    return Selection(taken, out, sheet if taken else None, len(candidates), int(chosen.known.sum()))


def _videos(places: Sequence[Path]) -> tuple[Path | None, list[Path]]:
    """The project's file, if one is named, and the videos to look at, each once."""
    projects = [place for place in places if place.is_dir() or place.suffix.lower() == ".toml"]
    videos = [place for place in places if place not in projects]
    if len(projects) > 1:
        raise InputError(f"{projects[0]} and {projects[1]}: expected one project")
    file = project_file(projects[0]).absolute() if projects else None
    if file is not None and not videos:
        videos = _project_videos(read_project(file), file)
    videos = list({video.resolve(): video for video in videos}.values())
    twice = [stem for stem, times in Counter(video.stem.lower() for video in videos).items() if times > 1]
    if twice:
        same = [str(video) for video in videos if video.stem.lower() == twice[0]]
        raise InputError(f"{', '.join(same)}: their frames would share a folder; rename one of the videos")
    return file, videos


def _project_videos(project: Project, file: Path) -> list[Path]:
    data = project.data
    if data is None or not data.videos:
        raise InputError(f"{file}: [data] videos names no video; add some there, or name them after the project")
    return [find_data(text, file.parent, data.root, "video") for text in data.videos]


def _sheet_place(sheet: Path | None, out: Path) -> Path:
    """Where the contact sheet goes: as wished, or the first free name. Raises InputError for what cannot be written."""
    if sheet is None:
        number = 1
        while (free := out / f"contact-sheet-{number}.jpg").exists():
            number += 1
        return free
    if sheet.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise InputError(f"--sheet {sheet}: expected a file ending in .jpg or .png")
    if sheet.exists():
        raise InputError(f"--sheet {sheet}: is there already; give another name, nothing is overwritten")
    if not sheet.absolute().parent.is_dir():
        raise InputError(f"--sheet {sheet}: no folder {sheet.parent}; make it first")
    return sheet


def _present(out: Path, file: Path | None, quiet: bool) -> Vectors:
    """Appearances float32 ``[n, 768]`` of the images already in ``out``, and of those that a project's labels name."""
    images = [ImageRef(path) for path in sorted(out.glob("*/*")) if path.suffix.lower() in IMAGE_ENDINGS]
    project = read_project(file) if file else None
    if file and project and project.data:
        for path, video in label_files(project.data, file.parent, strict=False):
            images += load_labels(path, video=video).images
    unique = list({(image.path.resolve(), image.frame): image for image in images}.values())
    vectors = []
    with progress("looking at frames already there", len(unique), quiet or not unique) as advance:
        for _, image in read_images(unique):
            vectors.append(appearance(image))
            advance()
    return np.array(vectors, np.float32).reshape(len(vectors), APPEARANCE_SIZE[0] * APPEARANCE_SIZE[1])


def _write(taken: Sequence[Taken], out: Path, sheet: Path, quiet: bool, running: Callable[[], None]) -> None:
    """Write all images and the sheet aside, then rename them to their places. Raises OSError."""
    made: list[tuple[Path, Path]] = []  # where each image lies aside, and its place
    thumbnails: list[Image] = []
    width = thumbnail_width(len(taken))
    with folder_beside(out) as aside, progress("writing frames", len(taken), quiet) as advance:
        for video in dict.fromkeys(frame.video for frame in taken):
            targets = {frame.frame: frame.image for frame in taken if frame.video == video}
            for number, image in video_frames(video, sorted(targets)):
                part = aside / f"{len(made)}.png"
                part.write_bytes(encoded(image, ".png"))
                made.append((part, targets[number]))
                thumbnails.append(thumbnail(image, width))
                advance()
        picture = contact_sheet(thumbnails, [frame.video.name for frame in taken], [frame.frame for frame in taken])
        running()
        for part, target in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        write_whole(sheet, encoded(picture, sheet.suffix.lower()))
