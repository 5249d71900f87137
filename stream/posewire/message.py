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
    ``predicted``: like ``poses``, where they will be ``lead_ns`` after the frame was taken; both or neither.
    """

    session: bytes
    stream: str
    seq: int
    frame: int
    stamps: Stamps
    poses: Floats
    ids: Sequence[int] | npt.NDArray[np.int64] | None = None
    id_scores: Sequence[float] | Floats | None = None
    predicted: Floats | None = None
    lead_ns: int | None = None


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

    Raises ValueError if ``poses`` is not [animals, keypoints, 3], if ``ids`` or ``id_scores`` do not have one entry per
    animal, or if ``predicted`` has another shape or no ``lead_ns``.
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
    ahead: dict[str, bytes | int] = {}
    if content.predicted is not None or content.lead_ns is not None:
        if content.predicted is None or content.lead_ns is None or content.predicted.shape != shape:
            raise ValueError(f"predicted must have the shape of the poses, {list(shape)}, and a lead_ns")
        ahead = {"predicted": content.predicted.astype(_WIRE_FLOATS).tobytes(), "lead_ns": content.lead_ns}
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
            **ahead,
        }
    )
    return packed


def pack_meta(content: MetaContent) -> bytes:
    """Second frame of a meta message."""
    packed: bytes = _packers.pack({"v": VERSION, **asdict(content)})
    return packed


def _plain(values: Sequence[Any] | npt.NDArray[Any]) -> list[Any]:
    """A list of Python's own numbers, also from an array."""
    return values.tolist() if isinstance(values, np.ndarray) else list(values)
