"""What a dry run tells: when each rule would have fired, how often a minute, and what was withheld."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from posewire.dryrun.quantities import quantities_text
from posewire.eventmessage import Event
from posewire.outputs.spec import OutputSpec
from posewire.triggers.rules import Rules
from posewire.triggers.sentences import sentence

FIRST = 5  # times that are printed
_STIMULI = ("fired", "sham", "decided")


class Story:
    """Hears the events of a closed loop; ``seconds`` is set to when the frame at hand was taken (0: the first)."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.seconds = 0.0
        self.times: dict[str, list[dict[str, Any]]] = {rule.name: [] for rule in rules.rules}

    def hear(self, event: Event) -> None:
        """An event of the frame at hand."""
        if event.kind in _STIMULI:
            about = {"frame": event.frame, "seconds": self.seconds, "animal": event.animal, "kind": event.kind}
            self.times[event.rule].append(about)

    def told(self, figures: dict[str, Any], seconds: float) -> dict[str, Any]:
        """``rules`` by name and ``outputs``, for the report; ``figures`` are those of the rehearsal."""
        rules: dict[str, Any] = {}
        for rule in self._rules.rules:
            times = self.times[rule.name]
            moments = [one["seconds"] for one in times]
            rules[rule.name] = {
                "sentence": sentence(rule, self._rules),
                **figures["rules"][rule.name],
                "per_minute": len(times) * 60.0 / seconds if seconds else 0.0,
                "busiest_minute": busiest(moments),
                "times": times,
            }
        return {"rules": rules, "outputs": figures["outputs"]}


def busiest(moments: Sequence[float], window_s: float = 60.0) -> int:
    """The most of these moments (s, in order) in any stretch of less than ``window_s``."""
    most = first = 0
    for n, moment in enumerate(moments):
        while moment - moments[first] >= window_s:
            first += 1
        most = max(most, n + 1 - first)
    return most


def clock_text(seconds: float) -> str:
    """``mm:ss.mmm``."""
    ms = round(seconds * 1e3)
    return f"{ms // 60_000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def counts_text(about: dict[str, Any]) -> str:
    """``fired 7 times and 2 shams``; of a blinded file the decisions."""
    if "decided" in about:
        return f"decided {about['decided']} times (blind: shams are not told apart)"
    shams = f" and {about['sham']} sham{'s' if about['sham'] != 1 else ''}" if about["sham"] else ""
    return f"fired {about['fired']} time{'s' if about['fired'] != 1 else ''}{shams}"


def rate_text(about: dict[str, Any]) -> str:
    """Rates, of shams as well: they take their place in the limits."""
    return f"{about['per_minute']:.2f} a minute, {about['busiest_minute']} in the busiest minute"


def output_text(name: str, about: dict[str, Any], spec: OutputSpec) -> str:
    """What would have become of an output; empty where nothing is to be told."""
    if "values" in about:
        values = about["values"]
        return f"{name}: values from {values['least']:.4g} to {values['most']:.4g}, mean {values['mean']:.4g}"
    if "on_ms" not in about or spec.mode == "follow":
        return ""
    refused = ", ".join(f"{word} {count}" for word, count in about["refused"].items() if count)
    on = f"{name}: on for {about['on_ms'] / 1e3:.2f} s in all"
    return f"{on}; its limits refused: {refused}" if refused else on


def withheld_text(about: dict[str, Any]) -> str:
    """``rate 4, refractory 2``."""
    return ", ".join(f"{reason} {count}" for reason, count in about["withheld"].items())


def text_of(result: dict[str, Any], rules: Rules) -> str:
    """The result for people."""
    minutes = f"{result['seconds']:.1f} s, {result['frames']} frames at {result['fps']:.4g} frames/s"
    lines = [f"{result['on']}: {minutes}, {result['latency_ms']:g} ms from frame to decision"]
    for rule in rules.rules:
        about = result["rules"][rule.name]
        lines += ["", about["sentence"]]
        if rule.when is None:
            continue
        lines.append(f"  {counts_text(about)}: {rate_text(about)}")
        if withheld := withheld_text(about):
            lines.append(f"  withheld: {withheld}")
        if times := about["times"]:
            first = [f"{clock_text(one['seconds'])} ({_word(one)}frame {one['frame']})" for one in times[:FIRST]]
            more = f", and {len(times) - FIRST} more (all of them: --json)" if len(times) > FIRST else ""
            lines.append(f"  at {', '.join(first)}{more}")
    outputs = [output_text(spec.name, result["outputs"][spec.name], spec) for spec in rules.outputs]
    lines += ["", *(text for text in outputs if text)] if any(outputs) else []
    return "\n".join(lines + quantities_text(result["quantities"]) + _thresholds(result["thresholds"]))


def _word(one: dict[str, Any]) -> str:
    return "sham, " if one["kind"] == "sham" else ""


def _thresholds(rows: list[dict[str, Any]]) -> list[str]:
    """One table of percents and one of pixels; settings that make no difference in one line."""
    if not rows:
        return []
    lines = ["", "How often it would decide with other numbers (in brackets: as often as its limits permit)"]
    for in_px in (False, True):
        chosen = [row for row in rows if (row["value"] is None) == in_px]
        if not chosen:
            continue
        changing = [row for row in chosen if len({_count(cell) for cell in row["variants"]} - {"-"}) > 1]
        if changing:
            heads = [cell["change"].replace("100 %", "now") for cell in changing[0]["variants"]]
            table = [["", *heads, ""]]
            for row in changing:
                name = f"{row['rule']}: {row['setting']}" + ("" if in_px else f" = {row['value']:.6g}")
                mark = "sensitive" if row["sensitive"] else ""
                table.append([name, *(_count(cell) for cell in row["variants"]), mark])
            widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
            for line in table:
                cells = [cell.rjust(wide) for cell, wide in zip(line[1:-1], widths[1:-1], strict=True)]
                lines.append("  ".join([f"  {line[0].ljust(widths[0])}", *cells, line[-1]]).rstrip())
        still = [f"{row['rule']}: {row['setting']}" for row in chosen if row not in changing]
        if still:
            lines.append(f"  no difference from {'-20 to +20 px' if in_px else '50 to 200 %'}: {'; '.join(still)}")
    if any(row["sensitive"] for row in rows):
        lines.append("  sensitive: 10 % more or less (of a zone 5 px) change the decisions by more than a quarter")
    return lines


def _count(cell: dict[str, Any]) -> str:
    if cell["decisions"] is None:
        return "-"
    limited = cell["permitted"] != cell["decisions"]
    return f"{cell['decisions']} ({cell['permitted']})" if limited else str(cell["decisions"])
