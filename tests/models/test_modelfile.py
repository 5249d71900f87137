"""Checking ONNX files against model file 1, with the real ONNX Runtime."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

import tiny_model
from posewire_models.errors import ModelError
from posewire_models.modelfile import check_model, read_contract
from posewire_models.zoo import read_model


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
