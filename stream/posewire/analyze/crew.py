"""The threads that work on a video: one decodes, several run networks, and whoever asks gets batches in order.

Every thread owns what it works with: the decoder the video, each worker its look. Batches go round: empty ones wait
for the decoder, full ones for a worker, and the reader gives them back. There is a fixed number of them, so nobody
gets far ahead: the decoder waits for an empty one (the overflow rule), whatever the length of the video.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import numpy as np

from posewire.analyze.batches import Batch, BatchLook, make_batch
from posewire.frame import SourceInfo
from posewire.sources.video import VideoFile
from posewire_models.errors import WorkError

_ROOM_BYTES = 512 << 20  # for frames on their way
_ENDED = "ended"


class Crew:
    """Works through an open ``video`` from frame ``skip`` on.

    ``look(n)`` makes (or finds) the look of worker n, in that worker's thread. ``stop`` ends the work after the
    batches that are under way. `batches` yields in order what was found; each must go back to `recycle`. `close` must
    be called at the end, in any state.
    """

    def __init__(
        self,
        video: VideoFile,
        info: SourceInfo,
        look: Callable[[int], BatchLook],
        keypoints: int,
        *,
        workers: int,
        batch: int,
        skip: int = 0,
        stop: threading.Event,
    ) -> None:
        self._video, self._info, self._look = video, info, look
        self._size, self._skip, self._stop = batch, skip, stop
        self._empty: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Batch | BaseException | str] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._workers = workers
        self.skipped = 0
        """Frames passed over so far: the ones that were done before."""
        self.complete = False
        """Whether the video came to its end; valid once `batches` has ended."""
        frames = batch * info.width * info.height * 3
        for _ in range(max(workers + 1, min(2 * workers + 2, _ROOM_BYTES // frames))):
            self._empty.put(make_batch(batch, info.width, info.height, keypoints))
        # Daemons: a read that never returns (a lost network drive) must not keep the program alive.
        self._threads = [threading.Thread(target=self._decode, name="posewire-decoder", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, args=(n,), name=f"posewire-worker-{n}", daemon=True)
            for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def batches(self, idle: Callable[[], None]) -> Iterator[Batch]:
        """What was found, batch by batch in the video's order. ``idle`` is called while none comes, every 0.2 s.

        Raises whatever ended a thread, once all that was found before has been given.
        """
        waiting: dict[int, Batch] = {}
        failure: BaseException | None = None
        due, running = 0, self._workers + 1
        while running:
            try:
                got = self._done.get(timeout=0.2)
            except queue.Empty:
                idle()
                continue
            if isinstance(got, BaseException):
                failure = failure or got
                self._end_decoding()  # what is under way is finished
            elif isinstance(got, str):
                running -= 1
            else:
                waiting[got.number] = got
            while due in waiting:
                yield waiting.pop(due)
                due += 1
        if failure is not None:
            raise failure

    def recycle(self, batch: Batch) -> None:
        """Give a batch back: nobody looks at it any more."""
        self._empty.put(batch)

    def close(self) -> None:
        """End all threads."""
        self._end_decoding()
        for thread in self._threads:
            thread.join(5.0)

    def _end_decoding(self) -> None:
        self._closed.set()
        self._empty.put(None)

    def _decode(self) -> None:
        try:
            while self.skipped < self._skip:
                if self._over():
                    return
                if not self._video.skip():
                    raise WorkError(f"{self._video.path}: ends at frame {self.skipped}, before where the work was left")
                self.skipped += 1
            number = 0
            while not self._over() and (batch := self._empty.get()) is not None:
                self._fill(batch)
                if batch.count:
                    batch.number = number
                    self._full.put(batch)
                number += 1
                if batch.count < self._size:
                    self.complete = True
                    return
        except BaseException as error:
            self._done.put(error)
        finally:
            for _ in range(self._workers):
                self._full.put(None)
            self._done.put(_ENDED)

    def _over(self) -> bool:
        # Between batches only: a batch that a stop cut short would be another one than without it.
        return self._stop.is_set() or self._closed.is_set()

    def _fill(self, batch: Batch) -> None:
        batch.count = 0
        for n in range(self._size):
            room = batch.images[n]
            frame = self._video.read(room)
            if frame is None:
                return
            if frame.image.shape != room.shape:
                height, width = frame.image.shape[:2]
                raise WorkError(
                    f"{self._video.path}: frame {frame.number} is {width}x{height}, those before are "
                    f"{self._info.width}x{self._info.height}; convert the video to one size"
                )
            if frame.image is not room:
                np.copyto(room, frame.image)
            batch.times[n] = self._video.time_s
            batch.count += 1

    def _work(self, number: int) -> None:
        try:
            look = self._look(number)
            while (batch := self._full.get()) is not None:
                look.work(batch)
                self._done.put(batch)
        except BaseException as error:
            self._done.put(error)
        finally:
            self._done.put(_ENDED)
