"""The receiving end of event messages: what rules decided and outputs did, one after the other."""

from __future__ import annotations

import math
from types import TracebackType

import zmq

from posewire.endpoint import DEFAULT_ENDPOINT, check_connect, uses_ipv6
from posewire.eventmessage import Event, Health, event_topic, health_topic, unpack_event, unpack_health
from posewire.messagemap import MessageError


class Events:
    """Iterates over the events of a stream, every one of them; used by one thread at a time.

    ``lost`` counts holes in ``seq`` between two received ones of a session. With ``health`` it also receives the health
    messages, once a second. The endpoint may come up later than the reader.
    """

    def __init__(self, endpoint: str = DEFAULT_ENDPOINT, stream: str = "main", *, health: bool = False) -> None:
        """Raises InputError for a bad endpoint or stream name."""
        self.endpoint = check_connect(endpoint)
        self.stream = stream
        self.lost = 0
        self._event_topic, self._health_topic = event_topic(stream), health_topic(stream)
        self._next: tuple[bytes, int] | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.set(zmq.IPV6, uses_ipv6(self.endpoint))
        self._socket.subscribe(self._event_topic)
        if health:
            self._socket.subscribe(self._health_topic)
        self._socket.connect(self.endpoint)

    def receive(self, timeout_ms: float | None = None) -> Event | Health | None:
        """The next message; None after ``timeout_ms`` (None: waits for ever). Raises MessageError."""
        if timeout_ms is not None and not self._socket.poll(math.ceil(timeout_ms)):
            return None
        while True:
            topic, *more = self._socket.recv_multipart()
            if len(more) != 1:
                raise MessageError(f"message of {1 + len(more)} frames on {self.endpoint}: expected a topic and a map")
            if topic == self._health_topic:
                return unpack_health(more[0])
            if topic == self._event_topic:
                return self._counted(unpack_event(more[0]))
            # a longer stream name that begins with ours

    def close(self) -> None:
        """Closes the socket. May be called twice."""
        self._socket.close(linger=0)
        self._context.term()

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Events:
        return self

    def __next__(self) -> Event:
        while True:
            item = self.receive()
            if isinstance(item, Event):
                return item

    def _counted(self, event: Event) -> Event:
        if self._next is not None and self._next[0] == event.session:
            self.lost += max(0, event.seq - self._next[1])
        self._next = event.session, event.seq + 1
        return event
