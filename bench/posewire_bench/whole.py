"""The whole program on a source, as a user starts it: frames/s and the latencies of its own report."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from posewire_bench.program import run_report
from posewire_models.errors import WorkError

_ANY_PORT = "tcp://127.0.0.1:*"


class Whole:
    """`posewire run --pace max` as a process of its own, from decoding the source to the socket."""

    def __init__(self, source: str, model: str, threads: int, provider: str) -> None:
        self._arguments = ["--source", source, "--model", model, "--pace", "max", "--threads", str(threads)]
        self._arguments += ["--provider", provider, "--publish", _ANY_PORT]
        if source.partition(":")[0] == "synthetic" and "frames=" not in source:
            self._arguments += ["--frames", "1000"]

    def rounds(self, count: int, say: Callable[[str], None]) -> dict[str, Any]:
        """Run it so often. Raises WorkError if it fails."""
        reports = []
        for number in range(count):
            say(f"whole program, round {number + 1} of {count}")
            try:
                reports.append(run_report(*self._arguments))
            except RuntimeError as error:
                raise WorkError(f"posewire run {' '.join(self._arguments)} failed: {error}") from None
        rates = [float(report["fps"]) for report in reports]
        middle = sorted(reports, key=lambda report: float(report["fps"]))[len(reports) // 2]
        return {
            "command": " ".join(["posewire run", *self._arguments]),
            "frames": reports[0]["frames"]["processed"],
            "frames_per_second": {"median": statistics.median(rates), "rounds": rates},
            "latency_ms": middle["latency_ms"],
            "text": f"{statistics.median(rates):.1f} frames/s "
            f"(median of {count}: {min(rates):.1f} to {max(rates):.1f}), {reports[0]['frames']['processed']} frames",
        }
