"""`evaluate`: errors of a model that computes, on frames whose dots lie at known places."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest

import tiny_model
from dot_labels import write_set
from posewire_bench.accuracy import evaluate, readable
from posewire_bench.agreement import agreement, read_predictions
from program import posewire


@pytest.fixture
def dots(tmp_path):
    return tiny_model.write(tmp_path / "dots.onnx")


def test_errors_are_distances_in_px_and_absent_keypoints_are_counted(tmp_path, dots):
    """Labels 3 and 4 px beside a dot, one dot without label, one label without dot."""
    at = {"blue": (50.0, 40.0), "green": (100.0, 60.0), "red": (150.0, 90.0)}
    labels = write_set(
        tmp_path,
        [
            (at, {"blue": (53.0, 44.0), "green": (100.0, 60.0), "red": (150.0, 90.0)}),
            (at, {"blue": (50.0, 40.0), "green": (100.0, 60.0)}),
            ({"blue": (50.0, 40.0)}, {"blue": (50.0, 40.0), "green": (3.5, 3.5)}),
        ],
    )
    found = evaluate(str(dots), labels)
    assert (found["model"], found["frames"], found["keypoints"]) == ("dots", 3, list(tiny_model.KEYPOINTS))
    assert found["per_keypoint_px"]["blue"] == pytest.approx(5 / 3, abs=0.05)
    assert found["per_keypoint_px"]["red"] == pytest.approx(0, abs=0.05)
    assert found["median_px"] == pytest.approx(0, abs=0.05)
    assert found["missed"] == 1  # the label without dot
    assert found["false"] == 1  # red of the second frame: drawn, not labelled
    assert "100.0 % within 15 px" in readable(found)


def test_a_picture_of_the_worst_frames_is_drawn(tmp_path, dots):
    at = {"blue": (50.0, 40.0), "green": (100.0, 60.0), "red": (150.0, 90.0)}
    labels = write_set(tmp_path, [(at, at)] * 4)
    ended = posewire("evaluate", dots, labels, "--show", tmp_path / "worst.png", "--json")
    assert ended.status == 0, ended.stderr
    assert ended.report["within_15px"] == 1.0
    picture = cv2.imread(str(tmp_path / "worst.png"))
    assert picture.shape[0] >= 2 * 480
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100


def test_agreement_counts_only_what_the_other_program_was_sure_of(tmp_path, dots):
    video = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for n in range(10):
        writer.write(tiny_model.draw({"blue": (50 + n, 40), "green": (100, 60), "red": (150, 90)}))
    writer.release()
    rows = [
        ["scorer", *["net"] * 9],
        ["bodyparts", *(name for name in tiny_model.KEYPOINTS for _ in range(3))],
        ["coords", *["x", "y", "likelihood"] * 3],
        *([n, 50 + n + 6, 40 + 8, 0.99, 100, 60, 0.99, 0, 0, 0.1] for n in range(10)),
    ]
    path = tmp_path / "predictions.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    names, recorded = read_predictions(path)
    assert names == list(tiny_model.KEYPOINTS)
    assert recorded.shape == (10, 3, 3)
    found = agreement(video, path, str(dots))
    assert found["compared"] == 20
    assert found["per_keypoint_median_px"]["blue"] == pytest.approx(10, abs=0.5)
    assert found["per_keypoint_median_px"]["green"] == pytest.approx(0, abs=0.5)
