"""The reader for scripts: always the newest pose, however slow the script is.

One background thread owns the socket and drains it into a slot that holds one pose. `import posewire` and this module
load neither ONNX Runtime, nor Numba, nor OpenCV, nor TensorFlow.
"""

from __future__ import annotations

import math
import threading
from types import TracebackType

import zmq

from posewire.clock import now_ns
from posewire.endpoint import DEFAULT_ENDPOINT
from posewire.message import MetaContent
from posewire.reader import Pose, Reader
from posewire_models.errors import InputError

__all__ = ["Client", "Pose"]

META_WAIT_S = 2.0  # meta comes once a second
# Ctrl-C does not interrupt a lock on Windows, so nobody waits longer than this at a time.
_WAIT_SLICE_S = 0.25


class Client:
    """Receives the poses of a stream: a context manager, and an iterator that ends with `close`.

    ::

        with Client("tcp://127.0.0.1:5555") as client:
            for pose in client:
                print(pose.frame, pose.keypoint("snout"), pose.age_ms())

    Every received pose is handed out once, or passed over for a newer one. The endpoint may come up later than the
    client, go away and come back. ``timeout_ms``: how long the iteration waits for a pose before it ends (None: no
    limit). Methods may be called from any thread.
    """

    def __init__(
        self, endpoint: str = DEFAULT_ENDPOINT, stream: str = "main", *, timeout_ms: float | None = None
    ) -> None:
        """Raises InputError for a bad endpoint or stream name; an absent publisher is no error."""
        self.timeout_ms = timeout_ms
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._reader = Reader(endpoint, stream, context=self._context, meta_wait_s=META_WAIT_S)
        except InputError:
            self._context.term()
            raise
        self._changed = threading.Condition()  # guards all below
        self._slot: Pose | None = None
        self._received = 0
        self._passed_over = 0
        self._error: Exception | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._drain, name=f"posewire client {stream}", daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where the client connects to."""
        return self._reader.endpoint

    @property
    def stream(self) -> str:
        """The stream's name."""
        return self._reader.stream

    @property
    def received(self) -> int:
        """Poses received, whether handed out or not."""
        return self._received

    @property
    def lost(self) -> int:
        """Poses lost on the wire: holes in ``seq`` between two received poses of one session."""
        return self._reader.lost

    @property
    def passed_over(self) -> int:
        """Poses received but never handed out, since a newer one came first or they were too old."""
        return self._passed_over

    @property
    def meta(self) -> MetaContent | None:
        """The latest meta message, or None: keypoint names, skeleton, frame size, model, clock."""
        return self._reader.meta

    def wait_meta(self, timeout_ms: float | None = None) -> MetaContent | None:
        """The latest meta message; waits for the first one. None after ``timeout_ms`` or `close`.

        Raises InputError if the publisher speaks another wire format.
        """
        deadline = _deadline(timeout_ms)
        with self._changed:
            while self._reader.meta is None and not self._closed:
                if not self._wait(deadline):
                    break
            return self._reader.meta

    def newest(self, timeout_ms: float | None = None, max_age_ms: float | None = None) -> Pose | None:
        """The newest pose that was not handed out yet; waits for one. None after ``timeout_ms`` or `close`.

        ``timeout_ms``: None waits without limit, 0 not at all. ``max_age_ms``: older poses (`Pose.age_ms`) are
        passed over. Raises InputError if the publisher speaks another wire format, or if ``max_age_ms`` is given and
        the poses come from another host, where their age cannot be known.
        """
        deadline = _deadline(timeout_ms)
        with self._changed:
            while not self._closed:
                pose, self._slot = self._slot, None
                if pose is not None:
                    if max_age_ms is None or _is_young(pose, max_age_ms):
                        return pose
                    self._passed_over += 1
                elif not self._wait(deadline):
                    break
        return None

    def close(self) -> None:
        """Ends the thread and the iteration. May be called twice, and from any thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        # Ends the thread's wait for a message; returns once the thread has closed its socket.
        self._context.term()
        self._thread.join()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Client:
        return self

    def __next__(self) -> Pose:
        pose = self.newest(self.timeout_ms)
        if pose is None:
            raise StopIteration
        return pose

    def _drain(self) -> None:
        try:
            while True:
                item = self._reader.receive()
                with self._changed:
                    if isinstance(item, Pose):
                        self._received += 1
                        self._passed_over += self._slot is not None
                        self._slot = item
                    self._changed.notify_all()
        except zmq.ContextTerminated:
            pass
        except Exception as error:
            # Whatever ends the thread belongs to the one who waits for its poses.
            with self._changed:
                self._error = error
                self._changed.notify_all()
        finally:
            self._reader.close()

    def _wait(self, deadline: int | None) -> bool:
        """Waits for a change, with the lock held; False if the time is over. Raises what ended the thread."""
        if self._error is not None:
            raise self._error
        left_s = _WAIT_SLICE_S if deadline is None else (deadline - now_ns()) / 1e9
        if left_s <= 0:
            return False
        self._changed.wait(min(left_s, _WAIT_SLICE_S))
        return True


def _deadline(timeout_ms: float | None) -> int | None:
    return None if timeout_ms is None else now_ns() + int(timeout_ms * 1e6)


def _is_young(pose: Pose, max_age_ms: float) -> bool:
    age_ms = pose.age_ms()
    if math.isnan(age_ms) and pose.meta is not None:
        raise InputError(
            f"max_age_ms={max_age_ms:g}: the age of poses from host {pose.meta.clock.host!r} cannot be known here, "
            "since its clock is another one; leave max_age_ms out, or read on the publishing machine"
        )
    return age_ms <= max_age_ms
