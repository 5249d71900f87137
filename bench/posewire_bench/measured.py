"""What a model made of labelled frames: animals found, which labelled ones they are, and how far off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats, Image
from posewire_bench.metrics import keypoint_errors
from posewire_bench.predict import Predict
from posewire_training.assemble import matched
from posewire_training.dataset import check_inside
from posewire_training.images import read_images
from posewire_training.labels import Labels
from posewire_training.labels.record import labelled

Errors = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Matches = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Measured:
    """``found``: of each frame float32 [animals, K, 3] (full-frame px, score; NaN, NaN, 0 where a keypoint is missing).
    ``matches``: of each frame pairs (number in ``found``, place in the labels).
    ``poses``: ``found`` in the places of the labels, float32 [F, A, K, 3]. ``errors``: [F, A, K] px, NaN where nothing
    is labelled, infinite where it was not found.
    """

    labels: Labels
    found: tuple[Floats, ...]
    matches: tuple[Matches, ...]
    poses: Floats
    errors: Errors

    def unmatched(self, frame: int) -> list[int]:
        """The found animals of a frame that nobody labelled."""
        taken = {a for a, _ in self.matches[frame]}
        return [a for a in range(len(self.found[frame])) if a not in taken]


@dataclass(frozen=True)
class Scores:
    """Scores (0..1), whether each keypoint was right, and the frames they stand in: arrays of one length."""

    scores: Errors
    correct: Flags
    frames: npt.NDArray[np.intp]


def measure(predict: Predict, labels: Labels, where: str, one: bool) -> Measured:
    """Predict every labelled frame; ``labels`` hold the model's keypoints in its order.

    ``one``: the model finds one animal, always; it is the labelled one if there is only one. Frames of the first one's
    size are predicted as they are read, the others afterwards by size, since a new size costs a new network. Raises
    InputError, naming ``where``, for a label outside its image.
    """
    found: list[Floats] = [np.empty((0, len(labels.keypoints), 3), np.float32)] * len(labels)
    waiting: list[tuple[int, Image]] = []
    first: tuple[int, ...] | None = None
    for n, image in read_images(labels.images):
        check_inside(where, labels.images[n].name, labels.keypoints, labels.points[n], image.shape[1], image.shape[0])
        first = first or image.shape
        if image.shape == first:
            found[n] = predict(image)
        else:
            waiting.append((n, image))
    for n, image in sorted(waiting, key=lambda pair: pair[1].shape):
        found[n] = predict(image)
    return compared(labels, found, one)


def compared(labels: Labels, found: list[Floats], one: bool) -> Measured:
    """Found animals ``[animals, K, 3]`` of each frame against its labels."""
    poses = np.full((*labels.points.shape[:3], 3), np.nan, np.float32)
    poses[..., 2] = 0
    matches: list[Matches] = []
    for n, animals in enumerate(found):
        present = np.nonzero(labelled(labels.points[n]).any(axis=-1))[0]
        if one and len(present) < 2:
            pairs = [(0, int(present[0]) if len(present) else 0)]
        else:
            pairs = matched(animals, labels.points[n])
        for a, b in pairs:
            poses[n, b] = animals[a]
        matches.append(tuple(pairs))
    return Measured(labels, tuple(found), tuple(matches), poses, keypoint_errors(poses, labels.points))


def false_keypoints(measured: Measured, min_score: float) -> int:
    """Keypoints found with ``min_score`` or more where nothing is labelled: of labelled animals, and all those of
    animals that nobody labelled."""
    known = labelled(measured.labels.points)
    others = sum(
        int((measured.found[n][a, :, 2] >= min_score).sum())
        for n in range(len(measured.found))
        for a in measured.unmatched(n)
    )
    there = np.isfinite(measured.poses[..., 0])
    return int((~known & there & (measured.poses[..., 2] >= min_score)).sum()) + others


def judged_scores(measured: Measured, within_px: float, absent: bool) -> Scores:
    """Scores of all found keypoints, right if ``within_px`` of their label.

    ``absent``: a keypoint without label is not there, so that finding it is wrong, as is every keypoint of an animal
    that nobody labelled; else they do not count. Nothing can be judged, and none is returned, if ``within_px`` is NaN.
    """
    there = np.isfinite(measured.poses[..., 0]) & np.isfinite(within_px)
    counted = there if absent else there & labelled(measured.labels.points)
    frames = np.nonzero(counted)[0]
    scores, correct = measured.poses[..., 2][counted], (measured.errors <= within_px)[counted]
    if absent and np.isfinite(within_px):
        for n in range(len(measured.found)):
            for a in measured.unmatched(n):
                more = measured.found[n][a, np.isfinite(measured.found[n][a, :, 0]), 2]
                scores = np.append(scores, more)
                correct = np.append(correct, np.zeros(len(more), bool))
                frames = np.append(frames, np.full(len(more), n))
    return Scores(np.clip(scores.astype(np.float64), 0, 1), np.asarray(correct, np.bool_), frames)
