"""The pose network: a MobileNetV2 backbone (Sandler et al. 2018, doi:10.1109/CVPR.2018.00474) and a light head.

The head joins features of several strides from coarse to fine (Lin et al. 2017, doi:10.1109/CVPR.2017.106), so
that a cell knows both the fur under it and the whole animal.
"""

from __future__ import annotations

import os

# Before TensorFlow is imported: its start-up notices are of no use to a user.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from posewire_training.settings import NetworkSettings

# The last tensor of each stride that still has its full width (before the next halving).
FEATURES = {
    4: "block_3_expand_relu",
    8: "block_6_expand_relu",
    16: "block_13_expand_relu",
    32: "block_16_project_BN",
}
HEAD_LAYERS = ("head_", "mix_", "paf", "heatmap_logits", "offsets")  # how the names of all layers of our own begin
_START_LOGIT = -4.0  # peaks are rare: start near "nothing here"


class Double(layers.Layer):  # type: ignore[misc]
    """Bilinear enlargement by two of images of any size (Keras' own needs the size beforehand)."""

    def call(self, x: Any) -> Any:
        size = tf.shape(x)
        return tf.image.resize(x, [size[1] * 2, size[2] * 2])

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], *(None if side is None else side * 2 for side in shape[1:3]), shape[3])


def build_network(settings: NetworkSettings, keypoints: int, edges: int = 0) -> keras.Model:
    """The network: float32 ``[B, H, W, C]`` in -1..1 -> logits ``[B, h, w, K]``, offsets ``[B, h, w, 2K]`` px and, if
    there are ``edges``, part affinity fields ``[B, h', w', 2E]``.

    H and W must be multiples of 32. All weights are random.
    """
    channels = 1 if settings.color == "gray" else 3
    inputs = keras.Input((None, None, channels), name="images")
    backbone = keras.applications.MobileNetV2(
        alpha=settings.alpha, include_top=False, weights=None, input_tensor=inputs
    )
    for layer in backbone.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.99  # Keras' 0.999 would still remember ImageNet after a short training

    def project(x: Any, name: str) -> Any:
        x = layers.Conv2D(settings.channels, 1, use_bias=False, name=f"{name}_conv")(x)
        return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))

    def mix(x: Any, name: str) -> Any:
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        x = layers.ReLU(name=f"{name}_depthwise_relu")(layers.BatchNormalization(name=f"{name}_depthwise_norm")(x))
        return project(x, name)

    def halve(x: Any, name: str) -> Any:
        x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
        return project(layers.BatchNormalization(name=f"{name}_depthwise_norm")(x), name)

    x = project(backbone.get_layer(FEATURES[32]).output, "head_32")  # [B, H/32, W/32, channels]
    for stride in (s for s in (16, 8, 4) if s >= settings.stride):
        parts = [Double(name=f"head_{stride}_double")(x)]
        parts.append(project(backbone.get_layer(FEATURES[stride]).output, f"head_{stride}"))
        if stride == settings.stride and stride // 2 in FEATURES:
            # Where in its cell a keypoint lies is seen best on finer features than the cell's own.
            parts.append(halve(backbone.get_layer(FEATURES[stride // 2]).output, "head_detail"))
        x = mix(layers.Add(name=f"head_{stride}_add")(parts), f"head_{stride}_mix")  # [B, H/stride, W/stride, channels]
        if edges and stride == settings.paf_stride:
            limbs = x
            for number in range(settings.mixes):
                limbs = layers.Add(name=f"paf_mix_{number}_add")([limbs, mix(limbs, f"paf_mix_{number}")])
            # Nearly every cell lies beside a limb: start at nothing there.
            fields = layers.Conv2D(2 * edges, 1, kernel_initializer="zeros", name="pafs")(limbs)
    for number in range(settings.mixes):
        x = layers.Add(name=f"mix_{number}_add")([x, mix(x, f"mix_{number}")])
    logits = layers.Conv2D(
        keypoints, 1, bias_initializer=keras.initializers.Constant(_START_LOGIT), name="heatmap_logits"
    )(x)
    offsets = layers.Conv2D(2 * keypoints, 1, name="offsets_in_strides")(x)
    offsets = layers.Rescaling(float(settings.stride), name="offsets")(offsets)
    return keras.Model(inputs, [logits, offsets, fields] if edges else [logits, offsets], name="pose")


def to_network(images: Any) -> Any:
    """uint8 images to what the network takes: -1..1."""
    return tf.cast(images, tf.float32) * np.float32(1 / 127.5) - 1.0
