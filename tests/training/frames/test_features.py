"""A network's features: the tensor before its heatmaps, averaged over the frame and over the animal."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_model
from posewire_models.errors import ModelError

onnx = pytest.importorskip("onnx")

from posewire_training.frames.features import HEATMAPS, Features, tapped  # noqa: E402


def test_features_are_those_of_the_scene_and_of_the_animal(tmp_path) -> None:
    # The only convolution of the tiny model reads the pixels themselves, so what comes out is known.
    features = Features(str(tiny_model.write(tmp_path / "dots.onnx")))
    image = tiny_model.draw({"blue": (100, 60)})
    image[image == 0] = 10
    scene, animal = features(image)
    np.testing.assert_allclose(scene, image.reshape(-1, 3).mean(axis=0), rtol=1e-4)
    assert animal[0] > 3 * scene[0]  # the blue dot stands where the heatmap is high
    assert animal[1] == pytest.approx(10, abs=0.1)


def test_the_zoo_is_tapped_before_its_heads() -> None:
    features = Features("mouse-topview")
    both = features(np.full((97, 131, 3), 90, np.uint8))
    assert both.shape == (2, 64)
    assert np.isfinite(both).all()


def test_a_network_without_convolutions_is_refused() -> None:
    ports = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in ("frames", HEATMAPS)]
    node = onnx.helper.make_node("Sigmoid", ["frames"], [HEATMAPS])
    proto = onnx.helper.make_model(onnx.helper.make_graph([node], "none", ports[:1], ports[1:]))
    with pytest.raises(ModelError, match=r"model x: no convolution .* --method appearance"):
        tapped(proto, "model x")
