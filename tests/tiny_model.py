"""A model file that needs no training: it finds a blue, a green and a red dot by their centre of mass.

Every test that wants exact keypoints from the real ONNX Runtime uses it. Each cell of stride 8 looks at a window of
20 x 20 pixels: the heatmap is high where (nearly) the whole dot lies in it, the offset is the centre of mass from the
cell's centre.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KEYPOINTS = ("blue", "green", "red")
WINDOW = 20
STEEP = 12.0  # the heatmap falls from 1 to 0 while a twelfth of the dot leaves the window
FULL_DOT = 255 * sum(min(1.0, max(0.0, 4.5 - (x * x + y * y) ** 0.5)) for x in range(-5, 6) for y in range(-5, 6))


def fields(**changes: Any) -> dict[str, Any]:
    """Metadata of the tiny model, with changes; a change to None of a removable field keeps the None."""
    return {
        "contract": 1,
        "name": "dots",
        "keypoints": list(KEYPOINTS),
        "skeleton": [[0, 1], [1, 2]],
        "symmetric": [[0, 2]],
        "stride": 8,
        "paf_stride": None,
        "pad_multiple": 8,
        "color": "bgr",
        "animals": "one",
        "scale": 1.0,
        "min_score": 0.3,
        "input_hint": {"size": [320, 240]},
        "trained_on": {"data": "nothing: it computes a centre of mass", "licence": "BSD-3-Clause"},
        "error_px": {"value": 0.1, "frames": 1, "held_out": "computed, not trained"},
        "parity": 0.0,
        "created": "2026-01-01",
        "posewire": "0.1.0",
        **changes,
    }


def build(metadata: dict[str, Any] | None = None, channels: int = 3) -> onnx.ModelProto:
    """The network as a protobuf; ``metadata`` of None leaves the posewire entry out."""
    weights = np.ones((channels, 1, WINDOW, WINDOW), np.float32) / FULL_DOT
    along = np.arange(WINDOW, dtype=np.float32) - (WINDOW - 1) / 2
    across = np.broadcast_to(along, (WINDOW, WINDOW)) / FULL_DOT
    moments = np.stack([across, across.T])  # x, y
    moment_weights = np.tile(moments, (channels, 1, 1))[:, None].astype(np.float32)
    constants = {
        "mass_weights": weights,
        "moment_weights": moment_weights,
        "zero": np.float32(0.0),
        "one": np.float32(1.0),
        "least": np.float32(1e-6),
        "steep": np.float32(STEEP),
        "most": np.float32(STEEP - 1),
        "pair": np.array([0, 0, 0, channels, 2], np.int64),
        "mass_axes": np.array([4], np.int64),
    }
    pads = [(WINDOW - 8) // 2] * 4
    window = {"kernel_shape": [WINDOW, WINDOW], "strides": [8, 8], "pads": pads, "group": channels}
    nodes = [
        helper.make_node("Cast", ["frames"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "mass_weights"], ["mass"], **window),
        helper.make_node("Conv", ["planes", "moment_weights"], ["moments"], **window),
        helper.make_node("Transpose", ["mass"], ["mass_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Transpose", ["moments"], ["moments_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["mass_last", "steep"], ["steep_mass"]),
        helper.make_node("Sub", ["steep_mass", "most"], ["nearly_whole"]),
        helper.make_node("Clip", ["nearly_whole", "zero", "one"], ["heatmaps"]),
        helper.make_node("Reshape", ["moments_last", "pair"], ["moment_pairs"]),
        helper.make_node("Max", ["mass_last", "least"], ["some_mass"]),
        helper.make_node("Unsqueeze", ["some_mass", "mass_axes"], ["mass_pairs"]),
        helper.make_node("Div", ["moment_pairs", "mass_pairs"], ["offsets"]),
    ]
    graph = helper.make_graph(
        nodes,
        "dots",
        [helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", "H", "W", channels])],
        [
            helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, ["N", "h", "w", channels]),
            helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["N", "h", "w", channels, 2]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata is not None:
        helper.set_model_props(model, {"posewire": json.dumps(metadata)})
    return model


def write(path: Path, channels: int = 3, **changes: Any) -> Path:
    """Write the tiny model with changed metadata fields and return its path."""
    if channels == 1:
        changes = {"keypoints": ["dot"], "skeleton": [], "symmetric": [], "color": "gray", **changes}
    onnx.save(build(fields(**changes), channels), path)
    return path


def draw(
    points: dict[str, tuple[float, float]], width: int = 320, height: int = 240, radius: float = 4.0
) -> np.ndarray:
    """An image (uint8 [H, W, 3]) with a soft dot of ``radius`` px at each named place (x, y), its centre exact."""
    image = np.zeros((height, width, 3), np.float64)
    ys, xs = np.mgrid[:height, :width]
    for name, (x, y) in points.items():
        distance = np.hypot(xs - x, ys - y)
        image[..., KEYPOINTS.index(name)] += 255 * np.clip(radius + 0.5 - distance, 0, 1)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
