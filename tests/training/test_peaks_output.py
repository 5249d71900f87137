"""The output ``peaks`` in the graph: what the slow twin finds, and nothing else of the file is touched."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

import reference
import several_model
import tiny_model
from posewire_models.errors import InputError
from posewire_models.modelfile import check_model
from posewire_models.zoo import find_model, zoo_card, zoo_names
from posewire_training.half import halved
from posewire_training.peaks_output import upgrade, with_peaks

ONE = [name for name in zoo_names() if zoo_card(name)["animals"] == "one"]
sizes = st.integers(1, 6)
# Few values, so that ties and whole maps of one value come up.
values = st.one_of(st.floats(0, 1, width=16), st.sampled_from([np.float32(0), np.float32(0.5), np.float32(1)]))
moves = st.integers(-40, 40).map(lambda quarter: quarter / 4)  # exact: no sum is rounded past half a stride


def maps_to_peaks(stride: int, keypoints: int) -> bytes:
    """A model that takes the maps themselves as inputs and puts out their peaks."""
    ports = {
        "heatmaps": ["N", "h", "w", keypoints],
        "offsets": ["N", "h", "w", keypoints, 2],
    }
    given_ports, put_out = (
        [helper.make_tensor_value_info(name + end, TensorProto.FLOAT, shape) for name, shape in ports.items()]
        for end in ("_in", "")
    )
    nodes = [helper.make_node("Identity", [f"{name}_in"], [name], name=name) for name in ports]
    graph = helper.make_graph(nodes, "maps", given_ports, put_out)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return with_peaks(model, stride).SerializeToString()


FILES = {stride: maps_to_peaks(stride, 3) for stride in (4, 8)}


def run(stride: int, heatmaps: Any, offsets: Any, cells: tuple[int, int] | None = None, fold: bool = False) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if not fold:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    else:
        for name, size in zip(("N", "h", "w"), heatmaps.shape, strict=False):
            options.add_free_dimension_override_by_name(name, size)
    session = onnxruntime.InferenceSession(FILES[stride], options, providers=["CPUExecutionProvider"])
    limit = {"valid_cells": np.array(cells, np.float32)} if cells else {}
    return session.run(["peaks"], {"heatmaps_in": heatmaps, "offsets_in": offsets} | limit)[0]


@settings(deadline=None, max_examples=200)
@given(st.data(), sizes, sizes, sizes, sizes, st.sampled_from([4, 8]), st.booleans())
def test_peaks_in_the_graph_equal_the_slow_twin(
    data: st.DataObject, height: int, width: int, rows: int, columns: int, stride: int, fold: bool
) -> None:
    heatmaps = data.draw(hnp.arrays(np.float32, (2, height, width, 3), elements=values))
    offsets = data.draw(hnp.arrays(np.float32, (2, height, width, 3, 2), elements=moves))
    peaks = run(stride, heatmaps, offsets, (rows, columns), fold)
    seen = (min(columns, width) * stride, min(rows, height) * stride)
    for n in range(2):
        twin = np.array(reference.decode_one(heatmaps[n], offsets[n], stride, (0, 0, *seen), seen))
        np.testing.assert_allclose(peaks[n, :, :2], twin[:, :2], atol=1e-3)
        np.testing.assert_array_equal(peaks[n, :, 2], twin[:, 2].astype(np.float32))


def test_without_valid_cells_the_whole_map_is_looked_at() -> None:
    heatmaps, offsets = np.zeros((1, 5, 7, 3), np.float32), np.zeros((1, 5, 7, 3, 2), np.float32)
    heatmaps[0, 4, 6] = 0.5
    assert run(8, heatmaps, offsets)[0].tolist() == [[51.5, 35.5, 0.5]] * 3


def test_maps_of_nan_break_nothing() -> None:
    """They have no peak, but must not make the graph read beyond the map."""
    heatmaps = np.full((1, 3, 4, 3), np.nan, np.float32)
    heatmaps[0, ..., 1] = 0.25
    for fold in (False, True):
        peaks = run(8, heatmaps, np.zeros((*heatmaps.shape, 2), np.float32), fold=fold)
        assert peaks.shape == (1, 3, 3)
        assert np.isnan(peaks[0, [0, 2], 2]).all()
        assert peaks[0, 1].tolist() == [3.5, 3.5, 0.25]


def test_half_precision_leaves_the_peaks_in_float32() -> None:
    """A place of 640 px in float16 is half a pixel off."""
    whole = onnx.load(find_model("mouse-topview"))
    bare = onnx.load_from_string(whole.SerializeToString())
    model = with_peaks(halved(_without_peaks(bare)), 8)
    constants = {entry.name: entry.data_type for entry in model.graph.initializer if entry.name.startswith("peaks/")}
    assert TensorProto.FLOAT16 not in constants.values()
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.name.startswith("peaks/")]
    assert TensorProto.FLOAT16 not in {helper.get_attribute_value(node.attribute[0]) for node in casts}
    frames = np.random.default_rng(3).integers(0, 256, (1, 64, 96, 3), np.uint8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    heatmaps, offsets, peaks = session.run(["heatmaps", "offsets", "peaks"], {"frames": frames})
    twin = np.array(reference.decode_one(heatmaps[0], offsets[0], 8, (0, 0, 96, 64), (96, 64)))
    np.testing.assert_allclose(peaks[0], twin, atol=1e-3)


def _without_peaks(model: Any) -> Any:
    for entries in (model.graph.node, model.graph.initializer, model.graph.input, model.graph.output):
        for entry in [e for e in entries if e.name.startswith("peaks") or e.name == "valid_cells"]:
            entries.remove(entry)
    return model


@pytest.mark.parametrize("name", ONE)
def test_zoo_files_hold_what_this_function_writes(name: str) -> None:
    model = onnx.load(find_model(name))
    card = zoo_card(name)
    assert with_peaks(model, card["stride"]).SerializeToString() == find_model(name).read_bytes()
    assert [port.name for port in model.graph.output] == ["heatmaps", "offsets", "peaks"]


def test_the_maps_of_an_upgraded_file_stay_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "mouse-topview.onnx"
    shutil.copy(find_model("mouse-topview"), path)
    onnx.save(_without_peaks(onnx.load(path)), path)
    frames = np.random.default_rng(4).integers(0, 256, (1, 96, 64, 3), np.uint8)
    found = []
    for _ in range(2):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        found.append(session.run(["heatmaps", "offsets"], {"frames": frames}))
        upgrade(path)
    for before, after in zip(*found, strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(session.get_outputs()) == 3


def test_an_upgrade_brings_the_card_along_and_a_second_one_changes_nothing(tmp_path: Path) -> None:
    path = tiny_model.write(tmp_path / "dots.onnx")
    path.with_suffix(".json").write_text(json.dumps({"name": "dots", "bytes": 1, "sha256": "old"}))
    assert upgrade(path)
    content = path.read_bytes()
    assert json.loads(path.with_suffix(".json").read_text()) == {
        "name": "dots",
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert check_model(str(path))[1] == []
    assert not upgrade(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dots.json", "dots.onnx"]


def test_several_animals_and_foreign_opsets_are_refused(tmp_path: Path) -> None:
    herd = several_model.write(tmp_path / "herd.onnx")
    with pytest.raises(InputError, match="several animals"):
        upgrade(herd)
    model = tiny_model.build(tiny_model.fields())
    model.opset_import[0].version = 18
    with pytest.raises(InputError, match="opset 18"):
        with_peaks(model, 8)


def test_once_the_shape_is_fixed_nothing_is_left_that_a_gpu_would_hand_to_the_cpu(tmp_path: Path) -> None:
    """Shapes, ranges and the like become constants; one node on the CPU would forbid a CUDA graph."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "fixed.onnx")
    for name, size in (("N", 1), ("H", 192), ("W", 256)):
        options.add_free_dimension_override_by_name(name, size)
    onnxruntime.InferenceSession(find_model("mouse-topview"), options, providers=["CPUExecutionProvider"])
    model = onnx.load(tmp_path / "fixed.onnx")
    left = {node.op_type for node in model.graph.node if any("peaks" in name for name in node.output)}
    computing = {
        "Sub",
        "ReduceMax",
        "Less",
        "Where",
        "Equal",
        "ReduceMin",
        "Add",
        "Cast",
        "Concat",
        "Pad",
        "Relu",
        "Mul",
    }
    computing |= {"GatherElements", "ReduceSumSquare", "LessOrEqual", "ReduceSum", "Max", "Div"}
    assert "Where" in left
    assert left <= computing | {"Unsqueeze", "Squeeze", "Expand", "Reshape", "Slice", "Split"}
