"""Where published ids are exchanged, and what `id_scores` say about it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from posewire.track import Tracker
from posewire_bench.identity_scenes import KEYPOINTS, SKELETON, Recorded

WITHIN_S = 0.1


@dataclass
class Told:
    """What a tracker said of one true animal: a row for each frame in which it was found and had an id.

    ``times`` float64 [n] in s, ``ids`` int64 [n], ``scores`` float32 [n]; ``swaps`` are rows at which the id became one
    that another true animal had carried.
    """

    times: npt.NDArray[np.float64]
    ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    swaps: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def follow(scene: Recorded, known: bool = True, tracker: Tracker | None = None) -> list[Told]:
    """Run a tracker over a scene: an entry for each true animal."""
    tracker = tracker or Tracker(KEYPOINTS, SKELETON, animals=scene.animals if known else None)
    rows: list[list[tuple[float, int, float]]] = [[] for _ in range(scene.animals)]
    swaps: list[list[int]] = [[] for _ in range(scene.animals)]
    carried: dict[int, set[int]] = {}
    for n, (poses, who) in enumerate(zip(scene.poses, scene.who, strict=True)):
        tracker.step(poses, int(n / scene.fps * 1e9))
        for i, number, score in zip(who.tolist(), tracker.ids.tolist(), tracker.id_scores.tolist(), strict=True):
            if number < 0:
                continue
            if rows[i] and rows[i][-1][1] != number and carried.get(number, set()) - {i}:
                swaps[i].append(len(rows[i]))
            rows[i].append((n / scene.fps, number, score))
        for i, number in zip(who.tolist(), tracker.ids.tolist(), strict=True):
            carried.setdefault(number, set()).add(i)
    told = []
    for i in range(scene.animals):
        table = np.array(rows[i], np.float64).reshape(-1, 3)
        told.append(
            Told(
                table[:, 0],
                table[:, 1].astype(np.int64),
                table[:, 2].astype(np.float32),
                np.array(swaps[i], np.int64),
            )
        )
    return told


def forced(told: list[Told]) -> dict[str, float]:
    """How many ``swaps``; the share of them ``caught``, a score below 0.5 within 100 ms; and the share of ``quiet``
    ones (score above 0.5) among all frames other than the swaps' own, and among those farther than 100 ms from any.
    """
    swaps = caught = others = quiet = far_others = far_quiet = 0
    for animal in told:
        near = np.zeros(len(animal.times), bool)
        for row in animal.swaps:
            around = np.abs(animal.times - animal.times[row]) <= WITHIN_S + 1e-9
            near |= around
            swaps += 1
            caught += bool((animal.scores[around] < 0.5).any())
        own = np.zeros(len(animal.times), bool)
        own[animal.swaps] = True
        others += int((~own).sum())
        quiet += int((animal.scores[~own] > 0.5).sum())
        far_others += int((~near).sum())
        far_quiet += int((animal.scores[~near] > 0.5).sum())
    return {
        "swaps": swaps,
        "caught": caught / swaps if swaps else float("nan"),
        "quiet": quiet / max(others, 1),
        "quiet_far": far_quiet / max(far_others, 1),
    }
