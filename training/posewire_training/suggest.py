"""Training settings that suit a set of labels: what `posewire new` writes into a project file.

Rules of thumb, from the size of the frames and of the animals in them; they lead to what the recipes of the zoo were
trained with. Everything here works on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from posewire_models.grid import padded_size
from posewire_models.skeleton import Pair
from posewire_training.labels.record import Points, labelled
from posewire_training.settings import PAD_MULTIPLE, Size

STEPS = 3500
SCALES = (1.0, 0.75, 0.5, 0.375, 0.25)
MOST_PIXELS = 170_000  # of a frame as the network sees it: 640x480 goes in at a half, 400x400 as it is
LEAST_BODY_PX = 40  # an animal smaller than this in the network's pixels is seen badly
LEAST_BODIES_PX = 64  # the same where several must be told apart
SMALL_BODIES_PX = 80  # several animals smaller than this want stride 4
FINE_STRIDE, STRIDE = 4, 8
DENSE_PX = 12  # one and a half cells of stride 8: many keypoints that lie nearer to each other want stride 4
MANY_KEYPOINTS = 8
LARGE_VIEW = 400_000  # pixels of a whole view, from which on a part of it is learned from at a time
PART_VIEW = 512
LEAST_CROP, MOST_CROP = 128, 256
CROP_BODIES = 2.5  # side of a close view, in bodies
MOST_CROP_SHARE = 0.6  # of the whole view's area: a larger close view saves too little
SAME_HEADING = 0.8  # mean resultant length of the body's directions, from which on they count as one
FIXED_HEADING = 0.95  # an animal held in place
SAME_SIDE = 0.9  # how steadily left keypoints lie on one side of the body, from which on both sides are in view
LEAST_POSES = 8
FEW_FRAMES = 40  # of fewer, each one more learned from counts for more than a surer measurement
SPREAD_WEIGHT = 2.0  # what the change of an edge's length counts beside its length

Sizes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Suggestion:
    """Values for the project file, under the names they have there (``crop`` is the side of a square, ``size`` the
    width and height of whole views, in network pixels)."""

    scale: float
    color: str
    rotation_degrees: float
    flip: float
    crop: int | None
    validation: float
    stride: int = STRIDE
    size: Size | None = None
    steps: int = STEPS


def suggest(points: Points, sizes: Sizes, gray: bool, symmetric: Sequence[Pair] = ()) -> Suggestion:
    """Settings for labelled frames.

    ``points``: float32 ``[frames, animals, K, 2]``, NaN where nothing is labelled; ``sizes``: int ``[images, 2]``,
    width and height of at least one image; ``gray``: every image is gray; ``symmetric``: mirror partners.
    """
    extents = body_extents(points)
    body = float(np.median(extents)) if len(extents) else None
    several = bool((labelled(points).any(axis=-1).sum(axis=-1) > 1).any())
    largest = sizes[int(sizes.prod(axis=1).argmax())]
    scale = _scale(largest, body, LEAST_BODIES_PX if several else LEAST_BODY_PX)
    small = several and body is not None and body * scale < SMALL_BODIES_PX
    dense = points.shape[2] >= MANY_KEYPOINTS and spacing(points) * scale < DENSE_PX
    rotation, flip = _turns(points, symmetric)
    return Suggestion(
        scale,
        "gray" if gray else "bgr",
        rotation,
        flip,
        _crop(largest, extents, scale),
        0.2 if len(points) >= FEW_FRAMES else 0.1,
        FINE_STRIDE if small or dense else STRIDE,
        _part(largest, scale),
    )


def body_extents(points: Points) -> npt.NDArray[np.float64]:
    """Diagonal in pixels of the box round each labelled animal of at least two keypoints, one value each."""
    poses = _animals(points)
    poses = poses[(~np.isnan(poses).any(axis=-1)).sum(axis=-1) >= 2]
    if not len(poses):
        return np.empty(0)
    return np.asarray(np.hypot(*(np.nanmax(poses, axis=1) - np.nanmin(poses, axis=1)).T))


def spacing(points: Points) -> float:
    """How far in pixels a labelled keypoint is from the nearest other one of its animal, in the median; infinite if no
    animal has two."""
    poses = _animals(points)
    nearest = np.full(poses.shape[:2], np.inf)
    for i in range(poses.shape[1]):
        for j in range(i):
            apart = np.hypot(*(poses[:, i] - poses[:, j]).T)
            for k in (i, j):
                nearest[:, k] = np.fmin(nearest[:, k], apart)  # NaN where one of the two is not labelled
    found = nearest[np.isfinite(nearest)]
    return float(np.median(found)) if len(found) else float("inf")


def _animals(points: Points) -> npt.NDArray[np.float64]:
    """``[frames, animals, K, 2]`` as float64 ``[frames * animals, K, 2]``."""
    return points.reshape(points.shape[0] * points.shape[1], *points.shape[2:]).astype(np.float64)


def _scale(size: Sizes, body: float | None, least: float) -> float:
    pixels = int(size.prod())
    fitting = next((scale for scale in SCALES if pixels * scale * scale <= MOST_PIXELS), SCALES[-1])
    if body is None:
        return fitting
    enough = [scale for scale in SCALES if scale >= fitting and body * scale >= least]
    return min(enough, default=1.0)


def _crop(size: Sizes, extents: npt.NDArray[np.float64], scale: float) -> int | None:
    if not len(extents):
        return None
    body = float(np.percentile(extents, 90)) * scale
    side = padded_size(int(np.ceil(CROP_BODIES * body)), PAD_MULTIPLE)
    side = min(max(side, LEAST_CROP), MOST_CROP)
    return side if side * side <= MOST_CROP_SHARE * float((size * scale).prod()) else None


def _part(size: Sizes, scale: float) -> Size | None:
    """Width and height of the part of a large frame that is learned from at a time; None: the whole."""
    width, height = (padded_size(int(np.ceil(side * scale)), PAD_MULTIPLE) for side in size)
    return (min(width, PART_VIEW), min(height, PART_VIEW)) if width * height > LARGE_VIEW else None


def _turns(points: Points, symmetric: Sequence[Pair]) -> tuple[float, float]:
    """``rotation_degrees`` and ``flip``: all of both for animals seen from above, little for a side view.

    Seen from above, the directions from keypoint to keypoint go all round; or at least the left keypoints always lie to
    the left of the body, in a recording too short for more. In a side view the directions hardly turn, and a mirrored
    view never comes; where the animal faces both ways, they keep to one line, and mirroring makes the other way.
    """
    poses = _animals(points)
    if len(body_extents(points)) < LEAST_POSES:
        return 180.0, 0.5
    one_way, one_line = _agreement(poses)
    if one_way >= FIXED_HEADING:
        return 15.0, 0.0
    if _side(poses, symmetric) >= SAME_SIDE or max(one_way, one_line) < SAME_HEADING:
        return 180.0, 0.5
    return 15.0, 0.0 if one_way >= SAME_HEADING else 0.5


def _side(poses: npt.NDArray[np.float64], symmetric: Sequence[Pair]) -> float:
    """How steadily the left one of a pair lies on the same side of the body as seen from its partner, of the steadiest
    pair: 1 always, 0 as often on the one as on the other. ``poses``: ``[poses, K, 2]``."""
    steadiest = 0.0
    known = poses[(~np.isnan(poses).any(axis=-1)).sum(axis=-1) >= 3]
    for left, right in symmetric:
        across = known[:, right] - known[:, left]
        along = np.nanmean(known, axis=1) - (known[:, left] + known[:, right]) / 2
        area = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]
        area = area[~np.isnan(area)]
        if len(area) >= LEAST_POSES and (total := np.abs(area).sum()):
            steadiest = max(steadiest, float(abs(area.sum()) / total))
    return steadiest


def _agreement(poses: npt.NDArray[np.float64]) -> tuple[float, float]:
    """How much directions, and lines, between keypoints agree over all ``poses``: 0 not at all, 1 wholly.

    Mean resultant lengths (Mardia and Jupp, Directional Statistics, 2000) of the angles and of twice the angles, over
    all pairs of keypoints, weighed by their distance: the body's long axis says more than two toes.
    """
    totals = np.zeros(3)  # of the weights, and of both lengths times the weight
    for i in range(poses.shape[1]):
        for j in range(i):
            difference = poses[:, i] - poses[:, j]
            vector = difference[:, 0] + 1j * difference[:, 1]
            vector = vector[np.abs(vector) > 0]  # not NaN either
            if len(vector) >= LEAST_POSES:
                unit = vector / np.abs(vector)
                weight = np.abs(vector).sum()
                totals += weight * np.array([1.0, abs(unit.mean()), abs((unit**2).mean())])
    return (float(totals[1] / totals[0]), float(totals[2] / totals[0])) if totals[0] else (0.0, 0.0)


def suggest_skeleton(count: int, points: Points, edges: Sequence[Pair] = ()) -> tuple[Pair, ...]:
    """Edges that join all ``count`` keypoints, short ones whose length changes little: a minimum spanning tree (Prim
    1957), which takes in the ``edges`` that are known.

    ``points``: ``[frames, animals, K, 2]``. An edge weighs its median length and twice the range that holds 80 % of its
    lengths. Keypoints never labelled together are joined last, in their order.
    """
    poses = _animals(points)
    weights = np.full((count, count), np.inf)
    for i in range(count):
        for j in range(i):
            lengths = np.hypot(*(poses[:, i] - poses[:, j]).T)
            lengths = lengths[~np.isnan(lengths)]
            if len(lengths):
                low, middle, high = np.percentile(lengths, [10, 50, 90])
                weights[i, j] = weights[j, i] = middle + SPREAD_WEIGHT * (high - low)
    for i, j in edges:
        weights[i, j] = weights[j, i] = -1.0
    inside, found = [0], list(edges)
    while len(inside) < count:
        outside = [k for k in range(count) if k not in inside]
        start, end = min(((i, j) for i in inside for j in outside), key=lambda pair: float(weights[pair]))
        inside.append(end)
        if weights[start, end] >= 0:
            found.append((start, end))
    return tuple(found)
