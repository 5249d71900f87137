"""`posewire refine`: frames worth labelling, written as pictures with predictions to start from, and the reasons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError, nearest
from posewire_training.config import project_file
from posewire_training.frames.candidates import frame_counts
from posewire_training.images import ImageRef
from posewire_training.labels.record import Points
from posewire_training.progress import progress
from posewire_training.refine.choose import WEIGHTS, Candidates, choose
from posewire_training.refine.known import labelled_pictures, looks_of_pictures, taken_frames
from posewire_training.refine.look import Doubt, Look, doubt_of, look_at, part_names, thinned
from posewire_training.refine.predict import MOST_ANIMALS, Predictor
from posewire_training.refine.signals import Values
from posewire_training.refine.written import Chosen, row_of, write_chosen

GAP = 10
"""Frames between two chosen ones of a video, unless told otherwise."""

_WORDS = {"score": "low score", "jumps": "jump", "limbs": "limb length", "flip": "mirror image disagrees"}
_TELLING = 0.3  # signals at or above it are told as reasons; the strongest always is


def refine(
    videos: Sequence[Path],
    model: str,
    *,
    count: int = 20,
    project: Path | None = None,
    out: Path | None = None,
    every: int | None = None,
    gap: int = GAP,
    seed: int = 0,
    signals: Sequence[str] = tuple(WEIGHTS),
    min_score: float | None = None,
    threads: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Propose ``count`` frames of ``videos`` and write them below ``out`` (default: the project's folder, else here).

    ``project``: a project file, or the folder of one: its labelled frames are not proposed, nor what looks like them.
    ``every``: look at each so many-th frame (default: about a thousand in all). ``signals``: which ones count.
    ``min_score``: pre-labels below it are left empty (default: the model's).
    Returns the report that ``--json`` prints. Raises InputError for what cannot be read or is there already, WorkError
    if the disk refuses; nothing stays behind then.
    """
    _check(videos, count, every, gap, signals)
    pictures: list[tuple[ImageRef, Points]] = []
    animals = MOST_ANIMALS
    if project is not None:
        file = project_file(project)
        settings, pictures = labelled_pictures(file)
        animals, out = settings.animals, out or file.absolute().parent
    out = out or Path()
    predictor = Predictor(model, animals, threads)
    lengths = frame_counts(videos).tolist()
    step = every or thinned(lengths)
    known = looks_of_pictures(pictures, seed)
    with progress("looking at frames", sum(lengths)) as advance:
        looks = [look_at(video, predictor, step, advance) for video in videos]
    taken = [taken_frames(video, [image for image, _ in pictures], out) for video in videos]
    doubts = [doubt_of(look, predictor.contract, signals) for look in looks]
    chosen = _chosen(looks, doubts, taken, known, part_names(predictor.contract), count, gap, seed)
    if len(chosen) < count:
        say(f"{len(chosen)} of {count} frames: no others differ from those and lie {gap} frames apart (--gap, --every)")
    if not chosen:
        raise InputError(
            f"{videos[0]}: every frame that was looked at is labelled or extracted already; nothing to add"
        )
    least = predictor.contract.min_score if min_score is None else min_score
    files = write_chosen(chosen, predictor.contract, out, least)
    return {
        "model": predictor.name,
        "looked_at": sum(len(look.numbers) for look in looks),
        "every": step,
        "typical_worth": round(float(np.median(np.concatenate([doubt.worth for doubt in doubts]))), 4),
        "frames": [row_of(frame, picture) for frame, picture in zip(chosen, files.pictures, strict=True)],
        "predicted": [str(file) for file in files.predicted],
        "reasons": [str(file) for file in files.reasons],
    }


def _check(videos: Sequence[Path], count: int, every: int | None, gap: int, signals: Sequence[str]) -> None:
    if count < 1 or gap < 1 or (every is not None and every < 1):
        raise InputError(f"--count {count}, --gap {gap}, --every {every}: expected 1 or more")
    if unknown := [name for name in signals if name not in WEIGHTS]:
        raise InputError(
            f"--signals: no signal {unknown[0]!r}{nearest(unknown[0], WEIGHTS)}; there are {', '.join(WEIGHTS)}"
        )
    if not signals:
        raise InputError(f"--signals: expected one at least of {', '.join(WEIGHTS)}")
    stems = [video.stem for video in videos]
    if twice := next((stem for stem in stems if stems.count(stem) > 1), None):
        raise InputError(
            f"two videos are called {twice}: their frames would share a folder; refine one after the other"
        )


def _chosen(
    looks: Sequence[Look],
    doubts: Sequence[Doubt],
    taken: Sequence[set[int]],
    known: Points,
    names: dict[str, list[str]],
    count: int,
    gap: int,
    seed: int,
) -> list[Chosen]:
    """The frames chosen of all videos together."""
    candidates = Candidates(
        np.concatenate([doubt.worth for doubt in doubts]),
        np.concatenate([look.looks for look in looks]),
        np.concatenate([np.full(len(look.numbers), n) for n, look in enumerate(looks)]),
        np.concatenate([look.numbers for look in looks]),
        np.concatenate([_free(look.numbers, numbers, gap) for look, numbers in zip(looks, taken, strict=True)]),
    )
    # Frames that are labelled already are known looks too, if they were looked at.
    around = candidates.looks[~candidates.free]
    known = np.concatenate([known, around]) if len(known) else around
    starts = np.cumsum([0, *(len(look.numbers) for look in looks)])
    found = []
    for place in choose(candidates, known, count, gap, seed):
        video = int(candidates.videos[place])
        n = place - int(starts[video])
        look, doubt = looks[video], doubts[video]
        values = {name: float(value[n]) for name, value in doubt.values.items()}
        why = _why(values, {name: part[n] for name, part in doubt.parts.items()}, names)
        image = ImageRef(look.video, int(look.numbers[n]))
        points, scores = look.predictions.points[n], look.predictions.scores[n]
        found.append(Chosen(image, points, scores, float(doubt.worth[n]), values, why))
    return found


def _free(numbers: npt.NDArray[np.int64], taken: set[int], gap: int) -> npt.NDArray[np.bool_]:
    """Which frames are ``gap`` frames or more away from all that are ``taken``."""
    if not taken:
        return np.ones(len(numbers), np.bool_)
    near = np.array(sorted(taken))
    return np.asarray(np.abs(numbers[:, None] - near).min(axis=1) >= gap)


def _why(values: dict[str, float], parts: dict[str, Values], names: dict[str, list[str]]) -> str:
    """The signals that speak for a frame, strongest first, each with the part it is strongest at."""
    order = sorted(values, key=lambda name: -values[name])
    told = [name for name in order if values[name] >= _TELLING] or order[:1]
    return "; ".join(f"{_WORDS[name]} ({names[name][int(np.nan_to_num(parts[name]).argmax())]})" for name in told)
