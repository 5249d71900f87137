"""What refine writes: whole or not at all, never over something, several animals by place."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny_model
from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels import load_labels
from posewire_training.refine.predict import Predictor
from posewire_training.refine.written import Chosen, write_chosen


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for grey in range(0, 200, 20):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    return path


def chosen(video: Path, number: int, animals: int = 1) -> Chosen:
    points = np.full((animals, 3, 2), 10 + number, np.float32)
    scores = np.full((animals, 3), 0.9, np.float32)
    scores[-1, 2] = 0.1
    return Chosen(ImageRef(video, number), points, scores, 0.5, {"score": 0.5}, "low score (red)")


def test_several_animals_without_empty_places(video: Path, tmp_path: Path) -> None:
    contract = Predictor(str(tiny_model.write(tmp_path / "dots.onnx"))).contract
    frames = [chosen(video, 6, animals=3), chosen(video, 2, animals=3)]
    frames[0].scores[0] = 0.1  # below the limit: two animals are left, and two more places are not needed
    frames[1].scores[1:] = 0
    files = write_chosen(frames, contract, tmp_path / "out", 0.3)
    labels = load_labels(files.predicted[0])
    assert [image.path.name for image in labels.images] == ["img000002.png", "img000006.png"]
    assert labels.animals == 2
    found = ~np.isnan(labels.points[..., 0])
    np.testing.assert_array_equal(found[0], [[True] * 3, [False] * 3])
    np.testing.assert_array_equal(found[1], [[True] * 3, [True, True, False]])
    assert [path.name for path in files.pictures] == ["img000006.png", "img000002.png"]


def test_nothing_stays_if_something_fails(video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract = Predictor(str(tiny_model.write(tmp_path / "dots.onnx"))).contract

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("posewire_training.refine.written.write_whole", full)
    with pytest.raises(Exception, match="No space left on device"):
        write_chosen([chosen(video, 1)], contract, tmp_path / "out", 0.3)
    assert not list((tmp_path / "out").rglob("*.*"))


def test_another_picture_in_the_place_is_refused(video: Path, tmp_path: Path) -> None:
    contract = Predictor(str(tiny_model.write(tmp_path / "dots.onnx"))).contract
    place = tmp_path / "out" / "labeled-data" / "clip" / "img000003.png"
    place.parent.mkdir(parents=True)
    cv2.imwrite(str(place), np.zeros((5, 5, 3), np.uint8))
    before = place.read_bytes()
    with pytest.raises(InputError, match="is there and is not"):
        write_chosen([chosen(video, 1), chosen(video, 3)], contract, tmp_path / "out", 0.3)
    assert [path.name for path in place.parent.iterdir()] == ["img000003.png"]
    assert place.read_bytes() == before
