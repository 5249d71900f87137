"""An ONNX network in half precision: for GPUs, which compute it faster. The CPU runs it too, no faster than fp32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper

from posewire_training.graph import Graph, Node


def halved(model: Any) -> Any:
    """A copy that computes in float16 from its first convolution on.

    The scaling of frames before it stays in float32, and so do the outputs, as model file 1 has them.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    first = next(node for node in graph.nodes if node.op_type == "Conv")
    whole = {id(node) for node in _before(graph, first.input[0])}
    reduced = [node for node in graph.nodes if id(node) not in whole]
    start = f"{first.input[0]}/half"
    graph.nodes.insert(
        graph.nodes.index(first),
        helper.make_node("Cast", [first.input[0]], [start], name=start, to=TensorProto.FLOAT16),
    )
    renamed = {first.input[0]: start}
    for name, value in list(graph.constants.items()):
        if value.dtype == np.float32:
            renamed[name] = graph.constant(f"{name}/half", value.astype(np.float16))
    outputs = {port.name: f"{port.name}/half" for port in copy.graph.output}
    for node in reduced:
        # A Resize takes its factors in float32, whatever it resizes.
        count = 1 if node.op_type == "Resize" else len(node.input)
        for place in range(count):
            node.input[place] = renamed.get(node.input[place], outputs.get(node.input[place], node.input[place]))
        for place, name in enumerate(node.output):
            node.output[place] = outputs.get(name, name)
    for name, inner in outputs.items():
        graph.nodes.append(helper.make_node("Cast", [inner], [name], name=f"{name}/float", to=TensorProto.FLOAT))
    return graph.finished()


def _before(graph: Graph, tensor: str) -> Iterator[Node]:
    """The nodes that a tensor is computed by."""
    node = graph.producer(tensor)
    if node is not None:
        yield node
        for name in node.input:
            yield from _before(graph, name)
