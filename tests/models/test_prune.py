"""Leaving out what only unwanted outputs need, against the onnx package."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import tiny_model
from posewire_models.prune import _read_varint, _varint, only_outputs
from posewire_models.zoo import read_model, zoo_card, zoo_names
from posewire_training.peaks_output import with_peaks


@pytest.mark.parametrize("name", [name for name in zoo_names() if zoo_card(name)["animals"] == "one"])
def test_a_zoo_file_without_peaks_is_what_it_was_before_they_came(name):
    data = read_model(name).data
    model = onnx.load_from_string(only_outputs(data, ["heatmaps", "offsets"]))
    onnx.checker.check_model(model)
    left = [entry.name for entries in (model.graph.node, model.graph.initializer) for entry in entries]
    assert not [name for name in left if name.startswith("peaks") or name == "valid_cells"]
    assert [port.name for port in model.graph.input] == ["frames"]
    assert [port.name for port in model.graph.output] == ["heatmaps", "offsets"]
    assert with_peaks(model, zoo_card(name)["stride"]).SerializeToString() == data


def test_one_output_of_several_gives_the_same_numbers():
    data = tiny_model.build(tiny_model.fields()).SerializeToString()
    alone = only_outputs(data, ["heatmaps"])
    model = onnx.load_from_string(alone)
    assert "Div" not in {node.op_type for node in model.graph.node}
    assert "moment_weights" not in {constant.name for constant in model.graph.initializer}
    assert model.metadata_props == onnx.load_from_string(data).metadata_props
    frames = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3), np.uint8)
    before, after = (
        onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(["heatmaps"], {"frames": frames})
        for content in (data, alone)
    )
    np.testing.assert_array_equal(before[0], after[0])


def test_a_file_that_has_no_other_output_stays_as_it_is():
    data = tiny_model.build(tiny_model.fields()).SerializeToString()
    assert only_outputs(data, ["heatmaps", "offsets", "pafs"]) is data


def test_graphs_inside_nodes_are_left_alone():
    """They may read tensors that they do not list."""
    port = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "inner", [], [port])
    nodes = [
        helper.make_node("Identity", ["given"], ["x"]),
        helper.make_node("If", ["which"], ["wanted"], then_branch=inner, else_branch=inner),
        helper.make_node("Neg", ["given"], ["other"]),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("given", "wanted", "other")]
    which = numpy_helper.from_array(np.array([True]), "which")
    data = helper.make_model(helper.make_graph(nodes, "g", ports[:1], ports[1:], [which])).SerializeToString()
    assert only_outputs(data, ["wanted"]) is data


@given(st.integers(0, 2**63))
def test_numbers_are_read_as_they_are_written(value):
    assert _read_varint(memoryview(_varint(value) + b"\x01"), 0) == (value, len(_varint(value)))


@pytest.mark.parametrize("data", [b"\x3a\x05ab", b"\x80", b"\x3b", b"\x3a\x02\x0b\x00"])
def test_bytes_that_are_no_protobuf_are_a_value_error(data):
    with pytest.raises(ValueError, match=r"protobuf|ends too early"):
        only_outputs(data, ["heatmaps"])
