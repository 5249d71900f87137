"""What the animals walk on: floors, walls, a ring, flat objects, and uneven light. Drawn once a scene."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from posewire_models.phantom.keyed import Draws, Field, clouds, grain, key_of
from posewire_models.phantom.look import Look
from posewire_models.phantom.path import Ground
from posewire_models.phantom.trigonometry import TAU, cosine, sine

ONE, TWO, HALF = np.float32(1.0), np.float32(2.0), np.float32(0.5)


def _ramp(value: Field, width: float) -> Field:
    """0 well below zero, 1 well above it, smooth over ``width``."""
    x = np.clip(value / np.float32(width) + HALF, 0.0, 1.0)
    ramp: Field = (x * x * (np.float32(3.0) - TWO * x)).astype(np.float32)
    return ramp


def _wave(turns: Field) -> Field:
    """A smooth wave in [-1, 1] of period 1 (parabolas in place of a sine)."""
    x = turns - np.floor(turns) - HALF
    wave: Field = np.float32(16.0) * x * (HALF - np.abs(x))
    return wave


class _Canvas:
    """Coordinates of a frame, and the random fields of one look on it."""

    def __init__(self, key: int, width: int, height: int, unit_px: float) -> None:
        self.key, self.width, self.height, self.unit = key, width, height, unit_px
        self.x = np.arange(width, dtype=np.float32)[None, :]
        self.y = np.arange(height, dtype=np.float32)[:, None]
        self.draws = Draws(key, 77)

    def clouds(self, index: int, cell_y: float, cell_x: float) -> Field:
        """Value noise with cells given at 640x480."""
        return clouds(key_of(self.key, index), self.height, self.width, cell_y * self.unit, cell_x * self.unit)

    def grain(self, index: int) -> Field:
        """Independent numbers in [-1, 1]."""
        return grain(key_of(self.key, index), self.height, self.width) * TWO - ONE


def _plain(canvas: _Canvas) -> Field:
    return np.float32(0.55) * canvas.clouds(1, 110, 130) + np.float32(0.2) * canvas.clouds(2, 9, 9)


def _mat(canvas: _Canvas) -> Field:
    """A woven rubber mat: fine ribs, worn here and there."""
    period = canvas.draws.between(5.0, 9.0) * max(1.0, canvas.unit)
    ribs = _wave(canvas.x / np.float32(period)) * _wave(canvas.y / np.float32(period))
    worn = canvas.clouds(1, 90, 120)
    ribs = np.float32(0.30) * ribs * (ONE + HALF * worn)
    return np.asarray(ribs + np.float32(0.4) * worn + np.float32(0.15) * canvas.grain(3), np.float32)


def _wood(canvas: _Canvas) -> Field:
    """Planks with bent year rings, each from another tree."""
    plank = np.float32(canvas.draws.between(70.0, 130.0) * canvas.unit)
    upright = canvas.draws.chance(0.5)
    across, along = (canvas.x, canvas.y) if upright else (canvas.y, canvas.x)
    cells = (9.0, 210.0) if not upright else (210.0, 9.0)
    bend = canvas.clouds(1, *((60.0, 230.0) if not upright else (230.0, 60.0)))
    number = np.floor(across / plank)
    shift = number * np.float32(0.37) - np.floor(number * np.float32(0.37))
    rings = _wave(across / np.float32(15.0 * canvas.unit) + TWO * bend + np.float32(5.0) * shift)
    streaks = canvas.clouds(2, *cells) + np.float32(0.6) * canvas.clouds(3, *(c / 4.0 for c in cells))
    place = across - number * plank
    gap = _ramp(np.float32(1.2 * canvas.unit) - np.minimum(place, plank - place), 1.2 * canvas.unit + 0.4)
    tone = (shift - HALF) * np.float32(0.7)
    field: Field = np.float32(0.30) * rings + np.float32(0.35) * streaks + tone - np.float32(1.3) * gap
    return field + np.float32(0.0) * along


def _bedding(canvas: _Canvas) -> Field:
    """Wood chips: flakes that lie in five directions, the upper ones over the lower, on a blotchy ground."""
    field = np.float32(0.45) * canvas.clouds(4, 70, 70) + np.float32(0.3) * canvas.grain(5)
    side = math.isqrt(canvas.width * canvas.width + canvas.height * canvas.height) + 3
    x, y = canvas.x - np.float32(canvas.width / 2.0), canvas.y - np.float32(canvas.height / 2.0)
    for i in range(5):
        angle = TAU * (i + canvas.draws.between(0.1, 0.6)) / 10.0
        c, s = np.float32(cosine(angle)), np.float32(sine(angle))
        along = (x * c + y * s + np.float32(side / 2.0)).astype(np.intp)
        across = (y * c - x * s + np.float32(side / 2.0)).astype(np.intp)
        flakes = clouds(key_of(canvas.key, 10 + i), side, side, 5.5 * canvas.unit, 14.0 * canvas.unit)
        flakes = flakes[across, along]
        covered = _ramp(flakes - np.float32(0.22), 0.16)
        tone = np.float32(canvas.draws.between(-0.75, 0.85)) + np.float32(0.9) * (flakes - HALF)
        field = field + (tone - field) * covered
    result: Field = field + np.float32(0.12) * canvas.grain(6)
    return result


def _tiles(canvas: _Canvas) -> Field:
    """Tiles with joints, each a little different."""
    size = np.float32(canvas.draws.between(46.0, 105.0) * canvas.unit)
    joint = canvas.draws.between(1.2, 3.0) * max(0.6, canvas.unit)
    shift = np.float32(canvas.draws.between(0.0, 1.0))
    column, row = canvas.x / size + shift, canvas.y / size + shift
    fx, fy = column - np.floor(column), row - np.floor(row)
    off = np.minimum(np.minimum(fx, ONE - fx), np.minimum(fy, ONE - fy)) * size
    lines = _ramp(np.float32(joint) - off, 1.3)
    tones = grain(key_of(canvas.key, 9), 64, 64)
    tone = tones[np.floor(row).astype(np.intp) % 64, np.floor(column).astype(np.intp) % 64] - HALF
    sign = np.float32(1.0 if canvas.draws.chance(0.35) else -1.0)
    rest = np.float32(0.30) * canvas.clouds(2, 70, 70) + np.float32(0.12) * canvas.grain(3)
    field: Field = (np.float32(0.7) * tone + rest) * (ONE - lines) + np.float32(1.2) * sign * lines
    return field


_FLOORS = {"plain": _plain, "mat": _mat, "wood": _wood, "bedding": _bedding, "tiles": _tiles}


def ground_of(look: Look, width: int, height: int, unit_px: float, length: float) -> Ground:
    """Where the necks of animals of this body length (px) may go in an arena of this look."""
    frame = {"none": 4.0, "walls": 30.0, "ring": 12.0}[look.surround] * unit_px
    margin = frame + 0.36 * length
    half_x = max(1.0, width / 2.0 - margin)
    half_y = max(1.0, height / 2.0 - margin)
    if look.surround == "ring":
        half_x = half_y = min(half_x, half_y)
    return Ground((width - 1) / 2.0, (height - 1) / 2.0, half_x, half_y, look.surround == "ring")


def _surround(look: Look, canvas: _Canvas, field: Field) -> Field:
    """Walls or a ring around the floor; a factor on the brightness that falls off towards them."""
    draws, unit = canvas.draws, canvas.unit
    if look.surround == "none":
        return field
    if look.surround == "walls":
        thick = np.float32(draws.between(15.0, 26.0) * unit)
        inner = (
            np.minimum(
                np.minimum(canvas.x, np.float32(canvas.width - 1) - canvas.x),
                np.minimum(canvas.y, np.float32(canvas.height - 1) - canvas.y),
            )
            - thick
        )
    else:
        radius = np.float32(min(canvas.width, canvas.height) / 2.0 - 5.0 * unit)
        dx, dy = canvas.x - np.float32((canvas.width - 1) / 2.0), canvas.y - np.float32((canvas.height - 1) / 2.0)
        inner = radius - np.sqrt(dx * dx + dy * dy)
    wall = np.float32(draws.choice((0.42, 0.58, 1.28, 1.42)))
    inside = _ramp(inner, 1.6)
    corner = np.float32(0.20) * (ONE - _ramp(inner - np.float32(11.0 * unit), 26.0 * unit)) * inside
    rim = np.float32(0.16) * _ramp(np.float32(2.2 * unit) - np.abs(inner + np.float32(1.5 * unit)), 2.0)
    outside = wall * (ONE + np.float32(0.05) * canvas.clouds(20, 60, 60)) + rim
    if look.surround == "ring":
        outside = outside - np.float32(0.35) * _ramp(-inner - np.float32(9.0 * unit), 3.0) * outside
    mixed: Field = (field - corner) * inside + outside * (ONE - inside)
    return mixed


def _objects(look: Look, canvas: _Canvas, field: Field) -> Field:
    """Flat things that lie about: dishes, pellets, cards."""
    draws, unit = canvas.draws, canvas.unit
    for _ in range(look.objects):
        x = np.float32(draws.between(0.14, 0.86) * canvas.width)
        y = np.float32(draws.between(0.16, 0.84) * canvas.height)
        size = np.float32(draws.between(7.0, 27.0) * unit)
        dx, dy = canvas.x - x, canvas.y - y
        if draws.chance(0.55):
            inner = size - np.sqrt(dx * dx + dy * dy)
        else:
            inner = np.minimum(size - np.abs(dx), size * np.float32(draws.between(0.5, 1.0)) - np.abs(dy))
        level = np.float32(1.0 + draws.choice((-0.22, -0.14, 0.12, 0.18)))
        rim = np.float32(0.10) * _ramp(np.float32(1.2 * unit) - np.abs(inner), 1.5)
        fall = np.float32(0.16) * _ramp(inner + np.float32(4.0 * unit), 7.0 * unit)
        inside = _ramp(inner, 1.4)
        field = field * (ONE - fall * (ONE - inside)) * (ONE - inside) + (field * level + rim) * inside
    return field


def arena_of(look: Look, width: int, height: int, unit_px: float) -> npt.NDArray[np.uint8]:
    """The empty arena: uint8 [height, width, 3] BGR."""
    canvas = _Canvas(look.key, width, height, unit_px)
    pattern = np.clip(_FLOORS[look.floor](canvas), -1.0, 1.0)
    level = max(1.0, 0.114 * look.tone[0] + 0.587 * look.tone[1] + 0.299 * look.tone[2])
    field = ONE + pattern * np.float32(look.texture / level)
    field = _objects(look, canvas, field)
    field = _surround(look, canvas, field)
    dx = (canvas.x / np.float32(width) - HALF) * np.float32(2.0 * look.light[0])
    dy = (canvas.y / np.float32(height) - HALF) * np.float32(2.0 * look.light[1])
    field = field * (ONE + np.float32(look.gradient) * (dx + dy))
    cx, cy = canvas.x / np.float32(width) - HALF, canvas.y / np.float32(height) - HALF
    field = field * (ONE - np.float32(0.35 * look.gradient + 0.06) * TWO * (cx * cx + cy * cy))
    image = np.clip(field, 0.0, 4.0)[..., None] * np.asarray(look.tone, np.float32)
    if not look.mono:
        hue = canvas.clouds(30, 40, 40) * np.float32(0.02)
        image[..., 0] *= ONE - hue
        image[..., 2] *= ONE + hue
    arena: npt.NDArray[np.uint8] = np.clip(np.rint(image), 3.0, 252.0).astype(np.uint8)
    return np.ascontiguousarray(arena)
