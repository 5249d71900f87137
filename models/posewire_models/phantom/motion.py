"""From where an animal is on its path to where its parts are: spine, gait, head scans, rearing, tail."""

from __future__ import annotations

import math
from dataclasses import dataclass

from posewire_models.phantom.anatomy import (
    HIPS,
    NECK,
    NECK_STATION,
    SPINE,
    STATIONS,
    TAIL_PARTS,
)
from posewire_models.phantom.keyed import key_of, wander
from posewire_models.phantom.path import Ground, Path, Point, Window
from posewire_models.phantom.trigonometry import TAU, cosine, sine, smooth_step, soft_limit

_STANCE = 0.6
# The gait is a trot: diagonal paws step together. Order: left front, right front, left hind, right hind.
_PHASES = (0.0, 0.5, 0.5, 0.0)
_MIDDLES = tuple((low + high) / 2.0 for low, high in zip(STATIONS[:-1], STATIONS[1:], strict=True))


@dataclass(frozen=True)
class Build:
    """The proportions of one animal: body length in px; the rest as shares of it, or factors of the normal."""

    length: float
    girth: float
    head: float
    ears: float
    tail_length: float
    tail_radius: float
    stance_width: float


@dataclass
class Posture:
    """One animal at one time: positions in px, directions as unit vectors (cosine, sine of the heading).

    ``back`` are the stations from tail base to snout, ``directions`` the parts between them; ``tail`` runs from
    the tail base to the tip; ``paws`` and ``paw_directions`` are left front, right front, left hind, right hind.
    ``rear`` is 0 on four feet and 1 at the height of rearing up.
    """

    back: list[Point]
    directions: list[Point]
    tail: list[Point]
    paws: list[Point]
    paw_directions: list[Point]
    rear: float


class Mover:
    """Moves one animal. `posture` is a function of the time alone; the object only remembers what it worked out."""

    def __init__(self, key: int, build: Build, ground: Ground) -> None:
        length = build.length
        block = 1.7 + 0.8 * 0.5 * (1.0 + wander(key, 0.5))
        self._build = build
        self._path = Path(key_of(key, 1), ground, stride=0.62 * length, turn_px=0.30 * length, block=block)
        self._keys = [key_of(key, i) for i in range(2, 8)]

    def _headings(self, window: Window, q: float) -> tuple[float, float, float]:
        """Headings of the hind part, the chest and the head in radians: they follow the path like a train."""
        per_px = self._build.length / self._path.stride
        chest = window.heading(q - 0.34 * per_px, q + 0.04 * per_px)
        hind = window.heading(q - 0.72 * per_px, q - 0.34 * per_px)
        head = window.heading(q, q + 0.45 * per_px)
        return (
            chest + soft_limit(hind - chest, 0.95),
            chest,
            chest + soft_limit(head - chest, 0.75),
        )

    def _foothold(self, window: Window, paw: int, step: int) -> Point:
        """Where a paw stands during one of its steps: beside the body as it is at the middle of the stance."""
        found = window.footholds.get((paw, step))
        if found is None:
            length = self._build.length
            q = step + 0.5 * _STANCE - _PHASES[paw]
            hind, chest, _ = self._headings(window, q)
            x, y = window.position(q)
            side = -1.0 if paw % 2 == 0 else 1.0
            forward, aside, heading = 0.01, 0.150, chest
            if paw >= 2:
                spine = NECK - SPINE
                x -= spine * length * cosine(chest)
                y -= spine * length * sine(chest)
                forward, aside, heading = HIPS - SPINE, 0.200, hind
            aside *= side * self._build.stance_width
            c, s = cosine(heading), sine(heading)
            found = (x + length * (forward * c - aside * s), y + length * (forward * s + aside * c))
            window.footholds[paw, step] = found
        return found

    def _tail(self, window: Window, q: float, time: float, base: Point, hind: float, still: float) -> list[Point]:
        build = self._build
        per_px = build.length / self._path.stride
        part = build.tail_length * build.length / TAIL_PARTS
        lag = 0.5 * build.tail_length / TAIL_PARTS * per_px
        swing = 0.45 * wander(self._keys[0], time * 0.9)
        curl = 0.50 * wander(self._keys[1], time * 0.5) * (0.6 + 0.4 * still)
        x, y = base
        points = [base]
        for i in range(TAIL_PARTS):
            share = (i + 1) / TAIL_PARTS
            behind = q - 0.62 * per_px - lag * i
            follow = window.heading(behind - 0.45 * per_px, behind)
            heading = hind + soft_limit(follow - hind, 0.9) * share
            heading += swing * share + 1.6 * curl * share * share
            heading += 0.22 * share * sine(TAU * (q - 0.55 * share))
            x -= part * cosine(heading)
            y -= part * sine(heading)
            points.append((x, y))
        return points

    def posture(self, time: float) -> Posture:
        """The animal at a time in s."""
        length = self._build.length
        place = self._path.at(time)
        window, q, rear = place.window, place.q, place.rear
        hind, chest, head = self._headings(window, q)
        scan = 0.10 + 0.45 * place.still
        head += scan * wander(self._keys[2], time * 1.4)
        chest += 0.10 * place.still * wander(self._keys[3], time * 0.8)

        directions: list[Point] = []
        for middle in _MIDDLES:
            if middle < 0.53:
                heading = hind + (chest - hind) * smooth_step((middle - 0.10) / 0.43)
            else:
                heading = chest + (head - chest) * smooth_step((middle - 0.53) / 0.30)
            directions.append((cosine(heading), sine(heading)))
        x, y = window.position(q)
        for i in range(NECK_STATION):
            part = (STATIONS[i + 1] - STATIONS[i]) * length
            x -= part * directions[i][0]
            y -= part * directions[i][1]
        base = (x, y)
        back = [base]
        # Rearing up: the feet stay, and the body, seen from above, shortens over them.
        for i, (dx, dy) in enumerate(directions):
            part = (STATIONS[i + 1] - STATIONS[i]) * length
            part *= 1.0 - rear * (0.50 if i < NECK_STATION else 0.28)
            x += part * dx
            y += part * dy
            back.append((x, y))

        paws: list[Point] = []
        paw_directions: list[Point] = []
        for paw, offset in enumerate(_PHASES):
            phase = q + offset
            step = math.floor(phase)
            x, y = self._foothold(window, paw, step)
            swung = smooth_step((phase - step - _STANCE) / (1.0 - _STANCE))
            if swung > 0.0:
                next_x, next_y = self._foothold(window, paw, step + 1)
                x += (next_x - x) * swung
                y += (next_y - y) * swung
            dx, dy = directions[NECK_STATION - 1] if paw < 2 else directions[1]
            if paw < 2 and rear > 0.0:
                side = (-0.07 if paw == 0 else 0.07) * length
                held_x, held_y = back[NECK_STATION][0] - side * dy, back[NECK_STATION][1] + side * dx
                x += (held_x - x) * rear
                y += (held_y - y) * rear
            paws.append((x, y))
            paw_directions.append((dx, dy))
        return Posture(
            back, directions, self._tail(window, q, time, base, hind, place.still), paws, paw_directions, rear
        )
