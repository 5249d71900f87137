"""The source with faults: each fault does what its table says."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from posewire.frame import Frame, Image, SourceInfo, Truth
from posewire.sources import open_source
from posewire.sources.faulty import FaultySource
from posewire_models.errors import InputError, WorkError

COUNT = 12


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images whose frame n has gray value 10 n."""
    for number in range(COUNT):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((6, 8, 3), 10 * number, np.uint8))
    return tmp_path


class Known:
    """A source of one frame with a known truth."""

    def open(self) -> SourceInfo:
        return SourceInfo("known", 8, 6, 30.0)

    def read(self, into: Image | None = None) -> Frame | None:
        points = np.array([[[0.0, 0.0], [7.0, 5.0]]], np.float32)
        truth = Truth(("nose", "tail"), points, np.ones((1, 2), np.bool_))
        return Frame(np.zeros((6, 8, 3), np.uint8), 0, truth=truth)

    def close(self) -> None: ...

    def remarks(self) -> list[str]:
        return ["a remark"]


def opened(faults: str, folder: Path) -> FaultySource:
    source = open_source(f"fault:{faults}|{folder}")
    source.open()
    assert isinstance(source, FaultySource)
    return source


def read_all(source: FaultySource) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def seen(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(frame.number, int(frame.image[0, 0, 0])) for frame in frames]


def whole() -> list[tuple[int, int]]:
    return [(n, 10 * n) for n in range(COUNT)]


def test_without_faults_nothing_is_changed(folder: Path) -> None:
    assert seen(read_all(opened("", folder))) == whole()


def test_a_vanished_source_stays_vanished(folder: Path) -> None:
    source = opened("vanish=5", folder)
    assert seen([frame for frame in (source.read() for _ in range(5)) if frame]) == whole()[:5]
    for _ in range(3):
        with pytest.raises(WorkError, match="vanished at frame 5"):
            source.read()


def test_a_source_may_end_early(folder: Path) -> None:
    source = opened("end=5", folder)
    assert seen(read_all(source)) == whole()[:5]
    assert source.read() is None


def test_repeats_have_the_same_number_and_image_in_arrays_of_their_own(folder: Path) -> None:
    frames = read_all(opened("repeat=3:2;repeat=7", folder))
    expected = [*whole()[:4], (3, 30), (3, 30), *whole()[4:8], (7, 70), *whole()[8:]]
    assert seen(frames) == expected
    assert len({id(frame.image) for frame in frames}) == len(frames)


def test_lost_frames_leave_a_hole(folder: Path) -> None:
    assert seen(read_all(opened("lose=3:4;lose=9", folder))) == [*whole()[:3], *whole()[7:9], *whole()[10:]]


def test_noise_replaces_the_image(folder: Path) -> None:
    frames = read_all(opened("noise=4:2", folder))
    assert [frame.number for frame in frames] == list(range(COUNT))
    assert [bool(frame.image.std() > 0) for frame in frames] == [n in (4, 5) for n in range(COUNT)]


def test_the_size_changes_for_good(folder: Path) -> None:
    frames = read_all(opened("resize=3:16x12;resize=9:4x3", folder))
    assert [frame.image.shape[:2] for frame in frames] == [(6, 8)] * 3 + [(12, 16)] * 6 + [(3, 4)] * 3


def test_the_truth_moves_along_with_the_size_and_pixel_centres_stay() -> None:
    frame = FaultySource(Known(), [("resize", 0, (16, 12))]).read()
    assert frame is not None
    assert frame.truth is not None
    # Pixel edges map to pixel edges: -0.5 stays, and the centre of the first pixel becomes 0.5.
    assert np.allclose(frame.truth.points, [[[0.5, 0.5], [14.5, 10.5]]])


def test_noise_has_no_truth() -> None:
    frame = FaultySource(Known(), [("noise", 0, 1.0)]).read()
    assert frame is not None
    assert frame.truth is None


def test_a_hang_ends_only_by_the_close(folder: Path) -> None:
    source = opened("hang=2", folder)
    frames: list[Frame] = []
    thread = threading.Thread(target=lambda: frames.extend(read_all(source)), daemon=True)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    source.close()
    thread.join(30)
    assert not thread.is_alive()
    assert seen(frames) == whole()[:2]


def test_a_stall_waits_and_loses_nothing(folder: Path) -> None:
    source = opened("stall=2:0.05", folder)
    assert seen(read_all(source)) == whole()


def test_a_stall_is_cut_short_by_the_close(folder: Path) -> None:
    source = opened("stall=0:1000000", folder)
    thread = threading.Thread(target=source.read, daemon=True)
    thread.start()
    source.close()
    thread.join(30)
    assert not thread.is_alive()


def test_it_can_pose_as_a_camera(folder: Path) -> None:
    source = open_source(f"fault:live=1|images:{folder},fps=1000")
    assert source.open().live
    assert isinstance(source, FaultySource)
    assert seen(read_all(source)) == whole()


def test_what_the_inner_source_says_is_passed_on(folder: Path) -> None:
    assert FaultySource(Known(), []).open() == Known().open()
    assert FaultySource(Known(), []).remarks() == ["a remark"]


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ("vanis=3", "did you mean 'vanish'?"),
        ("vanish", "vanish takes N"),
        ("vanish=soon", "vanish takes N"),
        ("stall=3", "stall takes N:SECONDS"),
        ("stall=3:long", "stall takes N:SECONDS"),
        ("stall=3:-1", "stall takes N:SECONDS"),
        ("stall=3:nan", "stall takes N:SECONDS"),
        ("resize=3", "resize takes N:WIDTHxHEIGHT"),
        ("resize=3:320", "write it as 640x480"),
        ("noise=-1", "noise takes N or N:COUNT"),
        ("noise=1:", "noise takes N or N:COUNT"),
    ],
)
def test_a_fault_that_is_not_understood_is_refused(faults: str, expected: str, folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_source(f"fault:{faults}|{folder}")
    assert expected in str(caught.value)
