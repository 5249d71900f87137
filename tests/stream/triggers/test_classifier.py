"""Classifiers of ONNX files over windows of poses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from posewire.triggers.classifier import load_classifier
from posewire.triggers.rules import Quantity
from posewire_models.errors import InputError
from rule_trials import MS, Trial, unknown


def write(path: Path, shape=(1, 3, 3, 3), weights=None, kind=TensorProto.FLOAT) -> Path:
    """A file that adds up each frame's x, y, score with weights of the frames: output [1, 3]; or echoes its input."""
    if weights is None:
        nodes, constants = [helper.make_node("Identity", ["poses"], ["out"])], []
    else:
        nodes = [
            helper.make_node("Mul", ["poses", "weights"], ["weighted"]),
            helper.make_node("ReduceSum", ["weighted", "axes"], ["out"], keepdims=0),
        ]
        constants = [
            numpy_helper.from_array(np.array(weights, np.float32).reshape(1, -1, 1, 1), "weights"),
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
        ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("poses", kind, list(shape))],
        [helper.make_tensor_value_info("out", kind, None)],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def of(path, window, out):
    return Quantity("classifier", file=str(path), numbers=(window, out))


def test_poses_are_relative_to_the_animal_oldest_first_and_missing_ones_are_zero(tmp_path):
    file = write(tmp_path / "echo.onnx")
    trial = Trial(*(of(file, 3, out) for out in range(27)))
    frames = [[(10, 20, 0.5), (14, 24, 0.7)], [(1, 2, 0.25)], [], [(5, 5), (7, 7), (9, 9)]]
    for n, pose in enumerate(frames):
        trial.see(10 * n, pose)
        if n < 2:
            assert np.isnan(trial.engine.values).all()
    wanted = np.zeros((3, 3, 3))
    wanted[0, 0] = (0, 0, 0.25)
    wanted[2] = [(-2, -2, 1), (0, 0, 1), (2, 2, 1)]
    np.testing.assert_allclose(trial.engine.values, wanted.ravel(), atol=1e-6)


def test_a_window_is_of_one_animal_without_gaps(tmp_path):
    file = write(tmp_path / "last.onnx", weights=[0, 0, 1], shape=("batch", 3, "keypoints", 3))
    trial = Trial(of(file, 3, 2), gap_ns=15 * MS)
    score = lambda value: [(0, 0, value)]  # noqa: E731
    found = [trial.value(10 * n, score(0.1 * n)) for n in range(5)]
    assert unknown(found[0])
    assert unknown(found[1])
    assert found[2:] == pytest.approx([0.2, 0.3, 0.4], abs=1e-5)
    # A frame is left out, then another animal comes in, then an unknown one: each has its own window.
    found = [trial.value(ms, score(0.5)) for ms in (60, 70, 80)]
    assert [unknown(value) for value in found] == [True, True, False]
    found = [trial.value(ms, score(0.6), ids=[number]) for ms, number in ((90, 4), (100, 4), (110, 4), (120, -1))]
    assert [unknown(value) for value in found] == [True, True, False, True]
    trial.engine.reset()
    assert unknown(trial.value(120, score(0.5), ids=[4]))


def test_a_window_of_one_frame_is_known_of_an_unknown_animal(tmp_path):
    file = write(tmp_path / "one.onnx", weights=[2], shape=(1, 1, 3, 3))
    assert Trial(of(file, 1, 2)).value(0, [(0, 0, 0.25)], ids=[-1]) == pytest.approx(0.5, abs=1e-5)


def test_the_animal_seen_longest_ago_is_forgotten(tmp_path):
    file = write(tmp_path / "sum.onnx", weights=[1, 1], shape=(1, 2, 3, 3))
    trial = Trial(of(file, 2, 2), animals=1, gap_ns=10**12)
    pose = [(0, 0, 0.5)]
    found = [trial.value(n, pose, ids=[number]) for n, number in enumerate([1, 2, 1, 3, 1, 2, 3])]
    assert [unknown(value) for value in found] == [True, True, False, True, False, True, True]


def test_predicted_poses_for_rules_that_want_them(tmp_path):
    file = write(tmp_path / "one.onnx", weights=[1], shape=(1, 1, 3, 3))
    trial = Trial(of(file, 1, 2), predicted=True)
    assert trial.value(0, [(0, 0, 0.25)], predicted=[[(0, 0, 0.75)]]) == pytest.approx(0.75, abs=1e-5)


def test_files_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.onnx: .*give the path"):
        load_classifier(tmp_path / "nowhere.onnx", 3, 3)
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(InputError, match="cannot read it"):
        load_classifier(tmp_path / "text.onnx", 3, 3)
    echo = write(tmp_path / "echo.onnx")
    with pytest.raises(InputError, match=r"input is \[1, 3, 3, 3\]; expected \[1, 5, 3, 3\]"):
        load_classifier(echo, 5, 3)
    with pytest.raises(InputError, match="expected one of float32"):
        load_classifier(write(tmp_path / "double.onnx", kind=TensorProto.DOUBLE), 3, 3)
    named = write(tmp_path / "named.onnx", weights=[1, 2], shape=("n", "window", "k", "c"))
    with pytest.raises(InputError, match="fails on a window of zeros"):
        load_classifier(named, 3, 3)
    with pytest.raises(InputError, match="out is 27; expected 0 to 26"):
        Trial(of(echo, 3, 27))
    with pytest.raises(ValueError, match="window is 0"):
        Trial(of(echo, 0, 0))


def test_what_is_given_is_called_instead_of_a_file():
    trial = Trial(of("mean", 2, 0), classifiers={"mean": lambda poses: np.array([poses[..., 2].max()], np.float32)})
    assert unknown(trial.value(0, [(0, 0, 0.25)]))
    assert trial.value(10, [(0, math.nan, 0.75)]) == pytest.approx(0.25, abs=1e-5)
