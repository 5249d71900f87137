"""What is done of a video, on the disk as it comes: an append-only file of checked records.

A record is a mark, its kind, its length, the CRC-32 of kind and content, and the content. The first one is the key:
which model, video and options this is. Blocks of whole batches follow, each with the state of the tracker behind it.
The last one says that the video came to its end. A program that is killed leaves a record half-written at most: it
fails its check, and the work goes on behind the last whole block.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from posewire.frame import Floats

_MARK = b"PWj1"
_HEAD = struct.Struct("<4scQI")  # mark, kind, length of the content, checksum
_BLOCK = struct.Struct("<QQQQQ")  # first frame, frames, poses, guessed times so far, bytes of the tracker's state
_KEY, _FRAMES, _END = b"k", b"f", b"e"


@dataclass
class Block:
    """Some frames in a row: ``first`` is the number of the first one.

    ``times`` float64 [F] s, ``counts`` int32 [F] poses of each frame, ``poses`` float32 [P, K, 3] of all frames one
    after the other, ``ids`` int32 [P] and ``id_scores`` float32 [P]; ``guessed`` times that no container told, from
    the beginning on; ``state`` of the tracker behind the last frame.
    """

    first: int
    times: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int32]
    poses: Floats
    ids: npt.NDArray[np.int32]
    id_scores: Floats
    guessed: int = 0
    state: bytes = b""

    def __len__(self) -> int:
        return len(self.times)

    def frames(self) -> Iterator[tuple[int, float, slice]]:
        """Number and time of each frame, and where its poses lie."""
        end = 0
        for n, count in enumerate(self.counts.tolist()):
            yield self.first + n, float(self.times[n]), slice(end, end + count)
            end += count


@dataclass
class Found:
    """What lies in a journal: its key, how many whole frames, the last block without its poses, and what was said at
    the end of the video (None: it was not reached). ``size``: bytes up to the last whole record.
    """

    key: dict[str, Any]
    size: int
    frames: int = 0
    last_s: float | None = None
    guessed: int = 0
    state: bytes = b""
    most: int = 0
    """The highest id, and one more."""
    end: dict[str, Any] | None = None
    lost: int = field(default=0)
    """Bytes behind the last whole record."""


def look_into(path: Path, keypoints: int) -> Found | None:
    """What a journal holds; None if it is not there or does not even have a key. Raises OSError."""
    if not path.exists():
        return None
    found: Found | None = None
    for kind, content, end in _records(path):
        if found is None:
            if kind != _KEY:
                return None
            found = Found(json.loads(content), end)
        elif kind == _FRAMES:
            block = _unpacked(content, keypoints)
            found.frames = block.first + len(block)
            found.last_s, found.guessed, found.state = float(block.times[-1]), block.guessed, block.state
            found.most = max(found.most, int(block.ids.max(initial=-1)) + 1)
        elif kind == _END:
            found.end = json.loads(content)
        found.size = end
    if found is not None:
        found.lost = path.stat().st_size - found.size
    return found


def read_blocks(path: Path, keypoints: int) -> Iterator[Block]:
    """The whole blocks of a journal, one at a time. Raises OSError."""
    for kind, content, _ in _records(path):
        if kind == _FRAMES:
            yield _unpacked(content, keypoints)


def _records(path: Path) -> Iterator[tuple[bytes, bytes, int]]:
    """Kind, content and end of each record up to the first that is not whole."""
    with path.open("rb") as file:
        left = path.stat().st_size
        while True:
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            mark, kind, length, checksum = _HEAD.unpack(head)
            left -= _HEAD.size + length
            if mark != _MARK or left < 0:
                return
            content = file.read(length)
            if zlib.crc32(content, zlib.crc32(kind)) != checksum:
                return
            yield kind, content, file.tell()


def _unpacked(content: bytes, keypoints: int) -> Block:
    first, frames, poses, guessed, state = _BLOCK.unpack_from(content)
    at = _BLOCK.size

    def take(kind: type[Any], *shape: int) -> npt.NDArray[Any]:
        nonlocal at
        count = int(np.prod(shape))
        array = np.frombuffer(content, kind, count, at).reshape(shape)
        at += array.nbytes
        return array

    return Block(
        first,
        take(np.float64, frames),
        take(np.int32, frames),
        take(np.float32, poses, keypoints, 3),
        take(np.int32, poses),
        take(np.float32, poses),
        guessed,
        content[at : at + state],
    )


class Journal:
    """A journal that is written to, from the beginning or from behind what `look_into` ``found``. Raises OSError."""

    def __init__(self, path: Path, key: dict[str, Any], found: Found | None = None) -> None:
        self.path = path
        self._file: IO[bytes]
        if found is None:
            self._file = path.open("wb")
            self._write(_KEY, json.dumps(key).encode())
        else:
            self._file = path.open("r+b")
            self._file.truncate(found.size)
            self._file.seek(found.size)

    def add(self, block: Block) -> None:
        """Append a block; a kill of the program cannot take it back any more."""
        head = _BLOCK.pack(block.first, len(block), len(block.poses), block.guessed, len(block.state))
        arrays = (block.times, block.counts, block.poses, block.ids, block.id_scores)
        self._write(_FRAMES, b"".join([head, *(array.tobytes() for array in arrays), block.state]))

    def end(self, said: dict[str, Any]) -> None:
        """Append that the video came to its end, and bring all of it to the disk."""
        self._write(_END, json.dumps(said).encode())
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, kind: bytes, content: bytes) -> None:
        checksum = zlib.crc32(content, zlib.crc32(kind))
        self._file.write(_HEAD.pack(_MARK, kind, len(content), checksum) + content)
        self._file.flush()
