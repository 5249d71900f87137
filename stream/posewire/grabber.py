"""The grabbing thread: owns the source, stamps frames and puts them into the slot."""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from typing import Literal

import numpy as np

from posewire.clock import now_ns
from posewire.frame import Frame, Image, Source, SourceInfo
from posewire.slot import Slot
from posewire_models.errors import InputError, WorkError

Pace = Literal["real", "max"]

# The longest sleep between two looks at the stop event. Sleeping rather than waiting for the event is on purpose:
# time.sleep is precise to some 0.1 ms everywhere (on Windows from Python 3.11 on), a wait with a time limit ticks at
# 15.6 ms on Windows.
_SLICE_NS = 20_000_000
# How much of the time between two frames the decoding of the next one may be put off.
_YIELD_SHARE = 0.25


class Grabber:
    """Reads a source in a thread of its own and offers its frames to a slot.

    Life: `start` opens the source and returns what it is; no frame is offered before `release`; at the end of the
    source, after ``frames`` offered frames, by an error or by `stop` the slot is finished and the source closed.

    ``pace`` "real": a live source delivers when it does; frame n of any other source is due at ``t0 + n / fps``, is
    decoded ahead, put when due and stamped with the time it was due. Late frames keep the stamp of when they were due
    and are put at once, so that a stall of the source shows in the figures. ``pace`` "max": every frame waits
    until the slot is empty, so that none is skipped; a live source refuses it.

    ``buffers`` image arrays of the source's frame shape are allocated at the start and used over and over: whoever has
    taken a frame hands it to `recycle` when nobody looks at its image any more. A frame that is not handed back
    costs a new array for a later frame, nothing else.
    """

    def __init__(
        self, source: Source, slot: Slot, *, pace: Pace = "real", frames: int | None = None, buffers: int = 4
    ) -> None:
        self._source = source
        self._slot = slot
        self._pace = pace
        self._frames = frames
        self._buffers = buffers
        self._info: SourceInfo | None = None
        self._open_error: BaseException | None = None
        self._opened = threading.Event()
        self._go = threading.Event()
        self._stop = threading.Event()
        self._lost = 0
        self._free: deque[Image] = deque()
        self._lent: dict[int, tuple[Image, Image]] = {}  # id of a frame's image -> (that image, our buffer under it)
        # A daemon: a driver that never returns from a read must not keep the program alive.
        self._thread = threading.Thread(target=self._run, name="posewire-grabber", daemon=True)

    @property
    def info(self) -> SourceInfo:
        """What the source is. Raises RuntimeError before `start` has returned."""
        if self._info is None:
            raise RuntimeError("the source is not open: call start first")
        return self._info

    @property
    def offered(self) -> int:
        """How many frames were put into the slot."""
        return self._slot.offered

    @property
    def lost(self) -> int:
        """How many frames the source itself lost: holes in its frame numbers."""
        return self._lost

    @property
    def running(self) -> bool:
        """Whether the thread lives: False once the source is closed."""
        return self._thread.is_alive()

    def start(self, timeout_s: float = 30.0) -> SourceInfo:
        """Opens the source in the thread and returns what it is.

        Raises what the source's `open` raises, InputError if ``pace`` is "max" and the source live, WorkError if the
        source is not open after ``timeout_s`` (the thread is then told to stop).
        """
        # Before Python 3.14, a thread that comes back from OpenCV while the interpreter goes down aborts the process.
        atexit.register(self.stop)
        self._thread.start()
        if not self._opened.wait(timeout_s):
            self.stop(0.0)
            raise WorkError(f"the source does not answer: not open after {timeout_s:g} s")
        if self._open_error is not None:
            self.stop(1.0)
            raise self._open_error
        return self.info

    def release(self) -> None:
        """Lets the first frame be read: the reader of the slot is ready."""
        self._go.set()

    def recycle(self, frame: Frame) -> None:
        """Takes back the image of a frame that nobody uses any more; for any frame, from any thread."""
        image, buffer = self._lent.pop(id(frame.image), (None, None))
        if image is frame.image and buffer is not None:
            self._free.append(buffer)

    def stop(self, timeout_s: float = 2.0) -> bool:
        """Ends the thread; True if it has ended (and closed the source) within ``timeout_s``. Never blocks longer.

        After False the source hangs in its driver. A program that then wants to end should do so by `os._exit`: should
        the driver come back while the interpreter goes down, the process would abort (before Python 3.14).
        """
        self._stop.set()
        self._go.set()
        self._slot.wake()
        if self._thread.ident is None:
            self._slot.finish()
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        atexit.unregister(self.stop)
        return True

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            if self._open():
                self._go.wait()
                self._deliver()
        except BaseException as raised:
            error = raised
        # First the news, then the tidying: the close of a device that has gone may take its time.
        self._slot.finish(error)
        try:
            self._source.close()
        except Exception:
            # The frames have been delivered, and whatever broke the device has been said.
            return

    def _open(self) -> bool:
        try:
            info = self._source.open()
            if self._pace == "max" and info.live:
                raise InputError(f"--pace max is refused for {info.name}: a camera cannot wait; use --pace real")
            shape = (info.height, info.width, 3)
            self._free.extend(np.empty(shape, np.uint8) for _ in range(self._buffers))
            self._info = info
        except BaseException as error:
            self._open_error = error
            raise
        finally:
            self._opened.set()
        return True

    def _deliver(self) -> None:
        info = self.info
        paced = self._pace == "real" and not info.live and info.fps > 0
        period_ns = 1e9 / info.fps if paced else 0.0
        start_ns = first = 0
        expected: int | None = None
        offered = 0
        while not self._stop.is_set() and (self._frames is None or offered < self._frames):
            frame = self._read()
            if frame is None:
                return
            if expected is None:
                # The clock of a recording starts with its first frame at hand, so that opening delays nothing.
                start_ns, first = now_ns(), frame.number
            else:
                self._lost += max(0, frame.number - expected)
            expected = frame.number + 1
            if paced:
                due_ns = start_ns + round((frame.number - first) * period_ns)
                frame.grabbed_ns = due_ns
                if not self._sleep_until(due_ns):
                    return
            elif not frame.grabbed_ns:
                frame.grabbed_ns = now_ns()  # a source that knows better has stamped the frame itself
            if not self._offer(frame):
                return
            offered += 1
            if paced and now_ns() < frame.grabbed_ns + period_ns:
                # First this frame's pose, then the next frame's decoding: on few cores they would hold each other up.
                # Not after a stall: the newest frame is due already.
                self._slot.wait_until_read(_YIELD_SHARE * period_ns / 1e9)

    def _read(self) -> Frame | None:
        try:
            buffer = self._free.pop()
        except IndexError:
            return self._source.read(None)
        frame = self._source.read(buffer)
        if frame is not None and np.may_share_memory(frame.image, buffer):
            self._lent[id(frame.image)] = (frame.image, buffer)
        else:
            self._free.append(buffer)
        return frame

    def _offer(self, frame: Frame) -> bool:
        if self._pace == "max":
            return self._slot.put_waiting(frame, self._stop)
        displaced = self._slot.put(frame)
        if displaced is not None:
            self.recycle(displaced)
        return displaced is not frame

    def _sleep_until(self, due_ns: int) -> bool:
        """Sleeps until ``due_ns``; False if the stop came first."""
        while not self._stop.is_set():
            left = due_ns - now_ns()
            if left <= 0:
                return True
            time.sleep(min(left, _SLICE_NS) / 1e9)
        return False
