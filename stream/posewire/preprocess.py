"""Crop, resize and colour a frame into the network's input buffer; the numbers that lead back to the frame.

``plan`` does the arithmetic once for a frame size; ``Preparation.into`` is the hot path: it writes into a buffer that
already exists. The network's input is padded right and bottom with zeros that are never written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from posewire.frame import Image
from posewire.resize import Resizer
from posewire_models.contract import ModelContract
from posewire_models.errors import InputError
from posewire_models.grid import padded_size, resize_averages


@dataclass(frozen=True)
class Crop:
    """A rectangle of the frame in whole pixels: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int


def parse_crop(text: str) -> Crop | None:
    """``full`` (None) or ``X,Y,W,H`` in pixels of the frame. Raises InputError."""
    if text == "full":
        return None
    parts = text.split(",")
    try:
        x, y, width, height = (int(part) for part in parts)
    except ValueError:
        raise InputError(
            f"--crop {text}: expected full, follow, auto, or X,Y,W,H in whole pixels, e.g. 100,50,320,240"
        ) from None
    if x < 0 or y < 0 or width < 1 or height < 1:
        raise InputError(f"--crop {text}: X and Y must not be negative, W and H must be at least 1")
    return Crop(x, y, width, height)


@dataclass(frozen=True)
class Geometry:
    """How frames of one size reach the network's input, and the way back.

    ``crop`` is the part of the frame that is looked at; it is resized to ``resized`` (width, height) and lies in the
    top left of an input of ``padded`` (width, height). ``scale`` is the exact factor of each axis, after rounding
    to whole pixels.
    """

    frame: tuple[int, int]
    crop: Crop
    resized: tuple[int, int]
    padded: tuple[int, int]

    @property
    def scale(self) -> tuple[float, float]:
        return self.resized[0] / self.crop.width, self.resized[1] / self.crop.height


def plan(contract: ModelContract, width: int, height: int, crop: Crop | None = None) -> Geometry:
    """Geometry for frames of ``width`` x ``height`` pixels. Raises InputError if the crop leaves the frame."""
    area = crop or Crop(0, 0, width, height)
    if area.x + area.width > width or area.y + area.height > height:
        raise InputError(
            f"--crop {area.x},{area.y},{area.width},{area.height}: reaches outside the frame of {width}x{height}; "
            f"X + W must be at most {width} and Y + H at most {height}"
        )
    resized = max(1, round(area.width * contract.scale)), max(1, round(area.height * contract.scale))
    padded = padded_size(resized[0], contract.pad_multiple), padded_size(resized[1], contract.pad_multiple)
    return Geometry((width, height), area, resized, padded)


class Preparation:
    """Writes frames into one input buffer.

    ``buffer`` is uint8 [1, H, W, C], zeroed here; only its top-left ``resized`` part is ever written again.
    """

    def __init__(self, contract: ModelContract, geometry: Geometry, buffer: Image) -> None:
        self.geometry = geometry
        buffer[:] = 0
        width, height = geometry.resized
        self._target = buffer[0, :height, :width]
        self._gray = self._target[:, :, 0] if contract.channels == 1 else np.empty((height, width), np.uint8)
        crop = geometry.crop
        self._colour_staging = np.empty((crop.height, crop.width), np.uint8) if contract.channels == 1 else None
        self._bgr = np.empty((height, width, 3), np.uint8) if contract.color == "rgb" else None
        self._whole = (crop.width, crop.height) == geometry.frame
        self._resized = geometry.resized
        self._same_size = geometry.resized == (crop.width, crop.height)
        averages = resize_averages(contract.scale)
        self._interpolation = cv2.INTER_AREA if averages else cv2.INTER_LINEAR
        self._resizer: Resizer | None = None  # of colour frames, where it is faster than OpenCV
        if contract.channels == 3 and not averages and not self._same_size:
            resizer = Resizer((crop.width, crop.height), geometry.resized, 3)
            self._resizer = resizer if resizer.usable else None

    def into(self, image: Image, corner: Sequence[int] | npt.NDArray[np.int64] | None = None) -> None:
        """Crop, resize and colour one frame (uint8 [H, W, 3] BGR or [H, W] gray) into the buffer.

        ``corner``: left and top (px) of the crop, if it is not where the geometry has it.
        """
        if corner is None and self._whole:
            view = image
        else:
            crop = self.geometry.crop
            x, y = (crop.x, crop.y) if corner is None else corner
            view = image[y : y + crop.height, x : x + crop.width]
        if view.ndim == 3 and view.shape[2] == 1:
            view = view[:, :, 0]
        if view.ndim == 2:
            self._resize(view, self._gray)
            if self._colour_staging is None:
                cv2.cvtColor(self._gray, cv2.COLOR_GRAY2BGR, dst=self._target)  # NumPy takes seventy times as long
        elif self._bgr is not None:
            self._resize(view, self._bgr)
            cv2.cvtColor(self._bgr, cv2.COLOR_BGR2RGB, dst=self._target)
        elif self._colour_staging is None:
            self._resize(view, self._target)
        else:
            cv2.cvtColor(view, cv2.COLOR_BGR2GRAY, dst=self._colour_staging)
            self._resize(self._colour_staging, self._gray)

    def _resize(self, view: Image, target: Image) -> None:
        if self._same_size:
            np.copyto(target, view)
        elif view.ndim == 2 or self._resizer is None or not self._resizer.into(view, target):
            cv2.resize(view, self._resized, dst=target, interpolation=self._interpolation)
