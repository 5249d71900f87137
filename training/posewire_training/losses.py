"""Masked losses: each a mean over the keypoints that count."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any  # TensorFlow ships no types


def heatmap_loss(logits: Tensor, target: Tensor, known: Tensor, peak_weight: float, cells: float) -> Tensor:
    """Cross-entropy of heatmaps above its least possible value, per keypoint.

    ``logits``, ``target``: ``[B, h, w, K]``; ``known``: ``[B, K]``, 0 for keypoints nobody looked for. A cell
    weighs ``1 + peak_weight * target``. ``cells``: a peak's mass, by which the sum over cells is divided.
    """
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits)
    # A soft target's own entropy cannot be learned away; without it a perfect network has loss 0.
    least = -tf.math.xlogy(target, target) - tf.math.xlogy(1 - target, 1 - target)
    per_keypoint = tf.reduce_sum((entropy - least) * (1 + peak_weight * target), axis=[1, 2]) / cells  # [B, K]
    return tf.reduce_sum(per_keypoint * known) / tf.maximum(tf.reduce_sum(known), 1.0)


def offset_loss(offsets: Tensor, target: Tensor, mask: Tensor, stride: float) -> Tensor:
    """Mean absolute difference of offsets ``[B, h, w, K, 2]`` where ``mask`` ``[B, h, w, K]`` is 1, in strides."""
    apart = tf.reduce_sum(tf.abs(offsets - target), axis=-1) / stride  # [B, h, w, K]
    return tf.reduce_sum(apart * mask) / tf.maximum(tf.reduce_sum(mask), 1.0)


def field_loss(fields: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Squared difference of part affinity fields ``[B, h, w, E, 2]``, per cell of a limb.

    ``known``: ``[B, E]``, 0 for edges that are not wholly labelled. Cells on a limb weigh four times as much as those
    beside it, which are many.
    """
    on = tf.cast(tf.reduce_any(target != 0, axis=-1), tf.float32)  # [B, h, w, E]
    apart = tf.reduce_sum(tf.square(fields - target), axis=-1) * (1 + 3 * on)
    per_edge = tf.reduce_sum(apart, axis=[1, 2])  # [B, E]
    return tf.reduce_sum(per_edge * known) / tf.maximum(tf.reduce_sum(on * known[:, None, None]), 1.0)
