"""A project as a user makes it, fills it, moves it and trains it."""

from __future__ import annotations

import json

import pytest

from drawn import write_images
from filmed import walk, write_video
from program import posewire


def test_from_new_to_frames_and_on_after_a_move(tmp_path):
    pytest.importorskip("sklearn")
    labels = write_images(tmp_path / "old", 10)
    film = write_video(tmp_path / "film.avi", walk(30))
    home = tmp_path / "home"
    made = posewire("new", home / "dots", "--labels", labels, "--video", film, "--json")
    assert made.status == 0, made.stderr
    assert made.report["frames"] == 10
    assert made.report["settings"]["scale"] == 1.0

    chosen = posewire("frames", home / "dots", "--count", 6, "--method", "uniform", "--json")
    assert chosen.status == 0, chosen.stderr
    assert len(chosen.report["frames"]) == 6
    assert (home / "dots" / "labeled-data" / "contact-sheet-1.jpg").is_file()

    # What the project was made of goes away, and the project elsewhere.
    film.unlink()
    (tmp_path / "old").rename(tmp_path / "gone")
    moved = tmp_path / "away" / "points"
    moved.parent.mkdir()
    (home / "dots").rename(moved)
    again = posewire("frames", moved, "--count", 6, "--json", POSEWIRE_DATA=str(tmp_path / "gone"))
    assert again.status == 0, again.stderr
    assert len(again.report["frames"]) == 6
    assert not {f["frame"] for f in chosen.report["frames"]} & {f["frame"] for f in again.report["frames"]}
    assert again.report["sheet"] == str(moved / "labeled-data" / "contact-sheet-2.jpg")


@pytest.mark.trains
def test_a_new_project_trains_as_it_is(tmp_path):
    pytest.importorskip("tensorflow")
    labels = write_images(tmp_path / "old", 10)
    assert posewire("new", tmp_path / "dots", "--labels", labels).status == 0
    moved = (tmp_path / "dots").rename(tmp_path / "moved")
    trained = posewire("train", moved, "--weights", "none", "--steps", 2, "--no-export")
    assert trained.status == 0, trained.stderr
    record = json.loads((moved / "runs" / "dots-1" / "run.json").read_text())
    assert record["step"] == 2
    assert record["keypoints"] == ["bright", "dark"]


def test_errors_are_one_line_and_write_nothing(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    film = write_video(tmp_path / "film.avi", walk(3))
    ended = posewire("frames", tmp_path / "a.mp4", film, tmp_path / "b.mp4", "--out", tmp_path / "out")
    assert ended.status == 2
    last = ended.stderr.strip().splitlines()
    assert len(last) == 1
    assert "a.mp4" in last[0]
    assert "b.mp4" in last[0]
    assert not (tmp_path / "out").exists()

    assert posewire("new", tmp_path / "mine").status == 0
    taken = posewire("new", tmp_path / "mine")
    assert taken.status == 2
    assert "is there already" in taken.stderr
    untrained = posewire("train", tmp_path / "mine")
    assert untrained.status == 2
    assert "no file in" in untrained.stderr
