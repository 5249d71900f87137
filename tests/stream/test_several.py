"""Several animals through the whole pipeline: found, named, followed by crops, bounded by their number."""

from __future__ import annotations

import numpy as np
import pytest

import several_model
import tiny_model
from posewire.config import RunSettings, decoding_rules
from posewire.pipeline import Pipeline, StepStamps
from posewire.session import load_model
from posewire_models.errors import InputError, ModelError

FRAME_NS = 10_000_000


@pytest.fixture
def herd(tmp_path):
    return load_model(str(several_model.write(tmp_path / "herd.onnx", pad_multiple=32)))


def walk(pipeline, frames):
    """Two animals go to the right; returns (poses, ids) of each frame, and where they were."""
    told = []
    for n in range(frames):
        places = [(40 + 2 * n, 50), (60 + 2 * n, 150)]
        pipeline.step(several_model.draw(places), StepStamps(), None, n * FRAME_NS)
        told.append((pipeline.poses.copy(), pipeline.ids.copy(), several_model.points(places)[0]))
    return told


@pytest.mark.parametrize("follow", [False, True])
def test_animals_are_found_and_keep_their_ids(herd, follow):
    pipeline = Pipeline(herd, follow=follow, follow_px=160)
    pipeline.fit(320, 240)
    first: list[int] = []
    for n, (poses, ids, truth) in enumerate(walk(pipeline, 40)):
        order = np.argsort(poses[:, 0, 1])
        assert poses.shape == (2, 3, 3), n
        np.testing.assert_allclose(poses[order][..., :2], truth, atol=0.2)
        if n > 3:
            assert sorted(ids.tolist()) == [0, 1]
            first = first or ids[order].tolist()
            assert ids[order].tolist() == first


def test_a_followed_animal_is_looked_at_through_a_crop(herd):
    pipeline = Pipeline(herd, follow=True, follow_px=160)
    pipeline.fit(320, 240)
    looks = []
    for n in range(70):
        pipeline.step(several_model.draw([(60, 60), (200, 160)]), StepStamps(), None, n * FRAME_NS)
        looks.append(pipeline._look is pipeline._crops)
    assert not looks[0]
    assert sum(looks) == 67  # the whole frame at the start, and every 30 frames
    assert len(pipeline._crops.crops) == 2


def test_newcomers_are_found_by_the_next_look_at_the_whole_frame(herd):
    pipeline = Pipeline(herd, follow=True, follow_px=120)
    pipeline.fit(320, 240)
    counts = []
    for n in range(70):
        places = [(30, 40)] + ([(200, 190)] if n > 10 else [])
        pipeline.step(several_model.draw(places), StepStamps(), None, n * FRAME_NS)
        counts.append(len(pipeline.poses))
    assert counts[0] == 1
    assert counts[30:] == [2] * 40


def test_no_more_animals_than_there_are(herd):
    pipeline = Pipeline(herd, animals=1)
    assert len(pipeline(several_model.draw([(40, 50), (60, 150)]))) == 1


def test_rules_of_the_rig_win_over_those_of_the_model(tmp_path):
    model = load_model(str(several_model.write(tmp_path / "herd.onnx", decoding={"min_parts": 3, "min_link": 0.2})))
    rules = decoding_rules(RunSettings(decoding={"min_link": 0.4}, animals=2), model.contract)
    assert (rules.min_parts, rules.min_link, rules.max_animals) == (3, 0.4, 2)
    with pytest.raises(InputError, match=r"\[decoding\] min_lnk: no such key"):
        decoding_rules(RunSettings(decoding={"min_lnk": 0.4}), model.contract)
    with pytest.raises(InputError, match="longest_px: 1 lengths; expected 2"):
        decoding_rules(RunSettings(decoding={"longest_px": [3.0]}), model.contract)


def test_rules_for_one_animal_are_refused(tmp_path):
    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx")))
    with pytest.raises(InputError, match="--animals: dots is a model of one animal"):
        decoding_rules(RunSettings(animals=2), model.contract)


def test_a_model_file_with_bad_rules_is_refused(tmp_path):
    with pytest.raises(ModelError, match="decoding: min_parts: 0; expected a whole number"):
        load_model(str(several_model.write(tmp_path / "herd.onnx", decoding={"min_parts": 0})))
