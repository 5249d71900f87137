"""Checking ONNX files against model file 1, with the real ONNX Runtime."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tiny_model
from posewire_models.errors import ModelError
from posewire_models.modelfile import check_model, read_contract, read_file
from posewire_models.zoo import read_model
from posewire_training.peaks_output import upgrade


def check(path):
    return check_model(str(path))[1]


@pytest.mark.parametrize("channels", [3, 1])
def test_the_tiny_model_keeps_its_contract(tmp_path, channels):
    path = tiny_model.write(tmp_path / "dots.onnx", channels)
    assert check(path) == []
    assert read_contract(read_model(str(path))).channels == channels


def test_a_file_that_is_not_onnx_is_one_line(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("hello")
    with pytest.raises(ModelError, match=r"text\.onnx.*not a readable ONNX file"):
        read_contract(read_model(str(path)))


def test_a_file_without_metadata_says_how_to_get_it(tmp_path):
    path = tmp_path / "bare.onnx"
    onnx.save(tiny_model.build(None), path)
    with pytest.raises(ModelError, match="posewire export"):
        read_contract(read_model(str(path)))
    assert len(check(path)) == 1


def test_metadata_and_tensor_violations_come_together(tmp_path):
    path = tiny_model.write(tmp_path / "dots.onnx", keypoints=["a", "b"], skeleton=[], symmetric=[], error_px=None)
    found = check(path)
    assert any(sentence.startswith("error_px") for sentence in found)
    assert any("heatmaps: dimension 3 is 3; expected 2" in sentence for sentence in found)
    assert any("offsets: dimension 3 is 3; expected 2" in sentence for sentence in found)


def test_a_wrong_stride_shows_in_the_shapes(tmp_path):
    found = check(tiny_model.write(tmp_path / "dots.onnx", stride=4))
    assert any("at 396x406: heatmaps has shape" in sentence for sentence in found)


def test_fixed_dimensions_and_wrong_types_are_refused(tmp_path):
    model = tiny_model.build(tiny_model.fields())
    port = helper.make_tensor_value_info("frames", TensorProto.UINT8, ["N", 240, "W", 3])
    model.graph.input[0].CopyFrom(port)
    onnx.save(model, tmp_path / "fixed.onnx")
    assert "frames: dimension 1 is 240; expected the dynamic dimension 'H'" in check(tmp_path / "fixed.onnx")


def test_heatmaps_outside_0_to_1_are_found(tmp_path):
    model = tiny_model.build(tiny_model.fields())
    for node in model.graph.node:
        if node.op_type == "Clip":
            node.op_type = "Identity"
            del node.input[1:]
    onnx.save(model, tmp_path / "raw.onnx")
    assert any("expected 0..1 (sigmoid inside)" in sentence for sentence in check(tmp_path / "raw.onnx"))


def test_an_output_that_is_missing_is_named(tmp_path):
    model = tiny_model.build(tiny_model.fields())
    model.graph.output.pop()
    onnx.save(model, tmp_path / "half.onnx")
    assert "output offsets: missing; the file has heatmaps" in check(tmp_path / "half.onnx")


@pytest.fixture
def peaked(tmp_path):
    """The tiny model with the output `peaks`, and how to write it changed."""
    path = tiny_model.write(tmp_path / "dots.onnx")
    upgrade(path)

    def changed(change):
        model = onnx.load(path)
        change(model.graph)
        onnx.save(model, tmp_path / "changed.onnx")
        return tmp_path / "changed.onnx"

    return changed


def set_constant(name, value):
    def change(graph):
        constant = next(entry for entry in graph.initializer if entry.name == name)
        constant.CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32), name))

    return change


def test_a_file_may_have_peaks_or_not(peaked):
    assert check(peaked(lambda graph: None)) == []
    assert read_file(read_model(str(peaked(lambda graph: None))))[1] == {"heatmaps", "offsets", "peaks"}
    assert check(peaked(lambda graph: graph.output.pop())) == []


def test_peaks_of_another_rule_are_found(peaked):
    found = check(peaked(set_constant("peaks/first_centre", 4.0)))
    assert any("peaks lie up to 0.5 px from the best peaks of the maps" in sentence for sentence in found)


def test_peaks_that_look_at_the_padding_all_the_same_are_found(peaked):
    def change(graph):
        reader = next(node for node in graph.node if "valid_cells" in node.input)
        reader.input[1] = "everything"
        graph.initializer.append(numpy_helper.from_array(np.full(2, 1e6, np.float32), "everything"))
        set_constant("steep", 0.1)(graph)  # noise alone would make every cell as high as can be
        set_constant("most", 0.0)(graph)

    found = check(peaked(change))
    assert found
    assert all("with valid_cells" in sentence and "peaks lie up to" in sentence for sentence in found)


def test_peaks_without_valid_cells_are_refused(peaked):
    sentence = "output peaks: needs an input 'valid_cells', float32 [2], with a default (model-file.md)"
    path = peaked(lambda graph: graph.input.pop())
    assert sentence in check(path)
    with pytest.raises(ModelError, match="valid_cells"):
        read_contract(read_model(str(path)))


def test_peaks_of_another_shape_are_refused(peaked):
    def change(graph):
        graph.node[-1].op_type = "Identity"
        del graph.node[-1].input[1:]
        graph.output[2].CopyFrom(helper.make_tensor_value_info("peaks", TensorProto.FLOAT, ["N", 1, 3, 3]))

    with pytest.raises(ModelError, match=r"peaks: 4 dimensions .*; expected \['N', 3, 3\]"):
        read_contract(read_model(str(peaked(change))))


def test_peaks_that_are_no_numbers_are_found(peaked):
    found = check(peaked(set_constant("peaks/stride", np.nan)))
    assert any("peaks holds NaN or infinity" in sentence for sentence in found)
