"""`posewire refine` as a user starts it: on a video with planted mishaps, with what is labelled already, twice."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny_model
from program import posewire

FRAMES = 90
LOST = range(40, 45)  # the red dot is gone
FAR = range(70, 73)  # the green dot is somewhere else
WIDTH, HEIGHT = 240, 160


def places(number: int) -> dict[str, tuple[float, float]]:
    x, y = 60 + number * 0.8, 60 + 10 * np.sin(number / 9)
    found = {"blue": (x, y), "green": (x + 40, y + 5), "red": (x + 80, y)}
    if number in LOST:
        del found["red"]
    if number in FAR:
        found["green"] = (30.0, 140.0)
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "session2.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (WIDTH, HEIGHT))
    for number in range(FRAMES):
        writer.write(tiny_model.draw(places(number), WIDTH, HEIGHT))
    writer.release()
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model.write(tmp_path / "dots.onnx", symmetric=[])


def test_the_mishaps_are_proposed_with_predictions_and_reasons(video: Path, model: Path, tmp_path: Path) -> None:
    ended = posewire("refine", video, "--model", model, "--count", 4, "--gap", 3, "--json", cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    report = ended.report
    assert report["model"] == "dots"
    assert (report["looked_at"], report["every"]) == (FRAMES, 1)
    frames = {frame["frame"]: frame for frame in report["frames"]}
    assert len(frames) == 4
    lost, far = sorted(set(frames) & set(LOST)), sorted(set(frames) & {*FAR, FAR[0] - 1, FAR[-1] + 1})
    assert lost
    assert far
    assert "low score (red)" in frames[lost[0]]["why"]
    assert "green" in frames[far[0]]["why"]
    assert all(abs(a - b) >= 3 for a in frames for b in frames if a != b)

    folder = tmp_path / "labeled-data" / "session2"
    assert {path.name for path in folder.iterdir()} == {
        *(f"img{number:06d}.png" for number in frames),
        "predicted_dots.csv",
        "reasons_dots.csv",
    }
    with (folder / "predicted_dots.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert [line[0] for line in lines[:3]] == ["scorer", "bodyparts", "coords"]
    rows = {int(Path(line[0]).stem.removeprefix("img")): line[1:] for line in lines[3:]}
    assert list(rows) == sorted(frames)
    for number, cells in rows.items():
        for cell, name in zip(zip(cells[::2], cells[1::2], strict=True), tiny_model.KEYPOINTS, strict=True):
            if name in places(number):
                np.testing.assert_allclose(np.array(cell, float), places(number)[name], atol=0.5)
            else:
                assert cell == ("", "")
    with (folder / "reasons_dots.csv").open(newline="") as file:
        reasons = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in reasons] == sorted(frames)
    assert list(reasons[0]) == ["image", "video", "frame", "worth", "score", "jumps", "limbs", "flip", "why"]


def test_what_is_labelled_or_extracted_is_not_proposed_again(video: Path, model: Path, tmp_path: Path) -> None:
    command = ("refine", video, "--model", model, "--count", 6, "--gap", 4, "--project", tmp_path, "--json")
    folder = tmp_path / "labeled-data" / "session2"
    folder.mkdir(parents=True)
    labelled = folder / "img0042.png"
    cv2.imwrite(str(labelled), tiny_model.draw(places(42), WIDTH, HEIGHT))
    (folder / "CollectedData_me.csv").write_text(
        "scorer,me,me,me,me,me,me\nbodyparts,blue,blue,green,green,red,red\ncoords,x,y,x,y,x,y\n"
        "labeled-data/session2/img0042.png,90,60,130,65,,\n"
    )
    project = tmp_path / "dots.toml"
    project.write_text('name = "dots"\n[data]\nlabels = ["labeled-data/*/CollectedData_*.csv"]\nvalidation = 0\n')
    before = (folder / "CollectedData_me.csv").read_bytes()
    first = posewire(*command)
    assert first.status == 0, first.stderr
    taken = {frame["frame"] for frame in first.report["frames"]}
    assert all(abs(number - 42) >= 4 for number in taken)
    assert (folder / "predicted_dots.csv").is_file()
    pictures = {path: path.read_bytes() for path in folder.iterdir()}

    second = posewire(*command)
    assert second.status == 0, second.stderr
    others = {frame["frame"] for frame in second.report["frames"]}
    assert others
    assert all(abs(a - b) >= 4 for a in others for b in {*taken, 42})
    assert (folder / "predicted_dots-2.csv").is_file()
    assert (folder / "CollectedData_me.csv").read_bytes() == before
    assert all(path.read_bytes() == content for path, content in pictures.items())


def test_corrected_labels_are_learned_from_at_once(video: Path, model: Path, tmp_path: Path) -> None:
    """The names fit each other: what refine wrote, corrected and renamed, is what the project's pattern finds."""
    from posewire_training.config import read_project
    from posewire_training.source import open_source

    ended = posewire("refine", video, "--model", model, "--count", 5, "--out", tmp_path)
    assert ended.status == 0, ended.stderr
    assert "save it as CollectedData_" in ended.stdout
    project = tmp_path / "dots.toml"
    project.write_text('name = "dots"\n[data]\nlabels = ["labeled-data/*/CollectedData_*.csv"]\nvalidation = 0\n')
    folder = tmp_path / "labeled-data" / "session2"
    (folder / "predicted_dots.csv").rename(folder / "CollectedData_me.csv")
    source = open_source(read_project(project), tmp_path)
    assert len(source.train) == 5
    assert source.body.keypoints == tiny_model.KEYPOINTS


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--count", "0"), "expected 1 or more"),
        (("--signals", "score,flips"), "did you mean 'flip'"),
        (("--project", "absent.toml"), "absent.toml"),
    ],
)
def test_wrong_calls_are_told_in_one_line(
    video: Path, model: Path, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    ended = posewire("refine", video, "--model", model, *options, cwd=tmp_path)
    assert ended.status == 2
    assert told in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "labeled-data").exists()


def test_two_videos_of_one_name_are_refused(video: Path, model: Path, tmp_path: Path) -> None:
    ended = posewire("refine", video, tmp_path / "other" / "session2.mp4", "--model", model, cwd=tmp_path)
    assert ended.status == 2
    assert "two videos are called session2" in ended.stderr
