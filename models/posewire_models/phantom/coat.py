"""The atlas of an animal's colours: what each part is painted with, along (rows) and across (columns)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from posewire_models.phantom.anatomy import (
    ATLAS_COLUMNS,
    ATLAS_ROWS,
    BACK_ROWS,
    EAR_ROW,
    EYE_ROW,
    INNER_EAR_ROW,
    LEG_ROWS,
    NOSE_ROW,
    PAW_ROW,
    TAIL_ROWS,
)
from posewire_models.phantom.keyed import Draws, Field, clouds, grain, key_of
from posewire_models.phantom.look import Coat, Color, mixed_color, scaled_color


def _ramp(value: Field, middle: float, width: float) -> Field:
    """0 well below ``middle``, 1 well above it."""
    x = np.clip((value - np.float32(middle)) / np.float32(width) + np.float32(0.5), 0.0, 1.0)
    ramp: Field = (x * x * (3.0 - 2.0 * x)).astype(np.float32)
    return ramp


def _second_share(coat: Coat, along: Field, across: Field) -> Field:
    """How much of the second colour each place of the back has, 0..1."""
    draws = Draws(coat.key, 1)
    rows, columns = along.shape
    ragged = np.float32(0.05) * clouds(key_of(coat.key, 2), rows, columns, 7.0, 6.0)
    place = along + ragged
    aside = np.abs(across) + ragged * np.float32(3.0)
    if coat.pattern == "hooded":
        white = np.float32(1.0) - _ramp(place, draws.between(0.52, 0.64), 0.05)
        stripe = np.float32(1.0) - _ramp(aside, draws.between(0.12, 0.34), 0.12)
        return white * (np.float32(1.0) - stripe)
    if coat.pattern == "patchy":
        return _ramp(clouds(key_of(coat.key, 3), rows, columns, 26.0, 21.0), draws.between(-0.05, 0.25), 0.10)
    if coat.pattern == "belted":
        middle, half = draws.between(0.34, 0.46), draws.between(0.07, 0.13)
        return np.float32(1.0) - _ramp(np.abs(place - np.float32(middle)), half, 0.04)
    return np.zeros_like(along)


def atlas(coat: Coat) -> npt.NDArray[np.float32]:
    """Colours of all parts: float32 [ATLAS_ROWS, ATLAS_COLUMNS, 3], BGR 0..255 in steps of 1/16."""
    painted = np.empty((ATLAS_ROWS, ATLAS_COLUMNS, 3), np.float32)

    def paint(first: float, last: float, color: Color) -> None:
        painted[int(first) : int(last) + 1] = np.asarray(color, np.float32)

    back = slice(int(BACK_ROWS[0]), int(BACK_ROWS[1]) + 1)
    rows = back.stop - back.start
    along = np.arange(rows, dtype=np.float32)[:, None] / np.float32(rows - 1) + np.zeros((1, ATLAS_COLUMNS), np.float32)
    across = (
        np.arange(ATLAS_COLUMNS, dtype=np.float32)[None, :] / np.float32(ATLAS_COLUMNS - 1) * np.float32(2.0)
        - np.float32(1.0)
        + np.zeros((rows, 1), np.float32)
    )
    share = _second_share(coat, along, across)[..., None]
    fur, second = np.asarray(coat.fur, np.float32), np.asarray(coat.second, np.float32)
    painted[back] = fur + (second - fur) * share
    if coat.pattern == "agouti":
        flank = np.abs(across)[..., None]
        painted[back] *= np.float32(0.84) + np.float32(0.42) * flank * flank
    # Fur: strands run along the body; the snout is shorter haired and a little paler.
    strands = clouds(key_of(coat.key, 4), rows, ATLAS_COLUMNS, 5.0, 1.6)
    strands = strands + np.float32(0.8) * (grain(key_of(coat.key, 5), rows, ATLAS_COLUMNS) - np.float32(0.5))
    painted[back] *= np.float32(1.0) + np.float32(0.085) * strands[..., None]
    snout = _ramp(along, 0.97, 0.06)[..., None] * np.float32(0.35)
    painted[back] += (np.asarray(coat.skin, np.float32) - painted[back]) * snout

    first, last = int(TAIL_ROWS[0]), int(TAIL_ROWS[1])
    for row in range(first, last + 1):
        ringed = 0.93 if row % 3 == 0 else 1.04
        paint(row, row, scaled_color(coat.tail, ringed))
    paint(last + 1, PAW_ROW + 2, mixed_color(coat.skin, coat.fur, 0.25))
    paint(PAW_ROW + 3, EAR_ROW + 2, coat.ear)
    paint(EAR_ROW + 3, INNER_EAR_ROW + 2, scaled_color(mixed_color(coat.ear, coat.skin, 0.6), 0.86))
    paint(INNER_EAR_ROW + 3, EYE_ROW + 2, coat.eye)
    paint(EYE_ROW + 3, NOSE_ROW + 5, scaled_color(coat.skin, 0.8))
    for row in range(int(LEG_ROWS[0]), int(LEG_ROWS[1]) + 1):
        bare = (row - LEG_ROWS[0]) / (LEG_ROWS[1] - LEG_ROWS[0])
        paint(row, row, mixed_color(coat.fur, coat.skin, 0.75 * bare * bare))
    np.rint(painted * np.float32(16.0), out=painted)
    colors: npt.NDArray[np.float32] = np.clip(painted / np.float32(16.0), 2.0, 253.0).astype(np.float32)
    return colors
