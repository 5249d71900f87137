"""Event and health messages of wire format 1: what rules decided and outputs did, and how the program is.

Topics ``event/<stream>`` and ``health/<stream>``; `docs/wire.md` says it in prose. Bytes and records only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgpack

from posewire.message import SESSION_BYTES, VERSION, check_stream
from posewire.messagemap import MessageError, MessageMap

KINDS = (
    "fired", "decided", "ended", "sham", "withheld", "sent", "acknowledged", "failed", "safe", "armed", "disarmed",
)  # fmt: skip


def event_topic(stream: str) -> bytes:
    """First frame of the event messages of a stream. Raises InputError for a bad name."""
    return b"event/" + check_stream(stream).encode("ascii")


def health_topic(stream: str) -> bytes:
    """First frame of the health messages of a stream. Raises InputError for a bad name."""
    return b"health/" + check_stream(stream).encode("ascii")


@dataclass(slots=True)
class Event:
    """One thing that happened to a rule or an output.

    ``seq`` counts the event messages of a session from 0; ``event`` numbers decisions from 0 (-1: of no decision), and
    what becomes of one has its number. ``kind`` is one of `KINDS`: ``fired`` (``outputs`` were told to act), ``sham``,
    ``decided`` (either of the two, of a blinded session), ``ended`` (outputs that were on for this rule are told to
    end; ``of`` is the decision that began it), ``withheld`` (``reason`` says why), ``sent``, ``acknowledged`` and
    ``failed`` (by the output ``outputs[0]``), ``safe`` (that output was put into its safe state), ``armed``,
    ``disarmed``. ``animal``: its id, -1 for unknown. ``frame`` and the stamps ``exposed`` (None: unknown) and
    ``grabbed`` are those of the frame that it was decided on; all times in ns of the session's clock, ``device_us`` in
    us of the device's.
    """

    session: bytes
    stream: str
    seq: int
    kind: str
    event: int = -1
    of: int | None = None
    rule: str = ""
    outputs: list[str] = field(default_factory=list)
    animal: int = -1
    frame: int = -1
    reason: str = ""
    value: float = 1.0
    exposed: int | None = None
    grabbed: int | None = None
    decided: int | None = None
    sent: int | None = None
    acknowledged: int | None = None
    device_us: int | None = None


@dataclass(slots=True)
class Health:
    """How the program is, once a second and whenever it is armed or disarmed.

    ``time``: ns of the session's clock. ``frames``: offered, processed, skipped. ``rules``: None without rules, else
    ``armed``, ``trouble``, and for each rule and output what it did; ``prediction``: its own score, None without.
    """

    session: bytes
    stream: str
    time: int
    frames: dict[str, int]
    rules: dict[str, Any] | None = None
    prediction: dict[str, Any] | None = None


_STAMPS = ("exposed", "grabbed", "decided", "sent", "acknowledged")
_pack = msgpack.Packer(use_bin_type=True).pack


def pack_event(event: Event) -> bytes:
    """Second frame of an event message. Called by one thread."""
    packed: bytes = _pack(
        {
            "v": VERSION,
            "session": event.session,
            "stream": event.stream,
            "seq": event.seq,
            "kind": event.kind,
            "event": event.event,
            "of": event.of,
            "rule": event.rule,
            "outputs": event.outputs,
            "animal": event.animal,
            "frame": event.frame,
            "reason": event.reason,
            "value": event.value,
            "stamps": {name: getattr(event, name) for name in _STAMPS},
            "device_us": event.device_us,
        }
    )
    return packed


def pack_health(health: Health) -> bytes:
    """Second frame of a health message. Called by one thread."""
    packed: bytes = _pack(
        {
            "v": VERSION,
            "session": health.session,
            "stream": health.stream,
            "time": health.time,
            "frames": health.frames,
            "rules": health.rules,
            "prediction": health.prediction,
        }
    )
    return packed


def _open(payload: bytes, name: str) -> MessageMap:
    try:
        content = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise MessageError(f"{name} of {len(payload)} bytes: not msgpack ({error})") from error
    if not isinstance(content, dict) or content.get("v") != VERSION:
        found = content.get("v") if isinstance(content, dict) else None
        raise MessageError(f"{name}: this program reads wire format {VERSION}, the publisher sends {found!r}")
    return MessageMap(name, content)


def unpack_event(payload: bytes) -> Event:
    """The content of an event message. Raises MessageError."""
    part = _open(payload, "event message")
    stamps = MessageMap("event message: stamps", part.get("stamps", dict))
    maybe = (int, type(None))
    return Event(
        session=part.raw("session", SESSION_BYTES),
        stream=part.get("stream", str),
        seq=part.get("seq", int),
        kind=part.get("kind", str),
        event=part.get("event", int),
        of=part.get("of", maybe),
        rule=part.get("rule", str),
        outputs=part.texts("outputs"),
        animal=part.get("animal", int),
        frame=part.get("frame", int),
        reason=part.get("reason", str),
        value=float(part.get("value", (int, float))),
        device_us=part.get("device_us", maybe),
        **{name: stamps.get(name, maybe) for name in _STAMPS},
    )


def unpack_health(payload: bytes) -> Health:
    """The content of a health message. Raises MessageError."""
    part = _open(payload, "health message")
    maybe = (dict, type(None))
    return Health(
        session=part.raw("session", SESSION_BYTES),
        stream=part.get("stream", str),
        time=part.get("time", int),
        frames=part.get("frames", dict),
        rules=part.get("rules", maybe),
        prediction=part.get("prediction", maybe),
    )
