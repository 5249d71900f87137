"""`bench compare`: whether two recorded measurements differ by more than their rounds do.

The rounds' percentiles that each file holds are drawn anew, each file for itself; the 95 % interval of the ratio of
their medians decides. It holds what varied within each run. What differs from one run to another on the same machine
(another temperature, another layout in memory) it does not, so that a change must also be larger than ``least``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posewire_bench.outcome import FORMAT, ranged, table
from posewire_bench.resampling import LEAST_ROUNDS, Interval, ratio
from posewire_models.errors import InputError

COMPARED = ("p50", "p95", "p99")
LEAST = 0.02  # a change below it is none: so much runs differ that nothing was changed between
FASTER, SLOWER, SAME, FEW = "faster", "slower", "no difference shown", "too few rounds"


def read_report(path: Path) -> dict[str, Any]:
    """What a `bench` verb wrote with ``--out`` or ``--json``. Raises InputError."""
    if path.is_dir():
        path = path / "FIGURES.json"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'no text'})") from None
    lines = [line for line in text.splitlines() if line.strip()]
    report = _parsed(text) or _parsed(lines[-1] if lines else "")
    if not isinstance(report, dict) or not {"bench", "format", "figures", "machine", "versions"} <= set(report):
        raise InputError(f"{path}: not a report of `posewire bench`; expected FIGURES.json, or what --json printed")
    if report["format"] != FORMAT:
        raise InputError(f"{path}: figures of format {report['format']!r}; this program reads format {FORMAT}")
    return report


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def verdict(change: Interval, least: float = LEAST) -> str:
    """Of the ratio new/old of durations: below 1 is faster."""
    if change.low is None or change.high is None:
        return FEW
    if change.high < 1 and change.value <= 1 - least:
        return FASTER
    if change.low > 1 and change.value >= 1 + least:
        return SLOWER
    return SAME


def compare(old: Mapping[str, Any], new: Mapping[str, Any], least: float = LEAST) -> dict[str, Any]:
    """Every figure that both have, new against old. Raises InputError if they are of different kinds or share none."""
    if old["bench"] != new["bench"]:
        raise InputError(
            f"bench {old['bench']} and bench {new['bench']} cannot be compared: they time different things"
        )
    if not 0 <= least < 1:
        raise InputError(f"--least {least:g}: expected a share below 1, e.g. {LEAST:g}")
    before = {figure["name"]: figure for figure in old["figures"]}
    shared = [figure for figure in new["figures"] if figure["name"] in before]
    if not shared:
        raise InputError("the two reports have no figure of the same name: were models, sizes or providers others?")
    rows = [_row(before[figure["name"]], figure, least) for figure in shared]
    return {
        "bench": old["bench"],
        "old": {key: old.get(key) for key in ("time", "command")},
        "new": {key: new.get(key) for key in ("time", "command")},
        "least": least,
        "rows": rows,
        "only_old": sorted(set(before) - {figure["name"] for figure in shared}),
        "only_new": [figure["name"] for figure in new["figures"] if figure["name"] not in before],
        "warnings": _warnings(old, new, rows),
    }


def _row(old: Mapping[str, Any], new: Mapping[str, Any], least: float) -> dict[str, Any]:
    row: dict[str, Any] = {"name": new["name"]}
    for key in COMPARED:
        change = ratio(new["rounds"][key], old["rounds"][key], paired=False)
        row[key] = {"old": old[key], "new": new[key], "ratio": change._asdict(), "verdict": verdict(change, least)}
    return row


def _warnings(old: Mapping[str, Any], new: Mapping[str, Any], rows: list[dict[str, Any]]) -> list[str]:
    found = []
    for what, keys in (("machine", ("processor", "usable_cores", "system", "governor")), ("versions", None)):
        for key in keys or sorted({*old[what], *new[what]}):
            a, b = old[what].get(key), new[what].get(key)
            if a != b:
                found.append(f"another {key}: {a} before, {b} now")
    names = [[gpu.get("name") for gpu in report.get("gpus", {}).get("before") or []] for report in (old, new)]
    if names[0] != names[1]:
        found.append(f"other GPUs: {names[0] or 'none'} before, {names[1] or 'none'} now")
    for when, report in (("old", old), ("new", new)):
        if any("kept" in note and "busy" in note for note in report.get("notes", [])):
            found.append(f"other programs were at work during the {when} measurement")
    if any(row["p50"]["verdict"] == FEW for row in rows):
        found.append(f"fewer than {LEAST_ROUNDS} rounds: measure with more of them")
    return found


def readable(result: Mapping[str, Any]) -> str:
    """The comparison for people."""
    rows = [
        [row["name"], key, f"{row[key]['old']:.3f}", f"{row[key]['new']:.3f}", ranged(row[key]["ratio"]),
         row[key]["verdict"]]
        for row in result["rows"] for key in COMPARED
    ]  # fmt: skip
    lines = [
        f"## posewire bench compare, {result['bench']}",
        table(["ms", "", "old", "new", "new / old", "verdict"], rows),
        "In brackets: 95 % interval over rounds (bootstrap). "
        f"A change of less than {result['least']:.0%} counts as none.",
    ]
    notes = [f"Take care: {line}" for line in result["warnings"]]
    notes += [f"only in the old report: {name}" for name in result["only_old"]]
    notes += [f"only in the new report: {name}" for name in result["only_new"]]
    return "\n\n".join([*lines, *(["\n".join(f"- {note}" for note in notes)] if notes else [])])
