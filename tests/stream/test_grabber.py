"""The grabbing thread: order of life, pace, stamps, buffers, errors and the stop."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from paths import shared
from posewire.clock import now_ns
from posewire.frame import Frame, Image, Source, SourceInfo
from posewire.grabber import Grabber
from posewire.slot import Slot
from posewire.sources import open_source
from posewire_models.errors import InputError, WorkError

LONG_S = 30.0  # a bound for what must happen: never reached unless something hangs
COUNT = 40


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 200 frames/s; frame n has gray value 6 n."""
    path = tmp_path_factory.mktemp("grabber") / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 200.0, (64, 48))
    for number in range(COUNT):
        writer.write(np.full((48, 64, 3), 6 * number, np.uint8))
    writer.release()
    return path


class Scripted:
    """A source that is led by the test: a frame each time `allow` is released, the end after ``count`` frames."""

    def __init__(self, count: int = 10**9, *, live: bool = True, stamp_ns: int = 0) -> None:
        self.count = count
        self.live = live
        self.stamp_ns = stamp_ns
        self.allow = threading.Semaphore(0)
        self.given: list[Image | None] = []
        self.used: list[str] = []
        self.closed = threading.Event()

    def open(self) -> SourceInfo:
        self.used.append(threading.current_thread().name)
        return SourceInfo("scripted", 4, 3, 100.0, live=self.live)

    def read(self, into: Image | None = None) -> Frame | None:
        self.allow.acquire()
        self.used.append(threading.current_thread().name)
        number = len(self.given)
        if number >= self.count:
            return None
        self.given.append(into)
        image = np.empty((3, 4, 3), np.uint8) if into is None else into
        image[:] = number % 256
        return Frame(image, number, grabbed_ns=self.stamp_ns)

    def close(self) -> None:
        self.used.append(threading.current_thread().name)
        self.closed.set()

    def remarks(self) -> list[str]:
        return []


@pytest.fixture
def started() -> Iterator[list[Grabber]]:
    """Grabbers to be stopped after the test."""
    grabbers: list[Grabber] = []
    yield grabbers
    for grabber in grabbers:
        grabber.stop(0.0)


def drain(slot: Slot, grabber: Grabber) -> list[Frame]:
    """All frames to the end, copied, since the arrays are used again."""
    frames = []
    while (frame := slot.take(LONG_S)) is not None:
        frames.append(Frame(frame.image.copy(), frame.number, frame.grabbed_ns))
        grabber.recycle(frame)
    assert slot.ended
    return frames


def gray(frame: Frame) -> int:
    return round(float(frame.image.mean()) / 6)


def test_at_max_pace_every_frame_of_a_video_comes_once(video: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source(str(video)), slot, pace="max")
    assert grabber.start().frames == COUNT
    grabber.release()
    frames = drain(slot, grabber)
    assert [(frame.number, gray(frame)) for frame in frames] == [(n, n) for n in range(COUNT)]
    assert slot.counts == (COUNT, COUNT, 0, 0)
    assert (grabber.offered, grabber.lost, slot.error) == (COUNT, 0, None)
    assert grabber.stop(LONG_S)


def test_at_real_pace_frames_are_stamped_with_the_time_they_were_due(video: Path) -> None:
    slot = Slot()
    source = open_source(f"video:{video},fps=400")
    grabber = Grabber(source, slot)
    grabber.start()
    before = now_ns()
    grabber.release()
    frames = []
    while (frame := slot.take(LONG_S)) is not None:
        assert frame.grabbed_ns <= now_ns(), "put before it was due"
        frames.append(frame)
    start_ns = frames[0].grabbed_ns - frames[0].number * 2_500_000
    assert start_ns >= before
    assert [frame.grabbed_ns - start_ns for frame in frames] == [frame.number * 2_500_000 for frame in frames]
    assert slot.counts.offered == COUNT


def test_a_stall_leaves_the_stamps_where_the_frames_were_due(video: Path) -> None:
    """The frames that pile up during a stall come at once afterwards, and are seen to be late."""
    slot = Slot()
    grabber = Grabber(open_source(f"fault:stall=10:0.2|video:{video},fps=1000"), slot)
    grabber.start()
    grabber.release()
    frames = []
    while (frame := slot.take(LONG_S)) is not None:
        frames.append((frame, now_ns()))
    start_ns = frames[0][0].grabbed_ns - frames[0][0].number * 1_000_000
    assert all(frame.grabbed_ns == start_ns + frame.number * 1_000_000 for frame, _ in frames)
    last, came_ns = frames[-1]
    assert last.number == COUNT - 1
    # Frame 10 was asked for when frame 9 was due, and came 200 ms later.
    assert came_ns >= start_ns + 209_000_000


def test_a_hole_in_the_numbers_keeps_the_time_line_and_is_counted(video: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source(f"fault:lose=5:10;lose=20|video:{video},fps=1000"), slot)
    grabber.start()
    grabber.release()
    frames = drain(slot, grabber)
    start_ns = frames[0].grabbed_ns - frames[0].number * 1_000_000
    assert all(frame.grabbed_ns == start_ns + frame.number * 1_000_000 for frame in frames)
    assert frames[-1].number == COUNT - 1
    assert (grabber.lost, grabber.offered) == (11, COUNT - 11)


def test_no_frame_is_read_before_the_release(started: list[Grabber]) -> None:
    source, slot = Scripted(), Slot()
    source.allow.release()
    grabber = Grabber(source, slot)
    started.append(grabber)
    grabber.start()
    assert slot.take(0.05) is None
    assert source.given == []
    grabber.release()
    assert slot.take(LONG_S) is not None


def test_the_source_is_used_by_the_grabbing_thread_alone() -> None:
    source, slot = Scripted(3), Slot()
    for _ in range(4):
        source.allow.release()
    grabber = Grabber(source, slot)
    grabber.start()
    grabber.release()
    drain(slot, grabber)
    assert grabber.stop(LONG_S)
    assert source.closed.is_set()
    assert set(source.used) == {"posewire-grabber"}


def test_a_live_frame_is_stamped_when_it_was_read(started: list[Grabber]) -> None:
    source, slot = Scripted(), Slot()
    grabber = Grabber(source, slot)
    started.append(grabber)
    grabber.start()
    grabber.release()
    before = now_ns()
    source.allow.release()
    frame = slot.take(LONG_S)
    assert frame is not None
    assert before <= frame.grabbed_ns <= now_ns()


def test_a_source_that_stamps_its_frames_itself_is_believed(started: list[Grabber]) -> None:
    source, slot = Scripted(stamp_ns=1234), Slot()
    grabber = Grabber(source, slot)
    started.append(grabber)
    grabber.start()
    grabber.release()
    source.allow.release()
    frame = slot.take(LONG_S)
    assert frame is not None
    assert frame.grabbed_ns == 1234


@pytest.mark.parametrize("pace", ["real", "max"])
def test_only_so_many_frames_are_offered(pace: str, video: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source(str(video)), slot, pace="max" if pace == "max" else "real", frames=7)
    grabber.start()
    grabber.release()
    numbers = [frame.number for frame in drain(slot, grabber)]
    assert grabber.offered == 7
    assert slot.error is None
    assert numbers[-1] == 6
    if pace == "max":
        assert numbers == list(range(7))


def test_a_consumer_that_looks_away_gets_the_newest(started: list[Grabber]) -> None:
    source, slot = Scripted(20), Slot()
    grabber = Grabber(source, slot)
    started.append(grabber)
    grabber.start()
    grabber.release()
    for _ in range(21):
        source.allow.release()
    assert source.closed.wait(LONG_S)
    frame = slot.take(LONG_S)
    assert frame is not None
    assert frame.number == 19
    assert int(frame.image[0, 0, 0]) == 19
    assert slot.counts == (20, 1, 19, 0)


def test_recycled_arrays_are_used_again_and_no_others(video: Path) -> None:
    source, slot = Scripted(50, live=False), Slot()
    for _ in range(51):
        source.allow.release()
    grabber = Grabber(source, slot, pace="max", buffers=3)
    grabber.start()
    grabber.release()
    drain(slot, grabber)
    assert all(into is not None for into in source.given)
    assert len({id(into) for into in source.given}) <= 3


def test_displaced_frames_give_their_arrays_back() -> None:
    source, slot = Scripted(50), Slot()
    for _ in range(51):
        source.allow.release()
    grabber = Grabber(source, slot, buffers=2)
    grabber.start()
    grabber.release()
    assert source.closed.wait(LONG_S)
    assert all(into is not None for into in source.given)


def test_a_frame_that_is_kept_is_never_written_to_again() -> None:
    """Whoever does not recycle gets new arrays, at the cost of allocating them."""
    source, slot = Scripted(20, live=False), Slot()
    for _ in range(21):
        source.allow.release()
    grabber = Grabber(source, slot, pace="max", buffers=2)
    grabber.start()
    grabber.release()
    kept = []
    while (frame := slot.take(LONG_S)) is not None:
        kept.append(frame)
    assert [int(frame.image[0, 0, 0]) for frame in kept] == list(range(20))
    assert [into is None for into in source.given] == [False] * 2 + [True] * 18


def test_recycling_twice_does_not_hand_out_an_array_twice(started: list[Grabber]) -> None:
    source, slot = Scripted(live=False), Slot()
    grabber = Grabber(source, slot, pace="max", buffers=2)
    started.append(grabber)
    grabber.start()
    grabber.release()
    source.allow.release()
    first = slot.take(LONG_S)
    assert first is not None
    grabber.recycle(first)
    grabber.recycle(first)
    grabber.recycle(Frame(np.zeros((3, 4, 3), np.uint8), 0))
    images = []
    for _ in range(4):
        source.allow.release()
        frame = slot.take(LONG_S)
        assert frame is not None
        images.append(frame.image)
    assert len({id(image) for image in images}) == 4


def test_sources_that_ignore_the_buffer_are_fine(tmp_path: Path) -> None:
    for number in range(9):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((5 + number, 8, 3), 6 * number, np.uint8))
    slot = Slot()
    grabber = Grabber(open_source(str(tmp_path)), slot, pace="max", buffers=1)
    grabber.start()
    grabber.release()
    assert [(gray(frame), frame.image.shape[0]) for frame in drain(slot, grabber)] == [(n, 5 + n) for n in range(9)]


def test_an_error_of_opening_is_raised_by_start(tmp_path: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source("video:" + str(tmp_path / "absent.mp4")), slot)
    with pytest.raises(InputError, match="no video file"):
        grabber.start()
    assert grabber.stop(LONG_S)
    assert slot.ended
    with pytest.raises(RuntimeError):
        _ = grabber.info


def test_max_pace_is_refused_for_a_camera() -> None:
    source = Scripted()
    grabber = Grabber(source, Slot(), pace="max")
    with pytest.raises(InputError, match="--pace max is refused for scripted"):
        grabber.start()
    assert source.closed.wait(LONG_S)


def test_a_source_that_never_opens_does_not_hang_the_start(started: list[Grabber]) -> None:
    class Stuck(Scripted):
        def open(self) -> SourceInfo:
            self.allow.acquire()
            return super().open()

    source = Stuck()
    grabber = Grabber(source, Slot())
    with pytest.raises(WorkError, match="does not answer"):
        grabber.start(0.05)
    source.allow.release()
    assert source.closed.wait(LONG_S), "a late opening is followed by the close"
    assert source.given == []


def test_an_error_in_mid_stream_comes_after_the_last_frame(video: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source(f"fault:vanish=12|{video}"), slot, pace="max")
    grabber.start()
    grabber.release()
    assert [frame.number for frame in drain(slot, grabber)] == list(range(12))
    assert isinstance(slot.error, WorkError)
    assert grabber.stop(LONG_S)


def test_a_stop_closes_the_source(started: list[Grabber], video: Path) -> None:
    slot = Slot()
    grabber = Grabber(open_source(f"video:{video},fps=0.001"), slot)
    started.append(grabber)
    grabber.start()
    grabber.release()
    assert slot.take(LONG_S) is not None
    assert grabber.stop(LONG_S), "frame 1 is due in a quarter of an hour, yet the stop is not kept waiting"
    assert not grabber.running
    assert slot.ended
    assert slot.error is None
    assert slot.counts == (1, 1, 0, 0)


def test_a_stop_before_the_release_reads_nothing() -> None:
    source, slot = Scripted(), Slot()
    source.allow.release()
    grabber = Grabber(source, slot)
    grabber.start()
    assert grabber.stop(LONG_S)
    assert source.given == []
    assert source.closed.is_set()
    assert slot.counts == (0, 0, 0, 0)


def test_a_stop_ends_the_wait_for_the_slot() -> None:
    waits = threading.Event()

    class Watched(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            waits.set()
            return super().wait(timeout)

    source, slot = Scripted(live=False), Slot()
    slot._changed = Watched(threading.Lock())
    for _ in range(3):
        source.allow.release()
    grabber = Grabber(source, slot, pace="max")
    grabber.start()
    grabber.release()
    assert waits.wait(LONG_S), "frame 0 is inside, frame 1 waits"
    assert grabber.stop(LONG_S)
    assert slot.close() is not None
    assert slot.counts == (1, 0, 1, 0)


def test_a_hanging_source_does_not_hang_the_stop(started: list[Grabber], video: Path) -> None:
    slot = Slot()
    source = open_source(f"fault:hang=3|{video}")
    grabber = Grabber(source, slot, pace="max")
    started.append(grabber)
    grabber.start()
    grabber.release()
    for number in range(3):
        frame = slot.take(LONG_S)
        assert frame is not None
        assert frame.number == number
    assert not grabber.stop(0.05)
    assert grabber.running
    assert slot.take(0.0) is None
    source.close()  # lets the hang end, so that the thread does not outlive the test
    assert grabber.stop(LONG_S)


def test_a_program_that_forgets_the_stop_ends_in_peace(tmp_path: Path) -> None:
    """A thread inside OpenCV while the interpreter goes down would abort the process."""
    path = tmp_path / "long.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, (320, 240))
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    for _ in range(600):
        writer.write(noise)
    writer.release()
    code = (
        "import sys\n"
        "from posewire.grabber import Grabber\n"
        "from posewire.slot import Slot\n"
        "from posewire.sources import open_source\n"
        "slot = Slot()\n"
        "grabber = Grabber(open_source(sys.argv[1]), slot)\n"
        "grabber.start()\n"
        "grabber.release()\n"
        "slot.take(30)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"video:{path},fps=100000"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stop_without_a_start_is_no_error() -> None:
    slot = Slot()
    assert Grabber(Scripted(), slot).stop(0.0)
    assert slot.ended


def test_the_scripted_source_keeps_the_protocol() -> None:
    assert isinstance(Scripted(), Source)


def test_a_real_recording_comes_through() -> None:
    slot = Slot()
    source = open_source(str(shared("dlc-openfield") / "videos" / "m3v1mp4.mp4"))
    grabber = Grabber(source, slot, pace="max", frames=300)
    grabber.start()
    grabber.release()
    numbers = []
    while (frame := slot.take(LONG_S)) is not None:
        numbers.append(frame.number)
        grabber.recycle(frame)
    assert numbers == list(range(300))
    assert slot.counts == (300, 300, 0, 0)
    assert source.remarks() == []
