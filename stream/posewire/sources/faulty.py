"""A source with faults, for tests: wraps another source and breaks it on purpose.

SPEC: ``fault:FAULT;FAULT;...|SPEC``, for example
``fault:stall=20:0.5;repeat=3;resize=30:320x240|synthetic:fps=100,animals=2``. Everything after the first ``|`` is the
SPEC of the source inside, commas and all. N is the number of a frame of the inner source; a fault may be given several
times.

======================  ====================================================================================
fault                   what happens
======================  ====================================================================================
``vanish=N``            reading frame N raises WorkError, as does every later read: a camera is unplugged
``end=N``               the source ends before frame N, silently: a file is cut off
``stall=N:SECONDS``     frame N comes that much later
``hang=N``              reading frame N blocks until the source is closed by someone else: a driver hangs
``repeat=N:TIMES``      frame N comes TIMES (default 1) times more, with the same number and image
``lose=N:COUNT``        COUNT (default 1) frames from N on are lost: a hole in the numbers
``noise=N:COUNT``       COUNT (default 1) frames from N on are random pixels, without truth
``resize=N:WxH``        all frames from N on have another size; the truth is moved along
``live=1``              says that it is a camera, and delivers at the inner source's rate whether asked or not
======================  ====================================================================================
"""

from __future__ import annotations

import threading
from dataclasses import replace

import cv2
import numpy as np

from posewire.clock import now_ns
from posewire.frame import Frame, Image, Source, SourceInfo
from posewire.sources import open_source as open_inner
from posewire.sources import parse_size
from posewire_models.errors import InputError, WorkError, nearest

_FAULTS = ("vanish", "end", "stall", "hang", "repeat", "lose", "noise", "resize", "live")


def open_source(text: str) -> FaultySource:
    """The source of ``fault:FAULTS|SPEC``. Raises InputError for a fault that is not known or has a bad value."""
    faults, bar, spec = text.partition("|")
    if not bar:
        raise InputError("source fault: needs a source after a bar: fault:vanish=50|synthetic:fps=100")
    parsed = [_parse(part.strip()) for part in faults.split(";") if part.strip()]
    return FaultySource(open_inner(spec), parsed)


class FaultySource:
    """``inner`` with ``faults``: (name, frame number, amount) each; see the module for names and amounts.

    The amount is seconds for ``stall``, frames for ``repeat``, ``lose`` and ``noise``, (width, height) for
    ``resize``.
    """

    def __init__(self, inner: Source, faults: list[tuple[str, int, float | tuple[int, int]]]) -> None:
        self.inner = inner
        self._faults = faults
        self._closed = threading.Event()
        self._random = np.random.default_rng(0)
        self._next = 0  # number of the inner frame that comes next, as far as is known
        self._repeats: list[Frame] = []
        self._live = any(name == "live" for name, _, _ in faults)
        self._period_ns = 0.0
        self._due_ns = 0.0

    def open(self) -> SourceInfo:
        info = self.inner.open()
        if not self._live:
            return info
        self._period_ns = 1e9 / info.fps if info.fps else 0.0
        return replace(info, live=True)

    def read(self, into: Image | None = None) -> Frame | None:
        """The next frame, or its fault. Raises WorkError if the source vanishes here."""
        if self._repeats:
            return self._repeats.pop()
        while True:
            if not self._before(self._next):
                return None
            frame = self.inner.read(into)
            if frame is None:
                return None
            self._next = frame.number + 1
            if not self._within("lose", frame.number):
                return self._spoil(frame)

    def close(self) -> None:
        """Ends a stall or a hang; may therefore be called from any thread."""
        self._closed.set()
        self.inner.close()

    def remarks(self) -> list[str]:
        return self.inner.remarks()

    def _before(self, number: int) -> bool:
        """The faults that keep frame ``number`` from coming; False if the source ends here."""
        for name, at, amount in self._faults:
            if name == "vanish" and number >= at:
                raise WorkError(f"the source vanished at frame {number}, as the fault vanish={at} asks")
            if name == "end" and number >= at:
                return False
            if name == "stall" and number == at and isinstance(amount, float):
                self._closed.wait(amount)
            if name == "hang" and number == at:
                self._closed.wait()
        if self._closed.is_set():
            return False
        if self._live:
            self._due_ns = max(self._due_ns + self._period_ns, float(now_ns()))
            self._closed.wait(max(0.0, self._due_ns - now_ns()) / 1e9)
        return True

    def _spoil(self, frame: Frame) -> Frame:
        for name, at, amount in self._faults:
            if name == "resize" and frame.number >= at and isinstance(amount, tuple):
                frame = _resized(frame, amount)
        if self._within("noise", frame.number):
            noise = self._random.integers(0, 256, frame.image.shape, np.uint8)
            frame = replace(frame, image=noise, truth=None)
        for name, at, amount in self._faults:
            if name == "repeat" and frame.number == at and isinstance(amount, float):
                # Copies: the reader may use the first one's array again before it gets the second.
                self._repeats = [replace(frame, image=frame.image.copy()) for _ in range(round(amount))]
        return frame

    def _within(self, fault: str, number: int) -> bool:
        return any(
            name == fault and isinstance(amount, float) and at <= number < at + amount
            for name, at, amount in self._faults
        )


def _resized(frame: Frame, size: tuple[int, int]) -> Frame:
    height, width = frame.image.shape[:2]
    image = np.asarray(cv2.resize(frame.image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    truth = frame.truth
    if truth is not None:
        scale = np.array([size[0] / width, size[1] / height], np.float32)
        truth = replace(truth, points=((truth.points + 0.5) * scale - 0.5).astype(np.float32))
    return replace(frame, image=image, truth=truth)


def _parse(text: str) -> tuple[str, int, float | tuple[int, int]]:
    name, _, value = text.partition("=")
    if name not in _FAULTS:
        raise InputError(
            f"source fault: no fault {name!r}{nearest(name, _FAULTS) or '; known are ' + ', '.join(_FAULTS)}"
        )
    at, colon, amount = value.partition(":")
    needs_amount = name in ("stall", "resize")
    try:
        if not at.isdigit() or (needs_amount and not colon):
            raise ValueError
        if name == "resize":
            return name, int(at), parse_size(amount, "fault")
        seconds_or_frames = float(amount) if colon else 1.0
        if not 0.0 <= seconds_or_frames < 1e9:
            raise ValueError
    except ValueError:
        form = {"stall": "N:SECONDS", "resize": "N:WIDTHxHEIGHT"}.get(name, "N or N:COUNT")
        raise InputError(f"source fault: {text!r} is not understood; {name} takes {form}") from None
    return name, int(at), seconds_or_frames
