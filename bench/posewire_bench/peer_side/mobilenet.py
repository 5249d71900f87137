"""A network of DeepLabCut's kind as DeepLabCut-Live 1.1 reads it; with random weights, as fast as a trained one.

MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) at width 0.35 to stride 16, the last 1x1 convolution with 1280
channels; one 3x3 deconvolution of stride 2 each for the score maps and for the location refinement (Kane et al. 2020,
eLife 9:e61909; Mathis et al. 2018), and the best cell of every keypoint taken in the graph. Runs in the peer's Python.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

STRIDE = 8
LOCREF_STDEV = 7.2801
_WIDTH = 0.35
_FEATURES = 1280
# Expansion, channels, blocks, stride of the first block: table 2 of the paper, with stride 1 where it has the last 2.
_BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 1), (6, 320, 1, 1))
_SEED = 1909
_CONFIG = """all_joints: {joints}
all_joints_names: {names}
dataset_type: imgaug
init_weights: snapshot
location_refinement: true
locref_stdev: {stdev}
net_type: mobilenet_v2_0.35
num_joints: {count}
num_outputs: 1
stride: {stride}.0
"""


def write_model(folder: Path, keypoints: int) -> None:
    """``network.pb`` and ``pose_cfg.yaml`` for so many keypoints, in a new folder that appears once both are whole."""
    graph = tf.Graph()
    with graph.as_default():
        frames = tf.compat.v1.placeholder(tf.float32, [1, None, None, 3], "Placeholder")
        mean = tf.constant(np.array([123.68, 116.779, 103.939], np.float32))
        features = _backbone(frames - mean, np.random.default_rng(_SEED))
        _best_cells(features, keypoints, np.random.default_rng(_SEED + 1))
    part = folder.with_name(f".{folder.name}.part")
    part.mkdir(parents=True)
    (part / "network.pb").write_bytes(graph.as_graph_def().SerializeToString())
    names = [f"keypoint{k}" for k in range(keypoints)]
    text = _CONFIG.format(
        joints=[[k] for k in range(keypoints)], names=names, stdev=LOCREF_STDEV, count=keypoints, stride=STRIDE
    )
    (part / "pose_cfg.yaml").write_text(text, encoding="utf-8")
    part.rename(folder)


def _backbone(value: tf.Tensor, rng: np.random.Generator) -> tf.Tensor:
    channels = _channels(32)
    value = _convolution(value, rng, 3, 3, channels, 2)
    for expansion, wanted, blocks, stride in _BLOCKS:
        for number in range(blocks):
            value, channels = _block(value, rng, channels, _channels(wanted), expansion, stride if number == 0 else 1)
    return _convolution(value, rng, 1, channels, _FEATURES, 1)


def _block(
    value: tf.Tensor, rng: np.random.Generator, channels: int, wanted: int, expansion: int, stride: int
) -> tuple[tf.Tensor, int]:
    """An inverted residual: expand, look about in each channel, project."""
    wide = channels * expansion
    found = value if expansion == 1 else _convolution(value, rng, 1, channels, wide, 1)
    kernel = _kernel(rng, (3, 3, wide, 1), 9)
    found = _normalised(tf.nn.depthwise_conv2d(found, kernel, [1, stride, stride, 1], "SAME"), wide)
    found = _convolution(tf.nn.relu6(found), rng, 1, wide, wanted, 1, linear=True)
    return (found + value if stride == 1 and channels == wanted else found), wanted


def _convolution(
    value: tf.Tensor, rng: np.random.Generator, side: int, channels: int, wanted: int, stride: int, linear: bool = False
) -> tf.Tensor:
    kernel = _kernel(rng, (side, side, channels, wanted), side * side * channels)
    found = _normalised(tf.nn.conv2d(value, kernel, [1, stride, stride, 1], "SAME"), wanted)
    return found if linear else tf.nn.relu6(found)


def _kernel(rng: np.random.Generator, shape: tuple[int, ...], inputs: int) -> npt.NDArray[np.float32]:
    return rng.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32)


def _normalised(value: tf.Tensor, channels: int) -> tf.Tensor:
    one, zero = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    return tf.compat.v1.nn.fused_batch_norm(value, one, zero, zero, one, epsilon=1e-3, is_training=False)[0]


def _best_cells(features: tf.Tensor, keypoints: int, rng: np.random.Generator) -> None:
    """Rows of y, x, score: px of the input. DeepLabCut-Live knows the last operation by the name ``concat_1``."""
    cells = tf.shape(features)[1:3] * 2
    scores = tf.sigmoid(_deconvolution(features, cells, keypoints, rng, "part_pred"))[0]
    shifts = _deconvolution(features, cells, 2 * keypoints, rng, "locref_pred")[0]
    best = tf.argmax(tf.reshape(scores, [-1, keypoints]), axis=0, output_type=tf.int32)
    indices = tf.stack([best, tf.range(keypoints)], axis=1)
    score = tf.gather_nd(tf.reshape(scores, [-1, keypoints]), indices)
    shift = tf.gather_nd(tf.reshape(shifts, [-1, keypoints, 2]), indices)
    place = tf.cast(tf.stack([best // cells[1], best % cells[1]], axis=1), tf.float32)
    place = place * STRIDE + 0.5 * STRIDE + tf.reverse(shift, [1]) * LOCREF_STDEV
    tf.concat([place, score[:, None]], axis=1, name="concat_1")


def _deconvolution(
    features: tf.Tensor, cells: tf.Tensor, wanted: int, rng: np.random.Generator, name: str
) -> tf.Tensor:
    kernel = _kernel(rng, (3, 3, wanted, _FEATURES), 9 * _FEATURES)
    shape = tf.stack([1, cells[0], cells[1], wanted])
    return tf.nn.conv2d_transpose(features, kernel, shape, [1, 2, 2, 1], "SAME", name=name)


def _channels(full: int) -> int:
    """Width times channels to a multiple of 8, never more than a tenth less than asked for."""
    wanted = full * _WIDTH
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
