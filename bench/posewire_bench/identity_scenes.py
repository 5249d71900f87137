"""Identical animals that meet, are lost from sight and part again: scenes that force a tracker to exchange ids.

Nothing is drawn: poses with known animals are made directly. Each animal walks to its goals with limited turning, its
body along its way. Two of them are sent to one place now and then, stay there, and part in directions of which they
know nothing before, so that nobody can tell who is who if both were hidden; who can be told apart depends on the
`Kind`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats

_BODY = np.array(
    [[0.5, 0], [0.38, 0.1], [0.38, -0.1], [0.3, 0], [0.15, 0.12], [0.15, -0.12], [0, 0], [-0.15, 0.14], [-0.15, -0.14],
     [-0.25, 0], [-0.4, 0.02], [-0.55, 0.04]]
)  # fmt: skip
SKELETON = [(0, 3), (1, 3), (2, 3), (3, 6), (4, 6), (5, 6), (6, 9), (7, 9), (8, 9), (9, 10), (10, 11)]
KEYPOINTS = len(_BODY)


@dataclass(frozen=True)
class Kind:
    """How animals meet: ``hidden`` is whom nobody sees while they are together, `both`, `one`, `either` (one, and not
    always the same) or `neither`; ``exchanges`` are abrupt ones per second, two animals being where the other was.
    """

    name: str
    hidden: str
    stay_s: tuple[float, float]
    exchanges: float = 0.0
    speed_bodies_per_s: float = 3.0
    missed: float = 0.01
    noise_bodies: float = 0.02


KINDS = (
    Kind("both hidden for long", "both", (0.3, 1.2)),
    Kind("both hidden, briefly", "both", (0.05, 0.3)),
    Kind("one hidden", "one", (0.1, 0.8)),
    Kind("one or the other hidden", "either", (0.2, 1.0)),
    Kind("fast, both hidden", "both", (0.1, 0.5), speed_bodies_per_s=8.0),
    Kind("abrupt exchanges", "neither", (0.1, 0.5), exchanges=0.4),
    Kind("poor detections, both hidden", "both", (0.1, 0.8), missed=0.08, noise_bodies=0.05),
    Kind("nobody hidden", "neither", (0.1, 1.0)),
)


@dataclass
class Recorded:
    """Frames of a scene: ``poses`` float32 [A, K, 3] in random order, and ``who`` int64 [A], the true animals."""

    fps: float
    animals: int
    poses: list[Floats]
    who: list[npt.NDArray[np.int64]]


def meet(kind: Kind, fps: float, seconds: float, seed: int, animals: int = 2, body_px: float = 70.0) -> Recorded:
    """A scene of ``kind``; the same seed gives the same scene."""
    rng = np.random.default_rng(seed)
    step = 1.0 / fps
    wide = np.array([10.0, 8.0]) * body_px
    place = rng.uniform(0.1, 0.9, (animals, 2)) * wide
    course = rng.uniform(-np.pi, np.pi, animals)
    goal = rng.uniform(0.1, 0.9, (animals, 2)) * wide
    pace = np.full(animals, kind.speed_bodies_per_s * body_px)
    until = np.zeros(animals)  # they stay where they met
    sway = rng.uniform(0, 6, animals)
    pair: tuple[int, int] | None = None
    kept, hides, next_meeting, next_turn = 0, 0.6, 0.5, 0.0
    poses: list[list[npt.NDArray[np.float64]]] = []
    whose: list[list[int]] = []
    for n in range(int(seconds * fps)):
        now = n * step
        if pair is None and now >= next_meeting:
            one, other = (int(v) for v in rng.choice(animals, 2, replace=False))
            pair = one, other
            middle = np.clip(place[[one, other]].mean(axis=0), 0.2 * wide, 0.8 * wide)
            goal[one] = middle + rng.normal(0, 0.1, 2) * body_px
            goal[other] = middle + rng.normal(0, 0.1, 2) * body_px
            kept, hides = int(rng.choice(pair)), float(rng.uniform(0.5, 1.0))
            until[[one, other]] = np.inf
        for i in range(animals):
            away = goal[i] - place[i]
            far = float(np.hypot(*away))
            if far > 0.15 * body_px:
                turn = (np.arctan2(away[1], away[0]) - course[i] + np.pi) % (2 * np.pi) - np.pi
                most = (3.0 + 6.0 * body_px / max(far, 0.3 * body_px)) * step * kind.speed_bodies_per_s / 2
                course[i] += np.clip(turn, -most, most)
                forward = max(0.15, float(np.cos(turn)))
                place[i] += min(pace[i] * step * forward, far) * np.array([np.cos(course[i]), np.sin(course[i])])
            elif (pair is None or i not in pair) and rng.random() < step / 0.7:
                goal[i] = rng.uniform(0.1, 0.9, 2) * wide
                pace[i] = kind.speed_bodies_per_s * body_px * rng.uniform(0.3, 1.5)
            course[i] += rng.normal(0, 0.3) * np.sqrt(step)
            sway[i] += 12.0 * step
        if pair is not None:
            one, other = pair
            apart = float(np.hypot(*(place[one] - place[other])))
            if np.isinf(until[one]) and apart < 0.6 * body_px:
                until[one] = until[other] = now + rng.uniform(*kind.stay_s)
            if now > until[one]:
                way = rng.uniform(-np.pi, np.pi)
                for i, direction in ((one, way), (other, way + np.pi + rng.normal(0, 0.5))):
                    goal[i] = np.clip(
                        place[i] + rng.uniform(2, 4) * body_px * np.array([np.cos(direction), np.sin(direction)]),
                        0.05 * wide,
                        0.95 * wide,
                    )
                pair, next_meeting = None, now + rng.uniform(1.5, 4.0)
        if kind.exchanges and rng.random() < kind.exchanges * step:
            one, other = rng.choice(animals, 2, replace=False)
            for values in (place, course, goal):
                values[[one, other]] = values[[other, one]]
            course[[one, other]] += rng.normal(0, 0.6, 2)
        if kind.hidden == "either" and now > next_turn:
            kept, next_turn = int(rng.integers(animals)), now + float(rng.uniform(0.1, 0.5))
        poses.append([])
        whose.append([])
        for i in rng.permutation(animals):
            near = [j for j in range(animals) if j != i and np.hypot(*(place[i] - place[j])) < hides * body_px]
            covered = bool(near) and (
                kind.hidden == "both"
                or (kind.hidden == "one" and i != kept and (i < min(near) or kept in near))
                or (kind.hidden == "either" and (i < min(near)) != (kept % 2 == 0))
            )
            if covered or rng.random() < kind.missed:
                continue
            local = _BODY.copy()
            local[9:, 1] += 0.08 * np.sin(sway[i]) * np.arange(1, 4)
            cos, sin = np.cos(course[i]), np.sin(course[i])
            points = (local @ np.array([[cos, sin], [-sin, cos]])) * body_px + place[i]
            points += rng.normal(0, kind.noise_bodies * body_px, points.shape)
            points[rng.random(len(points)) < 0.03] = np.nan
            poses[-1].append(np.concatenate([points, np.ones((len(points), 1))], axis=1))
            whose[-1].append(int(i))
    return Recorded(
        fps,
        animals,
        [np.array(frame, np.float32).reshape(-1, KEYPOINTS, 3) for frame in poses],
        [np.array(frame, np.int64) for frame in whose],
    )
