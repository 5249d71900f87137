"""A dry run as one page of HTML that needs nothing beside it: to be looked at, printed, and kept with the data."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2

from posewire.draw import keypoint_colours
from posewire.dryrun.quantities import PERCENTILES
from posewire.dryrun.summary import counts_text, output_text, rate_text, withheld_text
from posewire.frame import Image
from posewire.triggers.rules import Rules
from posewire.triggers.sentences import output_sentence

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #181818; background: #fff; max-width: 1000px; margin: 2em auto;
  padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; border-top: 1px solid #ccc; padding-top: 1em; margin-top: 2em }
.sentence { background: #f4f4f0; padding: .6em .9em; border-left: 4px solid #4a7 }
figure { margin: 0 0 1em; break-inside: avoid } figure img { width: 100%; max-width: 968px; height: auto }
figcaption { font-variant-numeric: tabular-nums; color: #444 }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9em; margin: .6em 0 }
td, th { border: 1px solid #ddd; padding: .2em .5em; text-align: right; font-weight: normal }
td:first-child, th:first-child { text-align: left } th { background: #f4f4f0 } .now { background: #eef6f1 }
.value { color: #777; font-size: .85em } .mark td { background: #fff3dd } .mark td.now { background: #f7e6c4 }
.dot { display: inline-block; width: .8em; height: .8em; border-radius: 50%; border: 1px solid #333;
  margin: 0 .3em 0 1em }
svg text { font: 11px system-ui, sans-serif; fill: #444 }
@media print { body { margin: 0; max-width: none; font-size: 11px } h2 { break-after: avoid }
  table { break-inside: auto } tr { break-inside: avoid }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact } }
"""
_QUALITY = 88
_RIGHT = 20  # px of a chart beyond its last bar


def page(
    result: Mapping[str, Any],
    rules: Rules,
    pictures: Mapping[str, Sequence[tuple[str, Image]]],
    note: str,
    several: bool,
) -> str:
    """The page. ``pictures`` of each rule with their words; ``note`` says of them what is to be said; ``several``:
    animals are drawn in the colours of their identities."""
    title = f"Dry run of {result['rules_file']}"
    about = (
        f"On {result['on']}: {result['frames']} frames at {result['fps']:.4g} frames/s, {result['seconds']:.1f} s; "
        f"{result['latency_ms']:g} ms from frame to decision. "
        f"Rules file SHA-256 {result['sha256'][:16]}. Nothing was sent."
    )
    legend = "Each animal has a colour of its own." if several else _legend(rules.keypoints)
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{escape(about)}</p>"]
    if result["blind"]:
        parts.append("<p>Blind: which decisions are shams is not told here either.</p>")
    for rule in rules.rules:
        parts += _rule(result, rule.name, rule.when is not None, pictures.get(rule.name, ()), legend, note)
    parts.append("<h2>Outputs</h2>")
    for spec in rules.outputs:
        done = output_text(spec.name, result["outputs"][spec.name], spec)
        parts.append(f"<p>{escape(output_sentence(spec))}<br>{escape(done)}</p>")
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _rule(
    result: Mapping[str, Any],
    name: str,
    decides: bool,
    pictures: Sequence[tuple[str, Image]],
    legend: str,
    note: str,
) -> list[str]:
    about = result["rules"][name]
    parts = [f"<h2>{escape(name)}</h2>", f'<p class="sentence">{escape(about["sentence"])}</p>']
    if not decides:
        return parts
    parts.append(f"<p>It {escape(counts_text(about))}: {escape(rate_text(about))}.")
    if withheld := withheld_text(about):
        parts.append(f"<br>Withheld: {escape(withheld)}.")
    parts += ["</p>", chart(about["times"], result["seconds"])]
    parts += _quantities([row for row in result["quantities"] if row["rule"] == name])
    parts += _thresholds([row for row in result["thresholds"] if row["rule"] == name])
    if pictures:
        parts.append(f"<p>Half a second before, at, and half a second after. {legend}</p>")
    left = len(about["times"]) - len(pictures)
    told = f"{left} of {len(about['times'])} left out, evenly. " if pictures and left else ""
    if about["times"] and (told or note):
        parts.append(f"<p>{escape(told + note)}</p>")
    for words, image in pictures:
        parts.append(
            f'<figure><figcaption>{escape(words)}</figcaption><img alt="{escape(words)}" src="{_data(image)}"></figure>'
        )
    return parts


def _data(image: Image) -> str:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode('ascii')}"


def _legend(keypoints: Sequence[str]) -> str:
    dots = [
        f'<span class="dot" style="background: rgb({red}, {green}, {blue})"></span>{escape(name)}'
        for name, (blue, green, red) in zip(keypoints, keypoint_colours(len(keypoints)), strict=True)
    ]
    return "".join(dots)


# Rates ---------------------------------------------------------------------------------------------------------------


def chart(times: Sequence[Mapping[str, Any]], seconds: float, width: int = 760) -> str:
    """Inline SVG: how many decisions in each stretch of time, shams lighter and on top."""
    step = 60.0 if seconds > 600 else 10.0
    count = max(1, int(-(-seconds // step)))
    bars = [[0, 0] for _ in range(count)]
    for one in times:
        bars[min(int(one["seconds"] // step), count - 1)][one["kind"] == "sham"] += 1
    most = max(1, *(fired + sham for fired, sham in bars))
    left, top, high = 30, 8, 90
    wide = (width - left - _RIGHT) / count
    parts = []
    for n, (fired, sham) in enumerate(bars):
        x = left + n * wide
        for below, number, colour in ((0, fired, "#2a8a5c"), (fired, sham, "#a9d6bf")):
            if number:
                y = top + high * (1 - (below + number) / most)
                parts.append(
                    f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{max(wide - 2, 0.5):.1f}" '
                    f'height="{high * number / most:.1f}" fill="{colour}"/>'
                )
    marks = range(0, count + 1, max(1, -(-count // 10)))
    labels = "".join(
        f'<text x="{left + n * wide:.1f}" y="{top + high + 14}" text-anchor="middle">{_label(n * step)}</text>'
        for n in marks
    )
    what = f"decisions in each {'minute' if step == 60 else '10 s'}, shams lighter"
    return (
        f'<svg viewBox="0 0 {width} {top + high + 32}" width="100%" style="max-width: {width}px" role="img" '
        f'aria-label="{what}">'
        f'<line x1="{left}" y1="{top + high}" x2="{width - _RIGHT}" y2="{top + high}" stroke="#888"/>'
        f'<text x="{left - 5}" y="{top + 9}" text-anchor="end">{most}</text>'
        f'<text x="{left - 5}" y="{top + high}" text-anchor="end">0</text>{"".join(parts)}{labels}'
        f'<text x="{left}" y="{top + high + 28}">{what}</text></svg>'
    )


def _label(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# Thresholds ----------------------------------------------------------------------------------------------------------


def _quantities(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    heads = "".join(f"<th>{percent} %</th>" for percent in PERCENTILES)
    parts = [
        "<p>What is compared, as it was: so many percent of the frames in which it is known lie at or below.</p>",
        f"<table><tr><th>quantity</th>{heads}<th>frames</th></tr>",
    ]
    for row in rows:
        name = f"{row['quantity']} ({row['unit']})" if row["unit"] else row["quantity"]
        cells = "".join(f"<td>{value:.4g}</td>" for _, value in row["percentiles"])
        cells = cells or "<td>&ndash;</td>" * len(PERCENTILES)
        parts.append(f"<tr><td>{escape(name)}</td>{cells}<td>{row['known']}</td></tr>")
    return [*parts, "</table>"]


def _thresholds(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    parts = [
        "<p>How often it would decide with other numbers, and in brackets how often its limits would permit it. "
        "Coloured: sensitive, 10 % more or less (of a zone 5 px) change the decisions by more than a quarter.</p>"
    ]
    for in_px in (False, True):
        chosen = [row for row in rows if (row["value"] is None) == in_px]
        if not chosen:
            continue
        changes = [cell["change"] for cell in chosen[0]["variants"]]
        heads = "".join(f"<th>{escape('as it is' if change == '100 %' else change)}</th>" for change in changes)
        parts.append(f"<table><tr><th>setting</th>{heads}</tr>")
        for row in chosen:
            name = escape(row["setting"]) + (
                f'<br><span class="value">{escape(row["about"])}</span>' if row["about"] else ""
            )
            cells = "".join(_cell(cell, in_px) for cell in row["variants"])
            parts.append(f"<tr{' class=mark' if row['sensitive'] else ''}><td>{name}</td>{cells}</tr>")
        parts.append("</table>")
    return parts


def _cell(cell: Mapping[str, Any], in_px: bool) -> str:
    now = ' class="now"' if cell["change"] == "100 %" else ""
    value = "" if in_px else f'<br><span class="value">{cell["value"]:.4g}</span>'
    if cell["decisions"] is None:
        return f"<td{now}>&ndash;{value}</td>"
    limited = f" ({cell['permitted']})" if cell["permitted"] != cell["decisions"] else ""
    return f"<td{now}>{cell['decisions']}{limited}{value}</td>"
