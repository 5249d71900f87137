"""The report of a run: the object of ``run --json``, and the same for people."""

from __future__ import annotations

from typing import Any

from posewire.config import RunSettings
from posewire.ledger import Ledger
from posewire.pipeline import Pipeline
from posewire.publish import Publisher


def run_report(
    settings: RunSettings, pipeline: Pipeline, ledger: Ledger, skipped: int, seconds: float, publisher: Publisher
) -> dict[str, Any]:
    """What a session of ``seconds`` did; ``skipped`` frames were offered and never taken."""
    processed = ledger.processed
    report: dict[str, Any] = {
        "source": settings.source,
        "model": pipeline.model_now.contract.name,
        "provider": pipeline.network.provider if pipeline.geometry is not None else "",
        "frames": {"offered": processed + skipped, "processed": processed, "skipped": skipped},
        "fps": processed / seconds if seconds else 0.0,
        "seconds": seconds,
        "latency_ms": ledger.latency_ms(),
        "published": {"messages": publisher.messages, "endpoint": publisher.endpoint},
    }
    looks = None if pipeline.view is None else pipeline.view.figures()
    if looks is not None:
        report["looks"] = looks
    if pipeline.predictor is not None:
        report["prediction"] = {"lead_ms": settings.lead_ms, **pipeline.predictor.figures()}
    return report


def report_text(report: dict[str, Any]) -> str:
    """A report as lines for a terminal."""
    frames = report["frames"]
    lines = [
        f"{frames['offered']} frames offered, {frames['processed']} processed, {frames['skipped']} skipped; "
        f"{report['fps']:.1f} frames/s over {report['seconds']:.1f} s; "
        f"{report['published']['messages']} messages on {report['published']['endpoint']}",
        f"{'latency ms':<12}{'p50':>9}{'p95':>9}{'p99':>9}{'p99.9':>9}{'max':>9}",
    ]
    for stage, figures in report["latency_ms"].items():
        if figures is None or figures["p50"] is None:
            continue
        lines.append(f"{stage:<12}" + "".join(f"{figures[key]:>9.3f}" for key in ("p50", "p95", "p99", "p999", "max")))
    if "looks" in report:
        lines.append("looks: " + _looks_text(report["looks"]))
    if "rules" in report:
        lines += _rules_text(report["rules"])
    if "prediction" in report:
        lines.append("prediction: " + _prediction_text(report["prediction"]))
    if "truth_px" in report:
        lines.append(f"mean error against the source's ground truth: {report['truth_px']:.2f} px")
    if "truth" in report:
        lines.append(
            "against the truth: " + ", ".join(f"{name} {value:.4g}" for name, value in report["truth"].items())
        )
    return "\n".join(lines)


def _prediction_text(figures: dict[str, Any]) -> str:
    if figures["error_px"] is None:
        return f"{figures['lead_ms']:g} ms ahead; none has met its measurement yet"
    text = (
        f"{figures['lead_ms']:g} ms after the pose is known, {figures['error_px']:.2f} px off what was measured then; "
        f"the last pose {figures['hold_px']:.2f} px ({100 * figures['gain']:.0f} % less)"
    )
    if figures.get("truth_px") is not None:
        text += f"; against the source's ground truth {figures['truth_px']:.2f} and {figures['truth_hold_px']:.2f} px"
    return text


def _looks_text(looks: dict[str, Any]) -> str:
    parts = []
    if "gears" in looks:
        gear, over = looks["gears"][looks["gear"]], 100 * looks["over_budget"]
        parts.append(f"{gear} at the end, changed {looks['changes']} times; {over:.1f} % of frames over the budget")
    if "crop" in looks:
        parts.append(f"{looks['crop']} at a crop, {looks['whole']} at the whole frame, {looks['doubtful']} doubtful")
    return "; ".join(parts)


def _rules_text(rules: dict[str, Any]) -> list[str]:
    lines = []
    for name, counts in rules["rules"].items():
        withheld = "".join(f", {count} withheld ({reason})" for reason, count in counts["withheld"].items())
        sham = f", {counts['sham']} shams" if counts["sham"] else ""
        lines.append(f"rule {name}: fired {counts['fired']}{sham}{withheld}")
    for name, done in rules["outputs"].items():
        lost = f", {done['failed']} FAILED" if done["failed"] else ""
        lines.append(
            f"output {name}: {done['starts']} starts, on for {done['on_ms'] / 1e3:.2f} s, {done['sent']} sent{lost}"
        )
    for key, words in (("taken_to_sent", "frame taken to act sent"), ("decided_to_sent", "decision to act sent")):
        if (one := rules["latency_ms"][key]) is not None:
            lines.append(f"{words}: p50 {one['p50']:.2f} ms, p99 {one['p99']:.2f} ms, max {one['max']:.2f} ms")
    trouble = f"; DISARMED: {rules['trouble']}" if rules["trouble"] else ""
    return [*lines, f"log {rules['log']}{trouble}"]
