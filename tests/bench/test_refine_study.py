"""The study of refine against random frames: what it compares, and that it can be taken up. Training is a stand-in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import tiny_model

pytest.importorskip("tensorflow")
from posewire_bench import refine_study
from posewire_bench.refine_sets import LabelledSet, parted
from posewire_bench.refine_study import Study, study
from posewire_bench.studies import summary, toml_of
from posewire_training.config import parse_project, tomllib
from posewire_training.images import ImageRef
from posewire_training.labels import Labels
from posewire_training.refine.predict import Predictions

FRAMES = 36
LOST = range(0, FRAMES, 4)  # the red dot is faint there: a low score, and a wrong limb


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "labeled-data" / "clip"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    names = [name for name in tiny_model.KEYPOINTS for _ in "xy"]
    lines = ["scorer" + ",me" * 6, ",".join(["bodyparts", *names]), "coords" + ",x,y" * 3]
    for number in range(FRAMES):
        places = {name: tuple(rng.uniform((15, 15), (145, 85))) for name in tiny_model.KEYPOINTS}
        image = tiny_model.draw(places, 160, 100)
        if number in LOST:
            image[..., 2] //= 2
        cv2.imwrite(str(folder / f"img{number:02d}.png"), image)
        cells = [f"{value:.2f}" for place in places.values() for value in place]
        lines.append(",".join([f"labeled-data/clip/img{number:02d}.png", *cells]))
    (folder / "CollectedData_me.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "data"


class Trainings:
    """Stands in for `train` and `export`: the error falls with every frame learned from whose red dot is lost."""

    def __init__(self, model: Path) -> None:
        self.model = model
        self.projects: list[Any] = []

    def train(self, project: Path, run: Path, quiet: bool) -> Path:
        settings = parse_project(tomllib.loads(project.read_text()), str(project))
        self.projects.append(settings)
        assert settings.data is not None
        hard = sum(int(Path(name).stem.removeprefix("img")) in LOST for name in settings.data.train_images)
        run.mkdir()
        error = {"mean": 10.0 - hard, "median": 1.0, "within_15px": 1.0}
        (run / "run.json").write_text(json.dumps({"error_px": error, "calibration": {"temperature": 2.0}}))
        return run

    def export(self, run: Path) -> Path:
        # Held-back frames must have no part in the scores.
        assert json.loads((run / "run.json").read_text())["calibration"] is None
        return self.model


def test_the_same_budget_from_the_same_start_and_taken_up(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = Trainings(tiny_model.write(tmp_path / "dots.onnx", symmetric=[]))
    monkeypatch.setattr(refine_study, "train", trainings.train)
    monkeypatch.setattr(refine_study, "export", trainings.export)
    dots = LabelledSet("labeled-data/clip/CollectedData_me.csv", scale=1.0, crop=64)
    monkeypatch.setitem(refine_study.SETS, "dots", dots)
    what = Study("dots", data, tmp_path / "work", 50)
    result = study(what, range(2), ["random", "refined", "doubtful"])
    assert len(trainings.projects) == 2 * 4
    for seed in range(2):
        start, random, refined, doubtful = trainings.projects[4 * seed : 4 * seed + 4]
        tests = set(start.data.validation_images)
        assert len(tests) == FRAMES // 3
        for arm in (random, refined, doubtful):
            assert set(arm.data.validation_images) == tests
            assert set(start.data.train_images) < set(arm.data.train_images)
            assert len(arm.data.train_images) == 20
            assert not tests & set(arm.data.train_images)
            assert arm.schedule == start.schedule
            assert arm.network.weights.endswith(f"dots/seed{seed}/start/run")
    # What refine finds hard is what was made hard.
    assert result["minus_random_px"]["refined"]["mean_px"] < 0
    assert result["minus_random_px"]["doubtful"]["mean_px"] < 0
    again = study(what, range(2), ["random", "refined", "doubtful"])
    assert again == result
    assert len(trainings.projects) == 2 * 4


def test_frames_are_parted_without_overlap() -> None:
    held_back, first, pool = parted(75, 3)
    assert (len(held_back), len(first), len(pool)) == (25, 10, 40)
    assert sorted([*held_back, *first, *pool]) == list(range(75))
    assert not np.array_equal(held_back, parted(75, 4)[0])


def test_of_a_film_frames_between_those_looked_at_are_held_back() -> None:
    held_back, first, pool = parted(100, 3, film=True)
    assert sorted([*first, *pool]) == list(range(0, 100, 4))
    assert len(first) == 10
    assert set(held_back) == set(range(2, 100, 12))


def test_what_is_not_found_counts() -> None:
    truth = np.array([[[[10, 10], [30, 10]], [[80, 80], [np.nan, np.nan]]]] * 2, np.float32)
    found = np.array([[[[11, 10], [30, 13]], [[500, 500], [400, 400]]]] * 2, np.float32)
    found[1, 0, 1] = np.nan  # of an animal that was found
    images = tuple(ImageRef(Path(f"{n}.png")) for n in range(2))
    labels = Labels(images, ("a", "b"), truth, np.ones((2, 2, 2), np.bool_))
    errors = refine_study._frame_errors(labels, Predictions(found, np.ones((2, 2, 2), np.float32)), one=False)
    np.testing.assert_allclose(errors, [(1 + 3 + 15) / 3, (1 + 15 + 15) / 3])


def test_means_and_their_intervals() -> None:
    found = summary([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found["mean_px"] == 3
    # t(0.975, 4) = 2.776, standard deviation sqrt(2.5)
    np.testing.assert_allclose(found["interval_px"], [3 - 1.963, 3 + 1.963], atol=1e-3)
    assert summary([2.0])["interval_px"] is None


def test_settings_come_back_from_toml() -> None:
    fields = {"name": "a", "skeleton": [["x", "y"]], "data": {"labels": [{"file": "b.csv"}], "seed": 3}, "augment": {}}
    assert tomllib.loads(toml_of(fields)) == fields
