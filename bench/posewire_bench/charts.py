"""The curves of an evaluation report, as SVG to be put into a page; no window, no state, nothing from outside."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.figure import Figure

from posewire.draw import keypoint_colours
from posewire_bench.metrics import Spread, pck
from posewire_training.calibrate import Bin

Floats = npt.NDArray[np.float64]

# Of the palette of Okabe and Ito, which colour-blind readers tell apart.
_BLUE, _RED, _GREY = "#0072B2", "#D55E00", "#777777"
_REACH = 2.5  # axes of errors end at so many times their 95th percentile: a few outliers would squeeze the rest
_MOST_CURVES = 12  # more keypoints than that are one curve
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, and a reader can search it
    "svg.hashsalt": "posewire",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


def pck_chart(errors: Floats, length: float, keypoints: Sequence[str]) -> str:
    """Share of labelled keypoints within a distance, in body lengths (left, if ``length`` px is known) and px."""
    finite = errors[np.isfinite(errors)]
    reach = _REACH * float(np.percentile(finite, 95)) if finite.size else 1.0
    units = [("px", max(reach, 5.0), errors)]
    if np.isfinite(length):
        units.insert(0, ("body lengths", max(reach / length, 0.12), errors / length))
    with rc_context(_STYLE):
        figure, axes = _panels(len(units))
        for axis, (unit, most, values) in zip(axes, units, strict=True):
            thresholds = np.linspace(0, most, 300)
            if 1 < len(keypoints) <= _MOST_CURVES:
                for k, (blue, green, red) in enumerate(keypoint_colours(len(keypoints))):
                    shares, colour = (
                        pck(values[..., k], thresholds),
                        (red * 0.75 / 255, green * 0.75 / 255, blue * 0.75 / 255),
                    )
                    axis.plot(thresholds, 100 * shares, color=colour, linewidth=0.9, label=keypoints[k])
            axis.plot(thresholds, 100 * pck(values, thresholds), color="black", linewidth=1.8, label="all")
            axis.set(
                xlabel=f"distance to the label, {unit}", ylabel="keypoints within it, %", xlim=(0, most), ylim=(0, 101)
            )
        axes[-1].legend(fontsize=8, frameon=False, loc="lower right")
        return _svg(figure, "pck")


def histogram(errors: Floats, overall: Spread) -> str:
    """Found keypoints by their error in px; mean, median and p95 marked. The last bar holds everything beyond."""
    finite = errors[np.isfinite(errors)]
    most = max(1.0, _REACH * float(np.percentile(finite, 95))) if finite.size else 1.0
    with rc_context(_STYLE):
        figure, (axis,) = _panels(1)
        axis.hist(np.minimum(finite, most), bins=np.linspace(0, most, 41), color=_BLUE, alpha=0.75)
        for value, name, style in (
            (overall.median, "median", ":"),
            (overall.mean, "mean", "-"),
            (overall.p95, "p95", "--"),
        ):
            if np.isfinite(value):
                axis.axvline(value, color=_RED, linestyle=style, linewidth=1.4, label=f"{name} {value:.2f} px")
        axis.set(xlabel="error, px (last bar: and more)", ylabel="keypoints", xlim=(0, most))
        if finite.size:
            axis.legend(fontsize=8, frameon=False)
        return _svg(figure, "histogram")


def reliability_chart(before: Sequence[Bin], after: Sequence[Bin] | None, temperature: float) -> str:
    """Share correct against mean score, before and (if given) after tempering, and how many scores each bin holds."""
    with rc_context(_STYLE):
        figure, (axis, counts) = _panels(2)
        axis.plot([0, 1], [0, 1], color=_GREY, linewidth=0.9, linestyle="--", label="calibrated")
        sets = [("as published", before, _BLUE, "o")]
        if after is not None:
            sets.append((f"tempered, T = {temperature:.2f}", after, _RED, "s"))
        for name, bins, colour, marker in sets:
            full = [one for one in bins if one.count]
            axis.plot(
                [one.score for one in full],
                [one.correct for one in full],
                color=colour,
                marker=marker,
                markersize=4,
                linewidth=1.4,
                label=name,
            )
        width = 1 / len(before)
        for shift, (name, bins, colour, _) in zip((0.05, 0.5), sets, strict=False):
            edges = [one.low + shift * width for one in bins]
            counts.bar(
                edges, [one.count for one in bins], width * 0.45, align="edge", color=colour, alpha=0.75, label=name
            )
        axis.set(xlabel="mean score of a bin", ylabel="share correct", xlim=(0, 1), ylim=(0, 1.02))
        counts.set(xlabel="score", ylabel="keypoints", xlim=(0, 1))
        axis.legend(fontsize=8, frameon=False, loc="upper left")
        return _svg(figure, "reliability")


def confusion_chart(counts: npt.NDArray[np.int64], keypoints: Sequence[str]) -> str:
    """How often each keypoint (row) was predicted at another one's label (column); only those that were."""
    rows, columns = (np.nonzero(counts.any(axis=axis))[0].tolist() for axis in (1, 0))
    part = counts[np.ix_(rows, columns)]
    with rc_context({**_STYLE, "axes.grid": False}):
        longest = max(len(keypoints[k]) for k in (*rows, *columns))
        margin = 0.09 * longest
        figure = Figure(
            figsize=(margin + 0.9 + 0.42 * len(columns), margin + 0.7 + 0.34 * len(rows)), layout="constrained"
        )
        axis = figure.add_subplot()
        axis.pcolormesh(part, cmap="Blues", vmin=0, vmax=max(2, part.max()) * 1.3, edgecolors="white", linewidth=1)
        for (i, j), value in np.ndenumerate(part):
            if value:
                dark = value > 0.75 * part.max() and part.max() > 1
                axis.text(j + 0.5, i + 0.5, str(value), ha="center", va="center", color="white" if dark else "black")
        axis.set_xticks(np.arange(len(columns)) + 0.5, [keypoints[k] for k in columns], rotation=90)
        axis.set_yticks(np.arange(len(rows)) + 0.5, [keypoints[k] for k in rows])
        axis.set(xlabel="lay at the label of", ylabel="predicted")
        axis.invert_yaxis()
        return _svg(figure, "confusions")


def _panels(count: int) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(4.9 * count if count > 1 else 6.5, 3.3), layout="constrained")
    return figure, [figure.add_subplot(1, count, n + 1) for n in range(count)]


def _svg(figure: Figure, name: str) -> str:
    """The figure as an ``<svg>`` element whose ids begin with ``name``, so that several can stand in one page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)  # a page knows them
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("xlink:href", "href")
