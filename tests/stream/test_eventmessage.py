"""Event and health messages: what is packed is read again, what is broken is named."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire.eventmessage import (
    KINDS,
    Event,
    Health,
    event_topic,
    health_topic,
    pack_event,
    pack_health,
    unpack_event,
    unpack_health,
)
from posewire.messagemap import MessageError

times = st.none() | st.integers(0, 2**62)
events = st.builds(
    Event,
    session=st.binary(min_size=16, max_size=16),
    stream=st.sampled_from(["main", "arena-1"]),
    seq=st.integers(0, 2**40),
    kind=st.sampled_from(KINDS),
    event=st.integers(-1, 2**40),
    of=st.none() | st.integers(0, 2**40),
    rule=st.text(),
    outputs=st.lists(st.text(), max_size=3),
    animal=st.integers(-1, 100),
    frame=st.integers(-1, 2**40),
    reason=st.text(),
    value=st.floats(allow_nan=False),
    exposed=times,
    grabbed=times,
    decided=times,
    sent=times,
    acknowledged=times,
    device_us=times,
)


@given(events)
def test_an_event_is_read_as_it_was_packed(event: Event) -> None:
    assert unpack_event(pack_event(event)) == event


def test_an_event_is_a_map_of_plain_keys() -> None:
    content = msgpack.unpackb(pack_event(Event(b"s" * 16, "main", 3, "fired", 1, rule="corner", outputs=["light"])))
    assert content["v"] == 1
    assert (content["kind"], content["event"], content["rule"], content["outputs"]) == ("fired", 1, "corner", ["light"])
    assert set(content["stamps"]) == {"exposed", "grabbed", "decided", "sent", "acknowledged"}


def test_health_is_read_as_it_was_packed() -> None:
    health = Health(b"s" * 16, "main", 5, {"offered": 3, "processed": 2, "skipped": 1}, {"armed": True}, None)
    assert unpack_health(pack_health(health)) == health


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"\xc1", "not msgpack"),
        (msgpack.packb([1]), "reads wire format 1, the publisher sends None"),
        (msgpack.packb({"v": 2}), "reads wire format 1, the publisher sends 2"),
        (msgpack.packb({"v": 1}), "'stamps'"),
        (msgpack.packb({"v": 1, "stamps": {}, "session": b"short"}), "16 bytes"),
    ],
)
def test_what_is_no_event_is_named(payload: bytes, says: str) -> None:
    with pytest.raises(MessageError, match=says):
        unpack_event(payload)


def test_topics_name_the_stream() -> None:
    assert (event_topic("main"), health_topic("a.b")) == (b"event/main", b"health/a.b")
