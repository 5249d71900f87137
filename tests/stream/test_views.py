"""One animal followed through the whole pipeline, with a network that computes where its dots are."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_model
from posewire.follow_one import WHOLE
from posewire.pipeline import Pipeline
from posewire.session import load_model
from posewire.views import FollowView
from posewire_models.errors import InputError

STEP = 3.0


def dots(x: float, y: float) -> dict[str, tuple[float, float]]:
    return {"blue": (x - 22.3, y + 4.2), "green": (x, y - 20.7), "red": (x + 21.6, y + 8.4)}


def expected(x: float, y: float) -> np.ndarray:
    places = dots(x, y)
    return np.array([places[name] for name in tiny_model.KEYPOINTS])


@pytest.fixture
def model(tmp_path):
    return load_model(str(tiny_model.write(tmp_path / "dots.onnx", pad_multiple=32)))


def follower(model, **more) -> Pipeline:
    return Pipeline(model, follow=True, provider="cpu", **more)


def test_poses_of_crops_are_those_of_the_scene(model):
    pipeline = follower(model)
    for n in range(40):
        x, y = 60 + STEP * n, 90 + 20 * np.sin(n / 5)
        pipeline(tiny_model.draw(dots(x, y)))
        np.testing.assert_allclose(pipeline.poses[0, :, :2], expected(x, y), atol=0.15)
    assert isinstance(pipeline.view, FollowView)
    assert pipeline.view.crops > 30
    assert pipeline.view.doubts == 0


def test_an_animal_that_hops_has_its_pose_in_the_same_frame(model):
    pipeline = follower(model)
    for _ in range(5):
        pipeline(tiny_model.draw(dots(60, 60)))
    pipeline(tiny_model.draw(dots(260, 190)))
    np.testing.assert_allclose(pipeline.poses[0, :, :2], expected(260, 190), atol=0.15)
    assert pipeline.view.doubts == 1


def test_every_frame_can_be_looked_at_whole(model):
    pipeline = follower(model, follow_every=1)
    for _ in range(5):
        pipeline(tiny_model.draw(dots(100, 100)))
    assert pipeline.view.figures() == {"whole": 5, "crop": 0, "doubtful": 0}


def test_the_side_of_the_crop_can_be_given(model):
    pipeline = follower(model, follow_px=150)
    for _ in range(4):
        pipeline(tiny_model.draw(dots(100, 100)))
    assert pipeline.view.shapes == [(150, 150)]
    assert pipeline.view.crops == 3
    np.testing.assert_allclose(pipeline.poses[0, :, :2], expected(100, 100), atol=0.15)


def test_the_part_that_was_looked_at_is_told(model):
    pipeline = follower(model)
    pipeline(tiny_model.draw(dots(100, 100)))
    assert pipeline.box is None
    pipeline(tiny_model.draw(dots(100, 100)))
    box = pipeline.box
    assert box is not None
    assert box.x < 78
    assert box.x + box.width > 122
    assert (box.x, box.y) == pipeline.view._follower.corner


def test_a_crop_that_saves_nothing_is_said(model):
    pipeline = follower(model, follow_px=900)
    pipeline(tiny_model.draw(dots(100, 100)))
    assert pipeline.notes == ("follow_px = 900 saves nothing in frames of 320x240: all of them are looked at whole",)


def test_a_frame_too_small_for_crops_is_looked_at_whole(model):
    pipeline = follower(model)
    pipeline(tiny_model.draw({"blue": (30.0, 30.0)}, 100, 80))
    pipeline(tiny_model.draw({"blue": (30.0, 30.0)}, 100, 80))
    assert pipeline.view.shapes == []
    assert pipeline.view.aim(0) is pipeline.view.whole


def test_forgetting_begins_anew(model):
    pipeline = follower(model)
    for _ in range(3):
        pipeline(tiny_model.draw(dots(100, 100)))
    pipeline.forget()
    assert pipeline.view._follower.shape == WHOLE
    pipeline(tiny_model.draw(dots(250, 190)))
    assert pipeline.view.doubts == 0
    np.testing.assert_allclose(pipeline.poses[0, :, :2], expected(250, 190), atol=0.15)


def test_a_crop_and_a_budget_are_not_both_taken(tmp_path):
    from posewire.config import crop_budget, run_settings

    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx")))
    with pytest.raises(InputError, match="--budget-ms is for --crop auto"):
        crop_budget(run_settings(None, {"crop": "follow", "budget_ms": 3.0}), model.contract)
    with pytest.raises(InputError, match="follow_px is for crop = follow"):
        crop_budget(run_settings(None, {"follow_px": 100}), model.contract)
    assert crop_budget(run_settings(None, {"crop": "auto"}), model.contract) == 5.0
    assert crop_budget(run_settings(None, {"crop": "auto", "budget_ms": 3.0}), model.contract) == 3.0
    assert crop_budget(run_settings(None, {}), model.contract) is None
