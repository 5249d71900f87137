"""The grabber's end: by the stop, in any state, also of a source that hangs."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np

from grabbing import LONG_S, Scripted
from posewire.grabber import Grabber
from posewire.slot import Slot
from posewire.sources import open_source


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
