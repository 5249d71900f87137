"""What a project trains on: frames to learn from and frames held out, from labels or drawn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_models.grid import resized
from posewire_models.skeleton import Skeleton
from posewire_training.config import Project, find_all_data, find_data
from posewire_training.dataset import Frames, joined_frames, read_frames, scaled_image
from posewire_training.images import ImageRef
from posewire_training.labels import Labels, load_labels
from posewire_training.labels.record import labelled
from posewire_training.labels.sides import symmetric_by_name
from posewire_training.settings import DataSettings, PhantomSettings

_MOMENTS = 4  # tried for a crowded frame
_HELD_OUT_SEEDS = 1_000_000  # how far above the training seeds those of held-out scenes start


@dataclass(frozen=True)
class Source:
    """``train`` and ``held_out`` share no frame; ``how`` says how they were parted; ``data`` and ``licence`` are
    for the model's card. ``learned``: names of all labelled frames that the network will have learned from, those of
    the run it starts from among them."""

    body: Skeleton
    train: Frames
    held_out: Frames
    how: str
    data: str
    licence: str
    learned: tuple[str, ...] = ()


def open_source(project: Project, folder: Path) -> Source:
    """Load or draw all frames of a project whose file lies in ``folder``."""
    if project.phantom is not None:
        return _drawn(project, project.phantom)
    data = project.data
    assert data is not None  # Project checks that one of the two is there
    if not data.labels:
        raise InputError("[data] labels: no label file yet; label some frames and name the file there")
    sets: list[Frames] = []
    keypoints, skeleton, symmetric = project.keypoints, project.skeleton, project.symmetric
    known: dict[ImageRef, Path] = {}
    for path, video in label_files(data, folder):
        labels = load_labels(path, keypoints or None, video)
        _check_animals(project, labels, str(path))
        refuse_labelled_twice(known, labels, path)
        keypoints, skeleton, symmetric = labels.keypoints, skeleton or labels.skeleton, symmetric or labels.symmetric
        sets.append(read_frames(labels, str(path), project.network.scale, project.network.color))
    if "symmetric" not in project.model_fields_set and not symmetric:
        # A mirrored view without swapped partners would teach that left and right are the same.
        symmetric = tuple((keypoints[a], keypoints[b]) for a, b in symmetric_by_name(keypoints))
    project = project.model_copy(update={"skeleton": skeleton, "symmetric": symmetric})
    body = project.body(keypoints)
    if project.animals > 1 and not connected(body):
        raise InputError(
            f"skeleton: {len(keypoints)} keypoints and {len(skeleton)} edges that do not join them all; animals = "
            f"{project.animals} needs a path along edges between any two keypoints, or animals cannot be told apart"
        )
    frames = joined_frames(sets)
    if data.leave_out:
        wrong = set(_named(frames, data.leave_out, "leave_out"))
        starts = np.cumsum([0, *(len(part) for part in sets)])
        kept = [[i - a for i in range(a, b) if i not in wrong] for a, b in itertools.pairwise(starts)]
        sets = [part.pick(chosen) for part, chosen in zip(sets, kept, strict=True)]
        frames = joined_frames(sets)
    learned = _learned_before(project, folder)
    held_out, left_out, how = _held_out(data, frames, [len(part) for part in sets], learned)
    rest = sorted(set(range(len(frames))) - set(held_out) - set(left_out))
    if data.train_images:
        rest = _named(frames, data.train_images, "train_images")
        if both := sorted(set(rest) & set(held_out)):
            raise InputError(f"[data] train_images: {frames.names[both[0]]} is held out too")
    if not rest:
        raise InputError("[data] validation: every frame is held out; nothing is left to train on")
    return Source(
        body,
        frames.pick(rest),
        frames.pick(held_out),
        how,
        data.description or ", ".join(entry.file for entry in data.labels),
        data.licence,
        tuple(sorted(learned | {frames.names[i] for i in rest})),
    )


def label_files(data: DataSettings, folder: Path, strict: bool = True) -> list[tuple[Path, Path | None]]:
    """The label files of a project whose file lies in ``folder``, each with the video it means, if one is named.

    A pattern (``labeled-data/*/CollectedData_*.csv``) stands for all files it fits, in alphabetical order.
    Raises InputError for what is nowhere; unless ``strict``, a pattern may fit none yet.
    """
    found: list[tuple[Path, Path | None]] = []
    for entry in data.labels:
        video = find_data(entry.video, folder, data.root, "video") if entry.video else None
        try:
            found += [(path, video) for path in find_all_data(entry.file, folder, data.root, "label file")]
        except InputError:
            if strict or not has_magic(entry.file):
                raise
    if twice := next((path for n, (path, _) in enumerate(found) if path in [other for other, _ in found[:n]]), None):
        raise InputError(f"[data] labels: {twice} is named more than once")
    return found


def refuse_labelled_twice(known: dict[ImageRef, Path], labels: Labels, path: Path) -> None:
    """Raises InputError for a picture that another label file holds: it could be learned from and held out at once."""
    for image in labels.images:
        if (other := known.setdefault(image, path)) != path:
            raise InputError(f"{image.name} is labelled in {other} and in {path}; keep one of the two rows")


def connected(body: Skeleton) -> bool:
    """Whether edges lead from every keypoint to every other one."""
    reached, edges = {0}, list(body.edges)
    while further := {i for edge in edges for i in edge if set(edge) & reached} - reached:
        reached |= further
    return len(reached) == len(body.keypoints)


def _check_animals(project: Project, labels: Labels, where: str) -> None:
    """Raises InputError if a frame holds more animals than the project is for."""
    counts = labelled(labels.points).any(axis=-1).sum(axis=-1)  # [frames]
    if len(counts) and counts.max() > project.animals:
        frame = labels.images[int(counts.argmax())].name
        raise InputError(
            f"{where}: {frame} holds labels of {counts.max()} animals; expected at most animals = {project.animals} "
            "of the project file"
        )


def _learned_before(project: Project, folder: Path) -> frozenset[str]:
    """Names of the frames that the run a network starts from has learned from; empty if it starts elsewhere."""
    weights = project.network.weights
    if weights in ("none", "imagenet"):
        return frozenset()
    try:
        path = find_data(weights, folder, project.data.root if project.data else None, "network.weights")
        record = json.loads((path / "run.json").read_text("utf-8"))
        return frozenset(record.get("learned_from", ()))
    except (InputError, OSError, ValueError):  # no run: whoever loads the weights says what is wrong
        return frozenset()


def _held_out(
    data: DataSettings, frames: Frames, counts: list[int], learned: frozenset[str]
) -> tuple[list[int], list[int], str]:
    """Numbers of the frames held out and of those left out altogether, and how they were chosen.

    ``counts``: frames of each label file, in their order. ``learned``: names of frames that the weights to start from
    have learned from: no random frame is taken of them, or the error would look better than it is.
    """
    if data.validation_images:
        named = _named(frames, data.validation_images, "validation_images")
        return named, [], f"{len(named)} named frames of {len(frames)}"
    if not data.validation and not data.folds:
        return [], [], "nothing held out"
    part = f"part {data.fold} of {data.folds}: " if data.folds else ""
    if data.split == "random":
        order = np.random.default_rng(data.seed).permutation(len(frames)).tolist()
        first, last = _part(data, len(frames))
        if learned and not data.folds:
            order = [i for i in order if frames.names[i] not in learned]
            part = "of those that the weights to start from have not learned from "
        chosen = sorted(order[first:last])
        return chosen, [], f"{part}{len(chosen)} random frames of {len(frames)} (seed {data.seed})"
    held_out: list[int] = []
    left_out: list[int] = []
    start = 0
    for count in counts:
        first, last = _part(data, count, from_end=True)
        held_out += range(start + first, start + last)
        left_out += range(start + max(0, first - data.gap), start + first)
        left_out += range(start + last, start + min(count, last + data.gap))
        start += count
    gap = f", {data.gap} frames beside them left out" if data.gap else ""
    return held_out, left_out, f"{part}{len(held_out)} neighbouring frames of {len(frames)}{gap}"


def _named(frames: Frames, texts: Sequence[str], key: str) -> list[int]:
    """Numbers of the frames that names, or ends of paths, mean; one each."""
    chosen = set()
    for text in texts:
        ends = [i for i, name in enumerate(frames.names) if f"/{name}".endswith(f"/{text}")]
        if len(ends) != 1:
            raise InputError(f"[data] {key}: {text!r} names {len(ends)} labelled images; expected one")
        chosen.add(ends[0])
    return sorted(chosen)


def _part(data: DataSettings, count: int, from_end: bool = False) -> tuple[int, int]:
    """First place held out of ``count``, and the one after the last."""
    if data.folds:
        if data.folds > count:
            raise InputError(f"[data] folds: {data.folds} parts of {count} frames; expected at most one a frame")
        return (data.fold - 1) * count // data.folds, data.fold * count // data.folds
    size = max(1, round(data.validation * count))
    return (count - size, count) if from_end else (0, size)


def _drawn(project: Project, settings: PhantomSettings) -> Source:
    from posewire_models.phantom import Scene

    first = Scene(settings.width, settings.height, seed=settings.first_seed)
    known = tuple(first.keypoints)
    if unknown := [name for name in project.keypoints if name not in known]:
        raise InputError(f"keypoints: {unknown[0]!r} is none of the drawn animal's ({', '.join(known)})")
    keypoints = project.keypoints or known
    if project.skeleton or project.symmetric:
        body = project.body(keypoints)
    else:
        place = {known.index(name): i for i, name in enumerate(keypoints)}

        def kept(pairs: Any) -> tuple[tuple[int, int], ...]:
            return tuple((place[a], place[b]) for a, b in pairs if a in place and b in place)

        body = Skeleton(keypoints, kept(first.skeleton), kept(first.symmetric))
    columns = [known.index(name) for name in keypoints]
    # Learning where a hidden paw must be helps; being measured on it does not.
    train = _draw(project, settings, columns, settings.frames, settings.first_seed, hidden=True)
    held_out = _draw(
        project, settings, columns, settings.validation_frames, settings.first_seed + _HELD_OUT_SEEDS, hidden=False
    )
    how = (
        f"{len(held_out)} drawn frames of other seeds (looks and courses) than those trained on, visible keypoints"
        if len(held_out)
        else "nothing held out"
    )
    return Source(body, train, held_out, how, "frames drawn by posewire_models.phantom", "BSD-3-Clause")


def _nearness(points: npt.NDArray[np.float32]) -> float:
    """How much of animals ``[A, K, 2]`` px lies near others: pairs of keypoints, weighed by a Gaussian of 15 px."""
    apart = np.square(points[:, None, :, None] - points[None, :, None]).sum(axis=-1)  # [A, A, K, K]
    near = np.exp(apart / np.float32(-2 * 15**2)).sum(axis=(2, 3))
    return float(near.sum() - np.trace(near))


def _draw(
    project: Project, settings: PhantomSettings, columns: list[int], count: int, first_seed: int, hidden: bool
) -> Frames:
    """``count`` frames, a few of each seed, spread over its course; with labels of ``hidden`` keypoints, or NaN.

    Animals are in the order in which they lie on each other, the lowest first.
    """
    from posewire_models.phantom import Scene

    names, images = [], []
    points = np.full((count, project.animals, len(columns), 2), np.nan, np.float32)
    for number in range(count):
        seed, turn = first_seed + number // settings.frames_per_seed, number % settings.frames_per_seed
        if turn == 0:
            # One animal fewer here and there, or the network would learn to find the last one anywhere.
            animals = int(np.random.default_rng(seed).integers(project.animals)) + 1
            scene = Scene(settings.width, settings.height, animals, seed=seed)
        rng = np.random.default_rng([seed, turn])
        at = int(rng.integers(1000))
        drawn = scene.draw(at)
        if hidden and animals > 1 and rng.random() < settings.crowded:
            for other in rng.integers(1000, size=_MOMENTS).tolist():
                tried = scene.draw(other)
                if _nearness(tried.points) > _nearness(drawn.points):
                    at, drawn = other, tried
        names.append(f"seed{seed}/frame{at}")
        images.append(scaled_image(drawn.image, project.network.scale, project.network.color))
        truth = drawn.points[:, columns]
        if not hidden:
            truth = np.where(drawn.visible[:, columns, None], truth, np.float32(np.nan))
        points[number, :animals] = resized(truth[scene.order], project.network.scale)
    return Frames(tuple(names), tuple(images), points, project.network.scale)
