"""The grabber's image arrays: used over and over, never under somebody's eyes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from grabbing import LONG_S, Scripted, drain, gray
from posewire.frame import Frame
from posewire.grabber import Grabber
from posewire.slot import Slot
from posewire.sources import open_source


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
