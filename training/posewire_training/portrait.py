"""What a model finds, as a line drawing for its card: keypoints with their names, and the limbs between them.

The drawing holds no pixel of the frame it was found in, so that it can go wherever the model goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from posewire_models.skeleton import Pair
from posewire_training.labels.record import Points
from posewire_training.shades import shades

WIDTH = 480
_MARGIN = 30


def portrait(
    found: Sequence[Points], keypoints: Sequence[str], edges: Sequence[Pair], min_score: float, title: str
) -> str:
    """An SVG picture of the frame in which most was found.

    ``found``: of each frame the animals, float32 ``[animals, K, 3]``: x, y in pixels, score. A keypoint below
    ``min_score`` is left out; without any, the picture says so.
    """
    sure = [[(animal[:, 2] >= min_score, animal) for animal in animals] for animals in found]
    best = max(sure, key=lambda animals: sum(float(a[seen, 2].sum()) for seen, a in animals), default=[])
    dots = np.concatenate([np.empty((0, 2)), *(animal[seen, :2] for seen, animal in best)])
    if not len(dots):
        return _svg(title, 60, [_text(WIDTH / 2, 35, "nothing found in the kept frames", "#666", "middle")])
    low, high = dots.min(axis=0), dots.max(axis=0)
    factor = (WIDTH - 2 * _MARGIN) / max(float((high - low).max()), 1.0)
    height = round(float(high[1] - low[1]) * factor) + 2 * _MARGIN
    left = (WIDTH - float(high[0] - low[0]) * factor) / 2
    inks = [f"#{red:02x}{green:02x}{blue:02x}" for blue, green, red in shades(len(keypoints), 230, 200)]
    lines, spots, names = [], [], []
    for seen, animal in best:
        places = (animal[:, :2] - low) * factor + [left, _MARGIN]
        for a, b in edges:
            if seen[a] and seen[b]:
                (x1, y1), (x2, y2) = places[[a, b]].tolist()
                lines.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="#999" stroke-width="1.5"/>')
        for k in np.nonzero(seen)[0].tolist():
            x, y = places[k].tolist()
            spots.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{inks[k]}"/>')
            right = x < WIDTH * 0.7
            names.append(_text(x + (6 if right else -6), y - 5, keypoints[k], "#333", "start" if right else "end"))
    return _svg(title, height, lines + spots + names)


def _text(x: float, y: float, text: str, shade: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{shade}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="11">\n<title>{escape(title)}</title>\n'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n{body}\n</svg>\n'
    )
