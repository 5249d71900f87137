"""The newest-wins slot: the only meeting point of the grabbing and the inferring thread."""

from __future__ import annotations

import threading
from typing import NamedTuple

from posewire.clock import now_ns
from posewire.frame import Frame


class SlotCounts(NamedTuple):
    """The counts of one moment: ``offered == taken + skipped + inside``, always. ``inside`` is 0 or 1."""

    offered: int
    taken: int
    skipped: int
    inside: int


class Slot:
    """Holds at most one frame: a newer one displaces an older one that nobody has taken.

    One thread puts, another takes; any thread may ask or close. Each call is O(1) and does nothing slow while it
    holds the lock.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())  # guards all fields below
        self._frame: Frame | None = None
        self._offered = 0
        self._taken = 0
        self._skipped = 0
        self._reading = False  # a frame was taken without letting the putting thread go on: see `take`
        self._finished = False  # no frame will be put any more
        self._error: BaseException | None = None

    def put(self, frame: Frame) -> Frame | None:
        """Puts ``frame`` inside and returns the older one that it displaced (counted as skipped), if any.

        After `finish` or `close` the frame is not taken in, not counted, and returned itself.
        """
        with self._changed:
            if self._finished:
                return frame
            displaced, self._frame = self._frame, frame
            self._offered += 1
            if displaced is not None:
                self._skipped += 1
            self._changed.notify_all()
            return displaced

    def put_waiting(self, frame: Frame, stop: threading.Event | None = None) -> bool:
        """Waits until the slot is empty, then puts ``frame`` inside: nothing is displaced.

        Returns False, with the frame neither taken in nor counted, if the slot is finished or ``stop`` is set before
        that. Whoever sets ``stop`` calls `wake` after it.
        """
        with self._changed:
            while not self._finished and not (stop is not None and stop.is_set()):
                if self._frame is None:
                    self._frame = frame
                    self._offered += 1
                    self._changed.notify_all()
                    return True
                self._changed.wait()
            return False

    def take(self, timeout_s: float | None = None, *, let_in: bool = True) -> Frame | None:
        """The frame inside, waiting for one up to ``timeout_s`` (None: for ever).

        None when the time is over or the source has ended: `ended` tells which. With ``let_in`` False the putting
        thread is not woken before `let_in` is called, or the next `take`: it would decode its next frame at once,
        and on few cores that holds up whoever works on this one.
        """
        with self._changed:
            if self._reading:
                self._reading = False
                self._changed.notify_all()
            if self._frame is None and not self._finished and not self._wait_for_frame(timeout_s):
                return None
            frame, self._frame = self._frame, None
            if frame is not None:
                self._taken += 1
                self._reading = not let_in
                if let_in:
                    self._changed.notify_all()
            return frame

    def _wait_for_frame(self, timeout_s: float | None) -> bool:
        """Waits, with the lock held, until there is a frame or none will come; False if the time is over first."""
        deadline = None if timeout_s is None else now_ns() + round(timeout_s * 1e9)
        while self._frame is None and not self._finished:
            left = None if deadline is None else (deadline - now_ns()) / 1e9
            if left is not None and left <= 0:
                return False
            self._changed.wait(left)
        return True

    def let_in(self) -> None:
        """The putting thread may go on while the frame that was taken is still worked on."""
        with self._changed:
            self._reading = False
            self._changed.notify_all()

    def wait_until_read(self, timeout_s: float) -> None:
        """Waits until the frame that was put has been taken and `let_in` called, no longer than ``timeout_s``."""
        deadline = now_ns() + round(timeout_s * 1e9)
        with self._changed:
            while (self._frame is not None or self._reading) and not self._finished:
                left_s = (deadline - now_ns()) / 1e9
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def finish(self, error: BaseException | None = None) -> None:
        """The source has ended, by ``error`` if one is given. A frame inside can still be taken.

        The first `finish` or `close` counts: an error that comes later is not kept.
        """
        with self._changed:
            if not self._finished:
                self._finished = True
                self._error = error
            self._changed.notify_all()

    def close(self) -> Frame | None:
        """The stop: takes in nothing any more. A frame still inside counts as skipped and is returned."""
        with self._changed:
            self._finished = True
            frame, self._frame = self._frame, None
            if frame is not None:
                self._skipped += 1
            self._changed.notify_all()
            return frame

    def wake(self) -> None:
        """Lets `put_waiting` look at its ``stop`` event again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """True when there is no frame inside and none will come."""
        with self._changed:
            return self._finished and self._frame is None

    @property
    def error(self) -> BaseException | None:
        """What ended the source, if it was an error."""
        with self._changed:
            return self._error

    @property
    def counts(self) -> SlotCounts:
        """All counts of the same moment."""
        with self._changed:
            return SlotCounts(self._offered, self._taken, self._skipped, int(self._frame is not None))

    @property
    def offered(self) -> int:
        """How many frames were put inside."""
        return self.counts.offered

    @property
    def skipped(self) -> int:
        """How many frames left the slot without having been taken."""
        return self.counts.skipped
