"""The network that is built for the peer finds the best cell of every keypoint, as the peer's own export does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import posewire_bench

tf = pytest.importorskip("tensorflow")


def mobilenet():
    """The module, which the peer's Python loads from its folder."""
    file = Path(posewire_bench.__file__ or "").parent / "peer_side" / "mobilenet.py"
    spec = importlib.util.spec_from_file_location("peer_mobilenet", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pose_is_the_best_cell_moved_by_its_refinement(tmp_path):
    made = mobilenet()
    made.write_model(tmp_path / "network", 3)
    assert sorted(path.name for path in (tmp_path / "network").iterdir()) == ["network.pb", "pose_cfg.yaml"]
    graph = tf.Graph()
    with graph.as_default():
        definition = tf.compat.v1.GraphDef()
        definition.ParseFromString((tmp_path / "network" / "network.pb").read_bytes())
        tf.import_graph_def(definition, name="")
    assert graph.get_operations()[0].name == "Placeholder"
    assert graph.get_operations()[-1].name == "concat_1"
    frame = np.random.default_rng(0).integers(0, 256, (1, 100, 136, 3)).astype(np.float32)
    with tf.compat.v1.Session(graph=graph) as session:
        wanted = ["concat_1:0", "part_pred:0", "locref_pred:0"]
        pose, scores, shifts = session.run(wanted, {"Placeholder:0": frame})
    height, width = -(-100 // 16) * 2, -(-136 // 16) * 2
    assert scores.shape == (1, height, width, 3)
    shifts = shifts[0].reshape(height, width, 3, 2) * made.LOCREF_STDEV
    for k in range(3):
        row, column = np.unravel_index(scores[0, :, :, k].argmax(), (height, width))
        x, y = np.array([column, row]) * 8 + 4 + shifts[row, column, k]
        assert pose[k] == pytest.approx([y, x, 1 / (1 + np.exp(-scores[0, row, column, k]))], rel=1e-4)


def test_channels_are_those_of_width_a_third():
    channels = mobilenet()._channels
    assert [channels(full) for full in (32, 16, 24, 64, 96, 160, 320)] == [16, 8, 8, 24, 32, 56, 112]
