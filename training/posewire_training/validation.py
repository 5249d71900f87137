"""How far a network is off, in pixels of the full source frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posewire_models.peaks import best_peaks, unpadded
from posewire_models.skeleton import Pair
from posewire_training.assemble import Assembling, assemble, matched
from posewire_training.batches import padded, whole_size
from posewire_training.calibrate import fit_temperature
from posewire_training.config import Project
from posewire_training.dataset import Frames
from posewire_training.images import Image
from posewire_training.labels.record import Points, labelled
from posewire_training.learner import Learner
from posewire_training.targets import Array

NEAR_PX = 15.0
_MOST_HEAT = 4.0  # temperatures beyond say more of few frames than of the network
MapsOf = Callable[[Image], Sequence[Array]]


@dataclass(frozen=True)
class HeldOutError:
    """Errors on held-out frames.

    ``mean``, ``median``: px over the labelled keypoints that were found; ``within_15px``: share of them that near;
    ``found``: share of the labelled keypoints that were found at all (1 for one animal, whose best peak always
    counts). NaN where there is nothing to measure. ``errors``: ``[frames, animals, K]`` px, NaN where not labelled,
    infinite where not found. ``scores``: of the same shape, 0 where not found.
    """

    mean: float
    median: float
    within_15px: float
    found: float
    errors: Points
    scores: Points

    @property
    def figures(self) -> tuple[float, float, float, float]:
        """Mean, median, share within 15 px, share found."""
        return self.mean, self.median, self.within_15px, self.found

    def card(self, names: Sequence[str]) -> dict[str, Any] | None:
        """What a run keeps of it, in JSON's terms; None if nothing was measured. ``names`` of the frames: the error of
        each of them stands there too, so that the errors of several runs can be joined."""
        if math.isnan(self.mean):
            return None
        frames = {
            name: [round(float(value), 3) if np.isfinite(value) else None for value in errors[~np.isnan(errors)]]
            for name, errors in zip(names, self.errors, strict=True)
        }
        figures = dict(zip(("mean", "median", "within_15px", "found"), self.figures, strict=True))
        return {**figures, "frames": frames}

    @property
    def score(self) -> float:
        """What early stopping watches: the mean error, each keypoint not found at all counting as 15 px or more."""
        if math.isnan(self.found):
            return math.nan
        return missed_counted(0.0 if math.isnan(self.mean) else self.mean, self.found)


def missed_counted(mean: float, found: float) -> float:
    """The mean error (px) of the share ``found``, with every keypoint that was not found counting as 15 px or more."""
    return found * mean + (1 - found) * max(NEAR_PX, mean)


def predict(learner: Learner, frames: Frames, edges: tuple[Pair, ...] = ()) -> list[Points]:
    """The animals of whole frames by the running mean, as `animals_of` gives them."""

    def maps_of(image: Image) -> list[Array]:
        logits, *others = (np.asarray(tensor)[0] for tensor in learner.forward(image[None]))
        return [1 / (1 + np.exp(-logits)), *others]

    return animals_of(maps_of, learner.project, frames, edges)


def animals_of(maps_of: MapsOf, project: Project, frames: Frames, edges: tuple[Pair, ...] = ()) -> list[Points]:
    """The animals of whole frames: of each frame float32 ``[animals, K, 3]`` (x, y in network pixels, score).

    ``maps_of``: a padded image ``[H, W, C]`` -> heatmaps (0..1), offsets and, if there are ``edges``, part affinity
    fields. Without ``edges`` the one animal of the best peaks.
    """
    network = project.network
    found = []
    for image, whole in zip(as_seen(project, frames), frames.images, strict=True):
        heatmaps, offsets, *fields = maps_of(image)
        offsets = offsets.reshape(*heatmaps.shape, 2)
        if edges:
            limbs = fields[0].reshape(*fields[0].shape[:2], len(edges), 2)
            rules = Assembling(most=project.animals)
            found.append(assemble(heatmaps, offsets, limbs, edges, network.stride, network.paf_stride, rules))
        else:
            height, width = whole.shape[:2]
            heatmaps, offsets = (unpadded(maps[None], height, width, network.stride) for maps in (heatmaps, offsets))
            points, scores = best_peaks(heatmaps, offsets, network.stride)
            found.append(np.concatenate([points, scores[..., None]], axis=-1))
    return found


def as_seen(project: Project, frames: Frames) -> Iterator[Image]:
    """Whole frames, padded as the network sees them."""
    size = project.schedule.size or whole_size(frames)
    for image in frames.images:
        # An image larger than the training size keeps its own.
        fits = image.shape[1] <= size[0] and image.shape[0] <= size[1]
        yield padded(image, size if fits else whole_size(frames.of((image,))))


def error_of(learner: Learner, frames: Frames, edges: tuple[Pair, ...] = ()) -> HeldOutError:
    """Errors on frames; all NaN for none."""
    return measured(predict(learner, frames, edges) if len(frames) else [], frames)


def measured(found: list[Points], frames: Frames) -> HeldOutError:
    """Errors of the animals found in each frame, in network pixels, against its labels."""
    errors = np.full(frames.points.shape[:3], np.nan, np.float32)
    errors[labelled(frames.points)] = np.inf
    scores = np.zeros_like(errors)
    for n, animals in enumerate(found):
        alone = len(animals) == 1 and frames.points.shape[1] == 1
        for a, b in [(0, 0)] if alone else matched(animals, frames.points[n]):
            apart = np.linalg.norm(animals[a, :, :2] - frames.points[n, b], axis=-1) / frames.scale
            there = ~np.isnan(apart)
            errors[n, b, there] = apart[there]
            scores[n, b] = animals[a, :, 2]
    return summed_up(errors, scores)


def joined(parts: Sequence[HeldOutError]) -> HeldOutError:
    """Errors on the frames of several runs together."""
    return summed_up(np.concatenate([part.errors for part in parts]), np.concatenate([part.scores for part in parts]))


def summed_up(errors: Points, scores: Points) -> HeldOutError:
    """The figures of errors and scores ``[frames, animals, K]``."""
    known = errors[~np.isnan(errors)]
    near = known[np.isfinite(known)]
    if not len(known):
        return HeldOutError(math.nan, math.nan, math.nan, math.nan, errors, scores)
    if not len(near):
        return HeldOutError(math.nan, math.nan, 0.0, 0.0, errors, scores)
    return HeldOutError(
        float(near.mean()),
        float(np.median(near)),
        float((near <= NEAR_PX).mean()),
        len(near) / len(known),
        errors,
        scores,
    )


def calibration_of(error: HeldOutError, frames: Frames, absent: bool) -> dict[str, Any] | None:
    """The temperature that makes scores on held-out frames mean "how likely is this within a tenth of the body length".

    ``absent``: a keypoint without label is not there, so whatever is found for it is wrong; else it does not count. The
    body length is the median diagonal of the box of an animal's labelled keypoints. None if nothing was measured.
    """
    there = labelled(frames.points)  # [F, A, K]
    known = there.sum(axis=-1) > 1  # animals of two keypoints and more
    if not known.any():
        return None
    extents = np.nanmax(frames.points[known], axis=1) - np.nanmin(frames.points[known], axis=1)
    tolerance = 0.1 * float(np.median(np.linalg.norm(extents, axis=-1))) / frames.scale
    counted = there | (there.any(axis=-1, keepdims=True) if absent else False)
    scores, correct = error.scores[counted], (there & (error.errors <= tolerance))[counted]
    temperature = min(_MOST_HEAT, max(1 / _MOST_HEAT, fit_temperature(scores, correct)))
    return {"temperature": round(temperature, 4), "tolerance_px": round(tolerance, 2), "keypoints": int(counted.sum())}
