"""Left and right that were labelled the wrong way round."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from posewire_training.labels.check import LEAST_ANIMALS, Array, Finding
from posewire_training.labels.record import Points, labelled

_SWAPPED = -0.4  # of the usual sideways distance: beyond it a pair counts as swapped
_CLEAR = 0.05  # of the animal's size: nearer keypoints are as good as at one place
_UNSURE = 0.25  # of the usual distance: nearer than that it cannot be told which side a keypoint lies on
_MOST_UNSURE = 0.1  # share of animals that may be unsure if a direction is to be trusted
_MOST_SWAPPED = 0.4  # share of swapped animals above which there is no majority to go by


def symmetric_by_name(keypoints: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (left, right) of keypoints whose names differ by left and right, or L and R: ``eyeL`` and ``eyeR``."""
    places = {name: i for i, name in enumerate(keypoints)}
    pairs: list[tuple[int, int]] = []
    for left, name in enumerate(keypoints):
        for pattern, other in (
            ("left", "right"),
            ("Left", "Right"),
            ("LEFT", "RIGHT"),
            ("L", "R"),
            (r"(?<![a-z])l(?=[_.\- A-Z0-9]|$)", "r"),
            (r"(?<=[_.\- 0-9])l(?![a-z])", "r"),
        ):
            swapped = [name[: m.start()] + other + name[m.end() :] for m in re.finditer(pattern, name)]
            partner = next((places[text] for text in swapped if text in places), None)
            if partner is not None and not {left, partner} & {i for pair in pairs for i in pair}:
                pairs.append((left, partner))
                break
    return pairs


def find_swapped(points: Points, keypoints: Sequence[str], pairs: Sequence[tuple[int, int]]) -> list[Finding]:
    """Symmetric ``pairs`` whose two keypoints lie on the other's side of the body, against most animals of the set.

    The direction of the body is taken from keypoints without a partner and from the middles of pairs, which do not
    change if left and right are swapped. Each two of these make a direction; one is trusted for a pair if the pair's
    sideways distance from it is seldom near zero. So limbs that swing to both sides tell nothing and are left out.
    """
    there = np.argwhere(labelled(points).any(axis=-1))
    if not len(there):
        return []
    animals = points[there[:, 0], there[:, 1]].astype(np.float64)
    sizes = np.hypot(*(np.nanmax(animals, axis=1) - np.nanmin(animals, axis=1)).T)
    paired = {k for pair in pairs for k in pair}
    middles = [animals[:, k] for k in range(animals.shape[1]) if k not in paired]
    middles += [animals[:, [left, right]].mean(axis=1) for left, right in pairs]
    found = []
    for left, right in pairs:
        across = animals[:, right] - animals[:, left]
        clear = np.hypot(*across.T) > _CLEAR * sizes
        sides = [side for a, b in combinations(middles, 2) if (side := _sideways(b - a, across)) is not None]
        if not sides:
            continue
        with np.errstate(invalid="ignore"):
            known = np.isfinite(sides).any(axis=0)
            side = np.full(len(animals), np.nan)
            side[known] = np.nanmedian(np.array(sides)[:, known], axis=0)
            swapped = (side < _SWAPPED) & clear
        if swapped.sum() > _MOST_SWAPPED * known.sum():
            continue
        for row in np.flatnonzero(swapped):
            frame, animal = there[row].tolist()
            why = f"lies on the side where {keypoints[right]} usually lies: left and right exchanged?"
            found.append(Finding("swapped", frame, animal, left, why))
    return found


def _sideways(along: Array, across: Array) -> Array | None:
    """``across`` at right angles to ``along`` (``[N, 2]`` each), in units of its usual value: 1 usual, -1 swapped.

    None if this direction does not tell the sides apart.
    """
    length = np.hypot(*along.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        side = (along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]) / np.where(length > 0, length, np.nan)
        known = np.isfinite(side)
        if known.sum() < LEAST_ANIMALS:
            return None
        usual = float(np.median(np.abs(side[known])))
        if usual == 0 or (np.abs(side[known]) < _UNSURE * usual).mean() > _MOST_UNSURE:
            return None
        most = 1.0 if (side[known] > 0).mean() >= 0.5 else -1.0
        return np.asarray(side * most / usual, np.float64)
