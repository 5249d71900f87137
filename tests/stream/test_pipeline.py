"""One frame through all stages, with the real ONNX Runtime: coordinates follow the scene."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_model
from posewire.pipeline import Pipeline, StepStamps
from posewire.preprocess import Crop
from posewire.session import load_model
from posewire_models.errors import InputError

PLACES = {"blue": (101.3, 60.7), "green": (150.2, 98.6), "red": (203.9, 171.4)}
EXPECTED = np.array([PLACES[name] for name in tiny_model.KEYPOINTS])


@pytest.fixture
def model(tmp_path):
    return load_model(str(tiny_model.write(tmp_path / "dots.onnx", pad_multiple=32)))


def test_poses_are_where_the_dots_are_drawn(model):
    poses = Pipeline(model)(tiny_model.draw(PLACES))
    assert poses.dtype == np.float32
    assert poses.shape == (1, 3, 3)
    np.testing.assert_allclose(poses[0, :, :2], EXPECTED, atol=0.1)


@pytest.mark.parametrize("crop", [Crop(61, 33, 201, 187), Crop(90, 50, 160, 150)])
def test_a_crop_does_not_leak_into_coordinates(model, crop):
    poses = Pipeline(model, crop=crop)(tiny_model.draw(PLACES))
    np.testing.assert_allclose(poses[0, :, :2], EXPECTED, atol=0.1)


def test_a_scale_does_not_leak_into_coordinates(tmp_path):
    model = load_model(str(tiny_model.write(tmp_path / "half.onnx", scale=0.5)))
    poses = Pipeline(model)(tiny_model.draw(PLACES, radius=8.25))
    np.testing.assert_allclose(poses[0, :, :2], EXPECTED, atol=0.3)


def test_an_odd_frame_size_is_padded(model):
    poses = Pipeline(model)(tiny_model.draw(PLACES, 307, 211))
    np.testing.assert_allclose(poses[0, :, :2], EXPECTED, atol=0.1)


def test_an_absent_keypoint_is_nan(model):
    poses = Pipeline(model)(tiny_model.draw({"blue": (30, 30)}))
    assert np.isfinite(poses[0, 0]).all()
    assert np.isnan(poses[0, 1:, :2]).all()


def test_min_score_of_the_run_wins_over_the_models(model):
    image = tiny_model.draw({"blue": (30, 30)})
    image = (image * 0.97).astype(np.uint8)
    assert np.isfinite(Pipeline(model)(image)[0, 0]).all()
    assert np.isnan(Pipeline(model, min_score=0.9)(image)[0, 0, :2]).all()


def test_frames_of_another_size_are_met_by_another_network(model):
    pipeline = Pipeline(model)
    pipeline(tiny_model.draw(PLACES))
    poses = pipeline(tiny_model.draw(PLACES, 400, 300))
    np.testing.assert_allclose(poses[0, :, :2], EXPECTED, atol=0.1)


def test_gray_frames_run_on_a_colour_model(model):
    image = tiny_model.draw({"red": (80.4, 90.6)})[..., 2]
    poses = Pipeline(model)(image)
    np.testing.assert_allclose(poses[0, :, :2], [[80.4, 90.6]] * 3, atol=0.1)


def test_every_stage_is_stamped_by_the_given_clock(model):
    ticks = iter(range(100))
    pipeline = Pipeline(model, clock=lambda: next(ticks))
    pipeline.fit(320, 240)
    stamps = StepStamps()
    pipeline.step(tiny_model.draw(PLACES), stamps)
    assert (stamps.prepared, stamps.inferred, stamps.decoded) == (0, 1, 2)


def test_what_is_predicted_is_as_much_later_as_the_pose_is_old(model):
    pipeline = Pipeline(model, lead_ms=20, clock=lambda: 107_000_000)
    pipeline.fit(320, 240)
    stamps = StepStamps()
    image = tiny_model.draw(PLACES)
    pipeline.step(image, stamps, None, 100_000_000, 100_000_000)
    assert pipeline.lead_ns == 27_000_000
    assert stamps.tracked == 107_000_000
    np.testing.assert_array_equal(pipeline.predicted, pipeline.poses)  # nothing is known of speeds yet
    pipeline.step(image, stamps, None, 200_000_000)
    assert pipeline.lead_ns == 20_000_000
    assert Pipeline(model).predicted is None


def test_a_dot_that_moves_is_predicted(model):
    pipeline = Pipeline(model, lead_ms=20)
    for n in range(60):
        poses = pipeline(tiny_model.draw({"blue": (40 + 2 * n, 60.7)}))
    assert pipeline.predicted is not None
    # As nobody tells times, frames are 33 ms apart.
    assert pipeline.predicted[0, 0, 0] - poses[0, 0, 0] == pytest.approx(1.2, abs=0.15)
    assert np.isnan(pipeline.predicted[0, 1:, :2]).all()
    pipeline.forget()
    np.testing.assert_array_equal(pipeline(tiny_model.draw(PLACES)), pipeline.predicted)


def test_buffers_are_made_once(model):
    pipeline = Pipeline(model)
    image = tiny_model.draw(PLACES)
    assert pipeline(image) is pipeline(image)


def test_a_crop_outside_the_frame_is_refused(model):
    with pytest.raises(InputError, match="outside the frame of 320x240"):
        Pipeline(model, crop=Crop(300, 0, 64, 64))(tiny_model.draw({}))
