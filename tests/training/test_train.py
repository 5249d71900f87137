"""Training from project file to run folder: it learns, leaves what it promises, and survives a kill."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from drawn import write_project
from posewire_models.errors import InputError, WorkError

pytest.importorskip("tensorflow")
from posewire_training.config import read_project
from posewire_training.learner import Learner
from posewire_training.run_folder import COLUMNS, Curve, new_run, write_arrays
from posewire_training.source import Source, open_source
from posewire_training.train import preview, train, with_options

pytestmark = pytest.mark.trains


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_loss_falls(trained: Path) -> None:
    losses = [float(row["loss"]) for row in rows_of(trained)]
    assert losses[-1] < 0.6 * losses[0]


def test_the_run_folder_holds_what_is_promised(trained: Path) -> None:
    names = {path.name for path in trained.iterdir()}
    assert names == {"settings.json", "run.json", "frames.npz", "checkpoint.npz", "curve.csv", "curve.png"}
    assert (trained / "curve.png").read_bytes().startswith(b"\x89PNG")
    record = json.loads((trained / "run.json").read_text())
    assert record["step"] == 30
    assert record["finished"]
    assert record["seed"] == 0
    assert record["keypoints"] == ["bright", "dark"]
    assert len(record["held_out"]["frames"]) == 2
    assert record["trained_on"]["frames"] == 6
    assert record["error_px"]["mean"] > 0
    assert record["input_size"] == [96, 64]
    assert set(record["versions"]) >= {"posewire", "tensorflow", "keras", "numpy", "python"}
    assert len(record["data_sha256"]) == 64
    assert np.load(trained / "frames.npz")["frames"].shape == (2, 64, 96, 3)
    assert [float(row["step"]) for row in rows_of(trained)] == [15, 30]
    assert tuple(rows_of(trained)[0]) == COLUMNS


def test_a_finished_run_is_left_as_it_is(trained: Path) -> None:
    before = (trained / "checkpoint.npz").stat().st_mtime_ns
    said: list[str] = []
    assert train(trained.parent / "dots.toml", run=trained, quiet=True, say=said.append) == trained
    assert said == [f"{trained}: is finished; nothing was trained"]
    assert (trained / "checkpoint.npz").stat().st_mtime_ns == before


DIES_AT = 12
DYING = f"""
import os, sys
from pathlib import Path
from posewire_training.learner import Learner
from posewire_training.train import train

rate = Learner.learning_rate

def dying(learner, step):
    if step == {DIES_AT}:
        os._exit(9)  # no cleaning up, as after a kill or a power cut
    return rate(learner, step)

Learner.learning_rate = dying
train(Path(sys.argv[1]), run=Path(sys.argv[2]), quiet=True)
"""


def test_a_killed_training_ends_where_an_unbroken_one_does(trained: Path, tmp_path: Path) -> None:
    """Weights, their mean, optimizer, views and curve are all taken up from the last checkpoint."""
    project, run = trained.parent / "dots.toml", tmp_path / "run"
    child = subprocess.run([sys.executable, "-c", DYING, str(project), str(run)], capture_output=True)
    assert child.returncode == 9, child.stderr.decode()
    assert child.stdout == b""
    assert int(np.load(run / "checkpoint.npz")["step"]) == 10
    assert json.loads((run / "run.json").read_text())["finished"] is None
    assert train(project, run=run, quiet=True) == run
    record = json.loads((run / "run.json").read_text())
    assert record["step"] == 30
    assert record["finished"]
    assert not [path for path in run.iterdir() if ".part" in path.name]
    assert [row["step"] for row in rows_of(run)] == [row["step"] for row in rows_of(trained)]
    whole, resumed = (np.load(folder / "checkpoint.npz") for folder in (trained, run))
    for key in whole.files:
        np.testing.assert_allclose(resumed[key], whole[key], rtol=1e-3, atol=1e-4, err_msg=key)


def test_a_run_folder_with_other_settings_is_refused(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    with pytest.raises(InputError, match=r"other settings \(schedule\.steps\)"):
        train(trained.parent / "dots.toml", run=run, steps=31, quiet=True)
    with pytest.raises(InputError, match="already holds a run"):
        train(trained.parent / "dots.toml", run=run, resume=False, quiet=True)
    (run / "settings.json").unlink()
    with pytest.raises(InputError, match=r"no training run \(settings\.json is missing\)"):
        train(trained.parent / "dots.toml", run=run, quiet=True)


def test_a_run_of_an_older_version_lacks_settings_and_is_still_taken_up(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    settings = json.loads((run / "settings.json").read_text())
    del settings["augment"]["tint"], settings["network"]["mixes"]
    (run / "settings.json").write_text(json.dumps(settings))
    assert train(trained.parent / "dots.toml", run=run, quiet=True) == run


def test_changed_data_is_noticed_on_resume(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained.parent, tmp_path / "all")
    run = tmp_path / "all" / "run"
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"finished": None}))
    labels = tmp_path / "all" / "labeled-data" / "clip" / "CollectedData_me.csv"
    lines = labels.read_text().splitlines()
    lines[3:] = [line.rsplit(",", 1)[0] + ",33.0" for line in lines[3:]]
    labels.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="the data changed"):
        train(tmp_path / "all" / "dots.toml", run=run, quiet=True)


def test_a_diverging_training_says_so(untraced: None, tmp_path: Path) -> None:
    project = write_project(tmp_path, schedule={"learning_rate": 1e30, "warmup": 0})
    with pytest.raises(WorkError, match=r"lower schedule\.learning_rate"):
        train(project, run=tmp_path / "run", quiet=True)


@pytest.mark.parametrize(
    ("weights", "told"), [("absent.h5", "not found"), ("dots.toml", "not usable"), (".", "holds no")]
)
def test_wrong_weights_are_refused(tmp_path: Path, weights: str, told: str) -> None:
    project = write_project(tmp_path)
    with pytest.raises(InputError, match=told) as caught:
        train(project, run=tmp_path / "run", weights=weights, quiet=True)
    assert "network.weights" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_steps_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"schedule\.steps"):
        train(write_project(tmp_path), steps=0, quiet=True)


def test_the_learning_rate_rises_and_falls(tmp_path: Path) -> None:
    settings = read_project(write_project(tmp_path, schedule={"steps": 100, "warmup": 10, "learning_rate": 0.01}))
    learner = Learner.__new__(Learner)
    learner.project = settings
    rates = [learner.learning_rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == pytest.approx(0.01)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 1e-4


def test_new_runs_take_the_next_number(tmp_path: Path) -> None:
    assert new_run(tmp_path / "dots.toml", "dots") == tmp_path / "runs" / "dots-1"
    (tmp_path / "runs" / "dots-1").mkdir(parents=True)
    assert new_run(tmp_path / "dots.toml", "dots") == tmp_path / "runs" / "dots-2"


def test_the_curve_drops_rows_of_lost_steps(tmp_path: Path) -> None:
    curve = Curve(tmp_path, 0)
    for step in (2, 4, 6):
        curve.add([step, 1, 1, 1, 0, 1, *[float("nan")] * 4])
    again = Curve(tmp_path, 4)
    assert [row["step"] for row in again.rows] == [2, 4]
    assert np.isnan(again.rows[0]["mean_px"])


def test_training_ends_early_with_the_best_weights(untraced: None, tmp_path: Path) -> None:
    """A learning rate that wrecks what was learned: the best measurement is not the last."""
    schedule = {"steps": 40, "validate_every": 2, "patience": 2, "learning_rate": 0.5, "warmup": 0, "average": 0}
    said: list[str] = []
    run = train(write_project(tmp_path, schedule=schedule), run=tmp_path / "run", quiet=True, say=said.append)
    record = json.loads((run / "run.json").read_text())
    assert record["finished"]
    assert record["step"] < 40
    assert record["best"]["step"] == record["step"] - 4
    assert said[-1].startswith("no better for 2 measurements")
    rows = {float(row["step"]): row for row in rows_of(run)}
    assert record["error_px"]["mean"] == pytest.approx(float(rows[record["best"]["step"]]["mean_px"]), rel=1e-4)
    kept = np.load(run / "best.npz")
    state = np.load(run / "checkpoint.npz")
    np.testing.assert_array_equal(kept["000"], state["average/000"])


def test_patience_has_nothing_to_watch_where_nothing_is_held_out(untraced: None, tmp_path: Path) -> None:
    schedule = {"steps": 4, "validate_every": 1, "patience": 1}
    run = train(write_project(tmp_path, data={"validation": 0}, schedule=schedule), run=tmp_path / "run", quiet=True)
    assert json.loads((run / "run.json").read_text())["step"] == 4


def test_options_win_over_the_project_file(tmp_path: Path) -> None:
    settings = read_project(write_project(tmp_path))

    def source(**options: Any) -> Source:
        return open_source(with_options(settings, **options), tmp_path)

    assert source(fold="2/4").how.startswith("part 2 of 4")
    assert len(source(fold="2/4").held_out) == 2
    assert len(source(everything=True).train) == 8
    assert with_options(settings, steps=7, weights="none").schedule.steps == 7
    for wrong in ("2", "a/b", "0/4", "5/4"):
        with pytest.raises(InputError, match="fold"):
            with_options(settings, fold=wrong)
    with pytest.raises(InputError, match="expected one of them"):
        with_options(settings, fold="1/2", everything=True)


def test_a_preview_shows_views_and_trains_nothing(tmp_path: Path) -> None:
    preview(write_project(tmp_path), tmp_path / "views.png")
    picture = cv2.imread(str(tmp_path / "views.png"))
    assert picture.shape[1] > 1600
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 1000
    assert not (tmp_path / "runs").exists()
    with pytest.raises(WorkError, match="cannot be written"):
        preview(tmp_path / "dots.toml", tmp_path / "nowhere" / "views.png")


def test_a_full_disk_is_named_and_loses_nothing(tmp_path: Path) -> None:
    """Files may not grow beyond a size: the next checkpoint does not fit."""
    resource = pytest.importorskip("resource")
    path = tmp_path / "checkpoint.npz"
    write_arrays(path, {"weights": np.zeros(100)})
    kept = path.read_bytes()
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(WorkError, match=r"checkpoint\.npz: cannot be written \(File too large\)"):
            write_arrays(path, {"weights": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_broken_checkpoint_is_named(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"finished": None}))
    (run / "checkpoint.npz").write_bytes((run / "checkpoint.npz").read_bytes()[:5000])
    with pytest.raises(InputError, match=r"checkpoint\.npz: broken"):
        train(trained.parent / "dots.toml", run=run, quiet=True)
