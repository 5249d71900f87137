"""Fit the weights of `posewire.track.doubt` to simulated meetings.

    python -m posewire_bench.identity_fit

Prints the weights. Scenes of all kinds, 2 to 4 animals, 30 to 200 frames/s. The swaps of a frame rate together weigh
``ODDS`` times what all other frames of that rate do: the score is the probability at those odds, not at the real ones,
at which hardly anything would ever be doubted.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from posewire.track import Tracker
from posewire_bench.identity_scenes import KEYPOINTS, KINDS, SKELETON, Recorded, meet

Table = npt.NDArray[np.float64]


def evidence(scene: Recorded, known: bool) -> tuple[Table, npt.NDArray[np.bool_]]:
    """What the tracker saw at each match of a scene, float64 [n, 9]; whether an id was exchanged there, bool [n]."""
    tracker = Tracker(KEYPOINTS, SKELETON, animals=scene.animals if known else None)
    last: dict[int, int] = {}
    carried: dict[int, set[int]] = {}
    rows, labels = [], []
    for n, (poses, who) in enumerate(zip(scene.poses, scene.who, strict=True)):
        tracker.step(poses, int(n / scene.fps * 1e9))
        for i, number in zip(who.tolist(), tracker.ids.tolist(), strict=True):
            if number < 0:
                continue
            swapped = last.get(i, number) != number and bool(carried.get(number, set()) - {i})
            last[i] = number
            tracks = tracker._memory.tracks
            slot = int(np.flatnonzero((tracks["used"] == 1) & (tracks["id"] == number))[0])
            # An id that a new track has just taken over has a score of its own.
            if np.isfinite(tracker._now.evidence[slot, 0]):
                rows.append(tracker._now.evidence[slot].copy())
                labels.append(swapped)
        for i, number in zip(who.tolist(), tracker.ids.tolist(), strict=True):
            carried.setdefault(number, set()).add(i)
    return np.array(rows), np.array(labels, bool)


def fit(table: Table, labels: npt.NDArray[np.bool_], odds: float, ridge: float = 3.0) -> Table:
    """Weights [10] of a logistic function, the last that of 1, by Newton's method.

    At each frame rate (the evidence's last column) the swaps together weigh ``odds`` times what the others do.
    """
    inputs = np.concatenate([table, np.ones((len(table), 1))], axis=1)
    weight = np.zeros(len(table))
    rates, group = np.unique(table[:, -1].round(3), return_inverse=True)
    if table[:, 5].any():
        rates, group = rates[:1], np.zeros(len(table), np.int64)  # seldom enough that one group is better
    for n in range(len(rates)):
        swapped, other = labels & (group == n), ~labels & (group == n)
        weight[swapped] = odds * labels.sum() / len(rates) / max(swapped.sum(), 1)
        weight[other] = labels.sum() / len(rates) / max(other.sum(), 1)
    best = np.zeros(inputs.shape[1])
    keep = np.full(len(best), ridge)
    keep[-1] = 0.0
    for _ in range(60):
        chance = 1.0 / (1.0 + np.exp(-inputs @ best))
        slope = inputs.T @ (weight * (chance - labels)) + keep * best
        bend = (inputs * (weight * chance * (1.0 - chance))[:, None]).T @ inputs + np.diag(keep + 1e-9)
        best = best - np.linalg.solve(bend, slope)
    return best


# Of an animal that was seen in the last frame, and of one that was not.
ODDS = (0.3, 1.5)
_SECONDS = {30: 150.0, 60: 100.0, 100: 60.0, 200: 40.0}


def main() -> None:
    """Simulate, fit, print."""
    tables, marks = [], []
    for number, kind in enumerate(KINDS):
        for fps, seconds in _SECONDS.items():
            for animals in (2, 3, 4):
                scene = meet(kind, fps, seconds, 1000 + 37 * number + animals, animals, body_px=40 + 20 * animals)
                table, labels = evidence(scene, known=animals != 3)
                tables.append(table)
                marks.append(labels)
        sys.stderr.write(f"{kind.name}\n")
    table, labels = np.concatenate(tables), np.concatenate(marks)
    gone = table[:, 5] > 0
    for part, odds in zip((~gone, gone), ODDS, strict=True):
        weights = fit(table[part], labels[part], odds)
        sys.stdout.write(f"[{', '.join(f'{weight:.3f}' for weight in weights)}],  # {int(labels[part].sum())} swaps\n")


if __name__ == "__main__":
    main()
