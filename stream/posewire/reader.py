"""The receiving end of the wire without a thread: connect, receive, unpack, count what was lost.

`Client` drains a `Reader` for those who want the newest pose; `posewire listen` uses one to see every message.
"""

from __future__ import annotations

import functools
import math
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import zmq

from posewire.clock import ClockInfo, clock_info, now_ns
from posewire.endpoint import DEFAULT_ENDPOINT, check_connect, uses_ipv6
from posewire.frame import Floats
from posewire.message import (
    MetaContent,
    PoseContent,
    Stamps,
    meta_topic,
    pose_topic,
)
from posewire.messagemap import MessageError
from posewire.unpack import PoseUnpacker, unpack_meta
from posewire_models.errors import InputError, WorkError, nearest

REMEMBERED_SESSIONS = 16
_MORE = int(zmq.RCVMORE)

_BOOT_MINUTE = re.compile(r"boot-(\d+)")


class SessionView:
    """What a reader knows of one session: its meta, once it has come, and whose clock its stamps are."""

    def __init__(self, session: bytes) -> None:
        self.session = session
        self.meta: MetaContent | None = None
        self.local = False  # whether this program's clock may be subtracted from the session's stamps
        self.next_seq: int | None = None
        self._known = threading.Event()

    def learn(self, meta: MetaContent) -> None:
        """Takes in a meta message of this session."""
        self.local = same_clock(meta.clock, _here())
        self.meta = meta
        self._known.set()

    def wait_meta(self, timeout_s: float) -> MetaContent | None:
        """The meta, or None if it does not come in time; another thread must be receiving."""
        if self.meta is None and timeout_s > 0:
            self._known.wait(timeout_s)
        return self.meta


@dataclass(slots=True, eq=False)
class Pose:
    """One pose message as it was received.

    ``poses``: float32 [animals, keypoints, 3] = x, y in pixels of the full source frame (NaN below the run's
    ``min_score``) and score 0..1. ``frame``: the source's frame number; ``seq``: the number of the message;
    ``stamps``: see `posewire.message.Stamps`; ``ids``: one number per animal, -1 for unknown, with ``id_scores``;
    ``session``: 16 bytes; ``received_ns``: this program's clock when the message was taken from the socket.
    ``predicted``: like ``poses``, where each keypoint will be ``lead_ns`` after the frame was taken (exposed, else
    grabbed); both None unless the stream predicts (``posewire run --lead-ms``).
    """

    poses: Floats
    frame: int
    seq: int
    stamps: Stamps
    ids: list[int]
    id_scores: list[float]
    session: bytes
    stream: str
    received_ns: int
    view: SessionView
    meta_wait_s: float = 0.0
    predicted: Floats | None = None
    lead_ns: int | None = None

    @property
    def meta(self) -> MetaContent | None:
        """The meta message of this pose's session, None while it has not come."""
        return self.view.meta

    def keypoint(self, name: str) -> Floats:
        """One keypoint of all animals: float32 [animals, 3] = x, y, score.

        Names come with the meta message, so the first call after a connection may wait for it, up to 2 s. Raises
        InputError for an unknown name, WorkError if no meta came.
        """
        meta = self.view.wait_meta(self.meta_wait_s)
        if meta is None:
            raise WorkError(
                f"keypoint {name!r}: stream {self.stream!r} has sent no meta message yet, so the keypoints have no "
                "names; wait for it with Client.wait_meta(), or index Pose.poses by number"
            )
        try:
            return self.poses[:, meta.keypoints.index(name)]
        except ValueError:
            raise InputError(
                f"keypoint {name!r}: stream {self.stream!r} has {', '.join(meta.keypoints)}"
                f"{nearest(name, meta.keypoints)}"
            ) from None

    def age_ms(self, at_ns: int | None = None) -> float:
        """Milliseconds since the middle of the exposure, else (unknown exposure) since the frame was grabbed.

        ``at_ns``: a time of this program's clock; now by default. NaN if the session's clock is another one (another
        host, another boot), or while its meta message, which tells, has not come.
        """
        if not self.view.local:
            return math.nan
        begin = self.stamps.grabbed if self.stamps.exposed is None else self.stamps.exposed
        return ((now_ns() if at_ns is None else at_ns) - begin) / 1e6


class Reader:
    """A SUB socket for one stream, used by one thread at a time.

    ``received`` and ``lost`` count pose messages: lost are the holes in ``seq`` between two received ones of one
    session (the count of a new session starts with its first message, so a restart of the publisher is no loss).
    The endpoint may come up later than the reader. ``context`` is needed for ``inproc://`` only; without it the
    reader has its own and ends it. ``meta_wait_s`` is how long `Pose.keypoint` may wait: 0 unless another thread
    goes on receiving.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_ENDPOINT,
        stream: str = "main",
        *,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        meta_wait_s: float = 0.0,
    ) -> None:
        """Raises InputError for a bad endpoint or stream name."""
        self.endpoint = check_connect(endpoint)
        self.stream = stream
        self.meta: MetaContent | None = None  # the latest
        self.received = 0
        self.lost = 0
        self.sessions: list[bytes] = []  # in the order of their first message
        self._pose_topic = pose_topic(stream)
        self._meta_topic = meta_topic(stream)
        self._meta_wait_s = meta_wait_s
        self._views: dict[bytes, SessionView] = {}
        self._recent: deque[bytes] = deque()
        self._unpacker = PoseUnpacker()
        self._owns_context = context is None
        self.context = zmq.Context() if context is None else context
        self._socket = self.context.socket(zmq.SUB)
        # The compiled method, without the layer of Python about it.
        self._get: Callable[[int], Any] = super(zmq.Socket, self._socket).get
        try:
            self._socket.set(zmq.LINGER, 0)
            # ZMQ_CONFLATE would keep the last frame instead of the last message.
            self._socket.set(zmq.TCP_KEEPALIVE, 1)  # a publisher whose machine went away is noticed, then sought
            self._socket.set(zmq.TCP_KEEPALIVE_IDLE, 10)
            self._socket.set(zmq.IPV6, uses_ipv6(endpoint))
            self._socket.subscribe(self._meta_topic)
            self._socket.subscribe(self._pose_topic)
            self._socket.connect(self.endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise InputError(f"endpoint {endpoint}: cannot be connected to ({error.strerror})") from error

    def receive(self, timeout_ms: float | None = None) -> Pose | MetaContent | None:
        """The next message of the stream in the order it was sent, or None after ``timeout_ms`` (None: no limit).

        Raises MessageError for a message of another wire format, `zmq.ContextTerminated` if the context ended.
        """
        deadline = None if timeout_ms is None else now_ns() + int(timeout_ms * 1e6)
        while True:
            if deadline is not None:
                left_ms = max(0, math.ceil((deadline - now_ns()) / 1e6))
                if not self._socket.poll(left_ms):
                    return None
            frames = [self._socket.recv()]
            received_ns = now_ns()
            while self._get(_MORE):  # the other frames of a message are there with the first
                frames.append(self._socket.recv())
            # A subscription is a prefix: `pose/a` brings `pose/ab` as well.
            if frames[0] not in (self._pose_topic, self._meta_topic):
                continue
            if len(frames) != 2:
                raise MessageError(f"message of {len(frames)} frames on {self.endpoint}: expected a topic and a map")
            if frames[0] == self._meta_topic:
                return self._take_meta(unpack_meta(frames[1]))
            return self._take_pose(self._unpacker.unpack(frames[1]), received_ns)

    def close(self) -> None:
        """Closes the socket; nothing is waited for. May be called twice."""
        self._socket.close(linger=0)
        if self._owns_context:
            self.context.term()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_meta(self, meta: MetaContent) -> MetaContent:
        self._view(meta.session).learn(meta)
        self.meta = meta
        return meta

    def _take_pose(self, content: PoseContent, received_ns: int) -> Pose:
        view = self._view(content.session)
        if view.next_seq is not None and content.seq > view.next_seq:
            self.lost += content.seq - view.next_seq
        view.next_seq = content.seq + 1
        self.received += 1
        return Pose(
            content.poses,
            content.frame,
            content.seq,
            content.stamps,
            list(content.ids or ()),
            list(content.id_scores or ()),
            content.session,
            content.stream,
            received_ns,
            view,
            self._meta_wait_s,
            content.predicted,
            content.lead_ns,
        )

    def _view(self, session: bytes) -> SessionView:
        view = self._views.get(session)
        if view is None:
            view = self._views[session] = SessionView(session)
            self.sessions.append(session)
            self._recent.append(session)
            if len(self._recent) > REMEMBERED_SESSIONS:
                del self._views[self._recent.popleft()]
        return view


@functools.cache
def _here() -> ClockInfo:
    """The clock of this program: read once, since meta messages come every second."""
    return clock_info()


def same_clock(one: ClockInfo, other: ClockInfo) -> bool:
    """Whether stamps of the two clocks may be subtracted: same kind, same host, same boot."""
    if (one.name, one.host) != (other.name, other.host):
        return False
    minutes = [_BOOT_MINUTE.fullmatch(clock.boot) for clock in (one, other)]
    if minutes[0] and minutes[1]:
        # Where the system does not name its boots, two programs may round the same one to neighbouring minutes.
        return abs(int(minutes[0][1]) - int(minutes[1][1])) <= 1
    return one.boot == other.boot
