"""A source led by the test, and the reading of all that a grabber delivers."""

from __future__ import annotations

import threading

import numpy as np

from posewire.frame import Frame, Image, SourceInfo
from posewire.grabber import Grabber
from posewire.slot import Slot

LONG_S = 30.0  # a bound for what must happen: never reached unless something hangs
COUNT = 40


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
