"""The kernels that draw: arena with light and noise, soft shadows, anti-aliased capsules, and what hides what.

A capsule is a row of `anatomy.CAPSULE_FIELDS`: a line whose radius goes from r0 to r1, so that
``distance to the axis - radius`` is (nearly) the signed distance to its edge. Only + - * / and square roots in
IEEE arithmetic without fast-math: the same bits on every machine. All kernels stand in this one file because
Numba's cache does not see changes in a kernel of another file.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

FAR = np.float32(1e9)

Bytes = npt.NDArray[np.uint8]
Doubles = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@njit(nogil=True, cache=True)
def expose(
    arena: Bytes,
    gains: Singles,
    noise: npt.NDArray[np.int8],
    offsets: npt.NDArray[np.int64],
    out: Bytes,
) -> None:
    """``out = arena * gain of its row + noise``, clipped.

    arena and out uint8 [H, W * 3], gains float32 [H] in steps of 1/256 (so that single precision is exact), noise
    int8 [N] is read from each row's offset on.
    """
    height, width = arena.shape
    half = np.float32(0.5)
    top = np.float32(255.0)
    zero = np.float32(0.0)
    for y in range(height):
        gain = gains[y]
        row = noise[offsets[y] : offsets[y] + width]
        for i in range(width):
            value = np.float32(arena[y, i]) * gain + np.float32(row[i]) + half
            out[y, i] = np.uint8(min(max(value, zero), top))


@njit(nogil=True, cache=True)
def measure(
    parts: Doubles,
    first: int,
    last: int,
    shift_x: float,
    shift_y: float,
    reach: float,
    distance: Singles,
    nearest: Bytes,
) -> tuple[int, int, int, int]:
    """Lower ``distance`` to the signed distance of the nearest part, and note which part it is, within ``reach``.

    parts float64 [N, 9], distance float32 [H, W], nearest uint8 [H, W]. Returns the touched box
    x_first, y_first, x_end, y_end.
    """
    height, width = distance.shape
    box_x0, box_y0, box_x1, box_y1 = width, height, 0, 0
    for part in range(first, last):
        ax = parts[part, 0] + shift_x
        ay = parts[part, 1] + shift_y
        bx = parts[part, 3] + shift_x
        by = parts[part, 4] + shift_y
        ra = parts[part, 2]
        slope = parts[part, 5] - ra
        widest = max(ra, parts[part, 5]) + reach
        x0 = max(0, math.floor(min(ax, bx) - widest))
        y0 = max(0, math.floor(min(ay, by) - widest))
        x1 = min(width, math.floor(max(ax, bx) + widest) + 2)
        y1 = min(height, math.floor(max(ay, by) + widest) + 2)
        if x0 >= x1 or y0 >= y1:
            continue
        box_x0, box_y0 = min(box_x0, x0), min(box_y0, y0)
        box_x1, box_y1 = max(box_x1, x1), max(box_y1, y1)
        ux, uy = bx - ax, by - ay
        square = ux * ux + uy * uy
        inverse = 1.0 / square if square > 0.0 else 0.0
        for y in range(y0, y1):
            dy = y - ay
            for x in range(x0, x1):
                dx = x - ax
                h = min(max((dx * ux + dy * uy) * inverse, 0.0), 1.0)
                ex = dx - h * ux
                ey = dy - h * uy
                d = np.float32(math.sqrt(ex * ex + ey * ey) - (ra + h * slope))
                if d < distance[y, x]:
                    distance[y, x] = d
                    nearest[y, x] = part
    return box_x0, box_y0, box_x1, box_y1


@njit(nogil=True, cache=True)
def shade(
    out: Bytes,
    parts: Doubles,
    shift_x: float,
    shift_y: float,
    soft: float,
    depth: float,
    distance: Singles,
    nearest: Bytes,
) -> None:
    """Darken ``out`` (uint8 [H, W, 3]) under the shifted parts: by ``depth`` (0..1) inside, fading over 2 * soft."""
    x0, y0, x1, y1 = measure(parts, 0, parts.shape[0], shift_x, shift_y, soft, distance, nearest)
    scale = 0.5 / soft
    for y in range(y0, y1):
        for x in range(x0, x1):
            d = np.float64(distance[y, x])
            if d < FAR:
                distance[y, x] = FAR
                if d < soft:
                    c = min(1.0, (soft - d) * scale)
                    keep = int(256.0 * (1.0 - depth * c * c * (3.0 - 2.0 * c)))
                    out[y, x, 0] = (np.int64(out[y, x, 0]) * keep) >> 8
                    out[y, x, 1] = (np.int64(out[y, x, 1]) * keep) >> 8
                    out[y, x, 2] = (np.int64(out[y, x, 2]) * keep) >> 8


@njit(nogil=True, cache=True)
def paint(
    out: Bytes,
    parts: Doubles,
    starts: npt.NDArray[np.int64],
    atlas: Singles,
    light: Doubles,
    edge: float,
    gains: Singles,
    noise: npt.NDArray[np.int8],
    offsets: npt.NDArray[np.int64],
    distance: Singles,
    nearest: Bytes,
) -> None:
    """Draw an animal, layer by layer (``starts`` int64 [L + 1] are the layers' first parts) over ``out``.

    atlas float32 [rows, columns, 3] are the colours, light float64 [3] the direction to the light (x, y, up), edge
    the width of the anti-aliased border in px; ``distance`` is FAR everywhere, before and after.
    """
    rows, columns = atlas.shape[0], atlas.shape[1]
    half = 0.5 * edge
    scale = 1.0 / edge
    lx, ly, lz = light[0], light[1], light[2]
    for layer in range(starts.shape[0] - 1):
        x0, y0, x1, y1 = measure(parts, starts[layer], starts[layer + 1], 0.0, 0.0, half, distance, nearest)
        for y in range(y0, y1):
            gain = np.float64(gains[y])
            for x in range(x0, x1):
                d = np.float64(distance[y, x])
                if d >= FAR:
                    continue
                distance[y, x] = FAR
                if d >= half:
                    continue
                part = nearest[y, x]
                ax, ay = parts[part, 0], parts[part, 1]
                ux, uy = parts[part, 3] - ax, parts[part, 4] - ay
                square = ux * ux + uy * uy
                dx, dy = x - ax, y - ay
                h = 0.0
                if square > 0.0:
                    h = min(max((dx * ux + dy * uy) / square, 0.0), 1.0)
                inverse = 1.0 / (parts[part, 2] + h * (parts[part, 5] - parts[part, 2]))
                nx = (dx - h * ux) * inverse
                ny = (dy - h * uy) * inverse
                side = (ux * ny - uy * nx) / math.sqrt(square) if square > 0.0 else nx
                n = nx * nx + ny * ny
                nz = math.sqrt(1.0 - n) if n < 1.0 else 0.0
                tone = 0.44 + 0.48 * max(0.0, nx * lx + ny * ly + nz * lz) + 0.13 * nz
                tone = (0.96 + (tone - 0.96) * parts[part, 8]) * gain
                row = min(max(int(parts[part, 6] + h * (parts[part, 7] - parts[part, 6]) + 0.5), 0), rows - 1)
                column = min(max(int((side + 1.0) * 0.5 * columns), 0), columns - 1)
                cover = min(1.0, (half - d) * scale)
                seat = offsets[y] + 3 * x
                for c in range(3):
                    value = np.float64(atlas[row, column, c]) * tone + noise[seat + c]
                    value = np.float64(out[y, x, c]) + (value - np.float64(out[y, x, c])) * cover + 0.5
                    out[y, x, c] = np.uint8(min(max(value, 0.0), 255.0))


@njit(nogil=True, cache=True)
def hides(parts: Doubles, first: int, last: int, x: float, y: float) -> bool:
    """Whether a point lies within one of the parts first..last-1."""
    for part in range(first, last):
        ux, uy = parts[part, 3] - parts[part, 0], parts[part, 4] - parts[part, 1]
        dx, dy = x - parts[part, 0], y - parts[part, 1]
        square = ux * ux + uy * uy
        h = 0.0
        if square > 0.0:
            h = min(max((dx * ux + dy * uy) / square, 0.0), 1.0)
        ex, ey = dx - h * ux, dy - h * uy
        if math.sqrt(ex * ex + ey * ey) < parts[part, 2] + h * (parts[part, 5] - parts[part, 2]):
            return True
    return False


@njit(nogil=True, cache=True)
def look_through(
    points: Doubles,
    parts: Doubles,
    order: npt.NDArray[np.int64],
    point_ends: npt.NDArray[np.int64],
    end: int,
    width: int,
    height: int,
    visible: npt.NDArray[np.bool_],
) -> None:
    """Which keypoints the camera sees: inside the image, and under no part that is drawn later.

    points float64 [A, K, 2], parts float64 [A, N, 9], order int64 [A] (the first is drawn first), point_ends int64
    [K] the first part above a keypoint on its own animal, ``end`` the end of the parts that hide; fills visible
    bool [A, K].
    """
    animals, keypoints = points.shape[0], points.shape[1]
    for place in range(animals):
        animal = order[place]
        for k in range(keypoints):
            x, y = points[animal, k, 0], points[animal, k, 1]
            seen = -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5
            if seen and hides(parts[animal], point_ends[k], end, x, y):
                seen = False
            for above in range(place + 1, animals):
                if seen and hides(parts[order[above]], 0, end, x, y):
                    seen = False
            visible[animal, k] = seen
