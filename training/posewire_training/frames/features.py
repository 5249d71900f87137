"""What a network makes of a frame: its last features before it names keypoints, of the scene and of the animal.

The tensor that the convolution behind the heatmaps reads becomes an output of the graph. A convolution's input is
``[N, channels, h, w]`` in every ONNX file, so its layout need not be guessed.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import helper

from posewire_models.contract import ModelContract
from posewire_models.errors import ModelError
from posewire_models.grid import padded_size
from posewire_models.modelfile import INPUT, read_contract
from posewire_models.zoo import read_model
from posewire_training.batches import padded
from posewire_training.dataset import scaled_image
from posewire_training.frames.choose import Vectors
from posewire_training.images import Image

HEATMAPS = "heatmaps"
_LEAST_WEIGHT = 1e-6  # where no keypoint is seen at all, the animal's features are those of the frame


class Features:
    """A model (a zoo name or an ONNX file) that describes frames.

    Raises InputError or ModelError for a file that is none.
    """

    def __init__(self, model: str) -> None:
        file = read_model(model)
        self.contract: ModelContract = read_contract(file)
        proto = onnx.load_model_from_string(file.data)
        self._tensor = tapped(proto, f"model {file.path}")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session: Any = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, image: Image) -> Vectors:
        """The features of a frame (uint8 BGR), float32 [2, channels]: averaged over the frame, and averaged with the
        highest heatmap of each place as its weight, so where the animal is."""
        contract = self.contract
        seen = scaled_image(image, contract.scale, contract.color)
        multiple = contract.pad_multiple
        size = padded_size(seen.shape[1], multiple), padded_size(seen.shape[0], multiple)
        values, heatmaps = self._session.run([self._tensor, HEATMAPS], {INPUT: padded(seen, size)[None]})
        highest = heatmaps[0].max(axis=-1)
        weights = cv2.resize(highest, values.shape[:1:-1], interpolation=cv2.INTER_LINEAR) + _LEAST_WEIGHT
        animal = (values[0] * weights).sum(axis=(1, 2)) / weights.sum()
        return np.stack([values[0].mean(axis=(1, 2)), animal]).astype(np.float32)


def tapped(proto: Any, where: str) -> str:
    """Make what the last convolution before the heatmaps reads an output of the graph; returns its name.

    Raises ModelError, naming ``where``, for a network without a convolution.
    """
    needed, found = {HEATMAPS}, None
    for node in reversed(proto.graph.node):  # ONNX keeps nodes in the order of computation
        if needed.intersection(node.output):
            if node.op_type == "Conv":
                found = str(node.input[0])
                break
            needed.update(node.input)
    if found is None:
        raise ModelError(f"{where}: no convolution leads to its heatmaps; choose --method appearance")
    proto.graph.output.append(helper.make_tensor_value_info(found, onnx.TensorProto.FLOAT, None))
    return found
