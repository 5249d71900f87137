"""A model file's predictions on whole frames and on their mirror images, several frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from posewire_models.contract import ModelContract
from posewire_models.errors import WorkError
from posewire_models.grid import padded_size
from posewire_models.modelfile import INPUT, read_contract
from posewire_models.peaks import best_peaks, unpadded
from posewire_models.prune import only_outputs
from posewire_models.zoo import read_model
from posewire_training.assemble import Assembling, assemble
from posewire_training.batches import padded
from posewire_training.dataset import scaled_image
from posewire_training.images import Image
from posewire_training.labels.record import Points
from posewire_training.settings import Size

MOST_ANIMALS = 20


@dataclass(frozen=True)
class Predictions:
    """``points`` float32 ``[F, A, K, 2]`` in pixels of the frames, NaN = not found; ``scores`` float32 ``[F, A, K]``,
    0 = not found. Of one animal (A = 1) every keypoint has its best peak, whatever the score."""

    points: Points
    scores: Points

    def __len__(self) -> int:
        return len(self.points)


class Predictor:
    """A model file ready to run on the CPU.

    ``animals``: the most in a frame, for models of several. ``threads`` of 0 leaves their number to ONNX Runtime.
    Raises InputError or ModelError for a file that is none.
    """

    def __init__(self, model: str, animals: int = MOST_ANIMALS, threads: int = 0) -> None:
        file = read_model(model)
        self.contract: ModelContract = read_contract(file)
        self.name = self.contract.name
        self.path = file.path
        self._animals = animals if self.contract.animals == "many" else 1
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        self._maps = ["heatmaps", "offsets", *(["pafs"] if self.contract.animals == "many" else [])]
        data = only_outputs(file.data, self._maps)
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])

    def predict(self, images: Sequence[Image]) -> tuple[Predictions, Predictions]:
        """Predictions on frames (uint8 ``[h, w, 3]`` BGR, all of one size) and on their mirror images.

        The latter are mirrored back, with symmetric keypoints swapped, so that both mean the same.
        Raises WorkError if the network does not run.
        """
        scaled = [scaled_image(image, self.contract.scale, self.contract.color) for image in images]
        height, width = scaled[0].shape[:2]
        plain = self._run(scaled)
        mirrored = self._run([image[:, ::-1] for image in scaled])
        points = mirrored.points[:, :, list(self.contract.body.flip_order)]
        points[..., 0] = width - 1 - points[..., 0]
        scores = mirrored.scores[:, :, list(self.contract.body.flip_order)]
        # The exact factors: sizes were rounded to whole pixels.
        factors = np.array([width / images[0].shape[1], height / images[0].shape[0]], np.float32)
        half = np.float32(0.5)
        return (
            Predictions((plain.points + half) / factors - half, plain.scores),
            Predictions((points + half) / factors - half, scores),
        )

    def _run(self, images: Sequence[Image]) -> Predictions:
        """Predictions in pixels of these scaled images."""
        contract = self.contract
        height, width = images[0].shape[:2]
        size: Size = (padded_size(width, contract.pad_multiple), padded_size(height, contract.pad_multiple))
        try:
            maps: list[Any] = self._session.run(
                self._maps, {INPUT: np.stack([padded(image, size) for image in images])}
            )
        except Exception as error:  # ONNX Runtime raises its own classes, all derived from Exception
            reason = " ".join(str(error).split())[:200]
            raise WorkError(f"model {self.path}: does not run on frames of {width}x{height} ({reason})") from None
        if contract.animals == "one":
            peaks, moves = (unpadded(each, height, width, contract.stride) for each in maps)
            points, scores = best_peaks(peaks, moves, contract.stride)
            return Predictions(points[:, None], scores[:, None])
        shape = (len(images), self._animals, len(contract.keypoints))
        points, scores = np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32)
        rules = Assembling(min_score=contract.min_score, most=self._animals)
        for n, (heatmaps, offsets, fields) in enumerate(zip(*maps, strict=True)):
            assert contract.paf_stride is not None  # a contract of several animals has one
            poses = assemble(heatmaps, offsets, fields, contract.skeleton, contract.stride, contract.paf_stride, rules)
            points[n, : len(poses)], scores[n, : len(poses)] = poses[..., :2], poses[..., 2]
        return Predictions(points, scores)


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Several predictions as one, in their order."""
    return Predictions(np.concatenate([part.points for part in parts]), np.concatenate([part.scores for part in parts]))
