"""The sending end of the wire: one XPUB socket and its one owner, the thread that calls it.

A publisher never waits. A subscriber that reads too slowly has a queue of its own (`HIGH_WATER` messages) that drops
what does not fit; the loop and the other subscribers do not notice.
"""

from __future__ import annotations

import errno
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

import zmq

from posewire.endpoint import another_port, check_bind, uses_ipv6
from posewire.eventmessage import Event, Health, event_topic, health_topic, pack_event, pack_health
from posewire.message import MetaContent, meta_topic, pack_meta, pose_topic
from posewire_models.errors import InputError

HIGH_WATER = 1000  # messages queued per subscriber
# Bounds what the system queues for a stuck subscriber beyond the high-water mark: a few hundred poses. Left to
# itself Linux grows it to megabytes, and a subscriber that wakes up reads poses of minutes ago.
SEND_BUFFER = 256 * 1024
LINGER_MS = 200  # how long the last messages may take to leave at the stop
META_PERIOD_NS = 1_000_000_000
META_PER_SECOND = 10  # at most, however many subscribers come
EVENTS_PER_SERVICE = 256  # so that a flood of subscriptions cannot hold up the loop

_NOBLOCK = int(zmq.NOBLOCK)
_POLLIN = int(zmq.POLLIN)
_EVENTS = int(zmq.EVENTS)
_FIRST = int(zmq.NOBLOCK | zmq.SNDMORE)


def _not_bound(*arguments: Any) -> Any:
    raise RuntimeError("the publisher is not bound")


class Publisher:
    """Publishes the poses and the meta of one stream.

    All calls come from one thread. After `bind`, call `service` at least every 50 ms: it counts subscriptions and
    sends the meta messages. ``insecure`` allows a bind beyond loopback. ``context`` is needed for ``inproc://``
    only; without it the publisher has its own and ends it.
    """

    def __init__(
        self,
        endpoint: str,
        stream: str,
        *,
        insecure: bool = False,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        """Raises InputError for a bad endpoint or stream name; opens nothing yet."""
        self.endpoint = check_bind(endpoint, insecure=insecure)
        self.stream = stream
        self.messages = 0  # pose messages sent: also the `seq` of the next one
        self._pose_topic = pose_topic(stream)
        self._meta_topic = meta_topic(stream)
        self.events = 0  # event messages sent: also the `seq` of the next one
        self._event_topic = event_topic(stream)
        self._health_topic = health_topic(stream)
        self._context = context
        self._owns_context = context is None
        self._socket: zmq.Socket[bytes] | None = None
        # The compiled methods, without the layer of Python about them that looks at options nobody gives.
        self._send: Callable[[bytes | bytearray, int], Any] = _not_bound
        self._get: Callable[[int], Any] = _not_bound
        self._subscribed: Counter[bytes] = Counter()  # subscription prefix -> how often
        self._meta = b""
        self._meta_wanted = False
        self._meta_sent_ns: deque[int] = deque(maxlen=META_PER_SECOND)

    def bind(self) -> None:
        """Opens the socket; ``endpoint`` then holds the real port.

        Raises InputError if the endpoint cannot be bound (port in use, no such address, no permission).
        """
        if self._context is None:
            self._context = zmq.Context()
        socket = self._context.socket(zmq.XPUB)
        try:
            socket.set(zmq.LINGER, LINGER_MS)
            socket.set(zmq.SNDHWM, HIGH_WATER)
            socket.set(zmq.SNDBUF, SEND_BUFFER)
            socket.set(zmq.XPUB_VERBOSER, 1)  # every subscription and its end, not only the first and last
            socket.set(zmq.TCP_KEEPALIVE, 1)  # the end of a subscriber whose machine went away is noticed
            socket.set(zmq.TCP_KEEPALIVE_IDLE, 10)
            socket.set(zmq.IPV6, uses_ipv6(self.endpoint))
            socket.bind(self.endpoint)
        except zmq.ZMQError as error:
            socket.close(linger=0)
            self._end_context()
            raise InputError(self._bind_message(error)) from error
        self.endpoint = socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self._socket = socket
        self._send, self._get = super(zmq.Socket, socket).send, super(zmq.Socket, socket).get

    @property
    def subscriptions(self) -> int:
        """Subscriptions, seen by `service` so far, that would match a pose message; equal ones count each."""
        return sum(n for prefix, n in self._subscribed.items() if self._pose_topic.startswith(prefix))

    def set_meta(self, meta: MetaContent) -> None:
        """What the meta messages say from the next `service` on. Raises ValueError for another stream's meta."""
        if meta.stream != self.stream:
            raise ValueError(f"meta of stream {meta.stream!r} for the publisher of {self.stream!r}")
        self._meta = pack_meta(meta)
        self._meta_wanted = True

    def send_pose(self, payload: bytes | bytearray) -> None:
        """Sends one packed pose message (`posewire.pack`), its ``seq`` being `messages`. Never blocks.

        ``payload`` is copied: it may be overwritten as soon as this returns.
        """
        # XPUB drops both frames or none for a full subscriber, and never refuses.
        self._send(self._pose_topic, _FIRST)
        self._send(payload, _NOBLOCK)
        self.messages += 1

    def send_event(self, event: Event) -> None:
        """Gives the event its ``seq``, and sends it. Never blocks."""
        event.seq = self.events
        self._send(self._event_topic, _FIRST)
        self._send(pack_event(event), _NOBLOCK)
        self.events += 1

    def send_health(self, health: Health) -> None:
        """Sends how the program is. Never blocks."""
        self._send(self._health_topic, _FIRST)
        self._send(pack_health(health), _NOBLOCK)

    def service(self, now_ns: int) -> None:
        """Reads subscription events and sends the meta message if it is due. Never blocks.

        Due is the first one at once, then one a second, and one after `set_meta` or a new subscription that
        matches it; those wait where 10 were sent within the last second.
        """
        self._read_events()
        if not self._meta:
            return
        sent = self._meta_sent_ns
        if sent and now_ns - sent[-1] < META_PERIOD_NS and not self._meta_wanted:
            return
        if len(sent) == META_PER_SECOND and now_ns - sent[0] < META_PERIOD_NS:
            return
        socket = self._open_socket()
        socket.send(self._meta_topic, _FIRST)
        socket.send(self._meta, _NOBLOCK)
        sent.append(now_ns)
        self._meta_wanted = False

    def close(self) -> None:
        """Lets the last messages leave, for 200 ms at most, and closes. May be called twice."""
        if self._socket is not None:
            self._socket.close(linger=LINGER_MS)
            self._socket = None
            self._send = self._get = _not_bound
        self._end_context()

    def __enter__(self) -> Publisher:
        self.bind()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_events(self) -> None:
        for _ in range(EVENTS_PER_SERVICE):
            # Asking first is cheaper than the exception of an empty queue.
            if not self._get(_EVENTS) & _POLLIN:
                return
            event, *more = self._open_socket().recv_multipart(_NOBLOCK)
            if more:
                continue  # a message of an XSUB socket: no subscription has two frames
            prefix = event[1:]
            if event[:1] == b"\x01":
                self._subscribed[prefix] += 1
                self._meta_wanted |= self._meta_topic.startswith(prefix)
            elif event[:1] == b"\x00" and self._subscribed[prefix] > 1:
                self._subscribed[prefix] -= 1
            elif event[:1] == b"\x00":
                del self._subscribed[prefix]

    def _open_socket(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            raise RuntimeError("the publisher is not bound")
        return self._socket

    def _end_context(self) -> None:
        if self._owns_context and self._context is not None:
            # Waits for the linger of the socket, and for nothing else.
            self._context.term()
            self._context = None

    def _bind_message(self, error: zmq.ZMQError) -> str:
        what = f"publish endpoint {self.endpoint}: "
        if error.errno == errno.EADDRINUSE or error.errno == zmq.EADDRINUSE:
            return what + (
                "in use (is another `posewire run` going on?); stop that program, or choose another port, "
                f"e.g. --publish {another_port(self.endpoint)}"
            )
        if error.errno == errno.EACCES:
            return (
                what
                + f"this user may not bind it; choose a port above 1023, e.g. --publish {another_port(self.endpoint)}"
            )
        return (
            what + f"cannot be bound ({error.strerror}); expected an address of this machine, e.g. tcp://127.0.0.1:5555"
        )
