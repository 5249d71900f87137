"""Colours of identities: the same number has the same colour in every picture and every line, in any session."""

from __future__ import annotations

UNKNOWN = (150, 150, 150)

# Okabe and Ito's colours for the colour-blind (jfly.uni-koeln.de/color), lightened for dark pictures, then four more.
_IDENTITIES = (
    (0, 159, 230),
    (233, 180, 86),
    (115, 198, 0),
    (66, 228, 240),
    (200, 120, 40),
    (40, 94, 213),
    (190, 121, 224),
    (235, 235, 235),
    (140, 230, 160),
    (130, 130, 255),
    (255, 150, 170),
    (90, 170, 170),
)


def identity_colour(number: int) -> tuple[int, int, int]:
    """The colour (BGR) of an identity; grey for -1. They repeat after twelve."""
    return UNKNOWN if number < 0 else _IDENTITIES[number % len(_IDENTITIES)]


def painted(text: str, number: int) -> str:
    """``text`` in the colour of an identity, for a terminal (ANSI, 24 bits)."""
    blue, green, red = identity_colour(number)
    return f"\x1b[38;2;{red};{green};{blue}m{text}\x1b[0m"
