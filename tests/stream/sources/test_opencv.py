"""Cameras. The camera itself is a stand-in: a video file in real OpenCV, or a small device where hardware is meant."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from posewire.sources import opencv
from posewire.sources.cameras import Capture
from posewire.sources.opencv import Camera, CameraFound
from posewire_models.errors import InputError, WorkError

FRAMES = 40
READ_BY_OPEN = 3 + 1 + 10  # settling, then the measurement of the rate


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A video whose frame n has gray value 6 n."""
    path = tmp_path / "camera.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (64, 48))
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    return path


class Device:
    """A camera with a clock of its own: ``rates[depth]`` frames/s at each buffer depth that it grants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rates: dict[int, float], claims: float = 30.0) -> None:
        self.rates = rates
        self.depth = max(rates)
        self.values = {
            cv2.CAP_PROP_FPS: claims,
            cv2.CAP_PROP_FRAME_WIDTH: 64.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 48.0,
        }
        self.asked: list[tuple[int, float]] = []
        self.now = 0.0
        self.broken: set[int] = set()
        self.grabs = 0
        self.released = False
        monkeypatch.setattr(opencv, "now_ns", lambda: round(self.now))

    def isOpened(self) -> bool:
        return True

    def get(self, propId: int, /) -> float:
        return float(self.depth) if propId == cv2.CAP_PROP_BUFFERSIZE else self.values.get(propId, 0.0)

    def set(self, propId: int, value: float, /) -> bool:
        self.asked.append((propId, value))
        if propId == cv2.CAP_PROP_BUFFERSIZE and value in self.rates:
            self.depth = round(value)
            return True
        return False

    def grab(self) -> bool:
        self.grabs += 1
        self.now += 1e9 / self.rates[self.depth]
        return True

    def retrieve(self, image: Any = None, /) -> tuple[bool, Any]:
        if self.grabs in self.broken:
            return False, None
        height, width = (round(self.values[key]) for key in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
        return True, np.zeros((height, width, 3), np.uint8)

    def release(self) -> None:
        self.released = True


def camera(device: Capture, **options: Any) -> Camera:
    return Camera(0, capture=lambda _: device, **options)


def test_frames_are_live_numbered_from_0_and_stamped(recording: Path) -> None:
    source = camera(cv2.VideoCapture(str(recording)))
    info = source.open()
    assert (info.name, info.width, info.height, info.live, info.frames) == ("camera:0", 64, 48, True, None)
    assert info.fps > 0
    frames = [source.read() for _ in range(5)]
    assert [frame.number for frame in frames if frame] == [0, 1, 2, 3, 4]
    assert [round(float(frame.image.mean()) / 6) for frame in frames if frame] == [READ_BY_OPEN + n for n in range(5)]
    stamps = [frame.grabbed_ns for frame in frames if frame]
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
    assert stamps[0] > 0
    source.close()


def test_frames_are_read_into_the_given_buffer(recording: Path) -> None:
    source = camera(cv2.VideoCapture(str(recording)))
    source.open()
    buffer = np.zeros((48, 64, 3), np.uint8)
    frame = source.read(buffer)
    assert frame is not None
    assert frame.image is buffer
    source.close()


def test_a_camera_that_stops_delivering_is_an_error(recording: Path) -> None:
    source = camera(cv2.VideoCapture(str(recording)))
    source.open()
    for _ in range(FRAMES - READ_BY_OPEN):
        assert source.read() is not None
    with pytest.raises(WorkError, match=f"camera 0 delivers no frames any more after {FRAMES - READ_BY_OPEN}"):
        source.read()
    source.close()


def test_a_buffer_that_cannot_be_set_is_said(recording: Path) -> None:
    source = camera(cv2.VideoCapture(str(recording)))
    assert "does not let its buffer be set" in source.open().notes[0]
    source.close()


def test_the_buffer_is_as_small_as_the_rate_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 15.0, 2: 30.0, 3: 30.0, 4: 30.0})
    info = camera(device).open()
    assert device.depth == 2
    assert info.fps == pytest.approx(30.0)
    assert info.notes == ("camera 0: buffer of 2 frame(s), 30.0 frames/s measured",)


def test_one_buffer_is_enough_where_the_rate_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0, 4: 30.0})
    camera(device).open()
    assert device.depth == 1


def test_a_rate_that_no_buffer_mends_keeps_the_smallest_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, dict.fromkeys(range(1, 5), 12.0))
    info = camera(device).open()
    assert device.depth == 1
    assert info.fps == pytest.approx(12.0)
    assert "claims 30 frames/s and delivers 12.0" in info.notes[1]


def test_a_size_and_rate_that_are_not_granted_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0})
    info = camera(device, size=(1280, 720), fps=100.0).open()
    assert (info.width, info.height) == (64, 48)
    assert "asked for 1280x720 and delivers 64x48" in info.notes[1]
    assert "asked for 100 frames/s and delivers 30.0" in info.notes[2]


def test_the_format_is_asked_for_before_size_and_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0})
    camera(device, size=(1280, 720), fps=100.0, fourcc="MJPG").open()
    wishes = [key for key, _ in device.asked if key not in (cv2.CAP_PROP_READ_TIMEOUT_MSEC, cv2.CAP_PROP_BUFFERSIZE)]
    assert wishes == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]


def test_a_broken_frame_leaves_a_hole_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0})
    source = camera(device)
    source.open()
    device.broken = {device.grabs + 2, device.grabs + 3}
    numbers = [frame.number for frame in (source.read(), source.read()) if frame]
    assert numbers == [0, 3]
    assert "2 of 4 frames arrived broken" in source.remarks()[0]


def test_a_camera_that_only_delivers_broken_frames_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0})
    source = camera(device)
    source.open()
    device.broken = set(range(device.grabs, device.grabs + 1000))
    with pytest.raises(WorkError, match="30 frames in a row arrived broken"):
        source.read()


def test_a_device_without_images_is_refused_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(monkeypatch, {1: 30.0})
    device.broken = set(range(100))
    with pytest.raises(InputError, match="opens but delivers no frame"):
        camera(device).open()
    assert device.released


def test_an_absent_camera_is_told_which_ones_are_there() -> None:
    there = [CameraFound(0, "Overhead", "V4L2"), CameraFound(2, "Side", "V4L2")]
    source = Camera(3, capture=lambda _: cv2.VideoCapture(), found=lambda: there)
    with pytest.raises(InputError) as caught:
        source.open()
    assert str(caught.value) == "no camera 3; found: camera:0 (Overhead), camera:2 (Side)"
    with pytest.raises(InputError, match="no camera 3; found: none"):
        Camera(3, capture=lambda _: cv2.VideoCapture(), found=list).open()


def test_a_camera_in_use_is_not_called_absent() -> None:
    source = Camera(0, capture=lambda _: cv2.VideoCapture(), found=lambda: [CameraFound(0, "Overhead", "V4L2")])
    with pytest.raises(InputError, match="is there but cannot be opened"):
        source.open()


def test_this_machines_missing_camera_is_one_line() -> None:
    """Through the real backend: camera 9999 exists nowhere."""
    with pytest.raises(InputError, match="no camera 9999; found: "):
        Camera(9999).open()
