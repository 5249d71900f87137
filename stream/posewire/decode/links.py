"""Peaks and part affinity fields -> how well each two peaks belong together.

The line integral of Cao et al. 2017 (arXiv:1611.08050, section 3.3): the field is read along the straight line
between two peaks. ``dot`` takes the mean of its component along the line, as SLEAP and OpenPose do. ``sharp`` weighs
what is read by how well its direction fits: a twentieth of it counts down to a tangent of 1 / 3 (what networks reach),
three twentieths down to 1 / 50 (exact fields between peaks that are off by a pixel), the rest down to 1 / 2000 (what
tells apart the limbs of animals on top of each other, where all is exact), each by a
Cauchy kernel, and nothing that points backwards. Where there is no field at all, no limb can be, and the line loses.
So a limb that others cross keeps its score, and a line across others, or from one animal to another, gets next to
none: beside the best line of a frame it is no link, however weak it may be where fields are less exact. Lines
longer than an edge's ``longest`` lose ``weight * (1 - longest / length)`` (the prior of SLEAP's ``paf_grouping``).
Slow plain twin: ``tests/reference_several.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

SAME_PLACE_PX = 1e-3
WORTHLESS = -1e9  # the score of a line whose field is not a number
_MOST_POINTS = 24
_PROBES = 6  # of a line with many points so many are read first, and the others where they promise something
_ROUNDING = 1.5 * 2.0**52  # added and taken away it leaves a whole number
_COARSE, _MIDDLE, _FINE = 9.0, 2500.0, 4e6  # squares of the inverse tangents, and what each counts
_COARSE_SHARE, _MIDDLE_SHARE, _FINE_SHARE = 0.05, 0.15, 0.8
_DRAWN, _SHORT_CELLS, _EXACT = 0.3, 6.0, 2e-4  # the least score of a short line that is drawn exactly; the tangent
_FAINT, _EMPTY = 0.09, 2.0  # squared strength below which a field is none; what a place without field costs


@njit(nogil=True, cache=True)
def _read(pafs, e, x, y, dx, dy, length, rows, columns, inverse, number, skip, sharp):  # type: ignore[no-untyped-def]
    """Sum of what the field is worth at every ``skip``-th of ``number`` points of a line, times the line's length."""
    along = 0.0
    for n in range(0, number, skip):
        share = n / (number - 1.0)
        # To the nearest whole number, ties to the even one.
        column = ((x + share * dx) * inverse + _ROUNDING) - _ROUNDING
        row = ((y + share * dy) * inverse + _ROUNDING) - _ROUNDING
        column = min(max(column, 0.0), columns - 1.0)
        row = min(max(row, 0.0), rows - 1.0)
        r, c = int(row), int(column)
        u, v = np.float64(pafs[r, c, e, 0]), np.float64(pafs[r, c, e, 1])
        with_line = u * dx + v * dy
        if not sharp:
            along += with_line
        elif with_line > 0.0:
            squared, across = with_line * with_line, (u * dy - v * dx) ** 2
            fit = _COARSE_SHARE / (squared + _COARSE * across) + _MIDDLE_SHARE / (squared + _MIDDLE * across)
            along += with_line * squared * (fit + _FINE_SHARE / (squared + _FINE * across))
        strength = u * u + v * v
        if sharp and strength < _FAINT:
            along -= _EMPTY * (1.0 - strength / _FAINT) * length
    return along


@njit(nogil=True, cache=True)
def _is_drawn(pafs, e, x, y, dx, dy, length, rows, columns, inverse):  # type: ignore[no-untyped-def]
    """Whether a cell within a cell's width of a short line points exactly along it: where limbs crowd, that is all that
    is left of one.
    """
    one, other = x * inverse, (x + dx) * inverse
    left, right = max(int(np.ceil(min(one, other) - 1.0)), 0), min(int(np.floor(max(one, other) + 1.0)), columns - 1)
    one, other = y * inverse, (y + dy) * inverse
    top, bottom = max(int(np.ceil(min(one, other) - 1.0)), 0), min(int(np.floor(max(one, other) + 1.0)), rows - 1)
    for r in range(top, bottom + 1):
        for c in range(left, right + 1):
            u, v = np.float64(pafs[r, c, e, 0]), np.float64(pafs[r, c, e, 1])
            if u * dx + v * dy > 0.9 * length and abs(u * dy - v * dx) < _EXACT * length:
                return True
    return False


@njit(nogil=True, cache=True)
def score_pairs(  # type: ignore[no-untyped-def]
    peaks, counts, most, least, edges, pafs, rows, columns, stride, first, points, longest, weight, same_place,
    sharp, probe_link, scores,
):  # fmt: skip
    """Score of every pair of peaks of every edge: ``scores`` float64 [E, M, M], the rest of it is left alone.

    ``peaks`` float64 [K, M, 3] (pixels, score; best first) and ``counts`` int64 [K]; the best ``most`` that reach
    score ``least`` are looked at. ``edges`` int64 [E, 2]. ``pafs`` float32 [h', w', E, 2], of which ``rows`` x
    ``columns`` cells count; cell 0's centre lies at pixel ``first``, cells are ``stride`` pixels apart. ``points``:
    places on each line, ends included, read at the nearest cell (ties to the even one); 0 for a point every half
    cell, 3 to 24 of them. ``longest`` float64 [E] in pixels. Two peaks at one place have no direction: ``same_place``
    is their score. Returns the best score of a line.
    """
    inverse = 1.0 / stride
    best = 0.0
    for e in range(edges.shape[0]):
        a, b = edges[e]
        for i in range(min(counts[a], most)):
            if peaks[a, i, 2] < least:
                break
            x, y = peaks[a, i, 0], peaks[a, i, 1]
            for j in range(min(counts[b], most)):
                if peaks[b, j, 2] < least:
                    break
                dx, dy = peaks[b, j, 0] - x, peaks[b, j, 1] - y
                length = np.sqrt(dx * dx + dy * dy)
                if not length > SAME_PLACE_PX:
                    scores[e, i, j] = same_place
                    continue
                number = points
                if points == 0:
                    number = int(min(max(np.ceil(2.0 * length / stride) + 1.0, 3.0), _MOST_POINTS))
                skip = 1
                if sharp and number > 2 * _PROBES:
                    skip = number // _PROBES
                along = _read(
                    pafs, e, x - first, y - first, dx, dy, length, rows, columns, inverse, number, skip, sharp
                )
                score = along / (((number + skip - 1) // skip) * length)
                if skip > 1 and score >= probe_link:
                    score = _read(
                        pafs, e, x - first, y - first, dx, dy, length, rows, columns, inverse, number, 1, sharp
                    )
                    score /= number * length
                weak = sharp and score < _DRAWN and length * inverse < _SHORT_CELLS
                if weak and _is_drawn(pafs, e, x - first, y - first, dx, dy, length, rows, columns, inverse):
                    score = _DRAWN
                if longest[e] < length:
                    score += weight * (longest[e] / length - 1.0)
                scores[e, i, j] = score if abs(score) < 1e9 else WORTHLESS
                best = max(best, scores[e, i, j])
    return best


@njit(nogil=True, cache=True)
def match_greedily(scores, peaks, counts, edges, most, least, min_score, partner):  # type: ignore[no-untyped-def]
    """For each edge the best pairs first, ``most`` of them at most, each peak once: ``partner`` int64 [E, M], -1 for
    none.

    Pairs need a product of peak scores of ``least`` squared and a pair score of ``min_score``. Ties fall to the first.
    """
    for e in range(edges.shape[0]):
        a, b = edges[e]
        for i in range(partner.shape[1]):
            partner[e, i] = -1
        for _ in range(min(most, counts[a], counts[b])):
            best = min_score
            first, second = -1, -1
            for i in range(counts[a]):
                if partner[e, i] >= 0:
                    continue
                for j in range(counts[b]):
                    if peaks[a, i, 2] * peaks[b, j, 2] < least * least:
                        continue
                    if scores[e, i, j] > best or (first < 0 and scores[e, i, j] == best):
                        free = True
                        for other in range(counts[a]):
                            if partner[e, other] == j:
                                free = False
                        if free:
                            best, first, second = scores[e, i, j], i, j
            if first < 0:
                break
            partner[e, first] = second
