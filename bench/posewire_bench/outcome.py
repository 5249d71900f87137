"""What a `bench` verb found: one plain object for ``--json`` and ``--out``, and the same as Markdown for people.

``figures`` are durations in ms, one for each thing measured, with their percentiles, histogram and the percentiles of
every round; ``comparisons`` are pairs of figures of the same run. docs/bench.md describes every key.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posewire_bench.resampling import Interval, difference, histogram, ratio, summary
from posewire_bench.rounds import Plan, Series
from posewire_bench.system import between, gpus, machine, quiet, usage, versions
from posewire_models.errors import InputError

FORMAT = 1
COMPARED = ("p50", "p99")
_BUSY_CORES = 0.25  # of other programs: from there on the reader is warned
_PERCENTILES = ("p50", "p95", "p99", "p999", "max")


def checked_plan(rounds: int, seconds: float) -> Plan:
    """The plan, if it can be carried out. Raises InputError."""
    if not 1 <= rounds <= 1000:
        raise InputError(f"--rounds {rounds}: expected 1 to 1000 (from 5 on there are intervals)")
    if not 0 < seconds <= 36_000:
        raise InputError(f"--seconds {seconds:g}: expected a time above 0, of each thing measured in all rounds")
    return Plan(rounds, seconds)


def figure(name: str, series: Series, *, work: bool = True, **facts: Any) -> dict[str, Any]:
    """A measured series as it is reported; ``facts``: what was set for it, e.g. ``model``, ``input``, ``threads``.

    ``work``: whether calls followed each other, so that their number in a second means something.
    """
    values = np.concatenate(series.rounds)
    rounds = [summary(one) for one in series.rounds]
    return {
        "name": name,
        "unit": "ms",
        **facts,
        "count": len(values),
        "warm_up": series.warm_up,
        **summary(values),
        "per_second": 1e3 / float(values.mean()) if work else None,
        "histogram": histogram(values),
        "rounds": {
            "count": [len(one) for one in series.rounds],
            **{key: [one[key] for one in rounds] for key in _PERCENTILES},
            **({"per_second": [1e3 / float(one.mean()) for one in series.rounds]} if work else {}),
        },
    }


def comparison(name: str, of: dict[str, Any], to: dict[str, Any]) -> dict[str, Any]:
    """How one figure stands to another that was measured in turn with it."""
    found: dict[str, Any] = {"name": name, "of": of["name"], "to": to["name"], "rounds": len(of["rounds"]["p50"])}
    for key in (*COMPARED, "per_second"):
        if key not in of["rounds"]:
            found[key] = None
            continue
        pair = of["rounds"][key], to["rounds"][key]
        found[key] = {"ratio": _parts(ratio(*pair, paired=True))}
        if key in COMPARED:
            found[key]["difference_ms"] = _parts(difference(*pair, paired=True))
    return found


def _parts(interval: Interval) -> dict[str, float | None]:
    return interval._asdict()


class Occasion:
    """The time from before the first measurement to after the last, and what the machine did in it."""

    def __init__(self, kind: str, settings: dict[str, Any]) -> None:
        self.kind = kind
        self.settings = settings
        self.began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._gpus_before = gpus()
        self._quiet_before = quiet()
        self._usage = usage()

    def report(
        self,
        figures: Sequence[dict[str, Any]],
        comparisons: Sequence[dict[str, Any]] = (),
        notes: Sequence[str] = (),
        **more: Any,
    ) -> dict[str, Any]:
        """The object of ``--json``."""
        during = between(self._usage, usage())
        after = quiet()
        return {
            "bench": self.kind,
            "format": FORMAT,
            "time": self.began,
            "command": shlex.join([Path(sys.argv[0]).name if sys.argv[0] != "-c" else "posewire", *sys.argv[1:]]),
            "settings": self.settings,
            "machine": machine(),
            "versions": versions(),
            "gpus": {"before": self._gpus_before, "after": gpus()},
            "load": {"before": self._quiet_before, "during": during, "after": after},
            "figures": list(figures),
            "comparisons": list(comparisons),
            "notes": [*notes, *_warnings(self._quiet_before, after)],
            **more,
        }


def _warnings(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    found = []
    for when, what in (("before", before), ("after", after)):
        if (others := what["others_cores"]) is not None and others > _BUSY_CORES:
            found.append(f"Other programs kept {others:.1f} cores busy {when} the measurement: figures are too high.")
        if (stolen := what["stolen_cores"]) is not None and stolen > _BUSY_CORES:
            found.append(f"The host of this virtual machine took {stolen:.1f} cores {when} the measurement.")
    return found


def markdown(report: dict[str, Any]) -> str:
    """The report for people: tables that are readable as text and as Markdown."""
    parts = [f"## posewire bench {report['bench']}", _figures(report["figures"])]
    if report["comparisons"]:
        parts.append(_comparisons(report["comparisons"]))
    if report.get("published"):
        parts.append(_published(report["published"]))
    parts.append("\n".join(f"- {line}" for line in [*report["notes"], *where(report)]))
    return "\n\n".join(parts)


def where(report: dict[str, Any]) -> list[str]:
    """Command, machine, versions, GPU and load, one line each."""
    host, load = report["machine"], report["load"]
    clock = ", ".join(
        [f"{host['mhz']:.0f} MHz"] * (host["mhz"] is not None)
        + [f"governor {host['governor']}"] * (host["governor"] is not None)
        + ["virtual machine"] * bool(host["virtual"])
    )
    lines = [
        f"command: `{report['command']}`, {report['time']}",
        f"machine: {host['processor']}, {host['usable_cores']} of {host['cores']} cores{', ' * bool(clock)}{clock}; "
        f"{host['system']}",
        "versions: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()),
    ]
    for when in ("before", "after"):
        for gpu in report["gpus"][when] or []:
            lines.append(f"GPU {when}: " + ", ".join(f"{key} {value}" for key, value in gpu.items()))
    lines.append(
        "cores kept busy by others: " + ", ".join(f"{_cores(load[when])} {when}" for when in ("before", "after"))
        + (f"; by all during: {load['during']['busy_cores']:.1f}" if load["during"]["busy_cores"] is not None else "")
        + (f"; load average {load['after']['load'][0]:g}" if load["after"]["load"] else "")
    )  # fmt: skip
    return lines


def _cores(load: dict[str, Any]) -> str:
    return "unknown" if load["others_cores"] is None else f"{load['others_cores']:.2f}"


def _figures(figures: Sequence[dict[str, Any]]) -> str:
    heads = ["ms", "p50", "p95", "p99", "p99.9", "max", "a second", "calls", "before them"]
    rows = [
        [one["name"], *(f"{one[key]:.3f}" for key in _PERCENTILES), _rate(one["per_second"]),
         f"{len(one['rounds']['count'])} x {one['count'] // len(one['rounds']['count'])}", str(one["warm_up"])]
        for one in figures
    ]  # fmt: skip
    return table(heads, rows)


def _comparisons(comparisons: Sequence[dict[str, Any]]) -> str:
    heads = ["compared, round by round", "p50 ratio", "p50 difference ms", "p99 ratio", "a second, ratio"]
    rows = [
        [one["name"], ranged(one["p50"]["ratio"]), ranged(one["p50"]["difference_ms"]), ranged(one["p99"]["ratio"]),
         ranged(one["per_second"] and one["per_second"]["ratio"])]
        for one in comparisons
    ]  # fmt: skip
    return table(heads, rows) + "\n\nIn brackets: 95 % interval over rounds (bootstrap)."


def _published(published: dict[str, Any]) -> str:
    heads = ["published, frames/s", *published["sizes"]]
    rows = [
        [f"{row['network']}, {row['processor']}", *(f"{mean} ± {deviation}" for mean, deviation in row["fps"])]
        for row in published["rows"]
    ]
    return table(heads, rows) + f"\n\n{published['source']}"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def ranged(part: dict[str, float | None] | None, digits: int = 3) -> str:
    """A value with its interval in brackets, where there is one."""
    if part is None:
        return "–"
    if part["low"] is None:
        return f"{part['value']:.{digits}f}"
    return f"{part['value']:.{digits}f} [{part['low']:.{digits}f}, {part['high']:.{digits}f}]"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand below each other: the first to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]

    def line(cells: Sequence[str]) -> str:
        first, *rest = (cell.ljust(width) if n == 0 else cell.rjust(width)
                        for n, (cell, width) in enumerate(zip(cells, widths, strict=True)))  # fmt: skip
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join("-" * (width + 2) if n == 0 else "-" * (width + 1) + ":" for n, width in enumerate(widths))
    return "\n".join([line(heads), rule + "|", *map(line, rows)])
