"""Object keypoint similarity, and the average precision of found animals by it, through pycocotools.

Lin et al. 2014 (arXiv:1405.0312) and https://cocodataset.org/#keypoints-eval:
``OKS = mean over labelled keypoints of exp(-d^2 / (2 s^2 k^2))``. COCO measured k for 17 keypoints of people; animals
have no such constants, so that all keypoints share one.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire_bench.metrics import body_length, box_sizes
from posewire_training.labels.record import labelled

Points = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

KEYPOINT_CONSTANT = 0.1
LEAST_AREA = 0.05  # of the squared body length
_ELSEWHERE_PX = 1e9  # a keypoint that was not found is given to COCO's evaluation this far off


@dataclass(frozen=True)
class AveragePrecision:
    """``mean``: over the OKS thresholds 0.50, 0.55 ... 0.95; ``at_50``, ``at_75``: at these two. NaN if no animal is
    labelled."""

    mean: float
    at_50: float
    at_75: float


def areas(labels: Points) -> Floats:
    """s^2 (px^2) of each labelled animal, [F, A]: the area of the box of its labelled keypoints, and at least 5 % of
    the squared body length (an animal that lies along an axis has a box of no area); NaN for one that is not there."""
    length = body_length(labels)
    least = LEAST_AREA * length**2 if np.isfinite(length) else 1.0
    return np.asarray(np.maximum(box_sizes(labels).prod(axis=-1), least))


def animal_scores(animals: Points) -> Floats:
    """The score of each found animal ``[A, K, 3]``: the mean of its keypoints' scores, 0 for those not found."""
    return np.asarray(np.nan_to_num(animals[..., 2].astype(np.float64)).mean(axis=-1))


def average_precision(found: Sequence[Points], labels: Points, constant: float = KEYPOINT_CONSTANT) -> AveragePrecision:
    """Average precision of the animals found in each frame (``[animals, K, 3]``, NaN where a keypoint is missing)
    against ``labels`` ``[F, A, K, 2]``, by pycocotools' COCOeval with all animals of any size."""
    from pycocotools.cocoeval import COCOeval

    size = areas(labels)
    present = labelled(labels)
    truth = [
        _annotation(n, labels[n, a], present[n, a], float(size[n, a]), {"num_keypoints": int(present[n, a].sum())})
        for n, a in np.argwhere(present.any(axis=-1))
    ]
    if not truth:
        return AveragePrecision(np.nan, np.nan, np.nan)
    guesses = [
        # The area only decides which detections are left out for their size: none.
        _annotation(n, animal[:, :2], np.ones(len(animal), bool), 1.0, {"score": float(score)})
        for n, animals in enumerate(found)
        for animal, score in zip(animals, animal_scores(animals), strict=True)
    ]
    if not guesses:
        return AveragePrecision(0.0, 0.0, 0.0)
    frames = range(len(labels))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        evaluation = COCOeval(_dataset(truth, frames), _dataset(guesses, frames), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.full(labels.shape[2], constant / 2)  # COCO's k is twice its sigma
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, np.inf]], ["all"]
        evaluation.params.maxDets = [max(len(animals) for animals in found)]
        evaluation.evaluate()
        evaluation.accumulate()
    by_threshold = evaluation.eval["precision"].mean(axis=(1, 2, 3, 4))  # [thresholds]
    return AveragePrecision(float(by_threshold.mean()), float(by_threshold[0]), float(by_threshold[5]))


def _annotation(frame: int, points: Points, known: npt.NDArray[np.bool_], area: float, more: Any) -> dict[str, Any]:
    places = np.where(np.isnan(points).any(axis=-1, keepdims=True), _ELSEWHERE_PX, points.astype(np.float64))
    triples = np.concatenate([np.where(known[:, None], places, 0), 2.0 * known[:, None]], axis=1)
    box = [0.0, 0.0, 1.0, 1.0]  # looked at for annotations without a labelled keypoint only
    return {
        "image_id": int(frame), "category_id": 1, "iscrowd": 0, "area": area, "bbox": box,
        "keypoints": triples.ravel().tolist(), **more,
    }  # fmt: skip


def _dataset(annotations: list[dict[str, Any]], frames: range) -> Any:
    from pycocotools.coco import COCO

    dataset = COCO()
    dataset.dataset = {
        "images": [{"id": n} for n in frames],
        "categories": [{"id": 1, "name": "animal"}],
        "annotations": [{"id": n + 1, **annotation} for n, annotation in enumerate(annotations)],
    }
    dataset.createIndex()
    return dataset
