"""Between the animals of single frames, as most label files list them, and the arrays of `Labels`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_training.images import ImageRef
from posewire_training.labels.record import Labels, Points, labelled

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Animal:
    """One animal in one frame: float32 ``points`` ``[K, 2]``, bool ``visible`` ``[K]``, its name if identity is told,
    and float32 ``scores`` ``[K]`` if it was predicted."""

    points: Points
    visible: npt.NDArray[np.bool_]
    name: str = ""
    scores: Points | None = None


def gathered(
    images: Sequence[ImageRef],
    keypoints: Sequence[str],
    frames: Sequence[Sequence[Animal]],
    individuals: Sequence[str] = (),
    skeleton: Pairs = (),
    symmetric: Pairs = (),
) -> Labels:
    """Labels of ``images`` from the animals of each.

    Animals with a name stand at the place of that name in every frame: first ``individuals``, then further names as
    they come. Where no animal has a name, animals stand in the order of their frame.
    """
    places = list(individuals)
    taken = [_seats(animals, places) for animals in frames]
    count = max(len(places), 1, *(seat + 1 for seats in taken for seat in seats)) if taken else max(len(places), 1)
    points = np.full((len(frames), count, len(keypoints), 2), np.nan, np.float32)
    visible = np.zeros(points.shape[:3], np.bool_)
    scores = np.full(points.shape[:3], np.nan, np.float32)
    predicted = False
    for frame, (animals, seats) in enumerate(zip(frames, taken, strict=True)):
        for animal, seat in zip(animals, seats, strict=True):
            points[frame, seat] = animal.points
            visible[frame, seat] = animal.visible
            if animal.scores is not None:
                scores[frame, seat] = animal.scores
                predicted = True
    return Labels(
        tuple(images),
        tuple(keypoints),
        points,
        visible & labelled(points),
        tuple(places) if any(places) else (),
        skeleton,
        symmetric,
        scores if predicted else None,
    )


def _seats(animals: Sequence[Animal], places: list[str]) -> list[int]:
    """The place of each animal of one frame; ``places`` grows by names that are new, or stand twice in the frame."""
    seats: list[int] = []
    for animal in animals:
        seat = next((i for i, name in enumerate(places) if name == animal.name and i not in seats), len(places))
        if seat == len(places):
            places.append(animal.name)
        seats.append(seat)
    return seats


def animals_in(labels: Labels, frame: int) -> list[tuple[int, Animal]]:
    """The labelled animals of a frame, each with its place on axis 1."""
    there = labelled(labels.points[frame]).any(axis=-1)
    return [
        (
            int(place),
            Animal(
                labels.points[frame, place],
                labels.visible[frame, place],
                labels.individuals[place] if labels.individuals else "",
                _scores(labels, frame, int(place)),
            ),
        )
        for place in np.flatnonzero(there)
    ]


def _scores(labels: Labels, frame: int, place: int) -> Points | None:
    """Scores of a predicted animal; None for one set by hand."""
    if labels.scores is None:
        return None
    scores: Points = labels.scores[frame, place]
    return None if np.isnan(scores).all() else scores
