"""A new project's folder, made of labels and videos: `posewire new` from top to bottom."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posewire_models.errors import InputError, WorkError, nearest
from posewire_models.files import folder_beside
from posewire_models.skeleton import Pair
from posewire_training.config import PROJECT_FILE, read_project
from posewire_training.copy_labels import FOLDER, copy_labels
from posewire_training.images import Image, ImageRef, opened_video
from posewire_training.labels import Labels, load_labels
from posewire_training.labels.record import Points, labelled
from posewire_training.labels.sides import symmetric_by_name
from posewire_training.progress import progress
from posewire_training.project_text import project_text
from posewire_training.source import refuse_labelled_twice
from posewire_training.suggest import Suggestion, suggest, suggest_skeleton

Pairs = tuple[tuple[str, str], ...]


MOST_TINT = 3  # grey values between the channels of gray pictures that a codec has turned to colours and back


@dataclass(frozen=True)
class NewProject:
    """What was made: the project file, how many frames with labels and how many videos it holds, and the settings
    chosen for them (None without a picture to judge by)."""

    file: Path
    frames: int
    videos: int
    keypoints: tuple[str, ...]
    settings: Suggestion | None


class _Seen:
    """What the images tell, collected while they are copied."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []
        self.gray = True

    def look(self, image: Image) -> None:
        self.sizes.append((image.shape[1], image.shape[0]))
        some = image[::4, ::4].astype(np.int16)
        self.gray = self.gray and bool(np.abs(some - some[..., :1]).max() <= MOST_TINT)


def new_project(
    folder: Path,
    *,
    name: str | None = None,
    labels: Sequence[Path] = (),
    videos: Sequence[Path] = (),
    keypoints: Sequence[str] = (),
    animals: int | None = None,
    skeleton: Sequence[str] = (),
    symmetric: Sequence[str] = (),
    scorer: str | None = None,
    link: bool = False,
    quiet: bool = False,
    running: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda line: None,
) -> NewProject:
    """Make the project ``folder``, which must be empty or not there yet.

    ``labels`` and their images are copied, and ``videos`` too unless ``link``. What is not given (``keypoints``,
    ``animals``, edges ``skeleton`` and mirror partners ``symmetric`` as ``a-b``) is taken from the labels or guessed,
    and so are training settings. The folder is there whole or not at all; ``running`` is called before its last step;
    ``say`` receives one-line remarks.

    Raises InputError for wrong options, labels, images or videos, WorkError if the folder cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is there already; give a folder that is empty or does not exist yet")
    name = name or re.sub(r"[^A-Za-z0-9._-]+", "-", folder.absolute().name).strip("-._") or "project"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise InputError(f"--name {name}: expected letters, digits and . _ - only, as in mouse-1")
    _check_videos(videos)
    video = videos[0] if len(videos) == 1 else None
    labels = list({path.resolve(): path for path in labels}.values())
    sets = [load_labels(path, video=video if path.suffix.lower() == ".npz" else None) for path in labels]
    points_of = tuple(keypoints) or (sets[0].keypoints if sets else ())
    chosen = [part.choose(points_of, str(path)) for part, path in zip(sets, labels, strict=True)]
    known: dict[ImageRef, Path] = {}
    for one, path in zip(chosen, labels, strict=True):
        refuse_labelled_twice(known, one, path)
    points = _joined(chosen, len(points_of))
    most = max(1, int(labelled(points).any(axis=-1).sum(axis=-1).max(initial=1)))
    if animals is not None and animals < most:
        raise InputError(f"--animals {animals}: a labelled frame holds {most}; expected at least that many")
    animals = animals or most
    told = _pairs("--skeleton", skeleton, points_of) or _numbers(_first(part.skeleton for part in chosen), points_of)
    # Several animals are told apart along edges, so these must join all keypoints.
    edges = suggest_skeleton(len(points_of), points, told) if chosen and (animals > 1 or not told) else told
    sides = _pairs("--symmetric", symmetric, points_of) or _numbers(
        _first(part.symmetric for part in chosen), points_of
    )
    partners = sides or tuple(symmetric_by_name(points_of))
    try:
        with folder_beside(folder) as part:
            for inside in (FOLDER, "videos", "models", "runs"):
                (part / inside).mkdir()
            seen = _Seen()
            remarks = _copy_all(sets, labels, part, scorer, seen, quiet)
            named = _bring_videos(videos, part, link, quiet)
            if not sets:
                for path in videos:
                    seen.look(_first_frame(path))
            settings = suggest(points, np.array(seen.sizes, np.int64), seen.gray, partners) if seen.sizes else None
            text = project_text(
                folder=folder.name,
                name=name,
                keypoints=points_of,
                animals=animals,
                skeleton=_names(edges, points_of),
                skeleton_guessed=edges != told,
                symmetric=_names(partners, points_of),
                symmetric_guessed=partners != sides,
                videos=named,
                settings=settings or Suggestion(1.0, "bgr", 180.0, 0.5, None, 0.2),
            )
            (part / PROJECT_FILE).write_text(text, "utf-8")
            made = read_project(part)
            if points_of:
                made.body(points_of)
            running()
            if folder.is_dir():
                folder.rmdir()  # Windows renames no folder onto another
            part.rename(folder)
    except OSError as error:
        raise WorkError(f"{folder}: cannot be made ({error.strerror or error})") from None
    for remark in remarks:
        say(remark)
    return NewProject(folder / PROJECT_FILE, len(points), len(videos), points_of, settings)


def _joined(sets: Sequence[Labels], count: int) -> Points:
    """All points, float32 ``[frames, animals, K, 2]``; places for animals that a set has not are NaN."""
    most = max((part.animals for part in sets), default=1)
    rooms = [np.full((len(part), most, count, 2), np.nan, np.float32) for part in sets]
    for room, part in zip(rooms, sets, strict=True):
        room[:, : part.animals] = part.points
    return np.concatenate([np.empty((0, most, count, 2), np.float32), *rooms])


def _numbers(pairs: Pairs, keypoints: Sequence[str]) -> tuple[Pair, ...]:
    return tuple((keypoints.index(a), keypoints.index(b)) for a, b in pairs)


def _names(pairs: Iterable[Pair], keypoints: Sequence[str]) -> Pairs:
    return tuple((keypoints[a], keypoints[b]) for a, b in pairs)


def _first(found: Iterable[Pairs]) -> Pairs:
    return next((pairs for pairs in found if pairs), ())


def _pairs(option: str, texts: Sequence[str], keypoints: Sequence[str]) -> tuple[Pair, ...]:
    """``a-b`` as places in ``keypoints``; a name may hold a hyphen of its own. Raises InputError for no such pair."""
    pairs: list[tuple[str, str]] = []
    for text in texts:
        parts = text.split("-")
        ways = [("-".join(parts[:n]), "-".join(parts[n:])) for n in range(1, len(parts))]
        if not ways:
            raise InputError(
                f"{option} {text}: expected two keypoints with a hyphen between them, as in leftear-rightear"
            )
        known = [way for way in ways if keypoints and set(way) <= set(keypoints)]
        if not known:
            unknown = next((part for part in ways[0] if part not in keypoints), text)
            raise InputError(
                f"{option} {text}: {unknown!r} is no keypoint{nearest(unknown, keypoints)} "
                f"(there are {', '.join(keypoints) or 'none; give --keypoints'})"
            )
        pairs.append(known[0])
    return _numbers(tuple(pairs), keypoints)


def _check_videos(videos: Sequence[Path]) -> None:
    """Raises InputError naming every unreadable video, or two of one name."""
    problems = []
    for path in videos:
        try:
            _first_frame(path)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("; ".join(problems))
    names = [path.name.lower() for path in videos]
    if twice := next((path for path in videos if names.count(path.name.lower()) > 1), None):
        raise InputError(f"--video {twice}: another video has the same name; rename one of them")


def _first_frame(path: Path) -> Image:
    with opened_video(path) as video:
        known, image = video.read()
    if not known:
        raise InputError(f"{path}: holds no frame that can be decoded")
    return np.asarray(image, np.uint8)


def _copy_all(
    sets: Sequence[Labels], paths: Sequence[Path], part: Path, scorer: str | None, seen: _Seen, quiet: bool
) -> list[str]:
    """Copy all labels; returns a line for everything that was lost."""
    remarks: list[str] = []
    total = sum(len(one) for one in sets)
    with progress("copying labelled frames", total, quiet or not total) as advance:

        def look(image: Image) -> None:
            seen.look(image)
            advance()

        for one, path in zip(sets, paths, strict=True):
            # The project file keeps the skeleton, for which label files have no place.
            remarks += [line for line in copy_labels(one, path, part, scorer, look) if "skeleton" not in line]
    return remarks


def _bring_videos(videos: Sequence[Path], part: Path, link: bool, quiet: bool) -> list[str]:
    """Copy the videos, or name where they are; returns what the project file says of them."""
    if link:
        return [path.resolve().as_posix() for path in videos]
    with progress("copying videos", len(videos), quiet or not videos) as advance:
        for path in videos:
            shutil.copyfile(path, part / "videos" / path.name)
            advance()
    return [f"videos/{path.name}" for path in videos]
