"""What the whole-program tests share."""

from __future__ import annotations

import pytest

import tiny_model


@pytest.fixture
def dots(tmp_path):
    return tiny_model.write(tmp_path / "dots.onnx")
