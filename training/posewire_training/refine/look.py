"""A look at videos: what a model makes of their frames, how they look, and how doubtful each is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from posewire_models.contract import ModelContract
from posewire_training.images import Image, video_frames
from posewire_training.labels.record import Points
from posewire_training.refine.appearance import looks_of
from posewire_training.refine.choose import worth_of
from posewire_training.refine.predict import Predictions, Predictor, joined
from posewire_training.refine.signals import (
    Values,
    flip_disagreement,
    frame_value,
    jumps,
    limb_lengths,
    limbs_of,
    low_score,
)

_BATCH = 8  # frames a run of the network: more are no faster on a CPU
_LOOKED_AT = 1000  # frames, unless told otherwise


@dataclass(frozen=True)
class Look:
    """What was seen of a video.

    ``numbers``: int64 ``[F]``, the frames looked at; ``predictions`` and ``mirrored`` (see `Predictor.predict`);
    ``looks``: float32 ``[F, D]``.
    """

    video: Path
    numbers: npt.NDArray[np.int64]
    predictions: Predictions
    mirrored: Predictions
    looks: Points


def look_at(video: Path, predictor: Predictor, every: int, advance: Callable[[], None] = lambda: None) -> Look:
    """Predict each ``every``-th frame of a video; ``advance`` is called after each decoded frame.

    Raises InputError for a video that cannot be read.
    """
    numbers: list[int] = []
    waiting: list[Image] = []
    seen: list[tuple[Predictions, Predictions]] = []
    looks: list[Points] = []

    def work() -> None:
        if waiting:
            seen.append(predictor.predict(waiting))
            found = seen[-1][0].points
            looks.extend(looks_of(image, points) for image, points in zip(waiting, found, strict=True))
            waiting.clear()

    for number, image in video_frames(video):
        if number % every == 0:
            numbers.append(number)
            waiting.append(image)
        if len(waiting) == _BATCH:
            work()
        advance()
    work()
    plain, mirrored = zip(*seen, strict=True)
    return Look(video, np.array(numbers, np.int64), joined(plain), joined(mirrored), np.stack(looks))


def signals_of(
    predictions: Predictions, mirrored: Predictions, contract: ModelContract, neighbours: bool = True
) -> dict[str, Values]:
    """The signals of frames, each float64 ``[F, parts]`` (see `signals`).

    Without ``neighbours`` the frames are single pictures, and nothing jumps.
    """
    found = {
        "score": low_score(predictions.points, predictions.scores),
        "limbs": limb_lengths(predictions.points, limbs_of(contract.skeleton, len(contract.keypoints))),
        "flip": flip_disagreement(predictions.points, mirrored.points),
    }
    return {"score": found["score"], "jumps": jumps(predictions.points), **found} if neighbours else found


def values_of(signals: dict[str, Values]) -> dict[str, Values]:
    """One number a frame of each signal: float64 ``[F]``."""
    return {name: frame_value(parts) for name, parts in signals.items()}


@dataclass(frozen=True)
class Doubt:
    """How doubtful frames are: ``parts`` float64 ``[F, parts]`` and ``values`` float64 ``[F]`` of each signal, and
    ``worth`` float64 ``[F]``, all 0..1."""

    parts: dict[str, Values]
    values: dict[str, Values]
    worth: Values


def doubt_of(look: Look, contract: ModelContract, signals: Sequence[str]) -> Doubt:
    """The doubt in the frames of a video by the named signals; the video is its own measure of what is usual."""
    parts = signals_of(look.predictions, look.mirrored, contract)
    values = {name: value for name, value in values_of(parts).items() if name in signals}
    return Doubt(parts, values, worth_of(values))


def part_names(contract: ModelContract) -> dict[str, list[str]]:
    """What the parts of each signal are called."""
    names = list(contract.keypoints)
    limbs = [f"{names[a]}-{names[b]}" for a, b in limbs_of(contract.skeleton, len(names))]
    return {"score": names, "jumps": names, "limbs": limbs, "flip": names}


def thinned(lengths: Sequence[int]) -> int:
    """Each how many-th frame to look at, so that about a thousand of all videos are."""
    return max(1, math.ceil(sum(lengths) / _LOOKED_AT))
