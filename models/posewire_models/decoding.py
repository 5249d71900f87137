"""How the maps of several animals become animals: the numbers, named, with units.

They stand in the model file (metadata ``decoding``), and each may be set in the rig (table ``[decoding]``). What is
not said has the value given here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PEAKS = ("offsets", "maxima", "strict")
REFINEMENTS = ("offsets", "gaussian", "integral", "quarter", "none")
ALIGNMENTS = ("sharp", "dot")
MATCHING = ("optimal", "forced", "greedy")
FUSIONS = ("none", "links", "near")


@dataclass(frozen=True)
class Decoding:
    """Rules of decoding several animals.

    Peaks. ``peaks``: ``offsets`` (a cell whose own offset says that the keypoint lies in it) or ``maxima`` (a cell
    that nothing exceeds in a square of ``window_cells`` cells) or ``strict`` (a cell that exceeds all others there),
    the latter moved by ``refine``: the network's ``offsets``, ``gaussian`` (vertex of the logarithms), ``integral``
    (centre of mass of 5x5 cells), ``quarter`` (a quarter of a cell towards the higher neighbour) or ``none``.
    ``max_peaks``: the best of each keypoint stay.

    Links. ``alignment``: how well a part affinity field must fit a line, ``sharp`` or ``dot`` (see
    `posewire.decode.links`). ``line_points``: places at which a part affinity field is read between two peaks, 0 for
    one every half cell (24 at most). ``longest_px``: length of each edge in px of the network's input beyond which
    its score falls, by ``longest_weight * (1 - longest / length)``; none by default. ``same_place``: score of two
    peaks at one place, whose line has no direction; 1, since nothing speaks against them. ``min_link``: least score
    of a link (1: the field points along all of the line). ``matching``, for each edge: ``optimal`` (the largest sum
    of scores that reach ``min_link``), ``forced`` (the largest sum with a partner for every peak, weak ones dropped
    afterwards) or ``greedy`` (the best first). ``linked_peaks``, ``linked_score``: only so many of the best peaks of
    each keypoint, of at least this score, may be linked.

    Animals. ``min_parts``: least number of keypoints. ``max_animals``: the best stay; None for no limit but memory's.
    ``fuse``: fragments beyond ``max_animals`` are joined by links left over (``links``), to the nearest (``near``),
    or not (``none``). ``apart_cells``: two animals whose shared keypoints are on average nearer (heatmap cells) are
    one. ``adopt``: whether peaks left over go to the nearest animal that lacks the keypoint.
    """

    peaks: str = "offsets"
    refine: str = "offsets"
    window_cells: int = 3
    max_peaks: int = 40
    alignment: str = "sharp"
    line_points: int = 0
    longest_px: tuple[float, ...] | None = None
    longest_weight: float = 1.0
    same_place: float = 1.0
    min_link: float = -0.02
    matching: str = "optimal"
    linked_peaks: int | None = None
    linked_score: float = 0.0
    min_parts: int = 2
    max_animals: int | None = None
    fuse: str = "links"
    apart_cells: float = 1.0
    adopt: bool = False


def _whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _lengths(value: Any) -> bool:
    return value is None or (
        isinstance(value, (list, tuple)) and all(_number(length, 0, 1e9) and length > 0 for length in value)
    )


_TESTS: dict[str, tuple[Any, str]] = {
    "peaks": (lambda v: v in PEAKS, f"one of {', '.join(PEAKS)}"),
    "refine": (lambda v: v in REFINEMENTS, f"one of {', '.join(REFINEMENTS)}"),
    "window_cells": (lambda v: _whole(v, 3, 31) and v % 2 == 1, "an odd number of cells from 3 to 31"),
    "max_peaks": (lambda v: _whole(v, 1, 100), "a whole number from 1 to 100"),
    "alignment": (lambda v: v in ALIGNMENTS, f"one of {', '.join(ALIGNMENTS)}"),
    "line_points": (lambda v: v == 0 or _whole(v, 2, 100), "0 or a whole number from 2 to 100"),
    "longest_px": (_lengths, "a length in px above 0 for each edge, or null"),
    "longest_weight": (lambda v: _number(v, 0, 100), "a number from 0 to 100"),
    "same_place": (lambda v: _number(v, -1e9, 1), "a number up to 1"),
    "min_link": (lambda v: _number(v, -100, 1), "a number up to 1"),
    "matching": (lambda v: v in MATCHING, f"one of {', '.join(MATCHING)}"),
    "linked_peaks": (lambda v: v is None or _whole(v, 1, 100), "a whole number from 1 to 100, or null"),
    "linked_score": (lambda v: _number(v, 0, 1), "a number from 0 to 1"),
    "min_parts": (lambda v: _whole(v, 1, 1000), "a whole number from 1 on"),
    "max_animals": (lambda v: v is None or _whole(v, 1, 1000), "a whole number from 1 on, or null"),
    "fuse": (lambda v: v in FUSIONS, f"one of {', '.join(FUSIONS)}"),
    "apart_cells": (lambda v: _number(v, 0, 100), "a number of cells from 0 to 100"),
    "adopt": (lambda v: isinstance(v, bool), "true or false"),
}
NAMES = tuple(field.name for field in fields(Decoding))


def decoding_problems(given: Mapping[str, Any], edges: int) -> list[str]:
    """Everything wrong with a table of rules for a skeleton of ``edges`` edges, one sentence each, beginning with the
    key.
    """
    problems = []
    for name, value in given.items():
        if name not in _TESTS:
            problems.append(f"{name}: no such key; there are {', '.join(NAMES)}")
            continue
        test, expected = _TESTS[name]
        finite = not isinstance(value, float) or math.isfinite(value)
        if not finite or not test(value):
            problems.append(f"{name}: {value!r}; expected {expected}")
        elif name == "longest_px" and value is not None and len(value) != edges:
            problems.append(f"{name}: {len(value)} lengths; expected {edges}, one for each edge of the skeleton")
    return problems


def decoding_of(given: Mapping[str, Any]) -> Decoding:
    """The rules of a table without problems (see `decoding_problems`)."""
    table = dict(given)
    if table.get("longest_px") is not None:
        table["longest_px"] = tuple(float(length) for length in table["longest_px"])
    return Decoding(**table)
