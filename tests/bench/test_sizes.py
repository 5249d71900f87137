"""Sizes of pictures: the frame that is found really reaches the network at that size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.session import load_model
from posewire_bench.sizes import Size, frame_for, geometry_for, parse_size, parse_sizes
from posewire_models.errors import InputError

MOUSE = load_model("mouse-topview").contract


@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(0.1, 1.0))
def test_the_frame_reaches_the_network_at_the_size_asked_for(width: int, height: int, scale: float) -> None:
    found = geometry_for(replace(MOUSE, scale=scale), Size(width, height), None)
    assert found.resized == (width, height)
    assert all(side % MOUSE.pad_multiple == 0 for side in found.padded)


def test_of_a_larger_camera_the_middle_is_seen() -> None:
    found = geometry_for(MOUSE, Size(320, 256), Size(1280, 1024))
    crop = found.crop
    assert (found.frame, found.padded) == ((1280, 1024), (320, 256))
    assert abs(2 * crop.x + crop.width - 1280) <= 1
    assert abs(2 * crop.y + crop.height - 1024) <= 1
    with pytest.raises(InputError, match="--frame-size 320x240"):
        geometry_for(MOUSE, Size(320, 256), Size(320, 240))


def test_a_size_that_no_frame_has_is_refused() -> None:
    with pytest.raises(InputError, match="resizes no frame to 101 px"):
        frame_for(replace(MOUSE, scale=2.0), Size(101, 100))


@pytest.mark.parametrize("text", ["", "320", "0x10", "320x", "320 x 256", "-1x5", "99999x10", "320x256x3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--size"):
        parse_size(text)


def test_equal_sizes_count_once() -> None:
    assert parse_sizes(["320x256", "256x256", "320x256"]) == [(320, 256), (256, 256)]
