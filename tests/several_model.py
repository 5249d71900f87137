"""The tiny model for several animals: its animals lie from left to right, blue to green to red, on level ground.

Both part affinity fields point right everywhere, so that dots of one height belong together.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import tiny_model


def write(path: Path, **changes: object) -> Path:
    """Write the model with changed metadata fields and return its path."""
    model = tiny_model.build(tiny_model.fields(name="herd", animals="many", paf_stride=8, **changes))
    graph = model.graph
    constants = {
        "none": np.float32(0),
        "right": np.array([1, 0, 1, 0], np.float32),  # x, y of two edges
        "first": np.array([0], np.int64),
        "second": np.array([1], np.int64),
        "last_axis": np.array([3], np.int64),
        "two_edges": np.array([0, 0, 0, 2, 2], np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Slice", ["heatmaps", "first", "second", "last_axis"], ["one_plane"]),
            helper.make_node("Mul", ["one_plane", "none"], ["level"]),
            helper.make_node("Add", ["level", "right"], ["flat_pafs"]),
            helper.make_node("Reshape", ["flat_pafs", "two_edges"], ["pafs"]),
        ]
    )
    graph.output.append(helper.make_tensor_value_info("pafs", TensorProto.FLOAT, ["N", "h'", "w'", 2, 2]))
    onnx.checker.check_model(model)
    assert json.loads(model.metadata_props[0].value)["animals"] == "many"
    onnx.save(model, path)
    return path


def draw(animals: list[tuple[float, float]], width: int = 320, height: int = 240) -> np.ndarray:
    """An image of animals whose blue dots lie at the given places; green and red follow at 40 px each."""
    image = np.zeros((height, width, 3), np.uint8)
    for animal in points(animals)[0]:
        drawn = tiny_model.draw(dict(zip(tiny_model.KEYPOINTS, animal.tolist(), strict=True)), width, height)
        image = np.maximum(image, drawn)
    return image


def points(animals: list[tuple[float, float]]) -> np.ndarray:
    """float32 [1, A, 3, 2]: the keypoints of such animals."""
    return np.array([[[(x + 40 * k, y) for k in range(3)] for x, y in animals]], np.float32)
