"""Mean gray of a part of a frame."""

from __future__ import annotations

import functools
from collections.abc import Callable

from numba import njit, types

from posewire.frame import Image

Region = tuple[int, int, int, int]
_BLUE, _GREEN, _RED = 0.114, 0.587, 0.299


def mean_gray(image: Image, region: Region) -> float:
    """Of ``region`` (x, y, width, height px) of ``image``, uint8 [H, W, 3] BGR or [H, W]: 0..255.

    What lies outside of the frame is left out; NaN if nothing is left. Sums are whole numbers, so that the order of
    adding makes no difference. Raises TypeError for another image.
    """
    of_gray, of_colours = compiled()
    return (of_gray if image.ndim == 2 else of_colours)(image, *region)


@functools.cache
def compiled() -> tuple[Callable[..., float], Callable[..., float]]:
    """The kernels for gray and for colour images, of any strides."""

    def signature(dimensions: int) -> object:
        return types.float64(types.Array(types.uint8, dimensions, "A", readonly=True), *[types.int64] * 4)

    return njit(signature(2), nogil=True, cache=True)(_of_gray), njit(signature(3), nogil=True, cache=True)(_of_colours)


def _of_gray(image, x, y, width, height):  # type: ignore[no-untyped-def]
    left, right = max(x, 0), min(x + width, image.shape[1])
    top, bottom = max(y, 0), min(y + height, image.shape[0])
    if left >= right or top >= bottom:
        return float("nan")
    total = 0
    for i in range(top, bottom):
        for j in range(left, right):
            total += image[i, j]
    return total / ((right - left) * (bottom - top))


def _of_colours(image, x, y, width, height):  # type: ignore[no-untyped-def]
    left, right = max(x, 0), min(x + width, image.shape[1])
    top, bottom = max(y, 0), min(y + height, image.shape[0])
    if left >= right or top >= bottom:
        return float("nan")
    blue = green = red = 0
    for i in range(top, bottom):
        for j in range(left, right):
            blue += image[i, j, 0]
            green += image[i, j, 1]
            red += image[i, j, 2]
    return (_BLUE * blue + _GREEN * green + _RED * red) / ((right - left) * (bottom - top))
