"""An ONNX network with 8-bit convolutions: ONNX Runtime's static quantisation, for CPUs with 8-bit dot products (VNNI).

Activations uint8, weights int8 for each channel: the pair that ONNX Runtime has fast kernels for on x86-64. Only
convolutions (with the activation behind them) are quantised; what lies between two of them then runs on 8 bits too,
where ONNX Runtime can. Two parts stay float:

- the first convolutions, up to the first dense one of 1x1: they see the largest images and the fewest channels, which
  the float kernels with their blocked layout do twice as fast as the 8-bit ones;
- the heads, since what they put out is what is measured.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from posewire_training.graph import Graph, Node

ACTIVATIONS = ("Clip", "Relu")


def quantised(model: Any, frames: Iterable[npt.NDArray[np.uint8]]) -> Any:
    """A copy with QuantizeLinear and DequantizeLinear about its convolutions.

    ``frames``: ``[H, W, C]`` each, as the network sees them; the ranges of all activations are those met on them. Not
    their percentiles or least divergence: peaks are rare, and both cut them off.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    _dequantise_frames(graph)
    copy = graph.finished()
    with tempfile.TemporaryDirectory(prefix="posewire-") as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_static(
            copy,
            path,
            _Calibration(frames),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", *ACTIVATIONS],
            nodes_to_exclude=float_nodes(graph),
        )
        found = onnx.load(path)
    del found.metadata_props[:]
    found.graph.name = model.graph.name
    return found


def float_nodes(graph: Graph) -> list[str]:
    """Names of the convolutions that stay float, and of the activations behind them."""
    convolutions = [node for node in graph.nodes if node.op_type == "Conv"]
    first_mix = next((i for i, node in enumerate(convolutions) if _is_dense_1x1(graph, node)), -1)
    kept = convolutions[: first_mix + 1] + _heads(graph)
    made = {name for node in kept for name in node.output}
    behind = [node for node in graph.nodes if node.op_type in ACTIVATIONS and node.input[0] in made]
    return list(dict.fromkeys(node.name for node in kept + behind))


def _dequantise_frames(graph: Graph) -> None:
    """Let frames be read as 8-bit numbers that stand for -1..1: one node in place of Cast, Mul and Sub over floats.

    Their zero point, 127.5, has to be a whole number: the half is made up for in the bias of the first convolution
    (padding, which that does not reach, is half a grey value off).
    """
    first = next(node for node in graph.nodes if node.op_type == "Conv")
    chain = [first]
    while len(chain) < 5 and (node := graph.producer(chain[-1].input[0])) is not None:
        chain.append(node)
    if [node.op_type for node in chain] != ["Conv", "Transpose", "Sub", "Mul", "Cast"]:
        return
    _, transpose, sub, mul, cast = chain
    factor, shift = (graph.constants[node.input[1]].reshape(()) for node in (mul, sub))
    zero = np.uint8(np.rint(shift / factor))
    weights, *biases = (graph.constants[name] for name in first.input[1:])
    missing = weights.sum(axis=(1, 2, 3)) * (zero * factor - shift)
    bias = graph.constant(f"{first.name}/B", sum(biases, start=missing).astype(np.float32))
    inputs = [*first.input[:2], bias]
    del first.input[:]
    first.input.extend(inputs)
    numbers = f"{transpose.output[0]}/uint8"
    inputs = [numbers, graph.constant("frames_scale", factor), graph.constant("frames_zero", np.asarray(zero))]
    place = graph.nodes.index(transpose)
    graph.nodes[place : place + 1] = [
        helper.make_node("Transpose", [cast.input[0]], [numbers], name=numbers, perm=[0, 3, 1, 2]),
        helper.make_node("DequantizeLinear", inputs, [transpose.output[0]], name=transpose.name),
    ]


def _is_dense_1x1(graph: Graph, node: Node) -> bool:
    channels_in, *kernel = graph.constants[node.input[1]].shape[1:]
    return kernel == [1, 1] and channels_in > 1


def _heads(graph: Graph) -> list[Node]:
    """The convolutions behind which no other one stands, up to an output."""
    found, waiting = [], [port.name for port in graph.model.graph.output]
    while waiting:
        node = graph.producer(waiting.pop())
        if node is None:
            continue
        if node.op_type == "Conv":
            found.append(node)
        else:
            waiting.extend(node.input)
    return found


class _Calibration(CalibrationDataReader):  # type: ignore[misc]
    """Frames, one by one, in the form that ONNX Runtime asks for."""

    def __init__(self, frames: Iterable[npt.NDArray[np.uint8]]) -> None:
        self._frames = iter(frames)

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        frame = next(self._frames, None)
        return None if frame is None else {"frames": frame[None]}


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser advises a pass that finds nothing to do here; a user needs none of it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
