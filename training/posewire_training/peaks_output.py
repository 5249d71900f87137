"""The output ``peaks`` of a model file for one animal: keypoints computed in the graph, so that a GPU returns K x 3
numbers in place of whole maps.

The same rule as `posewire_models.peaks.best_peaks`, in plain operators of opset 17 that CUDA and TensorRT have kernels
for. Not ArgMax: which of several equal cells it names differs from provider to provider. The highest cell is found as
the least number among the cells that equal the maximum, and so is the first in reading order everywhere.

A file can be brought up to date by ``python -m posewire_training.peaks_output FILE.onnx...`` (its card goes along).
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from posewire_models.contract import METADATA_KEY, parse_metadata
from posewire_models.errors import InputError
from posewire_models.files import write_whole
from posewire_models.modelfile import PEAKS, VALID_CELLS

_OPSETS = range(16, 18)  # LessOrEqual of 16; from 18 on ReduceMax takes its axes in another way
_PREFIX = "peaks/"
_ALL_CELLS = 2**23  # rows or columns: more than there are, and exact in float32
_LEAST_WEIGHT = 1e-30  # no division by 0 where the whole map is 0


class _Part:
    """Nodes and constants under construction, all named ``peaks/...``."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, npt.NDArray[Any]] = {}

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.constants[_PREFIX + name] = np.asarray(value, dtype)
        return _PREFIX + name

    def whole(self, name: str, *value: int) -> str:
        return self.constant(name, value, np.int64)

    def node(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [_PREFIX + name], name=_PREFIX + name, **attributes))
        return _PREFIX + name


def with_peaks(model: Any, stride: int) -> Any:
    """A copy of an ONNX model of one animal with the output ``peaks`` float32 ``[N, K, 3]`` = x, y (pixels of the
    input), score; one that is there already is made anew. What the other outputs compute is not touched.

    The input ``valid_cells`` float32 ``[2]`` = rows, columns says how many cells are looked at, from the top left; it
    may be left out: all. An input and not a mere constant, since ONNX Runtime computes what depends on constants before
    a session can replace them. Keypoints whose map holds NaN have a score of NaN. Raises InputError for an opset for
    which the part is not written.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    opset = next((entry.version for entry in copy.opset_import if entry.domain in ("", "ai.onnx")), 0)
    if opset not in _OPSETS:
        raise InputError(f"opset {opset}: the output {PEAKS!r} is written for opsets 16 and 17; export it again")
    graph = copy.graph
    _remove(graph)
    heatmaps = next(port for port in graph.output if port.name == "heatmaps")
    keypoints = heatmaps.type.tensor_type.shape.dim[3].dim_value
    part = _Part()
    _peaks(part, keypoints, stride)
    part.nodes[-1].output[0] = PEAKS
    part.constants[VALID_CELLS] = np.full(2, _ALL_CELLS, np.float32)
    graph.node.extend(part.nodes)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in part.constants.items())
    graph.input.append(helper.make_tensor_value_info(VALID_CELLS, TensorProto.FLOAT, [2]))
    graph.output.append(helper.make_tensor_value_info(PEAKS, TensorProto.FLOAT, ["N", keypoints, 3]))
    onnx.checker.check_model(copy)
    return copy


def _remove(graph: Any) -> None:
    for entries in (graph.node, graph.initializer, graph.input, graph.output):
        for entry in [e for e in entries if e.name.startswith(_PREFIX) or e.name in (PEAKS, VALID_CELLS)]:
            entries.remove(entry)


def _peaks(part: _Part, keypoints: int, stride: int) -> None:
    """``heatmaps`` [N, h, w, K] and ``offsets`` [N, h, w, K, 2] -> peaks [N, K, 3].

    Cells are numbered in reading order with a frame of one cell about the map, so that all eight neighbours of every
    cell have a number. Sizes become constants once a session has fixed the input's shape.
    """
    node, constant, whole = part.node, part.constant, part.whole
    zero, one, two, outside = (constant(name, n) for name, n in (("zero", 0), ("one", 1), ("two", 2), ("outside", -1)))
    second, last = whole("second", 1), whole("last", 4)
    shape = node("Shape", "shape", "heatmaps")
    sizes = []
    for axis, name in ((1, "rows"), (2, "columns")):
        size = node("Gather", f"{name}_whole", shape, constant(f"{name}_axis", axis, np.int64))
        sizes.append(node("Cast", name, size, to=TensorProto.FLOAT))
    rows, columns = sizes
    row = node("Reshape", "row", node("Range", "row_range", zero, rows, one), whole("down", 1, -1, 1, 1))
    column = node("Reshape", "column", node("Range", "column_range", zero, columns, one), whole("along", 1, 1, -1, 1))
    width = node("Add", "width", columns, two)
    row_start = node("Mul", "row_start", node("Add", "framed_row", row, one), width)
    number = node("Add", "number", row_start, node("Add", "framed_column", column, one))  # [1, h, w, 1]
    last_number = node("Add", "last_number", node("Mul", "last_row", rows, width), columns)

    pixels, first_centre = constant("stride", stride), constant("first_centre", (stride - 1) / 2)
    level = node("Mul", "level", number, zero)
    centres = []
    for name, place in (("x", column), ("y", row)):
        centre = node("Add", f"{name}_along", node("Mul", f"{name}_start", place, pixels), first_centre)
        centres.append(node("Unsqueeze", name, node("Add", f"{name}_cells", level, centre), last))
    centre = node("Concat", "centre", *centres, axis=4)  # [1, h, w, 1, 2]

    cell = [node("Add", f"{name}_cells", level, place) for name, place in (("row", row), ("column", column))]
    past_limit = node("Sub", "past_limit", node("Concat", "cell", *cell, axis=3), VALID_CELLS)
    beyond = node("ReduceMax", "beyond", past_limit, axes=[3], keepdims=1)
    heatmaps = node("Where", "heatmaps", node("Less", "inside", beyond, zero), "heatmaps", outside)

    # All that is asked of a cell, in one tensor: where its offset leads, and its score. -1 is outside.
    place = node("Add", "place", "offsets", centre)
    answers = node("Concat", "answers", place, node("Unsqueeze", "scores", heatmaps, last), axis=4)
    frame = whole("frame", 0, 1, 1, 0, 0, 0, 1, 1, 0, 0)
    framed = node("Pad", "framed", answers, frame, outside)
    cells = node("Reshape", "cells", framed, whole("listed", 0, -1, keypoints, 3))  # [N, cells, K, 3]

    top = node("ReduceMax", "top", heatmaps, axes=[1, 2], keepdims=1)
    # Where nothing equals the maximum (NaN) the last cell stands in: a number beyond the map would be read.
    candidates = node("Where", "candidates", node("Equal", "is_top", heatmaps, top), number, last_number)
    best = node("ReduceMin", "best", candidates, axes=[1, 2], keepdims=0)  # [N, K]
    steps = [(down, along) for down in (-1, 0, 1) for along in (-1, 0, 1)]
    down = constant("step_down", np.reshape([step[0] for step in steps], (1, 9, 1)))
    along = constant("step_along", np.reshape([step[1] for step in steps], (1, 9, 1)))
    step = node("Add", "step", node("Mul", "step_rows", down, width), along)
    near = node("Add", "near", node("Unsqueeze", "best_cell", best, second), step)  # [N, 9, K]
    index = node("Unsqueeze", "index", node("Cast", "near_whole", near, to=TensorProto.INT64), whole("third", 3))
    index = node("Expand", "indices", index, whole("three", 1, 1, 1, 3))
    votes = node("GatherElements", "votes", cells, index, axis=1)  # [N, 9, K, 3]

    thirds = whole("third_axis", 3)
    xy = (whole("xy_first", 0), whole("xy_last", 2), thirds)
    score = (whole("score_first", 2), whole("score_last", 3), thirds)
    peak = node("Slice", "peak", votes, whole("middle", 4), whole("past_middle", 5), second)  # [N, 1, K, 3]
    peak_xy = node("Slice", "peak_xy", peak, *xy)
    away = node("Sub", "away", node("Slice", "votes_xy", votes, *xy), peak_xy)
    distance = node("ReduceSumSquare", "distance", away, axes=[3], keepdims=1)
    counts = node("LessOrEqual", "counts", distance, constant("reach", (stride / 2) ** 2))
    positive = node("Relu", "positive", node("Slice", "votes_score", votes, *score))
    weight = node("Where", "weight", counts, node("Mul", "square", positive, positive), zero)
    total = node("ReduceSum", "total", weight, second, keepdims=1)
    moved = node("ReduceSum", "moved", node("Mul", "weighted", weight, away), second, keepdims=1)
    mean = node("Div", "mean", moved, node("Max", "some", total, constant("least", _LEAST_WEIGHT)))
    point = node("Add", "point", peak_xy, mean)
    both = node("Concat", "point_score", point, node("Slice", "peak_score", peak, *score), axis=3)
    node("Squeeze", "peaks", both, second)


def upgrade(path: Path) -> bool:
    """Write the output ``peaks`` into a model file of one animal, and the new sha256 and size into the card beside it,
    if there is one. Returns whether anything changed. Raises ModelError, InputError or OSError.
    """
    before = path.read_bytes()
    model = onnx.load_from_string(before)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    contract = parse_metadata({METADATA_KEY: metadata.get(METADATA_KEY, "")}, f"model {path}")
    if contract.animals != "one":
        raise InputError(f"model {path}: of several animals; {PEAKS!r} is an output of models of one animal")
    content = with_peaks(model, contract.stride).SerializeToString()
    if content == before:
        return False
    write_whole(path, content)
    card_path = path.with_suffix(".json")
    if card_path.is_file():
        card = json.loads(card_path.read_text(encoding="utf-8"))
        card |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        write_whole(card_path, (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode())
    return True


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(f"{name}: {'written' if upgrade(Path(name)) else 'nothing to do'}\n")
