"""Which cameras there are: the kernel's list below a folder of the test, devices by real OpenCV on video files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from posewire.sources import cameras
from posewire.sources.cameras import CameraFound, list_cameras


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "camera.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    return path


def test_listing_cameras_works_on_this_machine() -> None:
    """Whatever is there: asked or not, the same cameras are found."""
    asked = [camera.spec for camera in list_cameras()]
    assert asked == [camera.spec for camera in list_cameras(ask=False)]


def test_the_kernels_list_names_cameras_and_leaves_out_their_second_nodes(tmp_path: Path) -> None:
    for node, index, name in [(10, 0, "Side"), (2, 0, "Overhead"), (3, 1, "Overhead")]:
        folder = tmp_path / f"video{node}"
        folder.mkdir()
        (folder / "index").write_text(f"{index}\n")
        (folder / "name").write_text(f"{name}\n")
    (tmp_path / "video11").mkdir()
    assert cameras._listed(tmp_path) == [CameraFound(2, "Overhead", "V4L2"), CameraFound(10, "Side", "V4L2")]
    assert cameras._listed(tmp_path / "absent") == []


def test_a_camera_is_asked_what_it_delivers(recording: Path) -> None:
    found = CameraFound(4, "Side", "V4L2")
    asked = cameras._asked(found, lambda _: cv2.VideoCapture(str(recording)))
    assert asked == CameraFound(4, "Side", "V4L2", opened=True, width=64, height=48, fps=25.0)
    assert asked.spec == "camera:4"


def test_a_camera_that_cannot_be_opened_is_listed_all_the_same() -> None:
    found = CameraFound(4, "Side", "V4L2")
    assert cameras._asked(found, lambda _: cv2.VideoCapture()) == found


def test_indices_are_tried_up_to_the_first_that_is_empty(recording: Path) -> None:
    found = cameras._probed(
        lambda index: cv2.VideoCapture(str(recording)) if index in (0, 1, 3) else cv2.VideoCapture()
    )
    assert [camera.spec for camera in found] == ["camera:0", "camera:1"]
    assert (found[0].width, found[0].height) == (64, 48)
