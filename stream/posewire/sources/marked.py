"""A source with a mark that appears at known times: what `posewire bench loop` measures the closed loop by.

SPEC: ``marked:every=20,on=4,seed=0,place=8:8:32:32|SPEC``. A rectangle of the picture of the source inside is black;
from some frames on it is white for ``on`` frames. It turns white at a time between the frame before and the first that
shows it, known from the seed: `marks` gives the same times to whoever measures. With ``led=FILE`` it is white instead
while the virtual LED of that file is on: an LED in the camera's view.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from posewire.frame import Frame, Image, Source, SourceInfo
from posewire.outputs.virtual_led import VirtualLed
from posewire.sources import open_source as open_inner
from posewire.sources import parse_options
from posewire_models.errors import InputError

_OPTIONS = ("every", "on", "seed", "place", "led")
_FIRST = 20  # frames before the first mark


@dataclass(frozen=True, slots=True)
class Mark:
    """``frame`` is the first one that shows it; it turned white ``before`` (0 to 1) of a period before that frame."""

    frame: int
    before: float


def marks(seed: int, every: int) -> Iterator[Mark]:
    """Marks for ever, ``every`` frames apart on average (half of it to one and a half)."""
    draw = random.Random(f"marks {seed}")
    frame = _FIRST
    while True:
        frame += draw.randint(max(1, every // 2), max(1, every + every // 2))
        yield Mark(frame, draw.random())


def open_source(text: str) -> MarkedSource:
    """The source of ``marked:OPTIONS|SPEC``. Raises InputError for an option that cannot be used."""
    options, bar, spec = text.partition("|")
    if not bar:
        raise InputError("source marked: needs a source after a bar: marked:every=20|synthetic:fps=100")
    given = parse_options(options, "marked", _OPTIONS)
    numbers = {
        key: _whole(key, given.get(key, default)) for key, default in (("every", "20"), ("on", "4"), ("seed", "0"))
    }
    if not 0 < numbers["on"] < max(1, numbers["every"] // 2):
        raise InputError(f"source marked: on={numbers['on']}: expected 1 to less than half of every={numbers['every']}")
    parts = given.get("place", "8:8:32:32").split(":")
    if len(parts) != 4:
        raise InputError(f"source marked: place={given['place']}: expected x:y:width:height, such as place=8:8:32:32")
    x, y, width, height = (_whole("place", part) for part in parts)
    led = Path(given["led"]) if "led" in given else None
    return MarkedSource(open_inner(spec), numbers["every"], numbers["on"], numbers["seed"], (x, y, width, height), led)


def _whole(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise InputError(f"source marked: {key}={text} is no whole number")
    return int(text)


class MarkedSource:
    """``inner`` with a mark in ``place`` (x, y, width, height in px); see the module."""

    def __init__(
        self, inner: Source, every: int, on: int, seed: int, place: tuple[int, int, int, int], led: Path | None
    ) -> None:
        self.inner = inner
        self._marks = marks(seed, every)
        self._next = next(self._marks)
        self._on, self._place, self._file = on, place, led
        self._led: VirtualLed | None = None

    def open(self) -> SourceInfo:
        info = self.inner.open()
        x, y, width, height = self._place
        if not (width > 0 and height > 0 and x + width <= info.width and y + height <= info.height):
            raise InputError(
                f"source marked: place={x}:{y}:{width}:{height} is outside the {info.width}x{info.height} frame"
            )
        if self._file is not None:
            self._led = VirtualLed(self._file)
        return replace(info, name=f"marked {info.name}")

    def read(self, into: Image | None = None) -> Frame | None:
        """The next frame with its mark, on a copy of its own (a source may deliver the same array again)."""
        frame = self.inner.read(None)
        if frame is None:
            return None
        while frame.number >= self._next.frame + self._on:
            self._next = next(self._marks)
        lit = self._led.on if self._led is not None else frame.number >= self._next.frame
        image = frame.image.copy()
        x, y, width, height = self._place
        image[y : y + height, x : x + width] = 255 if lit else 0
        return replace(frame, image=image)

    def close(self) -> None:
        """Closes what is inside."""
        self.inner.close()
        if self._led is not None:
            self._led.close()
            self._led = None

    def remarks(self) -> list[str]:
        return self.inner.remarks()
