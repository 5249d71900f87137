"""From where an animal is on its path to where its parts are: spine, gait, head scans, rearing, tail."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from posewire_models.phantom.anatomy import (
    HIPS,
    NECK,
    NECK_STATION,
    SPINE,
    SPINE_STATION,
    STATIONS,
    TAIL_PARTS,
)
from posewire_models.phantom.keyed import key_of, wander
from posewire_models.phantom.path import Ground, Path, Point, Window
from posewire_models.phantom.trigonometry import TAU, cosine, sine, smooth_step, soft_limit

_STANCE = 0.6
# How far a paw gets from its resting place beside the body, in body lengths: freely, and at most.
_REACH_ALONG = (0.17, 0.24)
_REACH_ASIDE = (0.03, 0.08)
# The gait is a trot: diagonal paws step together. Order: left front, right front, left hind, right hind.
_PHASES = (0.0, 0.5, 0.5, 0.0)
_PARTS = len(STATIONS) - 1
_MIDDLES = tuple((low + high) / 2.0 for low, high in pairwise(STATIONS))


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

    def __init__(self, key: int, build: Build, ground: Ground, away: float = 0.0, beyond: float = 0.0) -> None:
        length = build.length
        block = 1.45 + 0.75 * 0.5 * (1.0 + wander(key, 0.5))
        self._build = build
        self._path = Path(
            key_of(key, 1), ground, stride=0.62 * length, turn_px=0.30 * length, block=block, away=away, beyond=beyond
        )
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

    def _rest(self, paw: int, neck: Point, chest: Point, spine: Point, hind: Point) -> Point:
        """Where a paw of a body in this place rests."""
        side = -1.0 if paw % 2 == 0 else 1.0
        (x, y), (c, s) = (neck, chest) if paw < 2 else (spine, hind)
        forward, aside = (-0.035, 0.163) if paw < 2 else (HIPS - SPINE, 0.197)
        forward, aside = forward * self._build.length, side * aside * self._build.stance_width * self._build.length
        return x + forward * c - aside * s, y + forward * s + aside * c

    def _foothold(self, window: Window, paw: int, step: int) -> Point:
        """Where a paw stands during one of its steps: beside the body as it is at the middle of the stance."""
        found = window.footholds.get((paw, step))
        if found is None:
            length = self._build.length
            q = step + 0.5 * _STANCE - _PHASES[paw]
            hind, chest, _ = self._headings(window, q)
            neck = window.position(q)
            spine = neck
            if paw >= 2:
                reach = (NECK - SPINE) * length
                spine = (neck[0] - reach * cosine(chest), neck[1] - reach * sine(chest))
            found = self._rest(paw, neck, (cosine(chest), sine(chest)), spine, (cosine(hind), sine(hind)))
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
        flat = [(x, y)]
        for i in range(NECK_STATION - 1, -1, -1):
            x -= directions[i][0] * length / _PARTS
            y -= directions[i][1] * length / _PARTS
            flat.append((x, y))
        flat.reverse()
        base = flat[0]
        back = [base]
        # Rearing up: the feet stay, and the body, seen from above, shortens over them.
        for i, (dx, dy) in enumerate(directions):
            part = length / _PARTS * (1.0 - rear * (0.50 if i < NECK_STATION else 0.28))
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
            dx, dy = directions[NECK_STATION - 1] if paw < 2 else directions[2]
            # Legs are short: a foothold out of reach is dragged along.
            rest_x, rest_y = self._rest(
                paw, flat[NECK_STATION], directions[NECK_STATION - 1], flat[SPINE_STATION], directions[2]
            )
            along = (x - rest_x) * dx + (y - rest_y) * dy
            aside = (y - rest_y) * dx - (x - rest_x) * dy
            along = soft_limit(along, _REACH_ALONG[1] * length, _REACH_ALONG[0] * length)
            aside = soft_limit(aside, _REACH_ASIDE[1] * length, _REACH_ASIDE[0] * length)
            x, y = rest_x + along * dx - aside * dy, rest_y + along * dy + aside * dx
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
