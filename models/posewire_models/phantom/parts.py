"""From a posture to what is drawn: capsules on a grid of 1/64 px, and the keypoints upon them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from posewire_models.phantom.anatomy import (
    BACK_ROWS,
    EAR_ROW,
    EARS,
    EYE_ROW,
    EYES,
    HIPS,
    INNER_EAR_ROW,
    LEG_ROWS,
    NECK_STATION,
    NOSE_ROW,
    PAW_ROW,
    RADII,
    SHOULDERS,
    SPINE_STATION,
    STATIONS,
    TAIL_PARTS,
    TAIL_ROWS,
)
from posewire_models.phantom.motion import Build, Posture
from posewire_models.phantom.path import Point

_SHADOW_STATIONS = (0, 4, 8, 12, 16, 20, 24)


@dataclass(frozen=True)
class Parts:
    """``parts`` float64 [49, 9] in drawing order, ``shadow`` float64 [6, 9], ``points`` float64 [12, 2]."""

    parts: npt.NDArray[np.float64]
    shadow: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]


def _between(posture: Posture, station: float) -> tuple[Point, Point]:
    """Point of the back at a place between tail base (0) and snout (1), and its direction."""
    place = station * (len(STATIONS) - 1)
    i = min(int(place), len(STATIONS) - 2)
    f = place - i
    (x0, y0), (x1, y1) = posture.back[i], posture.back[i + 1]
    return (x0 + f * (x1 - x0), y0 + f * (y1 - y0)), posture.directions[i]


def _beside(place: tuple[Point, Point], forward: float, aside: float) -> Point:
    (x, y), (dx, dy) = place
    return x + forward * dx - aside * dy, y + forward * dy + aside * dx


def parts_of(posture: Posture, build: Build) -> Parts:
    """The capsules and keypoints of an animal, everything rounded to 1/64 px before anything is derived from it."""
    length, rear = build.length, posture.rear
    rows: list[tuple[float, ...]] = []

    def add(start: Point, r0: float, end: Point, r1: float, row0: float, row1: float, dome: float = 1.0) -> None:
        rows.append((start[0], start[1], r0, end[0], end[1], r1, row0, row1, dome))

    thick, thin = build.tail_radius * length, max(0.8, 0.30 * build.tail_radius * length)
    for i in range(TAIL_PARTS):
        radii = [max(0.8, thick + (thin - thick) * j / TAIL_PARTS) for j in (i, i + 1)]
        row0, row1 = (TAIL_ROWS[0] + (TAIL_ROWS[1] - TAIL_ROWS[0]) * j / TAIL_PARTS for j in (i, i + 1))
        add(posture.tail[i], radii[0], posture.tail[i + 1], radii[1], row0, row1)

    soles: list[Point] = []
    for paw in range(4):
        (x, y), (dx, dy) = posture.paws[paw], posture.paw_directions[paw]
        half = (0.022 if paw < 2 else 0.044) * length
        side = -1.0 if paw % 2 == 0 else 1.0
        # Toes turn outwards a little.
        dx, dy = dx - 0.22 * side * dy, dy + 0.22 * side * dx
        heel = (x - half * dx, y - half * dy)
        toe = (x + half * dx, y + half * dy)
        if paw < 2:
            hip = _beside(_between(posture, SHOULDERS), 0.0, side * 0.055 * length)
            add(hip, 0.062 * length, heel, 0.024 * length, *LEG_ROWS)
        else:
            hip = _beside(_between(posture, HIPS), 0.02 * length, side * 0.085 * build.girth * length)
            add(hip, 0.078 * length, heel, 0.026 * length, *LEG_ROWS)
        add(heel, max(0.9, 0.023 * length), toe, max(1.0, 0.029 * length), PAW_ROW, PAW_ROW)
        soles.append((x, y))

    # Rearing lifts chest and head towards the camera.
    radii = [
        r * length * (build.girth if s <= 0.64 else build.head) * (1.0 + rear * (0.24 * s if s > 0.4 else 0.0))
        for s, r in zip(STATIONS, RADII, strict=True)
    ]
    for i in range(len(STATIONS) - 1):
        row0, row1 = BACK_ROWS[1] * STATIONS[i], BACK_ROWS[1] * STATIONS[i + 1]
        add(posture.back[i], radii[i], posture.back[i + 1], radii[i + 1], row0, row1)

    grown = (1.0 + 0.2 * rear) * build.head * length
    head = _between(posture, EARS)
    ear = 0.040 * build.ears * grown
    ears: list[Point] = []
    for side in (-1.0, 1.0):
        # An ear is an oval that leans outwards and back.
        root = _beside(head, 0.004 * grown, side * 0.074 * grown)
        rim = _beside(head, -0.022 * grown, side * 0.098 * grown)
        add(root, ear, rim, 1.05 * ear, EAR_ROW, EAR_ROW, 0.4)
        ears.append(((root[0] + rim[0]) / 2.0, (root[1] + rim[1]) / 2.0))
    for side, place in zip((-1.0, 1.0), ears, strict=True):
        _, (dx, dy) = head
        inner = _beside((place, (dx, dy)), 0.28 * ear, -side * 0.10 * ear)
        outer = _beside((place, (dx, dy)), -0.10 * ear, side * 0.28 * ear)
        add(inner, 0.60 * ear, outer, 0.66 * ear, INNER_EAR_ROW, INNER_EAR_ROW, 0.15)
    for side in (-1.0, 1.0):
        eye = _beside(_between(posture, EYES), 0.0, side * 0.058 * grown)
        add(eye, 0.0155 * grown, eye, 0.0155 * grown, EYE_ROW, EYE_ROW)
    snout = posture.back[-1]
    add(snout, 0.018 * grown, snout, 0.018 * grown, NOSE_ROW, NOSE_ROW)

    back, tail = posture.back, posture.tail
    places = (
        snout,
        ears[0],
        ears[1],
        back[NECK_STATION],
        back[SPINE_STATION],
        back[0],
        tail[TAIL_PARTS // 2],
        tail[TAIL_PARTS],
        *soles,
    )
    shadow = [(*back[i], radii[i], *back[j], radii[j], 0.0, 0.0, 0.0) for i, j in pairwise(_SHADOW_STATIONS)]
    return Parts(_rounded(rows), _rounded(shadow), _rounded(places))


def _rounded(values: object) -> npt.NDArray[np.float64]:
    return np.rint(np.asarray(values, np.float64) * 64.0) / 64.0
