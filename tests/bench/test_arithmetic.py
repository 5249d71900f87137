"""What a network computes and moves, counted against a network whose layers are known."""

from __future__ import annotations

import pytest

import tiny_model
from posewire.session import load_model
from posewire_bench.arithmetic import counted


def test_operations_and_bytes_of_every_convolution_are_counted(tmp_path):
    """The tiny model: two depthwise convolutions of 20x20 with stride 8, of one and of two outputs a channel."""
    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx")))
    kinds = counted(model, 320, 240)
    assert set(kinds) == {"depthwise"}
    cells = 40 * 30
    outputs = cells * 3 + cells * 6
    assert kinds["depthwise"]["layers"] == 2
    assert kinds["depthwise"]["gigaflop"] == pytest.approx(2e-9 * outputs * 400)
    assert kinds["depthwise"]["megabytes"] == pytest.approx(4e-6 * (outputs + 2 * 320 * 240 * 3 + 9 * 400))


def test_work_grows_with_the_area():
    small, large = (counted(load_model("mouse-topview"), *size) for size in ((192, 192), (384, 384)))
    for kind, entry in small.items():
        assert large[kind]["gigaflop"] == pytest.approx(4 * entry["gigaflop"])
        assert large[kind]["layers"] == entry["layers"]
