"""Small rewrites of an ONNX graph: fewer nodes for the same numbers, and dimensions with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

Node = Any  # onnx ships no types


class Graph:
    """An ONNX model under revision. Every rewrite keeps what the graph computes."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.nodes: list[Node] = list(model.graph.node)
        self.constants: dict[str, npt.NDArray[Any]] = {
            tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer
        }

    def finished(self) -> Any:
        """The revised model, without dead nodes and constants, checked by onnx. Raises onnx's ValidationError."""
        graph = self.model.graph
        needed = {port.name for port in graph.output}
        alive = []
        for node in reversed(self.nodes):  # ONNX keeps nodes in the order of computation
            if needed.intersection(node.output):
                alive.append(node)
                needed.update(node.input)
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(reversed(alive))
        graph.initializer.extend(
            numpy_helper.from_array(np.asarray(value, order="C"), name)  # a scalar stays one
            for name, value in self.constants.items()
            if name in needed
        )
        onnx.checker.check_model(self.model)
        return self.model

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Add a constant; returns its name, changed if it was taken."""
        while name in self.constants:
            name += "_"
        self.constants[name] = value
        return name

    def producer(self, tensor: str) -> Node | None:
        """The node a tensor comes from; None for inputs and constants."""
        return next((node for node in self.nodes if tensor in node.output), None)

    def only_reader(self, tensor: str) -> bool:
        """Whether one node alone reads a tensor, and it is no output of the graph."""
        readers = sum(list(node.input).count(tensor) for node in self.nodes)
        return readers == 1 and tensor not in {port.name for port in self.model.graph.output}

    def fold_channel_factors(self) -> None:
        """Multiplications and additions per channel (batch norms) into the convolution before them."""
        for node in list(self.nodes):
            if node.op_type not in ("Mul", "Add", "Sub"):
                continue
            value = self.constants.get(node.input[1])
            source = self.producer(node.input[0])
            if value is None and node.op_type != "Sub":
                value, source = self.constants.get(node.input[0]), self.producer(node.input[1])
            if value is None or source is None or source.op_type != "Conv":
                continue
            weights = self.constants.get(source.input[1])
            if weights is None or not self.only_reader(source.output[0]):
                continue
            channels = _per_channel(value, weights.shape[0])
            if channels is None:
                continue
            bias = self.constants[source.input[2]] if len(source.input) > 2 else np.zeros_like(weights[:, 0, 0, 0])
            if node.op_type == "Mul":
                weights = weights * channels[:, None, None, None]
                bias = bias * channels
            else:
                bias = bias + (channels if node.op_type == "Add" else -channels)
            inputs = [
                source.input[0],
                self.constant(f"{source.name}/W", weights),
                self.constant(f"{source.name}/B", bias),
            ]
            del source.input[:]
            source.input.extend(inputs)
            source.output[0] = node.output[0]
            self.nodes.remove(node)

    def fold_padding(self) -> None:
        """Zero padding into the convolution that follows it."""
        for node in list(self.nodes):
            if node.op_type != "Pad" or not self.only_reader(node.output[0]):
                continue
            pads = self.constants.get(node.input[1])
            zero = len(node.input) < 3 or not node.input[2] or not np.any(self.constants.get(node.input[2], [1]))
            reader = next(n for n in self.nodes if node.output[0] in n.input)
            kept = {a.name: helper.get_attribute_value(a) for a in reader.attribute}
            if pads is None or not zero or reader.op_type != "Conv" or any(kept.get("pads", [])):
                continue
            if kept.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or np.any(pads[[0, 1, 4, 5]]):
                continue
            for attribute in [a for a in reader.attribute if a.name in ("pads", "auto_pad")]:
                reader.attribute.remove(attribute)
            reader.attribute.append(helper.make_attribute("pads", [int(pads[i]) for i in (2, 3, 6, 7)]))
            reader.input[0] = node.input[0]
            self.nodes.remove(node)

    def resize_by_factor(self, factor: float) -> None:
        """Let every Resize (of NCHW) enlarge by a constant factor, rather than to a size computed on the way."""
        scales = self.constant("scales", np.array([1, 1, factor, factor], np.float32))
        empty = {name for name, value in self.constants.items() if value.size == 0}
        for node in self.nodes:
            if node.op_type == "Resize":
                image = node.input[0]
                region = node.input[1] if len(node.input) > 1 and node.input[1] not in empty else ""
                del node.input[:]
                node.input.extend([image, region, scales])

    def split_last(self, output: str, parts: Sequence[int]) -> None:
        """Reshape an output ``[N, h, w, C]`` to ``[N, h, w, *parts]``."""
        inner = f"{output}_flat"
        source = self.producer(output)
        assert source is not None
        source.output[list(source.output).index(output)] = inner
        shape = self.constant(f"{output}_shape", np.array([0, 0, 0, *parts], np.int64))  # 0 keeps a dimension
        self.nodes.append(helper.make_node("Reshape", [inner, shape], [output], name=f"{output}_reshape"))

    def name_dimensions(self, shapes: Mapping[str, Sequence[str | int]]) -> None:
        """Give the inputs and outputs their shapes: numbers, or names of dynamic dimensions."""
        ports = [*self.model.graph.input, *self.model.graph.output]
        for port in ports:
            kind = port.type.tensor_type.elem_type
            port.CopyFrom(helper.make_tensor_value_info(port.name, kind, list(shapes[port.name])))


def _per_channel(value: npt.NDArray[Any], channels: int) -> npt.NDArray[Any] | None:
    """A constant that is broadcast over NCHW as one number per channel; None if it is something else."""
    if value.size == 1:
        return np.full(channels, value.reshape(()), value.dtype)
    if value.ndim >= 3 and value.shape[-2:] == (1, 1) and value.size == channels:
        return value.reshape(channels)
    return None
