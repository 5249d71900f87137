"""The receiving end's way from a message's bytes to its content; `posewire.message` says what a message is."""

from __future__ import annotations

import sys
from operator import itemgetter
from typing import Any

import msgpack
import numpy as np

from posewire.clock import ClockInfo
from posewire.frame import Floats
from posewire.message import SESSION_BYTES, UNKNOWN_ID, VERSION, MetaContent, ModelMeta, PoseContent, Stamps
from posewire.messagemap import MessageError, MessageMap
from posewire.pack import PosePacker, Template

_LITTLE = sys.byteorder == "little"
_INTEGERS = {int}
_FLOATS = {float}
_KEPT = 64  # layouts: one for each length of a message


def unpack(topic: bytes, payload: bytes) -> PoseContent | MetaContent | None:
    """The content of a message, or None for a kind of message that this version does not know.

    Raises MessageError for another version, a missing key or bytes that cannot be read.
    """
    if topic.startswith(b"pose/"):
        return unpack_pose(payload)
    if topic.startswith(b"meta/"):
        return unpack_meta(payload)
    return None


class PoseUnpacker:
    """Reads the pose messages of one stream, one after the other; used by one thread.

    A publisher's messages differ in a few numbers. The first of each length is read with all checks, and laid out as
    `posewire.pack` does; if that gives the same bytes, the next ones of that length whose fixed bytes are the same
    are read by that layout, in one step. All others are read as the first one. A reader that has just been woken, its
    caches cold, has a pose in hand tens of microseconds sooner.
    """

    def __init__(self) -> None:
        self._layouts: dict[int, _Layout | None] = {}

    def unpack(self, payload: bytes) -> PoseContent:
        """The content of a pose message, as `unpack_pose` gives it. Raises MessageError."""
        layout = self._layouts.get(len(payload))
        if layout is not None and (content := layout.read(payload)) is not None:
            return content
        content = unpack_pose(payload)
        if layout is not None or len(payload) not in self._layouts:
            if len(self._layouts) >= _KEPT:
                self._layouts.clear()
            self._layouts[len(payload)] = _learn(content, payload)
        return content


class _Layout:
    """Where the numbers of messages stand that are laid out like one of a `PosePacker`."""

    def __init__(self, template: Template, content: PoseContent) -> None:
        self._session, self._stream = content.session, content.stream
        self._shape = content.poses.shape
        self._unpack = template.form.unpack
        exposed, exposed_err = content.stamps.exposed is not None, content.stamps.exposed_err is not None
        self._exposed_from = content.stamps.exposed_from
        # Fixed bytes and numbers in turn, but for stamps that may be nil.
        self._exposed_at = 17 if exposed else None
        err_before = 17 + exposed
        self._err_at = err_before + 1 if exposed_err else None
        poses_before = err_before + 1 + exposed_err
        self._poses_at = poses_before + 1
        after = poses_before + 2
        animals = self._shape[0]
        self._known = len(template.after) > 1
        self._ids = slice(after + 1, after + 2 * animals, 2)
        self._scores = slice(after + 1 + 2 * animals, after + 4 * animals, 2)
        fixed = [*range(0, 17, 2), err_before, poses_before, *range(after, after + 2 * len(template.after), 2)]
        self._ahead: int | None = None  # where the prediction stands
        if template.ahead:
            self._ahead = after + (2 * len(template.after) if self._known else 1) + 1
            fixed += [self._ahead - 1, self._ahead + 1]
        self._fixed = itemgetter(*fixed)
        self._bytes = (*template.before, *template.after, *template.ahead)

    def read(self, payload: bytes) -> PoseContent | None:
        """The content; None if the fixed bytes are others."""
        values = self._unpack(payload)
        if self._fixed(values) != self._bytes:
            return None
        stamps = Stamps(
            values[5], values[7], values[9], values[11], values[13], values[15],
            None if self._exposed_at is None else values[self._exposed_at],
            None if self._err_at is None else values[self._err_at],
            self._exposed_from,
        )  # fmt: skip
        animals = self._shape[0]
        ids = list(values[self._ids]) if self._known else [UNKNOWN_ID] * animals
        scores = list(values[self._scores]) if self._known else [0.0] * animals
        return PoseContent(
            self._session, self._stream, values[1], values[3], stamps, _floats(values[self._poses_at], self._shape),
            ids, scores,
            None if self._ahead is None else _floats(values[self._ahead], self._shape),
            None if self._ahead is None else values[self._ahead + 2],
        )  # fmt: skip


def _learn(content: PoseContent, payload: bytes) -> _Layout | None:
    """The layout of a message, None if it is not laid out as ours are."""
    packer, stamps, animals = PosePacker(content.session, content.stream), content.stamps, content.poses.shape[0]
    known = animals > 0 and any(number != UNKNOWN_ID for number in content.ids or ())
    ids = np.array(content.ids, np.int64) if known else None
    id_scores = np.array(content.id_scores, np.float32) if known else None
    packed = packer.pack(
        content.seq, content.frame, stamps, content.poses, ids, id_scores, content.predicted, content.lead_ns or 0
    )
    if not isinstance(packed, bytearray) or packed != payload:  # bytes are of the general packer
        return None
    exposed, exposed_err = stamps.exposed is not None, stamps.exposed_err is not None
    ahead = content.predicted is not None
    template = packer.template(content.poses.shape, known, exposed, exposed_err, stamps.exposed_from, ahead)
    return _Layout(template, content)


def _floats(raw: bytes, shape: tuple[int, ...]) -> Floats:
    """An array of its own from little-endian bytes."""
    poses: Floats = np.ndarray(shape, np.float32, bytearray(raw))
    if not _LITTLE:
        poses.byteswap(inplace=True)
    return poses


def unpack_pose(payload: bytes) -> PoseContent:
    """The content of a pose message; ``poses`` is a writable array of its own. Raises MessageError."""
    content = _unpack_map(payload)
    return _at_once(content) or _key_by_key(content)


def _at_once(content: dict[Any, Any]) -> PoseContent | None:
    """A message in which all is as it should be, in one go: a reader that has just been woken pays for every step, some
    fifty microseconds for the key by key of the other function. None where anything is amiss or missing."""
    try:
        session, stream, seq, frame = content["session"], content["stream"], content["seq"], content["frame"]
        stamps, shape, raw = content["stamps"], content["shape"], content["poses"]
        ids, id_scores = content["ids"], content["id_scores"]
        animals, keypoints, three = shape
        times = (
            stamps["grabbed"], stamps["picked"], stamps["prepared"], stamps["inferred"], stamps["decoded"],
            stamps["sent"],
        )  # fmt: skip
        exposed, exposed_err, exposed_from = stamps["exposed"], stamps["exposed_err"], stamps["exposed_from"]
    except (KeyError, TypeError, ValueError):
        return None
    if not (
        type(session) is bytes
        and type(stream) is type(exposed_from) is str
        and type(raw) is bytes
        and type(seq) is type(frame) is type(animals) is type(keypoints) is type(three) is int
        and type(stamps) is dict
        and type(shape) is type(ids) is type(id_scores) is list
        and {*map(type, times)} == _INTEGERS
        and {*map(type, ids)} <= _INTEGERS
        and {*map(type, id_scores)} <= _FLOATS
        and (exposed is None or type(exposed) is int)
        and (exposed_err is None or type(exposed_err) is int)
    ):
        return None
    if len(session) != SESSION_BYTES or three != 3 or min(animals, keypoints) < 0:
        return None
    if animals * keypoints * 12 != len(raw) or len(ids) != animals or len(id_scores) != animals:
        return None
    predicted, lead_ns = content.get("predicted"), content.get("lead_ns")
    if "predicted" in content or "lead_ns" in content:
        if type(predicted) is not bytes or type(lead_ns) is not int or len(predicted) != len(raw):
            return None
        predicted = _floats(predicted, (animals, keypoints, 3))
    poses = _floats(raw, (animals, keypoints, 3))
    when = Stamps(*times, exposed, exposed_err, exposed_from)
    return PoseContent(session, stream, seq, frame, when, poses, ids, id_scores, predicted, lead_ns)


def _key_by_key(content: dict[Any, Any]) -> PoseContent:
    """The same for any message, with the reason where it is none."""
    part = MessageMap("pose message", content)
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
    predicted, lead_ns = None, None
    if "predicted" in part.map or "lead_ns" in part.map:
        ahead, lead_ns = part.get("predicted", bytes), part.get("lead_ns", int)
        if len(ahead) != len(raw):
            raise MessageError(f"pose message: {len(ahead)} bytes of predicted do not fit the shape {shape}")
        predicted = np.frombuffer(ahead, "<f4").reshape(shape).astype(np.float32)
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
        poses=np.frombuffer(raw, "<f4").reshape(shape).astype(np.float32),
        ids=ids,
        id_scores=id_scores,
        predicted=predicted,
        lead_ns=lead_ns,
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
