"""What the grabber's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from grabbing import COUNT
from posewire.grabber import Grabber


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 200 frames/s; frame n has gray value 6 n."""
    path = tmp_path_factory.mktemp("grabber") / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 200.0, (64, 48))
    for number in range(COUNT):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    return path


@pytest.fixture
def started() -> Iterator[list[Grabber]]:
    """Grabbers to be stopped after the test."""
    grabbers: list[Grabber] = []
    yield grabbers
    for grabber in grabbers:
        grabber.stop(0.0)
