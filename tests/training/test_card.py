"""The error on a card: a run's own, another run's, or that of several parts together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from posewire_models.errors import InputError
from posewire_training.config import Project, parse_project
from posewire_training.run_folder import write_json

pytest.importorskip("tensorflow")
from posewire_training.card import card_error, card_temperature
from posewire_training.precision import Loss
from posewire_training.validation import summed_up

SETTINGS = parse_project({"name": "one", "data": {"labels": ["x"]}}, "test")


def a_run(folder: Path, errors: dict[str, list[float | None]], settings: Project = SETTINGS) -> Path:
    """A run folder with the errors of its held-out frames."""
    folder.mkdir(parents=True)
    known = [e for frame in errors.values() for e in frame if e is not None]
    error = {"mean": np.mean(known), "median": np.median(known), "within_15px": 1.0, "found": 1.0, "frames": errors}
    record = {"keypoints": ["a"], "held_out": {"how": "some frames", "frames": list(errors)}, "error_px": error}
    write_json(folder / "settings.json", settings.model_dump(mode="json"))
    write_json(folder / "run.json", record)
    return folder


WHOLE = {"keypoints": ["a"], "error_px": None, "held_out": {"how": "nothing", "frames": []}}


def test_parts_are_pooled_and_their_means_give_the_interval(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), {f"{n}a": [float(n), n + 1.0], f"{n}b": [n + 2.0]}) for n in range(1, 6)]
    card = card_error(SETTINGS, WHOLE, runs)
    assert card["value"] == pytest.approx(4.0)
    assert card["frames"] == 10
    means = np.arange(2, 7)
    half = 2.776 * means.std(ddof=1) / np.sqrt(5)
    assert card["interval_95"] == pytest.approx([4 - half, 4 + half], abs=2e-3)
    wider = half * np.sqrt(6)  # the scatter of one more part
    assert card["new_part_95"] == pytest.approx([max(0, 4 - wider), 4 + wider], abs=2e-3)
    assert "5 parts, 10 frames in all" in card["held_out"]
    assert "trained on all of them" in card["held_out"]


def test_one_run_draws_its_frames_anew(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    run = a_run(tmp_path / "one", {str(n): [float(e)] for n, e in enumerate(rng.uniform(1, 5, 60))})
    card = card_error(SETTINGS, WHOLE, [run])
    assert "new_part_95" not in card
    low, high = card["interval_95"]
    assert low < card["value"] < high
    half = 1.96 * np.std([1, 5]) / np.sqrt(3) / np.sqrt(60)  # of a uniform draw
    assert (high - low) / 2 == pytest.approx(half, rel=0.35)


def test_keypoints_not_found_are_told_and_not_averaged(tmp_path: Path) -> None:
    card = card_error(SETTINGS, json.loads((a_run(tmp_path / "one", {"a": [2.0, None]}) / "run.json").read_text()))
    assert card["value"] == 2.0
    assert card["found"] == 0.5


def test_frames_held_out_twice_and_other_settings_are_refused(tmp_path: Path) -> None:
    one, two = (a_run(tmp_path / name, {"same": [1.0]}) for name in ("one", "two"))
    with pytest.raises(InputError, match="hold out the same frames"):
        card_error(SETTINGS, WHOLE, [one, two])
    fields = {"name": "one", "data": {"labels": ["x"], "folds": 5, "fold": 2}}
    a_run(tmp_path / "fold", {"other": [1.0]}, parse_project(fields, "fold"))
    assert card_error(SETTINGS, WHOLE, [one, tmp_path / "fold"])["frames"] == 2
    a_run(tmp_path / "wide", {"third": [1.0]}, parse_project(fields | {"network": {"alpha": 1.0}}, "wide"))
    with pytest.raises(InputError, match=r"network\.alpha"):
        card_error(SETTINGS, WHOLE, [one, tmp_path / "wide"])


def test_losses_of_the_parts_are_joined(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), {f"{n}": [1.0]}) for n in range(2)]
    losses = [
        Loss(*(summed_up(np.full((1, 1, 1), error, np.float32), np.ones((1, 1, 1), np.float32)) for error in (2.0, e)))
        for e in (2.0, 2.2)
    ]
    card = card_error(SETTINGS, WHOLE, runs, losses, "int8")
    assert (card["value"], card["fp32"], card["loss_percent"]) == pytest.approx((2.1, 2.0, 5.0), abs=0.01)
    assert "brought to int8 in the same way" in card["held_out"]


def test_the_temperature_is_the_runs_own_or_the_mean_of_its_parts(tmp_path: Path) -> None:
    runs = [a_run(tmp_path / str(n), {f"{n}": [1.0]}) for n in range(3)]
    for run, temperature in zip(runs, (0.125, 1.0, 2.0), strict=True):  # the second one could not be measured
        record = json.loads((run / "run.json").read_text()) | {"calibration": {"temperature": temperature}}
        write_json(run / "run.json", record)
    assert card_temperature(record) == 2.0
    assert card_temperature(WHOLE, runs) == pytest.approx(0.5)
    assert card_temperature(WHOLE, runs[1:2]) == 1.0
    assert card_temperature(WHOLE) == 1.0
