"""Wire format 1: results to msgpack bytes and back. The wire's only definition; `docs/wire.md` says it in prose.

A message is two ZeroMQ frames: a topic (`pose/<stream>` or `meta/<stream>`, ASCII) and one msgpack map. Adding a
key is no new version, since readers ignore unknown keys; any other change is, and then `VERSION` must rise.

Here are neither sockets nor clocks: bytes and records only.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from posewire.clock import ClockInfo
from posewire.frame import Floats
from posewire.messagemap import MessageError, MessageMap
from posewire_models.errors import InputError

VERSION = 1
SESSION_BYTES = 16
UNKNOWN_ID = -1
EXPOSED_FROM = ("camera", "trigger", "estimated", "unknown")

_STREAM = re.compile(r"[A-Za-z0-9._-]{1,100}")
_WIRE_FLOATS = np.dtype("<f4")


def check_stream(name: str) -> str:
    """The stream name itself, if a topic may carry it.

    Raises InputError unless it consists of 1 to 100 ASCII letters, digits, ``-``, ``_`` and ``.``.
    """
    if not _STREAM.fullmatch(name):
        raise InputError(
            f"stream {name!r}: a stream name consists of 1 to 100 letters, digits, '-', '_' or '.' "
            "(no slash, no space), e.g. 'main'"
        )
    return name


def pose_topic(stream: str) -> bytes:
    """First frame of the pose messages of a stream. Raises InputError for a bad name."""
    return b"pose/" + check_stream(stream).encode("ascii")


def meta_topic(stream: str) -> bytes:
    """First frame of the meta messages of a stream. Raises InputError for a bad name."""
    return b"meta/" + check_stream(stream).encode("ascii")


@dataclass(slots=True)
class Stamps(Mapping[str, "int | str | None"]):
    """When each stage of one frame ended, in nanoseconds of the session's clock (see `MetaContent.clock`).

    ``grabbed``: read from the source (or due, at real pace); ``picked``: taken by the inference thread;
    ``prepared``, ``inferred``, ``decoded``: the stages; ``sent``: just before packing. ``exposed`` is the middle
    of the exposure with its error ``exposed_err`` (both None if unknown) and its origin ``exposed_from``, one of
    `EXPOSED_FROM`. Every stamp is an attribute and an item: ``stamps.sent`` is ``stamps["sent"]``.
    """

    grabbed: int
    picked: int
    prepared: int
    inferred: int
    decoded: int
    sent: int
    exposed: int | None = None
    exposed_err: int | None = None
    exposed_from: str = "unknown"

    def __getitem__(self, name: str) -> int | str | None:
        if name not in _STAMPS:
            raise KeyError(name)
        value: int | str | None = getattr(self, name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(_STAMPS)

    def __len__(self) -> int:
        return len(_STAMPS)


_STAMPS = tuple(f.name for f in fields(Stamps))


@dataclass(slots=True)
class PoseContent:
    """What one pose message says.

    ``session``: 16 bytes, new for each run. ``seq`` counts the pose messages of this session and stream from 0;
    ``frame`` is the source's frame number. ``poses``: float32 [animals, keypoints, 3] = x, y in pixels of the
    full source frame and score 0..1; x and y are NaN below the run's ``min_score``. ``ids``: one number per
    animal, -1 for unknown (the default for all); ``id_scores``: one float per animal (0.0 by default).
    """

    session: bytes
    stream: str
    seq: int
    frame: int
    stamps: Stamps
    poses: Floats
    ids: Sequence[int] | npt.NDArray[np.int64] | None = None
    id_scores: Sequence[float] | Floats | None = None


@dataclass(frozen=True)
class ModelMeta:
    """The network behind a session. ``provider`` is the ONNX Runtime provider that runs it."""

    name: str
    sha256: str
    provider: str
    min_score: float


@dataclass(frozen=True)
class MetaContent:
    """What one meta message says: everything that stays the same for a session.

    ``skeleton``: pairs of indices into ``keypoints``; ``size``: width and height of the full source frame in
    pixels; ``clock`` tells whose nanoseconds the stamps are; ``source`` is what the program reads from;
    ``config_sha256`` names the effective configuration; ``posewire`` is the version of the program.
    """

    session: bytes
    stream: str
    keypoints: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    model: ModelMeta
    clock: ClockInfo
    source: str
    config_sha256: str
    posewire: str


class _Packers(threading.local):
    """One packer per thread: reused for each message (its buffer is allocated once), shared with nobody."""

    def __init__(self) -> None:
        self.pack = msgpack.Packer(use_bin_type=True).pack


_packers = _Packers()


def pack_pose(content: PoseContent) -> bytes:
    """Second frame of a pose message. Called for each frame: a few microseconds.

    Raises ValueError if ``poses`` is not [animals, keypoints, 3], or if ``ids`` or ``id_scores`` do not have one
    entry per animal.
    """
    poses, stamps, ids, id_scores = content.poses, content.stamps, content.ids, content.id_scores
    shape = poses.shape
    if len(shape) != 3 or shape[2] != 3:
        raise ValueError(f"poses must have the shape [animals, keypoints, 3], not {list(shape)}")
    animals = shape[0]
    ids = [UNKNOWN_ID] * animals if ids is None else _plain(ids)
    id_scores = [0.0] * animals if id_scores is None else _plain(id_scores)
    if len(ids) != animals or len(id_scores) != animals:
        raise ValueError(f"{len(ids)} ids and {len(id_scores)} id_scores for {animals} animals")
    # Asked first, since `astype` takes microseconds even where it has nothing to do.
    raw = (poses if poses.dtype is _WIRE_FLOATS else poses.astype(_WIRE_FLOATS)).tobytes()
    packed: bytes = _packers.pack(
        {
            "v": VERSION,
            "session": content.session,
            "stream": content.stream,
            "seq": content.seq,
            "frame": content.frame,
            "stamps": {
                "grabbed": stamps.grabbed,
                "picked": stamps.picked,
                "prepared": stamps.prepared,
                "inferred": stamps.inferred,
                "decoded": stamps.decoded,
                "sent": stamps.sent,
                "exposed": stamps.exposed,
                "exposed_err": stamps.exposed_err,
                "exposed_from": stamps.exposed_from,
            },
            "shape": shape,
            "poses": raw,
            "ids": ids,
            "id_scores": id_scores,
        }
    )
    return packed


def pack_meta(content: MetaContent) -> bytes:
    """Second frame of a meta message."""
    packed: bytes = _packers.pack({"v": VERSION, **asdict(content)})
    return packed


def unpack(topic: bytes, payload: bytes) -> PoseContent | MetaContent | None:
    """The content of a message, or None for a kind of message that this version does not know.

    Raises MessageError for another version, a missing key or bytes that cannot be read.
    """
    if topic.startswith(b"pose/"):
        return unpack_pose(payload)
    if topic.startswith(b"meta/"):
        return unpack_meta(payload)
    return None


def unpack_pose(payload: bytes) -> PoseContent:
    """The content of a pose message; ``poses`` is a writable array of its own. Raises MessageError."""
    part = MessageMap("pose message", _unpack_map(payload))
    stamps = MessageMap("pose message: stamps", part.get("stamps", dict))
    shape = part.integers("shape")
    raw = part.get("poses", bytes)
    if len(shape) != 3 or shape[2] != 3 or min(shape) < 0 or shape[0] * shape[1] * 12 != len(raw):
        raise MessageError(
            f"pose message: {len(raw)} bytes of poses do not fit the shape {shape}; "
            "expected float32 [animals, keypoints, 3]"
        )
    ids = part.integers("ids") if "ids" in part.map else [UNKNOWN_ID] * shape[0]
    id_scores = part.numbers("id_scores") if "id_scores" in part.map else [0.0] * shape[0]
    if len(ids) != shape[0] or len(id_scores) != shape[0]:
        raise MessageError(f"pose message: {len(ids)} ids and {len(id_scores)} id_scores for {shape[0]} animals")
    return PoseContent(
        session=part.raw("session", SESSION_BYTES),
        stream=part.get("stream", str),
        seq=part.get("seq", int),
        frame=part.get("frame", int),
        stamps=Stamps(
            grabbed=stamps.get("grabbed", int),
            picked=stamps.get("picked", int),
            prepared=stamps.get("prepared", int),
            inferred=stamps.get("inferred", int),
            decoded=stamps.get("decoded", int),
            sent=stamps.get("sent", int),
            exposed=stamps.get("exposed", (int, type(None))),
            exposed_err=stamps.get("exposed_err", (int, type(None))),
            exposed_from=stamps.get("exposed_from", str),
        ),
        poses=np.frombuffer(raw, _WIRE_FLOATS).reshape(shape).astype(np.float32),
        ids=ids,
        id_scores=id_scores,
    )


def unpack_meta(payload: bytes) -> MetaContent:
    """The content of a meta message. Raises MessageError."""
    part = MessageMap("meta message", _unpack_map(payload))
    model = MessageMap("meta message: model", part.get("model", dict))
    clock = MessageMap("meta message: clock", part.get("clock", dict))
    size = part.integers("size")
    skeleton = [
        MessageMap("meta message: skeleton", {"edge": edge}).integers("edge") for edge in part.get("skeleton", list)
    ]
    if len(size) != 2 or any(len(edge) != 2 for edge in skeleton):
        raise MessageError("meta message: expected size [w, h] and a skeleton of [i, j] pairs")
    return MetaContent(
        session=part.raw("session", SESSION_BYTES),
        stream=part.get("stream", str),
        keypoints=tuple(part.texts("keypoints")),
        skeleton=tuple((i, j) for i, j in skeleton),
        size=(size[0], size[1]),
        model=ModelMeta(
            name=model.get("name", str),
            sha256=model.get("sha256", str),
            provider=model.get("provider", str),
            min_score=float(model.get("min_score", (int, float))),
        ),
        clock=ClockInfo(
            name=clock.get("name", str),
            wall_minus_clock_ns=clock.get("wall_minus_clock_ns", int),
            host=clock.get("host", str),
            boot=clock.get("boot", str),
        ),
        source=part.get("source", str),
        config_sha256=part.get("config_sha256", str),
        posewire=part.get("posewire", str),
    )


def _unpack_map(payload: bytes) -> dict[Any, Any]:
    try:
        content = msgpack.unpackb(payload, strict_map_key=False)
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise MessageError(
            f"message of {len(payload)} bytes: not msgpack ({error}); is this a Posewire stream?"
        ) from error
    if not isinstance(content, dict) or "v" not in content:
        raise MessageError(
            f"message of {len(payload)} bytes: expected a map with the key 'v'; is this a Posewire stream?"
        )
    if content["v"] != VERSION:
        raise MessageError(
            f"wire format: this program reads version {VERSION}, the publisher sends {content['v']!r}; "
            "install the same version of Posewire on both sides"
        )
    return content


def _plain(values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """A list of Python's own numbers, also from an array."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
