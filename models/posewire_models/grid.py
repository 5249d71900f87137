"""The pixel grid: the one definition of heatmap cells, pixels, and resizing.

(0, 0) is the centre of the top-left pixel. Training targets and decoding both read this file.
Everything works on floats and on NumPy arrays alike.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

Number = TypeVar("Number", float, npt.NDArray[np.floating])


def cell_centre(cell: Number, stride: int) -> Number:
    """Pixel coordinate of the centre of a heatmap cell: ``(cell + 0.5) * stride - 0.5``."""
    return (cell + 0.5) * stride - 0.5


def cell_position(pixel: Number, stride: int) -> Number:
    """Fractional cell at a pixel coordinate: the inverse of `cell_centre`."""
    return (pixel + 0.5) / stride - 0.5


def resized(pixel: Number, factor: float) -> Number:
    """Where a pixel coordinate lies after the image was resized by ``factor``: ``(x + 0.5) * s - 0.5``."""
    return (pixel + 0.5) * factor - 0.5


def resize_averages(factor: float) -> bool:
    """How images are resized by ``factor``, in training and at run time alike.

    Up to a half by averaging areas (OpenCV's INTER_AREA), so that no pixel is passed over; above it by bilinear
    interpolation (INTER_LINEAR), which meets every pixel there and is five times as fast.
    """
    return factor <= 0.5


def padded_size(size: int, multiple: int) -> int:
    """The smallest multiple of ``multiple`` that is not below ``size`` (padding is right and bottom)."""
    return -(-size // multiple) * multiple
