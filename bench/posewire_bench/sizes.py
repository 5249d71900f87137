"""Sizes of pictures on the command line, and the frames whose picture reaches the network at exactly such a size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from posewire.preprocess import Crop, Geometry, plan
from posewire_models.contract import ModelContract
from posewire_models.errors import InputError

_LARGEST = 8192


class Size(NamedTuple):
    """Width and height in px."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(text: str, option: str = "--size") -> Size:
    """``320x256``. Raises InputError."""
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.strip())
    if match is None or not all(1 <= int(side) <= _LARGEST for side in match.groups()):
        raise InputError(f"{option} {text}: expected WIDTHxHEIGHT in px, 1 to {_LARGEST} each, e.g. 320x256")
    return Size(int(match[1]), int(match[2]))


def parse_sizes(texts: Sequence[str]) -> list[Size]:
    """Several sizes, each once. Raises InputError."""
    return list(dict.fromkeys(parse_size(text) for text in texts))


def frame_for(contract: ModelContract, size: Size) -> Size:
    """The frame that a model resizes to ``size`` before padding. Raises InputError if no whole number of pixels is."""
    sides = []
    for side in size:
        about = round(side / contract.scale)
        fitting = [one for one in range(max(1, about - 2), about + 3) if round(one * contract.scale) == side]
        if not fitting:
            raise InputError(f"--size {size}: {contract.name} resizes no frame to {side} px (scale {contract.scale:g})")
        sides.append(min(fitting, key=lambda one: abs(one - about)))
    return Size(*sides)


def geometry_for(contract: ModelContract, size: Size, camera: Size | None) -> Geometry:
    """How frames reach the network at ``size``: whole frames, or of the larger frames of a ``camera`` a crop in their
    middle. Raises InputError if the crop does not fit."""
    part = frame_for(contract, size)
    if camera is None:
        return plan(contract, *part)
    if part.width > camera.width or part.height > camera.height:
        raise InputError(
            f"--frame-size {camera}: {contract.name} sees {part} px of a frame at --size {size}; give larger frames"
        )
    crop = Crop((camera.width - part.width) // 2, (camera.height - part.height) // 2, *part)
    return plan(contract, *camera, crop)
