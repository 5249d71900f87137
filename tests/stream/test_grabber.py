"""The grabbing thread: order of life, pace, stamps and errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from grabbing import COUNT, LONG_S, Scripted, drain, gray
from paths import shared
from posewire.clock import now_ns
from posewire.frame import Source, SourceInfo
from posewire.grabber import Grabber
from posewire.slot import Slot
from posewire.sources import open_source
from posewire_models.errors import InputError, WorkError


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
