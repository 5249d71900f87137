"""Cut-paste for several animals: one animal more, taken from another frame, so that they meet more often than filmed.

After Ghiasi et al. 2021 (arXiv:2012.07177); no masks are labelled here, so the cut follows the hull of the keypoints.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from posewire_training.images import Image
from posewire_training.labels.record import Points, labelled

_MARGIN = 0.12  # how far the cut reaches beyond the hull, in extents of the animal
_LEAST_KEYPOINTS = 3  # fewer span no area
_MOST_COVERED = 0.5  # share of another animal's keypoints that may be hidden


def pasted(
    image: Image, points: Points, donor: Image, donor_points: Points, rng: np.random.Generator
) -> tuple[Image, Points]:
    """An image with one more animal.

    ``image``, ``donor``: uint8 ``[h, w, C]``; ``points``, ``donor_points``: float32 ``[animals, K, 2]``. The copy is
    turned, and stands half of the time beside an animal that is there, else anywhere. Returns a new image and float32
    ``[animals + 1, K, 2]``; the last animal is NaN if nothing was pasted (the donor has no animal of three keypoints,
    or the copy would hide another one). Keypoints of others that the copy hides stay labelled.
    """
    room = np.concatenate([points, np.full_like(donor_points[:1], np.nan)])
    there = labelled(donor_points)
    able = np.flatnonzero(there.sum(axis=1) >= _LEAST_KEYPOINTS)
    if not len(able):
        return image, room
    chosen = int(rng.choice(able))
    animal = donor_points[chosen]
    known = animal[there[chosen]]
    extent = float(np.linalg.norm(np.ptp(known, axis=0)))
    matrix = _placed(known.mean(axis=0), extent, image.shape, points, rng)
    mask = np.zeros(donor.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(known).astype(np.int32)), 255)
    reach = 2 * max(1, round(_MARGIN * extent)) + 1
    mask = np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))), np.uint8)
    size = (image.shape[1], image.shape[0])
    moved_mask = cv2.GaussianBlur(cv2.warpAffine(mask, matrix, size), (0, 0), 1.0)
    moved = (animal @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    if _covered(moved_mask, points) > _MOST_COVERED:
        return image, room
    copy = np.asarray(cv2.warpAffine(donor, matrix, size), np.uint8).reshape(image.shape)
    share = (moved_mask.astype(np.float32) / 255)[..., None]
    inside = np.all((moved >= -0.5) & (moved < np.array(size) - 0.5), axis=-1)
    room[-1] = np.where(inside[:, None], moved, np.nan)
    return np.rint(image * (1 - share) + copy * share).astype(np.uint8), room


def _placed(
    centre: Points, extent: float, shape: tuple[int, ...], points: Points, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """An affine ``[2, 3]`` that turns the donor's animal about its centre and moves it to its new place."""
    angle = rng.uniform(-np.pi, np.pi)
    cos, sin = np.cos(angle), np.sin(angle)
    known = points[labelled(points)]
    if len(known) and rng.random() < 0.5:
        direction = rng.uniform(-np.pi, np.pi)
        away = rng.uniform(0.3, 1.0) * extent
        target = known[rng.integers(len(known))] + away * np.array([np.cos(direction), np.sin(direction)])
    else:
        target = rng.uniform(0, 1, 2) * (shape[1], shape[0])
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, target - turn @ centre])


def _covered(mask: npt.NDArray[np.generic], points: Points) -> float:
    """The largest share of one animal's keypoints under a mask."""
    most = 0.0
    for animal in points:
        places = np.rint(animal[labelled(animal)]).astype(int)
        if len(places):
            columns, rows = places[:, 0].clip(0, mask.shape[1] - 1), places[:, 1].clip(0, mask.shape[0] - 1)
            most = max(most, float((mask[rows, columns] > 127).mean()))
    return most
