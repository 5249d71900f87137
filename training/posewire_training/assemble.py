"""Heatmaps, offsets and part affinity fields -> animals: a plain NumPy decoder for validation and evaluation.

Peaks are joined along the skeleton by the line integrals of Cao et al. 2017 (arXiv:1611.08050, section 3.3), one
optimal assignment for each edge; links are then taken best first, as long as no animal gets two keypoints of a kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_models.grid import cell_centre, cell_position
from posewire_models.skeleton import Pair

Array = npt.NDArray[np.float32]

_WITHIN_CELL = 0.75  # a cell that holds a keypoint has it within half a stride on each axis; the rest is tolerance
_NEARLY = 0.6  # the cell that holds a keypoint reaches 0.78 of any neighbour; cells beyond the reach of offsets 0.45
_LEAST_REACH_PX = 8.0
_APART_CELLS = 1.0  # two peaks of a kind nearer than this are one


@dataclass(frozen=True)
class Assembling:
    """How peaks become animals.

    ``min_score``: least heatmap value of a peak. ``min_link``: least mean alignment (-1..1) of a limb with its field.
    ``min_parts``: animals of fewer keypoints are dropped. ``most``: the most animals of a frame; the best stay.
    """

    min_score: float = 0.2
    min_link: float = 0.3
    min_parts: int = 2
    most: int | None = None


def assemble(
    heatmaps: Array,
    offsets: Array,
    fields: Array,
    edges: Sequence[Pair],
    stride: int,
    paf_stride: int,
    rules: Assembling = Assembling(),
) -> Array:
    """The animals of one frame.

    ``heatmaps``: ``[h, w, K]``; ``offsets``: ``[h, w, K, 2]`` in input pixels; ``fields``: ``[h', w', E, 2]``;
    ``edges``: E pairs of keypoints. Returns float32 ``[animals, K, 3]``: x and y in input pixels and the score of each
    keypoint, NaN, NaN, 0 where it is missing; the best animal (sum of scores) first.
    """
    peaks = [peaks_of(heatmaps[..., k], offsets[..., k, :], stride, rules.min_score) for k in range(heatmaps.shape[2])]
    links = []
    for e, (a, b) in enumerate(edges):
        if len(peaks[a]) and len(peaks[b]):
            scores = link_scores(peaks[a][:, :2], peaks[b][:, :2], fields[..., e, :], paf_stride)
            links += [(float(scores[i, j]), a, i, b, j) for i, j in _assigned(scores) if scores[i, j] >= rules.min_link]
    # Ties are decided by place in the lists, never by chance.
    links.sort(key=lambda link: (-link[0], *link[1:]))
    home: dict[tuple[int, int], dict[int, int]] = {
        (k, i): {k: i} for k, found in enumerate(peaks) for i in range(len(found))
    }
    for _, a, i, b, j in links:
        first, second = home[a, i], home[b, j]
        if first is not second and not first.keys() & second.keys():
            first |= second
            for part in second.items():
                home[part] = first
    animals = [
        parts for parts in {id(parts): parts for parts in home.values()}.values() if len(parts) >= rules.min_parts
    ]
    poses = np.full((len(animals), len(peaks), 3), np.nan, np.float32)
    poses[..., 2] = 0
    for n, parts in enumerate(animals):
        for k, i in parts.items():
            poses[n, k] = peaks[k][i]
    best = np.argsort(-poses[..., 2].sum(axis=1), kind="stable")
    return poses[best[: rules.most]]


def peaks_of(heatmap: Array, offsets: Array, stride: int, min_score: float) -> Array:
    """Peaks of one heatmap ``[h, w]`` with its offsets ``[h, w, 2]``: float32 ``[n, 3]``, x and y in input pixels,
    score.

    A cell is a peak if its own offset says that the keypoint lies in it, and no neighbour is much higher (beyond the
    reach of a keypoint offsets mean nothing); of peaks that mean the same place the highest stays. So two keypoints on
    neighbouring cells, or half way between cells, are told apart where a search for maxima would see a plateau. Its
    neighbours vote on where exactly, as far as they mean the same place, like in the runtime's decoder.
    """
    height, width = heatmap.shape
    inside = np.abs(offsets).max(axis=-1) <= _WITHIN_CELL * stride
    around = np.pad(heatmap, 1)
    highest = np.max([around[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)
    rows, columns = np.nonzero((heatmap >= min_score) & (heatmap >= _NEARLY * highest) & inside)
    order = np.argsort(-heatmap[rows, columns], kind="stable")
    found: list[tuple[float, float, float]] = []
    places: list[tuple[float, float]] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        x, y = _place(row, column, offsets, stride)
        if any((x - u) ** 2 + (y - v) ** 2 < (_APART_CELLS * stride) ** 2 for u, v in places):
            continue
        places.append((x, y))
        total = sum_x = sum_y = 0.0
        for i in range(max(0, row - 1), min(height, row + 2)):
            for j in range(max(0, column - 1), min(width, column + 2)):
                u, v = _place(i, j, offsets, stride)
                if (u - x) ** 2 + (v - y) ** 2 <= (0.5 * stride) ** 2:
                    weight = float(heatmap[i, j]) ** 2
                    total, sum_x, sum_y = total + weight, sum_x + weight * u, sum_y + weight * v
        found.append((sum_x / total, sum_y / total, float(heatmap[row, column])))
    return np.array(found, np.float32).reshape(-1, 3)


def _place(row: int, column: int, offsets: Array, stride: int) -> tuple[float, float]:
    """Where a cell says its keypoint is."""
    return (
        cell_centre(float(column), stride) + float(offsets[row, column, 0]),
        cell_centre(float(row), stride) + float(offsets[row, column, 1]),
    )


def link_scores(start: Array, stop: Array, field: Array, stride: int) -> Array:
    """Mean alignment of every limb ``start[i]`` -> ``stop[j]`` with a field ``[h, w, 2]``: float32 ``[n, m]``.

    The field is read at the nearest cell, at steps of about half a cell from end to end. Two keypoints at one place
    have no direction, and nothing speaks against them: 1.
    """
    height, width = field.shape[:2]
    apart = stop[None] - start[:, None]  # [n, m, 2]
    length = np.linalg.norm(apart, axis=-1)
    count = int(np.clip(np.ceil(2 * length.max() / stride), 2, 64)) + 1
    steps = np.linspace(0, 1, count, dtype=np.float32)
    points = start[:, None, None] + steps[:, None] * apart[:, :, None]  # [n, m, count, 2]
    cells = np.rint(cell_position(points, stride)).astype(np.intp)
    columns, rows = cells[..., 0].clip(0, width - 1), cells[..., 1].clip(0, height - 1)
    direction = apart / np.maximum(length, 1e-6)[..., None]
    scores = (field[rows, columns] * direction[:, :, None]).sum(axis=-1).mean(axis=-1)
    return np.where(length < 1e-3, 1, scores).astype(np.float32)


def _assigned(scores: Array) -> list[tuple[int, int]]:
    """The pairs of the assignment with the largest sum."""
    from scipy.optimize import linear_sum_assignment  # of the extra 'training'

    rows, columns = linear_sum_assignment(scores, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True)]


def matched(found: Array, labels: Array) -> list[tuple[int, int]]:
    """Which found animal ``[A, K, 2 or 3]`` is which labelled one ``[B, K, 2]``: pairs of their numbers.

    The assignment maximises the sum, over labelled keypoints, of how near they were found, from 1 on the spot to 0 at
    half the labelled animal's extent (8 px at least) or farther; pairs that have nothing near are left apart.
    """
    present = [b for b in range(len(labels)) if not np.isnan(labels[b]).all()]
    if not len(found) or not present:
        return []
    near = np.zeros((len(found), len(present)))
    for n, b in enumerate(present):
        extent = np.linalg.norm(np.nanmax(labels[b], axis=0) - np.nanmin(labels[b], axis=0))
        distance = np.linalg.norm(found[..., :2] - labels[b], axis=-1)  # [A, K]
        near[:, n] = np.nansum(np.clip(1 - distance / max(float(extent) / 2, _LEAST_REACH_PX), 0, 1), axis=1)
    return [(a, present[n]) for a, n in _assigned(near.astype(np.float32)) if near[a, n] > 0]
