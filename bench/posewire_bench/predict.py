"""A model file on single pictures, with no stream: the animals it finds, whatever their scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime

from posewire.frame import Floats, Image
from posewire.pipeline import Pipeline
from posewire.preprocess import Geometry, Preparation, plan
from posewire.session import Model, default_threads
from posewire_models.errors import InputError
from posewire_models.grid import resized
from posewire_training.assemble import Assembling, assemble

Predict = Callable[[Image], Floats]
"""A picture (uint8 [H, W, 3] BGR or [H, W] gray) -> float32 [animals, K, 3]: x and y in its pixels, score; NaN, NaN, 0
for a keypoint that was not found."""


def predictor(model: Model, provider: str = "auto", most: int | None = None) -> Predict:
    """How to predict with ``model``: for one animal its best peaks, by the runtime's own pipeline; for several animals
    what assembling finds, the best ``most`` of a frame (None: all). Raises InputError for a provider that cannot run
    it."""
    if model.contract.animals == "many":
        return _Several(model, provider, most)
    pipeline = Pipeline(model, provider=provider)

    def best_peaks(image: Image) -> Floats:
        pipeline(image)
        return pipeline.peaks.copy()

    return best_peaks


class _Several:
    """Heatmaps, offsets and part affinity fields by ONNX Runtime, animals by `posewire_training.assemble`."""

    def __init__(self, model: Model, provider: str, most: int | None) -> None:
        if provider not in ("auto", "cpu"):
            raise InputError(f"--provider {provider}: models of several animals are measured on the CPU; leave it out")
        self._contract = model.contract
        self._rules = Assembling(most=most)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = default_threads()
        self._session = onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
        self._fitted: tuple[Geometry, Image, Preparation] | None = None

    def __call__(self, image: Image) -> Floats:
        height, width = image.shape[:2]
        if self._fitted is None or self._fitted[0].frame != (width, height):
            geometry = plan(self._contract, width, height)
            buffer = np.zeros((1, *geometry.padded[::-1], self._contract.channels), np.uint8)
            self._fitted = geometry, buffer, Preparation(self._contract, geometry, buffer)
        geometry, buffer, preparation = self._fitted
        preparation.into(image)
        heatmaps, offsets, fields = self._session.run(["heatmaps", "offsets", "pafs"], {"frames": buffer})
        contract = self._contract
        assert contract.paf_stride is not None  # the contract of several animals demands it
        # Cells that lie wholly in the padding cannot hold a keypoint.
        columns, rows = (-(-size // contract.stride) for size in geometry.resized)
        maps = heatmaps[0, :rows, :columns], offsets[0, :rows, :columns], fields[0]
        poses = assemble(*maps, contract.skeleton, contract.stride, contract.paf_stride, self._rules)
        for axis, scale in enumerate(geometry.scale):
            poses[..., axis] = resized(poses[..., axis], 1 / scale)
        return poses
