"""Keypoints -> what the network is to put out, for a whole batch at once.

All by the one pixel grid of `posewire_models.grid`: cell (i, j)'s centre lies at pixel
((j + 0.5) * stride - 0.5, (i + 0.5) * stride - 0.5) of the network's input. Heatmaps and offsets follow Papandreou et
al. 2017 (arXiv:1701.01779), part affinity fields Cao et al. 2017 (arXiv:1611.08050); where those average the fields of
limbs that cross, a cell here belongs to the nearest limb alone, so that exact targets can be decoded exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from posewire_models.grid import cell_centre, cell_position
from posewire_models.skeleton import Pair

Array = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


class Targets(NamedTuple):
    """What a batch is to look like.

    ``heatmaps``: ``[B, h, w, K]``, 0..1. ``offsets``: ``[B, h, w, K, 2]``, x and y in input pixels from the
    cell's centre to the nearest keypoint of the kind, zero off the mask. ``mask``: ``[B, h, w, K]``, 1 where the offset
    counts.
    """

    heatmaps: Array
    offsets: Array
    mask: Array


def make_targets(
    points: Array, height: int, width: int, stride: int, sigma_cells: float, radius_cells: float
) -> Targets:
    """Targets for keypoints.

    ``points``: float32 ``[B, animals, K, 2]``, x and y in input pixels, NaN = absent (zero heatmap, no offset);
    ``height`` and ``width`` in cells. The heatmap is a Gaussian of ``sigma_cells``, the highest of all animals; cells
    whose centre is at most ``radius_cells`` from a keypoint carry the offset to it.
    """
    batch, animals, keypoints = points.shape[:3]
    shape = (batch, height, width, keypoints)
    spread = np.float32(-1 / (2 * (sigma_cells * stride) ** 2))
    columns = cell_centre(np.arange(width, dtype=np.float32), stride)[:, None]  # [w, 1]
    rows = cell_centre(np.arange(height, dtype=np.float32), stride)[:, None]
    known = np.asarray(~np.isnan(points).any(axis=-1))  # [B, A, K]
    seen = np.where(known[..., None], points, np.float32(1e9))  # so far away that nothing is left of its Gaussian
    across = np.exp((columns - seen[:, :, None, :, 0]) ** 2 * spread)  # [B, A, w, K]
    down = np.exp((rows - seen[:, :, None, :, 1]) ** 2 * spread)  # [B, A, h, K]
    heatmaps = _products(down[:, 0], across[:, 0])
    for animal in range(1, animals):
        np.maximum(heatmaps, _products(down[:, animal], across[:, animal]), out=heatmaps)
    # Only cells near a keypoint carry offsets: a window round each, of as many cells as the radius can reach.
    offsets, mask = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
    found = np.nonzero(known)  # frame, animal, keypoint of each
    places = points[found]  # [n, 2]
    first = np.ceil(cell_position(places, stride) - np.float32(radius_cells))
    cells = first[:, None] + np.arange(int(2 * radius_cells) + 1, dtype=np.float32)[:, None]  # [n, window, 2]
    moves = places[:, None] - cell_centre(cells, stride)
    within = (cells >= 0) & (cells < np.array([width, height]))
    squares = moves**2
    apart = squares[:, :, None, 1] + squares[:, None, :, 0]  # [n, window of rows, window of columns]
    near = (apart <= np.float32((radius_cells * stride) ** 2)) & within[:, :, None, 1] & within[:, None, :, 0]
    which, i, j = np.nonzero(near)
    if animals > 1:  # the nearest is written last, and stays
        order = np.argsort(-apart[which, i, j], kind="stable")
        which, i, j = which[order], i[order], j[order]
    place = (found[0][which], cells[which, i, 1].astype(np.intp), cells[which, j, 0].astype(np.intp), found[2][which])
    offsets[(*place, 0)] = moves[which, j, 0]
    offsets[(*place, 1)] = moves[which, i, 1]
    mask[place] = 1
    return Targets(heatmaps, offsets, mask)


def _products(down: Array, across: Array) -> Array:
    """``[B, h, K]`` times ``[B, w, K]`` -> ``[B, h, w, K]``.

    A row's cells lie one behind the other, so that NumPy's innermost loop runs over the row, not over K numbers alone.
    """
    (batch, height, keypoints), width = down.shape, across.shape[1]
    rows = np.tile(down, width)  # [B, h, w * K]
    rows *= across.reshape(batch, 1, width * keypoints)
    return rows.reshape(batch, height, width, keypoints)


def make_fields(
    points: Array,
    edges: Sequence[Pair],
    height: int,
    width: int,
    stride: int,
    width_cells: float,
    layered: bool = False,
) -> tuple[Array, Array]:
    """Part affinity fields.

    ``points``: as for `make_targets`; ``edges``: pairs of keypoints; ``height`` and ``width`` in cells of ``stride``
    input pixels. A cell whose centre is at most ``width_cells`` from the segment between the two keypoints of an edge
    carries the unit vector from the first to the second; of several animals the nearest segment wins, or, where they
    are ``layered``, that of the last animal: where one lies on another nobody sees which of two lines is nearer.

    Returns float32 ``[B, h, w, E, 2]`` (x, y) and float32 ``[B, E]``: 1 where no animal of the frame has only one end
    of the edge, so that the whole field is known.
    """
    batch = len(points)
    fields = np.zeros((batch, height, width, len(edges), 2), np.float32)
    pairs = np.asarray(edges, np.intp).reshape(-1, 2)
    ends = points[:, :, pairs]  # [B, A, E, 2 ends, 2]
    labelled = np.asarray(~np.isnan(ends).any(axis=-1))  # [B, A, E, 2 ends]
    known = (labelled[..., 0] == labelled[..., 1]).all(axis=1).astype(np.float32)
    found = np.argwhere(labelled.all(axis=-1))  # [n, 3]: frame, animal, edge
    start, stop = ends[tuple(found.T)].transpose(1, 0, 2)  # [n, 2] each
    length = np.linalg.norm(stop - start, axis=-1)
    long = length > 1e-3  # two keypoints at one place have no direction
    found, start, stop, length = found[long], start[long], stop[long], length[long, None]
    direction = (stop - start) / length
    reach = width_cells * stride
    which, i, j = _cells_around(start, stop, reach, height, width, stride)
    centre = np.stack([cell_centre(j.astype(np.float32), stride), cell_centre(i.astype(np.float32), stride)], -1)
    away, along = centre - start[which], direction[which]
    done = np.clip((away * along).sum(axis=-1, keepdims=True), 0, length[which])
    apart = ((away - done * along) ** 2).sum(axis=-1)
    near = apart <= np.float32(reach**2)
    which, i, j, apart = which[near], i[near], j[near], apart[near]
    order = np.lexsort((-apart, found[which, 1])) if layered else np.argsort(-apart, kind="stable")
    fields[found[which[order], 0], i[order], j[order], found[which[order], 2]] = direction[which[order]]
    return fields, known


def _cells_around(
    start: Array, stop: Array, reach: float, height: int, width: int, stride: int
) -> tuple[Indices, Indices, Indices]:
    """The cells of the box about each segment ``[n, 2]``, widened by ``reach`` pixels, that lie on the grid.

    Returns for every such cell the number of its segment, its row and its column.
    """
    size = np.array([width, height])
    first = np.ceil(cell_position(np.minimum(start, stop) - np.float32(reach), stride)).astype(np.intp).clip(0, size)
    last = np.floor(cell_position(np.maximum(start, stop) + np.float32(reach), stride)).astype(np.intp)
    sides = (last.clip(-1, size - 1) - first + 1).clip(0)  # [n, 2]: columns, rows
    counts = sides.prod(axis=-1)
    which = np.repeat(np.arange(len(start)), counts)
    place = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    across = sides[which, 0]
    return which, first[which, 1] + place // across, first[which, 0] + place % across
