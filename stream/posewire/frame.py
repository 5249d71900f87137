"""A frame on its way through the program, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SourceInfo:
    """What a source says of itself once it is open.

    ``fps`` is the source's own rate in frames/s (0.0 if it has none); ``live`` sources (cameras) cannot wait, so
    they refuse ``--pace max``; ``frames`` is the number of frames promised, ``animals`` that of animals in view, None
    where it is not known; ``notes`` are one-line remarks for the log (e.g. the buffer depth a driver granted).
    """

    name: str
    width: int
    height: int
    fps: float
    live: bool = False
    frames: int | None = None
    animals: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Truth:
    """Exact ground truth of a drawn frame.

    ``points``: float32 [animals, keypoints, 2], full-frame pixels. ``visible``: bool [animals, keypoints].
    """

    keypoints: tuple[str, ...]
    points: Floats
    visible: npt.NDArray[np.bool_]


@dataclass(slots=True)
class Frame:
    """One image with its number and stamps.

    ``image``: uint8 [H, W, 3] BGR or [H, W] gray. ``number`` counts the source's frames from 0. ``grabbed_ns`` is
    when it was read (or due, at real pace). ``exposed_ns`` is the middle of the exposure, None where unknown,
    with its error and its origin (`camera`, `trigger`, `estimated`, `unknown`).
    """

    image: Image
    number: int
    grabbed_ns: int = 0
    exposed_ns: int | None = None
    exposed_err_ns: int | None = None
    exposed_from: str = "unknown"
    truth: Truth | None = None


@runtime_checkable
class Source(Protocol):
    """Where frames come from. Used by one thread (the grabber) from `open` to `close`.

    `open` raises InputError (bad input) and returns what the source is. `read` returns the next frame, blocking no
    longer than it must, and None at the end; it raises WorkError if the source breaks. ``into`` is a buffer of the
    frame's shape that the source may fill (and then returns as the frame's image) or ignore. `close` may be
    called in any state, and from another thread only after the grabber has ended.
    `remarks` returns one-line sentences to print after the end (e.g. a truncated video).
    """

    def open(self) -> SourceInfo: ...

    def read(self, into: Image | None = None) -> Frame | None: ...

    def close(self) -> None: ...

    def remarks(self) -> list[str]: ...
