"""Video files, written by OpenCV for the test or recorded by others."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from paths import shared
from posewire.frame import Image
from posewire.sources.video import VideoFile, header_fps
from posewire_models.errors import InputError

SIZE = (64, 48)


def write_video(path: Path, frames: int, fourcc: str, fps: float = 25.0) -> Path:
    """A video whose frame n has gray value 8 n."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, SIZE)
    assert writer.isOpened()
    for number in range(frames):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 8 * number % 256, np.uint8))
    writer.release()
    return path


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def read_all(source: VideoFile, into: Image | None = None) -> list[tuple[int, int]]:
    """Number and gray value (in steps of 8, as written) of all frames."""
    frames = []
    while (frame := source.read(into)) is not None:
        frames.append((frame.number, round(float(frame.image.mean()) / 8)))
    return frames


@pytest.mark.parametrize(("name", "fourcc"), [("a.mp4", "mp4v"), ("a.avi", "MJPG")])
def test_all_frames_come_in_order_and_numbered(name: str, fourcc: str, tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / name, 20, fourcc))
    info = source.open()
    assert (info.name, info.width, info.height, info.live, info.frames) == (name, *SIZE, False, 20)
    assert info.fps == pytest.approx(25.0)
    assert read_all(source) == [(n, n) for n in range(20)]
    assert source.read() is None
    assert source.remarks() == []
    source.close()


def test_frames_are_read_into_the_given_buffer(tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / "a.avi", 5, "MJPG"))
    info = source.open()
    buffer = np.zeros((info.height, info.width, 3), np.uint8)
    source.read()
    frame = source.read(buffer)
    assert frame is not None
    assert frame.image is buffer
    assert round(buffer.mean() / 8) == 1
    source.close()


def test_a_buffer_of_another_shape_is_left_alone(tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / "a.avi", 5, "MJPG"))
    source.open()
    buffer = np.zeros((7, 9, 3), np.uint8)
    assert read_all(source, buffer) == [(n, n) for n in range(5)]
    assert not buffer.any()
    source.close()


def test_a_cut_off_video_delivers_what_is_there_and_says_so(tmp_path: Path) -> None:
    source = VideoFile(cut(write_video(tmp_path / "a.avi", 30, "MJPG"), 0.6))
    assert source.open().frames == 30
    frames = read_all(source)
    assert 5 <= len(frames) < 30
    assert frames == [(n, n) for n in range(len(frames))]
    (remark,) = source.remarks()
    assert f"{len(frames)} of the 30 frames" in remark
    source.close()


def test_a_video_left_before_its_end_is_not_called_cut_off(tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / "a.avi", 30, "MJPG"))
    source.open()
    source.read()
    source.close()
    assert source.remarks() == []


def test_a_video_without_its_index_is_refused(tmp_path: Path) -> None:
    """OpenCV writes the index of an mp4 last: without it nothing can be decoded."""
    source = VideoFile(cut(write_video(tmp_path / "a.mp4", 30, "mp4v"), 0.6))
    with pytest.raises(InputError, match="cannot be read as a video"):
        source.open()
    source.close()


def test_a_video_cut_off_before_its_first_frame_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", 30, "MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    source = VideoFile(path)
    with pytest.raises(InputError, match=r"a\.avi"):
        source.open()
    source.close()


@pytest.mark.parametrize(("content", "expected"), [(b"", "is empty"), (b"hello\n" * 99, "cannot be read as a video")])
def test_what_is_no_video_is_refused_in_one_line(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "mouse.mp4"
    path.write_bytes(content)
    source = VideoFile(path)
    with pytest.raises(InputError, match=expected) as caught:
        source.open()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    source.close()


def test_native_libraries_stay_silent_about_a_bad_file(tmp_path: Path) -> None:
    path = tmp_path / "mouse.mp4"
    path.write_text("hello")
    code = (
        "import sys; from pathlib import Path; from posewire.sources.video import VideoFile\n"
        "try: VideoFile(Path(sys.argv[1])).open()\n"
        "except Exception as error: print(type(error).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("InputError", "")


def test_a_missing_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video file"):
        VideoFile(tmp_path / "mouse.mp4").open()


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        VideoFile(tmp_path).open()


def test_the_users_rate_replaces_the_files_own(tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / "a.avi", 3, "MJPG"), fps=250.0)
    assert source.open().fps == 250.0
    source.close()


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf, 1e6])
def test_a_header_without_a_rate_means_30_and_a_note(fps: float) -> None:
    taken, notes = header_fps(fps, Path("mouse.mp4"))
    assert taken == 30.0
    assert "mouse.mp4 gives no frame rate: 30 frames/s taken" in notes[0]


@pytest.mark.parametrize("fps", [14.985, 25.0, 250.0, 1000.0])
def test_a_rate_in_the_header_is_taken_as_it_is(fps: float) -> None:
    assert header_fps(fps, Path("mouse.mp4")) == (fps, ())


def test_reading_without_opening_and_after_closing_gives_nothing(tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / "a.avi", 3, "MJPG"))
    assert source.read() is None
    source.close()
    source.open()
    source.close()
    assert source.read() is None
    source.close()


def test_a_real_recording_is_decoded_to_its_last_frame() -> None:
    source = VideoFile(shared("dlc-openfield") / "videos" / "m3v1mp4.mp4")
    info = source.open()
    assert (info.width, info.height, info.frames) == (640, 480, 2330)
    assert info.fps == pytest.approx(30.0, abs=0.01)
    buffer = np.empty((480, 640, 3), np.uint8)
    numbers = []
    while (frame := source.read(buffer)) is not None:
        numbers.append(frame.number)
    assert numbers == list(range(2330))
    assert source.remarks() == []
    source.close()


def test_a_gray_recording_has_three_equal_channels() -> None:
    source = VideoFile(shared("mirror-mouse") / "videos" / "test_vid.mp4")
    info = source.open()
    assert (info.width, info.height) == (396, 406)
    frame = source.read()
    assert frame is not None
    assert frame.image.shape == (406, 396, 3)
    assert np.array_equal(frame.image[..., 0], frame.image[..., 2])
    source.close()


@pytest.mark.parametrize(("name", "fourcc"), [("a.mp4", "mp4v"), ("a.avi", "MJPG")])
def test_skipped_frames_count_and_the_container_tells_times(name: str, fourcc: str, tmp_path: Path) -> None:
    source = VideoFile(write_video(tmp_path / name, 10, fourcc))
    source.open()
    assert source.skip()
    assert source.skip()
    times = []
    while (frame := source.read()) is not None:
        assert round(float(frame.image.mean()) / 8) == frame.number
        times.append((frame.number, round(source.time_s, 6)))
        if frame.number == 6:
            assert source.skip()
    assert times == [(n, n / 25) for n in (2, 3, 4, 5, 6, 8, 9)]
    assert (source.decoded, source.promised) == (10, 10)
    assert not source.skip()
    source.close()
    assert not source.skip()


def test_times_of_an_unsteady_rate_are_the_containers(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    steady = write_video(tmp_path / "a.avi", 12, "MJPG")
    unsteady = tmp_path / "b.mkv"
    # Frames 0, 1, 2, 6, 7, 8: a camera that lost some.
    choose = "select=lt(mod(n\\,6)\\,3)"
    command = [ffmpeg, "-loglevel", "error", "-i", str(steady), "-vf", choose, "-fps_mode", "vfr", str(unsteady)]
    subprocess.run(command, check=True)
    source = VideoFile(unsteady)
    source.open()
    times = []
    while source.read() is not None:
        times.append(round(source.time_s, 3))
    assert times == [0.0, 0.04, 0.08, 0.24, 0.28, 0.32]
