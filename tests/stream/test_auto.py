"""Gears for a budget, chosen and changed by a clock that the test moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tiny_model
from posewire.auto import _PATIENCE, _WINDOW, AutoView
from posewire.pipeline import Pipeline
from posewire.session import load_model

PLACES = {"blue": (150.3, 100.7), "green": (180.2, 128.6), "red": (145.9, 140.4)}
EXPECTED = np.array([PLACES[name] for name in tiny_model.KEYPOINTS])


class SlowMachine:
    """A clock on which a look at so many pixels takes so many ms, whatever this machine does."""

    def __init__(self, monkeypatch) -> None:
        from posewire import looks

        self.ns = 0
        self.load = 1.0
        run = looks.FullLook.run

        def slow(look) -> None:
            run(look)
            network = look.network
            self.ns += round(network.frames.size / 3 * 75 * self.load)  # 6 ms for 320x256

        monkeypatch.setattr(looks.FullLook, "run", slow)

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def machine(monkeypatch):
    return SlowMachine(monkeypatch)


@pytest.fixture
def model(tmp_path):
    return load_model(str(tiny_model.write(tmp_path / "dots.onnx", pad_multiple=32)))


def pipeline_for(model, machine, budget_ms: float) -> Pipeline:
    pipeline = Pipeline(model, budget_ms=budget_ms, provider="cpu", clock=machine)
    pipeline.fit(320, 240)
    return pipeline


def run(pipeline, frames: int) -> None:
    image = tiny_model.draw(PLACES, radius=8.25)  # seen at half the scale too, but cut off by its window
    for _ in range(frames):
        pipeline(image)
        np.testing.assert_allclose(pipeline.poses[0, :, :2], EXPECTED, atol=8)


def test_a_wide_budget_takes_the_whole_frame_as_it_is(model, machine):
    pipeline = pipeline_for(model, machine, 10.0)
    assert isinstance(pipeline.view, AutoView)
    assert (pipeline.view.gear.follow, pipeline.view.gear.factor) == (False, 1.0)
    assert pipeline.view.gear.milliseconds == pytest.approx(6.144)
    run(pipeline, 3)


def test_a_narrow_budget_follows_the_animal(model, machine):
    pipeline = pipeline_for(model, machine, 3.0)
    assert pipeline.view.gear.follow
    assert pipeline.view.gear.milliseconds <= 0.85 * 3.0
    # The look at the whole frame between crops keeps the budget as well.
    whole = pipeline.view.whole.network.frames
    assert whole.size / 3 * 75e-6 <= 0.85 * 3.0
    run(pipeline, 50)


def test_a_budget_that_cannot_be_kept_is_said(model, machine):
    pipeline = pipeline_for(model, machine, 0.1)
    assert any("cannot be kept here" in note for note in pipeline.notes)
    assert len(pipeline.view.gears) == 1
    run(pipeline, 3)


def test_gears_get_faster(model, machine):
    gears = pipeline_for(model, machine, 10.0).view.gears
    assert 1 < len(gears) <= 3
    assert all(after.milliseconds < 0.8 * before.milliseconds for before, after in itertools.pairwise(gears))


def test_a_busy_machine_gets_a_faster_gear_and_a_quiet_one_the_exact_one_again(model, machine):
    pipeline = pipeline_for(model, machine, 8.0)
    view = pipeline.view
    run(pipeline, _WINDOW)
    assert view._at == 0
    machine.load = 2.0
    run(pipeline, _WINDOW)
    assert view._at == 1
    machine.load = 1.0
    run(pipeline, (_PATIENCE + 2) * _WINDOW * 2)
    assert view._at == 0
    assert view.figures()["changes"] == 2


def test_the_8_bit_twin_beside_a_model_is_a_gear(tmp_path, machine):
    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx", pad_multiple=32)))
    tiny_model.write(tmp_path / "dots-int8.onnx", pad_multiple=32, name="dots-int8", precision="int8")
    pipeline = pipeline_for(model, machine, 3.0)
    assert pipeline.model_now.contract.name in ("dots", "dots-int8")
    names = {gear.model.contract.name for gear in pipeline.view.gears}
    assert names <= {"dots", "dots-int8"}
    run(pipeline, 3)


def test_a_stranger_of_that_name_is_not(tmp_path, machine):
    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx", pad_multiple=32)))
    (tmp_path / "dots-int8.onnx").write_bytes(b"something else")
    assert {gear.model.contract.name for gear in pipeline_for(model, machine, 3.0).view.gears} == {"dots"}
