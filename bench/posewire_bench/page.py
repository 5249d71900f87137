"""FIGURES.json, FIGURES.md and FIGURES.html in one folder: the last to read and to print, without network or script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from posewire_bench.outcome import markdown, ranged, where
from posewire_bench.plots import COLOURS, histogram_chart, ratios_chart, rounds_chart
from posewire_models.errors import InputError, WorkError
from posewire_models.files import write_whole

_NAME = "FIGURES"
_STYLE = """
body { font: 15px/1.45 system-ui, "Helvetica Neue", Arial, sans-serif; color: #111; background: #fff;
  max-width: 1150px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; margin: 0 0 .2em; } h2 { font-size: 1.2em; margin: 1.8em 0 .5em; border-bottom: 1px solid #ccc; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0; }
th, td { text-align: right; padding: .18em .7em; border-bottom: 1px solid #e3e3e3; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 16em; } th { font-weight: 600; }
thead th { border-bottom: 1px solid #888; }
figure { margin: .8em 0; break-inside: avoid; } figure svg { max-width: 100%; height: auto; display: block; }
figcaption, .note { color: #444; font-size: .92em; } li { overflow-wrap: anywhere; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } tr { break-inside: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def checked_out(folder: Path | None) -> None:
    """Raises InputError if figures cannot be put there: before the measuring, not after it."""
    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out {folder}: is a file; give a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder}: cannot be made ({error.strerror})") from None


def write_figures(folder: Path, report: dict[str, Any]) -> list[Path]:
    """Write the three files, each there whole or not at all. Raises WorkError."""
    contents = {
        ".json": json.dumps(report, indent=1) + "\n",
        ".md": markdown(report) + "\n",
        ".html": page_of(report),
    }
    paths = [folder / f"{_NAME}{ending}" for ending in contents]
    for path, text in zip(paths, contents.values(), strict=True):
        try:
            write_whole(path, text.encode())
        except OSError as error:
            raise WorkError(f"--out {folder}: {path.name} cannot be written ({error.strerror or error})") from None
    return paths


def page_of(report: dict[str, Any]) -> str:
    """The page as text."""
    title = f"posewire bench {report['bench']}"
    sections = [f"<h1>{escape(title)}</h1>", _list([*report["notes"], *where(report)]), _figures(report["figures"])]
    if report["comparisons"]:
        sections.append(_comparisons(report["comparisons"]))
    if report.get("published"):
        sections.append(_published(report["published"]))
    measured = [one for one in report["figures"] if not one.get("part")]
    sections += [_rounds(measured), _histograms(measured), _definitions()]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(sections) + "\n</body>\n</html>\n"
    )


def _figures(figures: Sequence[dict[str, Any]]) -> str:
    heads = ("ms", "p50", "p95", "p99", "p99.9", "max", "a second", "calls", "rounds", "warm-up calls")
    rows = [
        (
            one["name"],
            *(f"{one[key]:.3f}" for key in ("p50", "p95", "p99", "p999", "max")),
            "–" if one["per_second"] is None else f"{one['per_second']:.1f}",
            str(one["count"]),
            str(len(one["rounds"]["count"])),
            str(one["warm_up"]),
        )
        for one in figures
    ]
    return f"<h2>Durations</h2>\n{_table(heads, rows)}"


def _comparisons(comparisons: Sequence[dict[str, Any]]) -> str:
    heads = ("compared, round by round", "p50 ratio", "p50 difference ms", "p99 ratio", "a second, ratio")
    rows = [
        (one["name"], ranged(one["p50"]["ratio"]), ranged(one["p50"]["difference_ms"]), ranged(one["p99"]["ratio"]),
         ranged(one["per_second"] and one["per_second"]["ratio"]))
        for one in comparisons
    ]  # fmt: skip
    chart = ratios_chart([(one["name"], one["p50"]["ratio"]) for one in comparisons])
    caption = "Ratio of the rounds' medians; the bar is the 95 % interval over rounds."
    return f"<h2>Compared</h2>\n{_table(heads, rows)}\n{_figure(chart, caption)}"


def _published(published: dict[str, Any]) -> str:
    heads = ("frames/s", *published["sizes"])
    rows = [
        (f"{row['network']}, {row['processor']}", *(f"{mean} ± {deviation}" for mean, deviation in row["fps"]))
        for row in published["rows"]
    ]
    return f'<h2>Published by others</h2>\n{_table(heads, rows)}\n<p class="note">{escape(published["source"])}</p>'


def _rounds(figures: Sequence[dict[str, Any]]) -> str:
    caption = "The median of every round: what the machine did meanwhile shows in all lines alike."
    return f"<h2>Rounds</h2>\n{_figure(rounds_chart(figures), caption)}"


def _histograms(figures: Sequence[dict[str, Any]]) -> str:
    drawn = [
        _figure(histogram_chart(one, COLOURS[n % len(COLOURS)]), f"{one['name']}: {one['count']} calls")
        for n, one in enumerate(figures)
    ]
    return "<h2>How durations are spread</h2>\n" + "".join(drawn)


def _definitions() -> str:
    words = (
        "A percentile is the smallest duration that so many of all do not exceed; of fewer than 1000 calls p99.9 is "
        "the maximum.",
        "Calls of the warm-up came before the rounds and are in no figure.",
        "“A second” is the number of calls over the sum of their durations.",
        "All that is measured takes turns in every round, in changing order. Intervals are of the median over rounds, "
        "by bootstrap; they hold what varied within this run, not what differs from one day to another.",
    )
    return f"<h2>Definitions</h2>\n{_list(words)}"


def _list(lines: Iterable[str]) -> str:
    items = (re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(line)) for line in lines)
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"<thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in heads)}</tr></thead>"
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table>{head}<tbody>{body}</tbody></table></div>'


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>\n"
