"""The sending end's way to a pose message: one template, whose changing places alone are written for each frame.

`posewire.message` says what a message is; here the same map is laid out once for a number of animals, with every
number at its full width, so that a frame costs one `struct` call and no map of Python objects.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from posewire.frame import Floats
from posewire.message import UNKNOWN_ID, VERSION, PoseContent, Stamps, check_stream, pack_pose

_UINT32 = b"\xce"
_INT32 = b"\xd2"
_INT64 = b"\xd3"
_FLOAT64 = b"\xcb"
_LARGEST_UINT32 = 2**32 - 1
_LARGEST_INT32 = 2**31 - 1
_KEPT = 64  # templates: one for each number of animals and kind of exposure


@dataclass(frozen=True)
class Template:
    """How messages of one kind are laid out: ``form`` has the fixed bytes and the numbers in turn."""

    form: struct.Struct
    pack_into: Callable[..., None]
    buffer: bytearray
    before: tuple[bytes, ...]  # fixed bytes before seq, frame, each stamp, poses
    after: tuple[bytes, ...]  # fixed bytes before each id and id_score; all that follows the poses if nobody is known
    ahead: tuple[bytes, ...]  # fixed bytes before predicted and lead_ns; none without a prediction


class PosePacker:
    """Packs the pose messages of one session and stream; used by one thread.

    `pack` returns the second frame of a message, as `posewire.message.pack_pose` would (other widths of numbers, equal
    once unpacked), in a buffer that the next call of this packer overwrites.
    """

    def __init__(self, session: bytes, stream: str) -> None:
        """Raises InputError for a bad stream name."""
        self.session = session
        self.stream = check_stream(stream)
        self._templates: dict[tuple[tuple[int, ...], bool, bool, bool, str, bool], Template] = {}

    def pack(
        self,
        seq: int,
        frame: int,
        stamps: Stamps,
        poses: Floats,
        ids: npt.NDArray[np.int64] | None = None,
        id_scores: Floats | None = None,
        predicted: Floats | None = None,
        lead_ns: int = 0,
    ) -> bytes | bytearray:
        """The message of ``poses`` float32 [A, K, 3]; ``ids`` and ``id_scores`` [A], both None: nobody is known.

        ``predicted``, like ``poses``: where they will be ``lead_ns`` after the frame was taken; None: not predicted.
        Raises ValueError if an array has another shape.
        """
        exposed, exposed_err, known = stamps.exposed, stamps.exposed_err, ids is not None and id_scores is not None
        template = self.template(
            poses.shape, known, exposed is not None, exposed_err is not None, stamps.exposed_from, predicted is not None
        )
        after: Sequence[Any] | None = template.after
        if ids is not None or id_scores is not None:
            after = _turns(template.after, poses.shape[0], ids, id_scores)
        if after is None or poses.dtype != np.float32 or frame > _LARGEST_UINT32 or seq > _LARGEST_UINT32:
            content = PoseContent(self.session, self.stream, seq, frame, stamps, poses, ids, id_scores)
            if predicted is not None:
                content.predicted, content.lead_ns = predicted, lead_ns
            return pack_pose(content)  # something that the template has no room for
        fixed = template.before
        times = (
            fixed[0], seq, fixed[1], frame,
            fixed[2], stamps.grabbed, fixed[3], stamps.picked, fixed[4], stamps.prepared,
            fixed[5], stamps.inferred, fixed[6], stamps.decoded, fixed[7], stamps.sent,
        )  # fmt: skip
        if exposed is None and exposed_err is None:
            exposure = fixed[8:10]
        else:
            exposure = (
                *((fixed[8],) if exposed is None else (fixed[8], exposed)),
                *((fixed[9],) if exposed_err is None else (fixed[9], exposed_err)),
            )
        if predicted is None:
            template.pack_into(template.buffer, 0, *times, *exposure, fixed[10], poses.tobytes(), *after)
            return template.buffer
        if predicted.shape != poses.shape or predicted.dtype != np.float32:
            raise ValueError(f"predicted must be float32 {list(poses.shape)} like the poses")
        lead = template.ahead
        template.pack_into(
            template.buffer, 0, *times, *exposure, fixed[10], poses.tobytes(), *after,
            lead[0], predicted.tobytes(), lead[1], lead_ns,
        )  # fmt: skip
        return template.buffer

    def template(
        self,
        shape: tuple[int, ...],
        known: bool,
        exposed: bool,
        exposed_err: bool,
        exposed_from: str,
        ahead: bool = False,
    ) -> Template:
        """The template of poses of ``shape`` [A, K, 3]; ``known``: with ids, ``exposed``, ``exposed_err``: not nil,
        ``ahead``: with a prediction.

        Raises ValueError for another shape.
        """
        key = (shape, known, exposed, exposed_err, exposed_from, ahead)
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _KEPT:
                self._templates.clear()
            template = self._templates[key] = self._lay_out(*key)
        return template

    def _lay_out(
        self, shape: tuple[int, ...], known: bool, exposed: bool, exposed_err: bool, exposed_from: str, ahead: bool
    ) -> Template:
        if len(shape) != 3 or shape[2] != 3:
            raise ValueError(f"poses must have the shape [animals, keypoints, 3], not {list(shape)}")
        animals = shape[0]
        count = 4 * shape[0] * shape[1] * shape[2]
        stamp = [_text(name) + _INT64 for name in ("picked", "prepared", "inferred", "decoded", "sent")]
        before = [
            (b"\x8c" if ahead else b"\x8a") + _text("v") + _small(VERSION)
            + _text("session") + msgpack.packb(self.session) + _text("stream") + _text(self.stream)
            + _text("seq") + _UINT32,
            _text("frame") + _UINT32,
            _text("stamps") + b"\x89" + _text("grabbed") + _INT64,
            *stamp,
            _text("exposed") + (_INT64 if exposed else b"\xc0"),
            _text("exposed_err") + (_INT64 if exposed_err else b"\xc0"),
            _text("exposed_from") + _text(exposed_from) + _text("shape") + msgpack.packb(list(shape))
            + _text("poses") + b"\xc6" + struct.pack(">I", count),
        ]  # fmt: skip
        ids, scores = _text("ids") + _array(animals), _text("id_scores") + _array(animals)
        if known and animals:
            after = [_INT32] * animals + [_FLOAT64] * animals
            after[0] = ids + after[0]
            after[animals] = scores + after[animals]
        else:
            nobody, nothing = msgpack.packb(UNKNOWN_ID), msgpack.packb(0.0)
            after = [ids + nobody * animals + scores + nothing * animals]
        lead: list[bytes] = []
        if ahead:
            lead = [_text("predicted") + b"\xc6" + struct.pack(">I", count), _text("lead_ns") + _INT64]
        form = ">"
        for number, kind in zip(before, "IIqqqqqq", strict=False):
            form += f"{len(number)}s{kind}"
        form += f"{len(before[8])}s" + ("q" if exposed else "")
        form += f"{len(before[9])}s" + ("q" if exposed_err else "")
        form += f"{len(before[10])}s{count}s"
        for place, part in enumerate(after):
            form += f"{len(part)}s" + ("" if not (known and animals) else "i" if place < animals else "d")
        if ahead:
            form += f"{len(lead[0])}s{count}s{len(lead[1])}sq"
        packer = struct.Struct(form)
        return Template(packer, packer.pack_into, bytearray(packer.size), tuple(before), tuple(after), tuple(lead))


def _turns(
    fixed: tuple[bytes, ...], animals: int, ids: npt.NDArray[np.int64] | None, id_scores: Floats | None
) -> list[Any] | None:
    """Ids and scores with the fixed bytes before each; None if one of the two is missing or an id is too wide."""
    if ids is None or id_scores is None:
        return None
    if len(ids) != animals or len(id_scores) != animals:
        raise ValueError(f"{len(ids)} ids and {len(id_scores)} id_scores for {animals} animals")
    if not animals:
        return list(fixed)
    numbers = ids.tolist()
    if max(numbers) > _LARGEST_INT32 or min(numbers) < -_LARGEST_INT32:
        return None
    turns: list[Any] = [None] * (2 * len(fixed))
    turns[::2] = fixed
    turns[1::2] = numbers + id_scores.tolist()
    return turns


def _text(value: str) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _small(value: int) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _array(length: int) -> bytes:
    return bytes([0x90 | length]) if length < 16 else b"\xdd" + struct.pack(">I", length)
