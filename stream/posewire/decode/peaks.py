"""Heatmaps -> peaks: where keypoints of a kind may be, of several animals.

Three rules. ``offsets``, for networks whose offsets mean something around each keypoint (ours): a cell is a peak if
its own offset says that the keypoint lies in it and no neighbour is much higher; so two keypoints on neighbouring
cells, or half way between cells, are told apart where a search for maxima would see one plateau. Of peaks that mean
the same place the highest stays. ``maxima``, for maps without such offsets: cells that nothing in their window
exceeds. A plateau of equal cells that touch each other is one peak: at the cell whose 5x5 surroundings are highest
(where the top of a map that saturates must have been), then nearest to its middle, then the first in reading order.
``strict``: only cells that exceed all of their window, as SLEAP has it, which loses keypoints half way between cells.

All kernels of this file write into memory that they are given. Slow plain twin: ``tests/reference_several.py``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

RULES = ("offsets", "maxima", "strict")
REFINEMENTS = ("offsets", "gaussian", "integral", "quarter", "none")

WITHIN_CELL = 0.75  # a cell that holds a keypoint has it within half a stride on each axis; the rest is tolerance
NEARLY = 0.6  # the cell that holds a keypoint reaches 0.78 of any neighbour; cells beyond the reach of offsets 0.45
APART_CELLS = 1.0  # two peaks of a kind nearer than this are one
_BLOCK = 32


@njit(nogil=True, cache=True)
def _gather(bits, rows, columns, count, least, found, starts, cells):  # type: ignore[no-untyped-def]
    """The cells of each channel whose value reaches ``least``, in reading order: ``cells[starts[k]:starts[k + 1]]``.

    ``bits``: int32 [h, w * count], the heatmaps' own bits: floats that are not negative are ordered like their bits,
    and integers are compared many at a time. Positive NaN pass, and are met later.
    """
    width = columns * count
    total = 0
    for k in range(count + 1):
        starts[k] = 0
    stride = bits.shape[1]
    for row in range(rows):
        line = bits[row]
        for begin in range(0, width, _BLOCK):
            end = min(begin + _BLOCK, width)
            any_reaches = end - begin < _BLOCK
            if not any_reaches:
                block = line[begin : begin + _BLOCK]
                for n in range(_BLOCK):
                    any_reaches |= block[n] >= least
            if any_reaches:
                for n in range(begin, end):
                    if line[n] >= least:
                        found[total] = row * stride + n
                        starts[n % count + 1] += 1
                        total += 1
    for k in range(count):
        starts[k + 1] += starts[k]
    for n in range(total - 1, -1, -1):  # backwards, so that `starts` ends where each channel begins
        k = found[n] % count
        starts[k + 1] -= 1
        cells[starts[k + 1]] = found[n] // count
    # Each entry now holds its own beginning, one place too far right.
    for k in range(count):
        starts[k] = starts[k + 1]
    starts[count] = total


@njit(nogil=True, cache=True)
def _own_cells(heatmaps, offsets, k, rows, columns, stride, first, cells, begin, end, kept, places):  # type: ignore[no-untyped-def]
    """The cells whose own offset says that they hold keypoint ``k``; returns how many, into ``kept`` and ``places``."""
    width = heatmaps.shape[1]
    reach = WITHIN_CELL * stride
    count = 0
    for n in range(begin, end):
        row, column = cells[n] // width, cells[n] % width
        value = heatmaps[row, column, k]
        dx, dy = offsets[row, column, k, 0], offsets[row, column, k, 1]
        # Written so that NaN does not pass.
        if not (abs(dx) <= reach and abs(dy) <= reach and value < np.inf):
            continue
        highest = False
        for i in range(max(0, row - 1), min(rows, row + 2)):
            for j in range(max(0, column - 1), min(columns, column + 2)):
                if value < NEARLY * heatmaps[i, j, k]:
                    highest = True
        if highest:
            continue
        kept[count] = cells[n]
        places[count, 0] = column * stride + first + dx
        places[count, 1] = row * stride + first + dy
        count += 1
    return count


@njit(nogil=True, cache=True)
def _vote(heatmaps, offsets, k, rows, columns, stride, first, cell, x, y):  # type: ignore[no-untyped-def]
    """The mean of what a peak's neighbours mean, weighted by squared score, as far as it is within half a stride."""
    width = heatmaps.shape[1]
    row, column = cell // width, cell % width
    near = (0.5 * stride) ** 2
    total = sum_x = sum_y = 0.0
    for i in range(max(0, row - 1), min(rows, row + 2)):
        for j in range(max(0, column - 1), min(columns, column + 2)):
            away_x = j * stride + first + offsets[i, j, k, 0] - x
            away_y = i * stride + first + offsets[i, j, k, 1] - y
            value = np.float64(heatmaps[i, j, k])
            if away_x * away_x + away_y * away_y <= near and value >= 0.0 and value < np.inf:
                weight = value * value
                total += weight
                sum_x += weight * away_x
                sum_y += weight * away_y
    if total > 0.0:
        return x + sum_x / total, y + sum_y / total
    return x, y


@njit(nogil=True, cache=True)
def _offset_of(offsets, row, column, k):  # type: ignore[no-untyped-def]
    """A cell's offset; nothing where it is no number."""
    dx, dy = np.float64(offsets[row, column, k, 0]), np.float64(offsets[row, column, k, 1])
    if math.isfinite(dx) and math.isfinite(dy):
        return dx, dy
    return 0.0, 0.0


@njit(nogil=True, cache=True)
def _surroundings(heatmaps, k, rows, columns, cell):  # type: ignore[no-untyped-def]
    """Sum of the 5x5 cells about a cell; it is largest where the top of a map that was cut off must have been."""
    row, column = cell // heatmaps.shape[1], cell % heatmaps.shape[1]
    total = 0.0
    for i in range(max(0, row - 2), min(rows, row + 3)):
        for j in range(max(0, column - 2), min(columns, column + 3)):
            if math.isfinite(heatmaps[i, j, k]):
                total += heatmaps[i, j, k]
    return total


@njit(nogil=True, cache=True)
def _plateau(heatmaps, k, rows, columns, radius, cell, mark, stamp, stack):  # type: ignore[no-untyped-def]
    """The cell that stands for the plateau that ``cell`` belongs to, or -1 if a higher cell is in its window.

    ``mark``: int64 [h * w]; every cell that was seen carries ``stamp``. ``stack``: int64 [h * w].
    """
    width = heatmaps.shape[1]
    value = heatmaps[cell // width, cell % width, k]
    mark[cell] = stamp
    stack[0] = cell
    size, done = 1, 0
    beaten = False
    sum_row = sum_column = 0.0
    while done < size:
        row, column = stack[done] // width, stack[done] % width
        done += 1
        sum_row += row
        sum_column += column
        for i in range(max(0, row - radius), min(rows, row + radius + 1)):
            for j in range(max(0, column - radius), min(columns, column + radius + 1)):
                other = heatmaps[i, j, k]
                if other > value:
                    beaten = True
                elif other == value and abs(i - row) <= 1 and abs(j - column) <= 1 and mark[i * width + j] != stamp:
                    mark[i * width + j] = stamp
                    stack[size] = i * width + j
                    size += 1
    if beaten:
        return -1
    best, most, least = stack[0], -np.inf, np.inf
    for n in range(size):
        around = _surroundings(heatmaps, k, rows, columns, stack[n])
        # In whole numbers, so that rounding decides nothing.
        away = (stack[n] // width * size - sum_row) ** 2 + (stack[n] % width * size - sum_column) ** 2
        if around > most or (around == most and (away < least or (away == least and stack[n] < best))):
            best, most, least = stack[n], around, away
    return best


@njit(nogil=True, cache=True)
def _log_peak(before, here, after):  # type: ignore[no-untyped-def]
    """Vertex in cells, -0.5..0.5, of the parabola through three logarithms: exact for a Gaussian."""
    if not (before > 0.0 and here > 0.0 and after > 0.0):
        return 0.0
    a, b, c = math.log(before), math.log(here), math.log(after)
    bend = a - 2.0 * b + c
    if not bend < 0.0:
        return 0.0
    return min(max(0.5 * (a - c) / bend, -0.5), 0.5)


@njit(nogil=True, cache=True)
def _refined(heatmaps, k, rows, columns, refinement, row, column):  # type: ignore[no-untyped-def]
    """Where in cells a maximum lies, without offsets; ``refinement`` counts in `REFINEMENTS`."""
    if refinement == 2:  # centre of mass of 5x5 cells, zero outside the map, as SLEAP takes it
        total = sum_x = sum_y = 0.0
        for i in range(max(0, row - 2), min(rows, row + 3)):
            for j in range(max(0, column - 2), min(columns, column + 3)):
                value = np.float64(heatmaps[i, j, k])
                if math.isfinite(value):
                    total += value
                    sum_x += value * (j - column)
                    sum_y += value * (i - row)
        # Negative values may bring it anywhere; what is no place in a picture is none.
        if total != 0.0 and abs(sum_x / total) < 1e6 and abs(sum_y / total) < 1e6:
            return sum_x / total, sum_y / total
        return 0.0, 0.0
    here = np.float64(heatmaps[row, column, k])
    left = np.float64(heatmaps[row, column - 1, k]) if column > 0 else 0.0
    right = np.float64(heatmaps[row, column + 1, k]) if column + 1 < columns else 0.0
    above = np.float64(heatmaps[row - 1, column, k]) if row > 0 else 0.0
    below = np.float64(heatmaps[row + 1, column, k]) if row + 1 < rows else 0.0
    if refinement == 1:
        return _log_peak(left, here, right), _log_peak(above, here, below)
    if refinement == 3:  # a quarter of a cell towards the higher neighbour
        dx = 0.25 if right > left else -0.25 if left > right else 0.0
        dy = 0.25 if below > above else -0.25 if above > below else 0.0
        return dx, dy
    return 0.0, 0.0


@njit(nogil=True, cache=True)
def find_peaks(  # type: ignore[no-untyped-def]
    heatmaps, bits, offsets, rows, columns, stride, first, least, rule, refinement, radius,
    found, starts, cells, kept, places, mark, stamp, peaks, counts,
):  # fmt: skip
    """Peaks of every keypoint, the highest first; of equal ones the first in reading order.

    ``heatmaps``: float32 [h, w, K], ``bits`` the same memory as int32 [h, w * K]; ``offsets``: float32 [h, w, K, 2]
    in pixels; only ``rows`` x ``columns`` cells are looked at. Cell 0's centre lies at pixel ``first``, cells are
    ``stride`` pixels apart. ``least``: bits of the least score. ``rule``, ``refinement``: places in `RULES` and
    `REFINEMENTS`; ``radius``: cells that the window of ``maxima`` reaches. Scratch: ``found``, ``cells`` int64 [h * w
    * K], ``starts`` int64 [K + 1], ``kept`` int64 [h * w], ``places`` float64 [h * w, 2], ``mark`` int64 [h * w] with
    a ``stamp`` higher than all of the last call. Returns the next free stamp.

    ``peaks`` float64 [K, M, 3] gets x, y (pixels of the maps' input), score; ``counts`` int64 [K] how many: M at most.
    """
    count = heatmaps.shape[2]
    width = heatmaps.shape[1]
    _gather(bits, rows, columns, count, least, found, starts, cells)
    for k in range(count):
        counts[k] = 0
        number = 0
        if rule == 0:
            number = _own_cells(
                heatmaps, offsets, k, rows, columns, stride, first, cells, starts[k], starts[k + 1], kept, places
            )
        else:
            for n in range(starts[k], starts[k + 1]):
                cell = cells[n]
                row, column = cell // width, cell % width
                value = heatmaps[row, column, k]
                if not value < np.inf or mark[cell] == stamp:
                    continue
                lone = True
                beaten = False
                for i in range(max(0, row - radius), min(rows, row + radius + 1)):
                    for j in range(max(0, column - radius), min(columns, column + radius + 1)):
                        other = heatmaps[i, j, k]
                        if other > value:
                            beaten = True
                        elif other == value and (i != row or j != column):
                            lone = False
                if beaten:
                    continue
                if not lone and rule == 2:
                    continue
                if not lone:
                    # What was gathered is not needed any more up to here: its memory serves as the stack.
                    cell = _plateau(heatmaps, k, rows, columns, radius, cell, mark, stamp, found)
                    if cell < 0:
                        continue
                    row, column = cell // width, cell % width
                kept[number] = cell
                if refinement == 0:
                    dx, dy = _offset_of(offsets, row, column, k)
                    places[number, 0] = column * stride + first + dx
                    places[number, 1] = row * stride + first + dy
                else:
                    dx, dy = _refined(heatmaps, k, rows, columns, refinement, row, column)
                    places[number, 0] = (column + dx) * stride + first
                    places[number, 1] = (row + dy) * stride + first
                number += 1
            stamp += 1
        apart = (APART_CELLS * stride) ** 2 if rule == 0 else -1.0
        while counts[k] < peaks.shape[1]:
            best = -1
            most = np.float32(-1.0)
            for n in range(number):
                cell = kept[n]
                if cell < 0:
                    continue
                value = heatmaps[cell // width, cell % width, k]
                # A plateau's peak may lie behind the cell at which it was met.
                if value > most or (value == most and cell < kept[best]):
                    best, most = n, value
            if best < 0:
                break
            cell = kept[best]
            x, y = places[best]
            kept[best] = -1
            if rule == 0:
                for n in range(number):
                    if kept[n] >= 0 and (places[n, 0] - x) ** 2 + (places[n, 1] - y) ** 2 < apart:
                        kept[n] = -1
                x, y = _vote(heatmaps, offsets, k, rows, columns, stride, first, cell, x, y)
            place = counts[k]
            peaks[k, place, 0] = x
            peaks[k, place, 1] = y
            peaks[k, place, 2] = most
            counts[k] = place + 1
    return stamp
