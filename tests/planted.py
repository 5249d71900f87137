"""Errors planted into good labels, and how many of them the check finds."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posewire_training.labels import Labels, load_labels
from posewire_training.labels.check import (
    Finding,
    find_bad_numbers,
    find_empty,
    find_lengths,
    find_outside,
    find_same_place,
    find_twice,
)
from posewire_training.labels.inspect import check_labels
from posewire_training.labels.record import labelled
from posewire_training.labels.sides import find_swapped, symmetric_by_name

SETS = {
    "openfield": ("dlc-openfield", "labeled-data/m4s1/CollectedData_Pranav.csv", "", (640, 480)),
    "reaching": ("dlc-reaching", "labeled-data/reachingvideo1/CollectedData_Mackenzie.csv", "", (832, 747)),
    "mirror": ("mirror-mouse", "CollectedData.csv", "", (396, 406)),
    "fly": ("deepposekit-fly", "labeled-data/fly/CollectedData_annotator.csv", "", (192, 192)),
    "trimouse": ("madlc-trimouse", "labels.csv", "", (400, 400)),
    "flies": ("sleap-flies-clip", "labels/clip_13node.npz", "videos/clip.mp4", (1024, 1024)),
    "pair": ("sleap-flies-pair", "labels/pair_clean.npz", "videos/centered_pair_small.mp4", (384, 384)),
    "mice": ("sleap-mice-clip", "labels/mice_proofread.npz", "videos/cohort2.mp4", (1024, 768)),
}
"""Folder, label file, video, and size of the pictures (the largest, where they differ)."""


@dataclass(frozen=True)
class Score:
    """``found`` of ``planted`` errors, and ``false``: animals told that nobody touched."""

    planted: int
    found: int
    false: int


def pairs_of(labels: Labels) -> list[tuple[int, int]]:
    """Symmetric pairs of the file, else by name."""
    index = labels.keypoints.index
    return [(index(a), index(b)) for a, b in labels.symmetric] or symmetric_by_name(labels.keypoints)


def edges_of(labels: Labels) -> list[tuple[int, int]]:
    index = labels.keypoints.index
    return [(index(a), index(b)) for a, b in labels.skeleton]


def checks(labels: Labels, size: tuple[float, float]) -> dict[str, Callable[[Labels], list[Finding]]]:
    """What finds each kind of planted error, in pictures of ``size``."""
    sizes = np.tile(np.array(size, float), (len(labels), 1))
    names = labels.keypoints
    return {
        "outside": lambda held: find_outside(held.points, sizes),
        "swapped": lambda held: find_swapped(held.points, names, pairs_of(held)),
        "length": lambda held: find_lengths(held.points, names, edges_of(held)),
        "same place": lambda held: find_same_place(held.points, names),
        "twice": find_twice,
        "number": lambda held: find_bad_numbers(held.points),
        "empty": lambda held: find_empty(held.points),
    }


def plant(
    kind: str, labels: Labels, size: tuple[float, float], count: int, seed: int = 0
) -> tuple[Labels, set[tuple[int, int | None]]]:
    """``labels`` with up to ``count`` errors of a kind, one for each animal touched, and (frame, animal) of them.

    Fewer if the set has not so many animals that the error fits: all keypoints of a pair must be labelled, say.
    """
    rng = np.random.default_rng(seed)
    there = labelled(labels.points)
    points = labels.points.copy()
    places = np.argwhere(there.sum(axis=-1) >= 3)
    rng.shuffle(places)
    done: set[tuple[int, int | None]] = set()
    if kind == "empty":
        for frame in rng.permutation(np.flatnonzero(there.any(axis=(1, 2))))[:count].tolist():
            points[frame] = np.nan
            done.add((frame, None))
        return replace(labels, points=points), done
    if kind == "twice":
        points = np.concatenate([points, np.full_like(points[:, :1], np.nan)], axis=1)
    for frame, animal in places.tolist():
        if len(done) >= count:
            break
        known = np.flatnonzero(there[frame, animal])
        its = labels.points[frame, animal]
        extent = float(np.hypot(*np.ptp(its[known], axis=0)))
        a, b = rng.choice(known, 2, replace=False)
        if kind == "swapped":
            pairs = [pair for pair in pairs_of(labels) if there[frame, animal, list(pair)].all()]
            if not pairs:
                continue
            # A labeller takes the animal for its mirror image: all pairs change places.
            for left, right in pairs:
                points[frame, animal, [left, right]] = its[[right, left]]
        elif kind == "length":
            angle = rng.uniform(0, 2 * np.pi)
            points[frame, animal, a] += np.float32(rng.uniform(0.7, 1.2) * extent) * np.array(
                [np.cos(angle), np.sin(angle)], np.float32
            )
        elif kind == "outside":
            axis = int(rng.integers(2))
            points[frame, animal, a, axis] = rng.choice([-rng.uniform(1, 50), size[axis] + rng.uniform(1, 50)])
        elif kind == "same place":
            points[frame, animal, a] = its[b]
        elif kind == "number":
            points[frame, animal, a, int(rng.integers(2))] = rng.choice([np.nan, np.inf])
        elif kind == "twice":
            if any(frame == other for other, _ in done):
                continue
            points[frame, -1] = its + rng.normal(0, 0.01 * extent, its.shape)
            done.add((frame, labels.animals))
            continue
        done.add((frame, animal))
    wide = {} if kind != "twice" else _one_more_place(labels)
    return replace(labels, points=points, **wide), done


def _one_more_place(labels: Labels) -> dict[str, object]:
    def widened(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, array[:, :1]], axis=1)

    return {
        "visible": widened(labels.visible),
        "scores": None if labels.scores is None else widened(labels.scores),
        "individuals": (*labels.individuals, "another") if labels.individuals else (),
    }


def score(kind: str, labels: Labels, size: tuple[float, float], count: int, seed: int = 0) -> Score:
    """Plant, check, count. What the check tells of the labels as they are is neither found nor false."""
    find = checks(labels, size)[kind]
    before = {(f.frame, f.animal) for f in find(labels)}
    changed, done = plant(kind, labels, size, count, seed)
    after = {(f.frame, f.animal) for f in find(changed)}
    return Score(len(done), len(after & done), len(after - done - before))


def scores(kind: str, labels: Labels, size: tuple[float, float], least: int) -> list[Score]:
    """`score` of several draws until ``least`` errors are planted, each time in at most a tenth of the animals."""
    animals = int(labelled(labels.points).any(axis=-1).sum())
    at_once = max(4, min(25, animals // 10))
    return [score(kind, labels, size, at_once, seed) for seed in range(-(-least // at_once))]


def main() -> None:
    """The table of docs/labels.md: ``python tests/planted.py FOLDER``, the folder of the shared sets."""
    root = Path(sys.argv[1])
    false = planted = 0
    for folder, file, video, size in SETS.values():
        labels = load_labels(root / folder / file, video=root / folder / video if video else None, strict=False)
        told = Counter(f.kind for f in check_labels(labels, np.tile(np.array(size, float), (len(labels), 1))))
        cells = []
        for kind in checks(labels, size):
            results = scores(kind, labels, size, 50)
            cells.append(f"{kind} {sum(r.found for r in results)} of {sum(r.planted for r in results)}")
            false += sum(r.false for r in results)
            planted += sum(r.planted for r in results)
        sys.stdout.write(f"{folder}: {'; '.join(cells)}; as it is: {dict(told)}\n")
    sys.stdout.write(f"{false} false findings in {planted} planted errors\n")


if __name__ == "__main__":
    main()
