"""Sine, cosine and arctangent from + - * / alone.

Mathematical libraries differ in the last bit from machine to machine; a drawn frame must not. CPython's float
arithmetic is IEEE 754 double precision, so these give the same bits everywhere. Good to 1e-7.
"""

from __future__ import annotations

import math

TAU = 6.283185307179586
_QUARTER = 1.5707963267948966
_HALF = 3.141592653589793


def sine(angle: float) -> float:
    """Sine of an angle in radians (Taylor series on the quarter turn around 0)."""
    turn = angle / TAU
    turn -= math.floor(turn + 0.5)
    if turn > 0.25:
        turn = 0.5 - turn
    elif turn < -0.25:
        turn = -0.5 - turn
    x = turn * TAU
    y = x * x
    series = 1.0 - y / 110.0 * (1.0 - y / 156.0)
    series = 1.0 - y / 72.0 * series
    series = 1.0 - y / 42.0 * series
    series = 1.0 - y / 20.0 * series
    return x * (1.0 - y / 6.0 * series)


def cosine(angle: float) -> float:
    """Cosine of an angle in radians."""
    return sine(angle + _QUARTER)


def arctangent(y: float, x: float) -> float:
    """Angle of the vector (x, y) in radians, -pi..pi; 0 for the null vector.

    Polynomial 4.4.49 of M. Abramowitz, I. A. Stegun: Handbook of Mathematical Functions, 1964.
    """
    across, along = abs(y), abs(x)
    longer = max(across, along)
    if longer == 0.0:
        return 0.0
    z = min(across, along) / longer
    q = z * z
    series = -0.0752896400 + q * (0.0429096138 + q * (-0.0161657367 + q * 0.0028662257))
    series = -0.1420889944 + q * (0.1065626393 + q * series)
    series = 1.0 + q * (-0.3333314528 + q * (0.1999355085 + q * series))
    angle = z * series
    if across > along:
        angle = _QUARTER - angle
    if x < 0.0:
        angle = _HALF - angle
    return -angle if y < 0.0 else angle


def soft_limit(value: float, limit: float, free: float = 0.0) -> float:
    """``value`` itself up to ``free``, never beyond ``limit`` in either direction, smooth in between."""
    over = abs(value) - free
    if over <= 0.0:
        return value
    ratio = over / (limit - free)
    limited = free + over / math.sqrt(1.0 + ratio * ratio)
    return limited if value > 0.0 else -limited


def smooth_step(value: float) -> float:
    """0 below 0, 1 above 1, a cubic with flat ends in between."""
    x = min(1.0, max(0.0, value))
    return x * x * (3.0 - 2.0 * x)
