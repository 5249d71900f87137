"""Frames into the network's input buffer, and the geometry back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_model
from posewire.preprocess import Crop, Preparation, parse_crop, plan
from posewire_models.contract import parse_metadata
from posewire_models.errors import InputError
from posewire_models.grid import resized
from posewire_training.dataset import scaled_image


def contract(**changes):
    import json

    fields = tiny_model.fields(**changes)
    return parse_metadata({"posewire": json.dumps(fields)}, "test")


def prepared(image, crop=None, **changes):
    model = contract(**changes)
    geometry = plan(model, image.shape[1], image.shape[0], crop)
    width, height = geometry.padded
    buffer = np.full((1, height, width, model.channels), 77, np.uint8)
    Preparation(model, geometry, buffer).into(image)
    return buffer[0], geometry


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_without_scale_the_frame_is_copied_and_padded_with_zeros():
    image = noise(50, 70, 3)
    buffer, geometry = prepared(image, pad_multiple=32)
    assert geometry.padded == (96, 64)
    assert np.array_equal(buffer[:50, :70], image)
    assert buffer[50:].sum() == 0
    assert buffer[:, 70:].sum() == 0


def test_half_size_is_the_mean_of_four_pixels():
    image = noise(40, 60, 3)
    buffer, _ = prepared(image, scale=0.5)
    means = image.reshape(20, 2, 30, 2, 3).mean(axis=(1, 3))
    assert np.abs(buffer[:20, :30].astype(float) - means).max() <= 0.51


def test_a_crop_looks_only_at_its_part():
    image = noise(60, 80, 3)
    buffer, geometry = prepared(image, Crop(10, 20, 32, 24))
    assert geometry.resized == (32, 24)
    assert np.array_equal(buffer[:24, :32], image[20:44, 10:42])


def test_gray_frames_reach_a_colour_network_as_three_equal_channels():
    image = noise(40, 60)
    buffer, _ = prepared(image)
    assert np.array_equal(buffer[:40, :60], np.repeat(image[..., None], 3, axis=2))


def test_colour_frames_reach_a_gray_network_as_opencv_weighs_them():
    image = noise(40, 64, 3)
    buffer, _ = prepared(image, color="gray", keypoints=["dot"], skeleton=[], symmetric=[])
    assert np.array_equal(buffer[:40, :64, 0], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def test_gray_frames_with_a_channel_axis_reach_a_gray_network():
    image = noise(40, 64, 1)
    buffer, _ = prepared(image, color="gray", keypoints=["dot"], skeleton=[], symmetric=[])
    assert np.array_equal(buffer[:40, :64], image)


def test_a_network_that_wants_rgb_gets_rgb():
    image = noise(40, 60, 3)
    buffer, _ = prepared(image, color="rgb")
    assert np.array_equal(buffer[:40, :60], image[..., ::-1])
    assert not buffer[:40, 60:].any()


@pytest.mark.parametrize("color", ["bgr", "rgb", "gray"])
@pytest.mark.parametrize("scale", [0.25, 0.5, 0.75, 1.0, 1.5])
def test_training_and_runtime_resize_alike(scale: float, color: str):
    """To within one gray level: of rounding in the resize, and of gray before or after it."""
    image = cv2.GaussianBlur(noise(64, 96, 3), (0, 0), 1.0)
    one = {"keypoints": ["dot"], "skeleton": [], "symmetric": []} if color == "gray" else {}
    buffer, geometry = prepared(image, scale=scale, color=color, **one)
    width, height = geometry.resized
    apart = buffer[:height, :width].astype(int) - scaled_image(image, scale, color)
    assert np.abs(apart).max() <= 1


@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.floats(0.1, 3.0),
    st.sampled_from([8, 32]),
)
def test_the_padded_input_holds_the_resized_frame(width: int, height: int, scale: float, multiple: int):
    geometry = plan(contract(scale=scale, pad_multiple=multiple), width, height)
    for axis in (0, 1):
        assert geometry.resized[axis] >= 1
        assert geometry.padded[axis] % multiple == 0
        assert 0 <= geometry.padded[axis] - geometry.resized[axis] < multiple
    assert geometry.scale[0] * width == pytest.approx(geometry.resized[0])


@pytest.mark.parametrize(("width", "scale"), [(101, 0.5), (101, 0.37), (101, 1.7), (640, 0.5)])
def test_the_exact_factor_after_rounding_says_where_a_dot_lands(width: int, scale: float):
    """Sizes that do not divide evenly still map pixels as the geometry says."""
    image = tiny_model.draw({"green": (40.3, 52.8)}, width, 101)
    buffer, geometry = prepared(image, scale=scale)
    weight = buffer[..., 1].astype(float)
    ys, xs = np.mgrid[: buffer.shape[0], : buffer.shape[1]]
    found = (weight * xs).sum() / weight.sum(), (weight * ys).sum() / weight.sum()
    expected = resized(40.3, geometry.scale[0]), resized(52.8, geometry.scale[1])
    assert found == pytest.approx(expected, abs=0.06)


def test_full_is_no_crop_and_four_numbers_are_one():
    assert parse_crop("full") is None
    assert parse_crop("1,2,30,40") == Crop(1, 2, 30, 40)


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "-1,0,10,10", "0,0,0,10", "1.5,2,3,4", "follow"])
def test_a_crop_that_is_none_is_refused(text: str):
    with pytest.raises(InputError, match="--crop"):
        parse_crop(text)


@pytest.mark.parametrize("crop", [Crop(600, 0, 41, 10), Crop(0, 470, 10, 11)])
def test_a_crop_outside_the_frame_says_what_would_fit(crop: Crop):
    with pytest.raises(InputError, match="outside the frame of 640x480; X \\+ W must be at most 640"):
        plan(contract(), 640, 480, crop)
