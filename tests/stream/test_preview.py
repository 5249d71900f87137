"""--show writes pictures and films under their final name only when whole."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from posewire.preview import Viewer
from posewire_models.errors import InputError, WorkError

POSES = np.array([[[80.0, 60.0, 0.9]]], np.float32)


def frame(gray):
    return np.full((480, 640, 3), gray, np.uint8)


def test_a_film_holds_every_frame_and_appears_at_the_end(tmp_path):
    path = tmp_path / "film.mp4"
    viewer = Viewer(path, ["a"], [], 30.0, wait=True)
    for n in range(20):
        viewer.offer(frame(n * 10), POSES, f"frame {n}")
    assert not path.exists()
    viewer.close()
    film = cv2.VideoCapture(str(path))
    grays = []
    while (read := film.read())[0]:
        grays.append(int(read[1][200, 500, 0]))
    assert len(grays) == viewer.written == 20
    assert np.abs(np.array(grays) - np.arange(20) * 10).max() < 8
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_holds_the_last_frame(tmp_path):
    path = tmp_path / "frame.png"
    viewer = Viewer(path, ["a"], [], 30.0, wait=True)
    for gray in (10, 20, 230):
        viewer.offer(frame(gray), POSES, "")
    viewer.close()
    assert cv2.imread(str(path))[200, 500, 0] == 230
    assert list(tmp_path.iterdir()) == [path]


def test_at_real_pace_the_loop_never_waits_and_drops_are_counted(tmp_path):
    viewer = Viewer(tmp_path / "film.mp4", ["a"], [], 30.0, wait=False)
    for _ in range(60):
        viewer.offer(frame(0), POSES, "")
    viewer.close()
    assert viewer.written + viewer.dropped == 60


def test_no_frame_at_all_leaves_no_file(tmp_path):
    Viewer(tmp_path / "film.mp4", ["a"], [], 30.0, wait=True).close()
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_ending_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="expected a file ending in"):
        Viewer(tmp_path / "film.avi", ["a"], [], 30.0, wait=True)


def test_a_missing_folder_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match="make it first"):
        Viewer(tmp_path / "nowhere" / "film.mp4", ["a"], [], 30.0, wait=True)


def test_a_writer_that_fails_is_told_and_does_not_block(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    viewer = Viewer(folder / "frame.png", ["a"], [], 30.0, wait=True)
    folder.rmdir()
    for _ in range(30):
        viewer.offer(frame(0), POSES, "")
    with pytest.raises(WorkError, match=r"frame\.png"):
        viewer.close()
