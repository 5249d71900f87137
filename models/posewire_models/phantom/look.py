"""What a scene looks like: animals' builds and coats, arena, light and camera, drawn from one number."""

from __future__ import annotations

from dataclasses import dataclass

from posewire_models.phantom.keyed import Draws
from posewire_models.phantom.motion import Build
from posewire_models.phantom.trigonometry import TAU, cosine, sine

Color = tuple[float, float, float]

FLOORS = ("plain", "mat", "wood", "bedding", "tiles")
SURROUNDS = ("none", "walls", "ring")
PATTERNS = ("even", "agouti", "hooded", "patchy", "belted")

# Fur as blue, green, red.
_FURS: tuple[tuple[str, Color], ...] = (
    ("black", (34.0, 32.0, 33.0)),
    ("chocolate", (44.0, 58.0, 84.0)),
    ("agouti", (66.0, 88.0, 112.0)),
    ("grey", (116.0, 112.0, 108.0)),
    ("fawn", (112.0, 156.0, 192.0)),
    ("white", (224.0, 230.0, 234.0)),
)
# Patterns put white fur beside the first colour.
_WHITE: Color = (214.0, 222.0, 228.0)
_PALE_SKIN: Color = (150.0, 164.0, 206.0)
_DARK_SKIN: Color = (72.0, 76.0, 92.0)


@dataclass(frozen=True)
class Coat:
    """Fur and skin of one animal, colours as (blue, green, red) 0..255; ``key`` seeds its pattern."""

    key: int
    pattern: str
    fur: Color
    second: Color
    tail: Color
    skin: Color
    ear: Color
    eye: Color


@dataclass(frozen=True)
class Look:
    """Everything about the picture that does not move. Lengths in px at 640x480, times in s.

    ``tone`` is the arena's mean colour, ``texture`` how far (grey levels) its pattern may leave it. ``light`` points
    from the animals to the light (x, y, up; unit length). ``shadow`` is how far it falls, ``shadow_soft`` the width
    of its edge, ``shadow_depth`` 0..1. ``noise`` is the sensor's standard deviation in grey levels; ``flicker`` and
    ``drift`` are shares of the brightness.
    """

    key: int
    builds: tuple[Build, ...]
    coats: tuple[Coat, ...]
    mono: bool
    floor: str
    surround: str
    objects: int
    tone: Color
    texture: float
    light: tuple[float, float, float]
    gradient: float
    shadow: float
    shadow_soft: float
    shadow_depth: float
    noise: float
    flicker: float
    flicker_hz: float
    drift: float
    edge: float


def luma(color: Color) -> float:
    """Brightness of a colour (ITU-R BT.601 weights)."""
    return 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2]


def mixed_color(one: Color, other: Color, share: float) -> Color:
    """``share`` of the other colour in the one."""
    b, g, r = (x + (y - x) * share for x, y in zip(one, other, strict=True))
    return b, g, r


def scaled_color(color: Color, factor: float) -> Color:
    """The colour, brighter or darker, within 4..250."""
    b, g, r = (min(250.0, max(4.0, x * factor)) for x in color)
    return b, g, r


def _gray(color: Color) -> Color:
    value = luma(color)
    return value, value, value


def _coat(draws: Draws, mono: bool) -> Coat:
    name, fur = draws.choice(_FURS)
    fur = scaled_color(fur, draws.between(0.85, 1.15))
    pattern = "even"
    if draws.chance(0.5):
        pattern = draws.choice(PATTERNS[1:])
    if name == "white" or (pattern == "agouti" and name == "black"):
        pattern = "even"
    skin = mixed_color(_PALE_SKIN, _DARK_SKIN, draws.between(0.0, 0.35 if name in ("white", "fawn") else 0.9))
    tail = scaled_color(mixed_color(skin, fur, draws.between(0.0, 0.6)), draws.between(0.85, 1.15))
    ear = scaled_color(mixed_color(skin, fur, draws.between(0.0, 0.55)), draws.between(0.85, 1.1))
    gap = luma(ear) - luma(fur)
    if abs(gap) < 20.0:
        # Ears must not drown in the fur.
        ear = scaled_color(ear, 1.0 + (20.0 - gap) / luma(ear) if luma(fur) < 150.0 else 1.0 - (20.0 + gap) / luma(ear))
    eye = (60.0, 40.0, 150.0) if name == "white" and draws.chance(0.7) else (12.0, 10.0, 12.0)
    colors = [fur, mixed_color(_WHITE, fur, draws.between(0.0, 0.15)), tail, skin, ear, eye]
    if mono:
        colors = [_gray(color) for color in colors]
    return Coat(draws.whole(0, 1 << 40), pattern, *colors)


def _build(draws: Draws, length: float) -> Build:
    return Build(
        length=length,
        girth=draws.between(0.90, 1.16),
        head=draws.between(0.92, 1.15),
        ears=draws.between(0.85, 1.35),
        tail_length=draws.between(0.70, 0.98),
        tail_radius=draws.between(0.024, 0.034),
        stance_width=draws.between(0.92, 1.10),
    )


def contrast(coat: Coat, tone: Color) -> float:
    """How far (grey levels) an animal stands out from a tone: its fur in full, tail and second colour in part."""
    ground = luma(tone)
    gaps = [abs(luma(coat.fur) - ground), 1.7 * abs(luma(coat.tail) - ground), 1.4 * abs(luma(coat.ear) - ground)]
    if coat.pattern in ("hooded", "patchy", "belted"):
        gaps.append(1.4 * abs(luma(coat.second) - ground))
    return min(gaps)


def _tone(draws: Draws, coats: tuple[Coat, ...], mono: bool, floor: str) -> tuple[Color, float]:
    """A floor colour that all coats stand out from, and their contrast."""
    wanted = draws.between(38.0, 80.0)
    best: tuple[Color, float] | None = None
    for _ in range(40):
        level = draws.between(34.0, 226.0)
        tint = draws.between(0.35, 1.2) if floor in ("wood", "bedding") else draws.between(-0.45, 0.6)
        tone: Color = (level * (1.0 - 0.22 * tint), level, level * (1.0 + 0.16 * tint))
        tone = _gray(tone) if mono else scaled_color(tone, 1.0)
        worst = min(contrast(coat, tone) for coat in coats)
        if best is None or worst > best[1]:
            best = tone, worst
        if worst >= wanted:
            return tone, worst
    assert best is not None
    return best


def look_of(number: int, animals: int, unit_px: float) -> Look:
    """Look ``number`` for so many animals; ``unit_px`` is the frame's scale (1.0 at 640x480)."""
    draws = Draws(0x10_0C, number)
    mono = draws.chance(0.45)
    alike = draws.chance(0.5)
    length = draws.between(72.0, 128.0) * (1.0 if animals < 3 else 0.85) * unit_px
    first = _coat(draws, mono)
    coats: list[Coat] = []
    builds: list[Build] = []
    for animal in range(animals):
        own = Draws(0xC0A7, number, animal)
        coats.append(first if animal == 0 or alike else _coat(own, mono))
        builds.append(_build(own, round(length * own.between(0.92, 1.08) * 64.0) / 64.0))
    floor = draws.choice(FLOORS)
    tone, worst = _tone(draws, tuple(coats), mono, floor)
    azimuth, height = TAU * draws.between(0.0, 1.0), draws.between(0.55, 0.9)
    slope = draws.between(0.75, 1.0)
    return Look(
        key=draws.key,
        builds=tuple(builds),
        coats=tuple(coats),
        mono=mono,
        floor=floor,
        surround=draws.choice(SURROUNDS),
        objects=draws.whole(0, 4) if draws.chance(0.5) else 0,
        tone=tone,
        texture=min(34.0, max(5.0, worst * draws.between(0.18, 0.45))),
        light=(slope * (1.0 - height) * cosine(azimuth) * 1.6, slope * (1.0 - height) * sine(azimuth) * 1.6, height),
        gradient=draws.between(0.0, 0.16),
        shadow=draws.between(2.0, 13.0) * unit_px,
        shadow_soft=draws.between(3.0, 10.0) * unit_px,
        shadow_depth=draws.between(0.12, 0.5),
        noise=draws.between(0.8, 5.5),
        flicker=draws.between(0.004, 0.02) if draws.chance(0.3) else 0.0,
        flicker_hz=draws.choice((100.0, 120.0)),
        drift=draws.between(0.0, 0.08),
        edge=draws.between(1.0, 1.7),
    )
