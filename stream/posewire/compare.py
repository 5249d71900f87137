"""How far the keypoints of one way to compute a network lie from those of another, on the same frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posewire.compute import Compute
from posewire.frame import Image
from posewire.pipeline import Pipeline
from posewire.session import Model

MOST_FP32_PX = 1e-3
MOST_FP16_PX = 0.25
_CPU = Compute("cpu")


def largest_difference_px(model: Model, images: Sequence[Image], compute: Compute, reference: Compute = _CPU) -> float:
    """Of a model of one animal: the farthest that a keypoint lies from where ``reference`` finds it (pixels of the
    frame), over all keypoints of all images that reach the model's ``min_score`` there; NaN if none does, and infinity
    if ``compute`` finds one nowhere. Raises InputError if either cannot run.
    """
    one, other = (Pipeline(model, compute=way) for way in (reference, compute))
    largest = np.nan
    for image in images:
        one(image)
        other(image)
        sure = one.peaks[0, :, 2] >= model.contract.min_score
        if sure.any():
            apart = np.hypot(*(one.peaks[0, sure, :2] - other.peaks[0, sure, :2]).T)
            largest = np.fmax(largest, np.nan_to_num(apart, nan=np.inf).max())
    return float(largest)
