"""Drawings of measured durations as SVG text: no library, no script, nothing from outside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

# Of the palette of Okabe and Ito, which colour-blind readers tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_WIDTH, _LEFT, _RIGHT = 900, 60, 20
_GREY = "#777777"


def ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within ``low`` to ``high``; about as many as ``wanted``."""
    if not high > low:
        return [low]
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def histogram_chart(figure: dict[str, Any], colour: str = COLOURS[0]) -> str:
    """How often each duration was met, with p50 and p99 marked; the last bar holds everything beyond."""
    edges: list[float] = figure["histogram"]["edges"]
    counts: list[int] = figure["histogram"]["counts"]
    low, high = edges[0], max(edges[-1], edges[0] * 1.0001 + 1e-9)
    height, bottom, top = 170, 34, 22
    inner = height - bottom - top
    most = max(counts)

    def x(value: float) -> float:
        return _LEFT + (min(value, high) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    parts = _axis(low, high, x, height - bottom, top, "ms (last bar: and more)")
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            tall = inner * count / most
            parts.append(
                f'<rect x="{x(left):.1f}" y="{height - bottom - tall:.1f}" '
                f'width="{max(x(right) - x(left) - 0.6, 0.6):.1f}" height="{tall:.1f}" '
                f'fill="{colour}" fill-opacity="0.75"/>'
            )
    for key, dash in (("p50", "none"), ("p99", "5 3")):
        at = x(figure[key])
        anchor = "start" if at < _WIDTH * 0.8 else "end"
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 4}" y2="{height - bottom}" stroke="#111" '
            f'stroke-dasharray="{dash}"/>'
            f'<text x="{at + (4 if anchor == "start" else -4):.1f}" y="{top + 6 + 12 * (key == "p99")}" '
            f'text-anchor="{anchor}">{key} {figure[key]:.3f}</text>'
        )
    return _svg(height, parts, f"{figure['name']}: durations in ms")


def rounds_chart(figures: Sequence[dict[str, Any]], key: str = "p50") -> str:
    """The percentile ``key`` of every round, a line for each figure: drift of the machine shows in all of them."""
    height, bottom, top = 90 + 16 * len(figures) + 130, 34, 12 + 16 * len(figures)
    values: list[float] = [value for figure in figures for value in figure["rounds"][key]]
    low, high = min(values), max(values)
    spread = (high - low) or high or 1.0
    low, high = max(0.0, low - 0.08 * spread), high + 0.08 * spread
    rounds = max(len(figure["rounds"][key]) for figure in figures)

    def x(number: float) -> float:
        return _LEFT + (number - 0.5) / rounds * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return height - bottom - (value - low) / (high - low) * (height - bottom - top)

    parts = []
    for value in ticks(low, high, 5):
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
        )
    for number in range(1, rounds + 1, max(1, rounds // 15)):
        parts.append(f'<text x="{x(number):.1f}" y="{height - bottom + 15}" text-anchor="middle">{number}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{height - 4}" text-anchor="middle">round ({key}, ms)</text>')
    for n, figure in enumerate(figures):
        colour = COLOURS[n % len(COLOURS)]
        dash = ("none", "6 3", "2 3")[n // len(COLOURS) % 3]
        points = " ".join(f"{x(k):.1f},{y(value):.1f}" for k, value in enumerate(figure["rounds"][key], 1))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash}"/>'
            f'<line x1="{_LEFT}" x2="{_LEFT + 22}" y1="{8 + 16 * n}" y2="{8 + 16 * n}" stroke="{colour}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{_LEFT + 28}" y="{12 + 16 * n}">{escape(figure["name"])}</text>'
        )
    return _svg(height, parts, f"{key} of every round")


def ratios_chart(rows: Sequence[tuple[str, dict[str, float | None]]]) -> str:
    """Ratios with their intervals, one below the other, about the line of 1."""
    height, bottom, top, names = 20 + 26 * len(rows) + 34, 34, 14, 530
    ends = [end for _, part in rows for end in (part["value"], part["low"], part["high"]) if end is not None]
    low, high = min([*ends, 0.98]), max([*ends, 1.02])
    margin = 0.05 * (high - low)
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return names + (value - low) / (high - low) * (_WIDTH - names - _RIGHT)

    parts = _axis(low, high, x, height - bottom, top, "ratio")
    parts.append(f'<line x1="{x(1):.1f}" x2="{x(1):.1f}" y1="{top}" y2="{height - bottom}" stroke="{_GREY}"/>')
    for n, (name, part) in enumerate(rows):
        y = top + 16 + 26 * n
        value, least, most = part["value"], part["low"], part["high"]
        assert value is not None
        shown = name if len(name) <= 84 else f"{name[:83]}…"
        parts.append(f'<text x="{names - 10}" y="{y + 4}" text-anchor="end" font-size="11">{escape(shown)}</text>')
        if least is not None and most is not None:
            parts.append(
                f'<line x1="{x(least):.1f}" x2="{x(most):.1f}" y1="{y}" y2="{y}" stroke="{COLOURS[0]}" '
                'stroke-width="3" stroke-opacity="0.6"/>'
            )
        parts.append(f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{COLOURS[0]}"/>')
    return _svg(height, parts, "ratios with 95 % intervals")


def _axis(low: float, high: float, x: Callable[[float], float], base: float, top: float, label: str) -> list[str]:
    parts = []
    for value in ticks(low, high, 8):
        at = x(value)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{base}" stroke="#e5e5e5"/>'
            f'<text x="{at:.1f}" y="{base + 15}" text-anchor="middle">{value:.6g}</text>'
        )
    middle = (x(low) + x(high)) / 2
    return [*parts, f'<text x="{middle:.1f}" y="{base + 30}" text-anchor="middle">{escape(label)}</text>']


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" height="{height:.0f}" role="img" '
        f'font-size="12" fill="#111"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )
