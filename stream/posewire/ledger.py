"""Latencies of every frame in constant memory: a histogram per stage, percentiles at the end."""

from __future__ import annotations

import math
from collections import deque

from posewire.message import Stamps

STAGES = ("wait", "prepare", "infer", "decode", "track", "publish", "total", "photon")
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
# Neighbouring bins differ by 0.2 %, so a percentile is off by 0.1 % at most.
_BINS_PER_E = 500.0
_SMALLEST_NS = 100.0
_BIN_COUNT = 13_000  # up to 5 hours


class Histogram:
    """Durations in ns, binned logarithmically (0.2 % wide) from 100 ns; the maximum is kept exactly."""

    def __init__(self) -> None:
        self._bins = [0] * _BIN_COUNT
        self.count = 0
        self.largest_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration; one below 100 ns counts as that."""
        position = int(math.log(duration_ns / _SMALLEST_NS) * _BINS_PER_E) if duration_ns > _SMALLEST_NS else 0
        self._bins[min(position, _BIN_COUNT - 1)] += 1
        self.count += 1
        if duration_ns > self.largest_ns:
            self.largest_ns = duration_ns

    def percentile_ms(self, fraction: float) -> float | None:
        """The duration that ``fraction`` of all do not exceed, in ms; None if there are none (nearest rank)."""
        rank = max(1, math.ceil(fraction * self.count))
        seen = 0
        for position, number in enumerate(self._bins):
            seen += number
            if number and seen >= rank:
                middle = _SMALLEST_NS * math.exp((position + 0.5) / _BINS_PER_E)
                return min(middle, float(self.largest_ns)) / 1e6
        return None

    def summary_ms(self) -> dict[str, float | None]:
        """p50, p95, p99, p999 and max in ms; all None if nothing was counted."""
        figures = {name: self.percentile_ms(fraction) for name, fraction in PERCENTILES.items()}
        return {**figures, "max": self.largest_ns / 1e6 if self.count else None}


class Ledger:
    """What happened to the frames of one session: latencies per stage, and the recent past for the status line."""

    def __init__(self) -> None:
        self.stages = {name: Histogram() for name in STAGES}
        self.processed = 0
        self._recent: deque[tuple[int, int]] = deque(maxlen=512)

    def add(self, stamps: Stamps, returned: int, tracked: int | None = None) -> None:
        """Enter one frame's stamps; ``returned``: when its send returned, ``tracked``: when it was known who is who,
        both in ns of the same clock."""
        stages = self.stages
        stages["wait"].add(stamps.picked - stamps.grabbed)
        stages["prepare"].add(stamps.prepared - stamps.picked)
        stages["infer"].add(stamps.inferred - stamps.prepared)
        stages["decode"].add(stamps.decoded - stamps.inferred)
        if tracked is not None:
            stages["track"].add(tracked - stamps.decoded)
        stages["publish"].add(returned - stamps.sent)
        stages["total"].add(returned - stamps.grabbed)
        if stamps.exposed is not None:
            stages["photon"].add(returned - stamps.exposed)
        self.processed += 1
        self._recent.append((returned, returned - stamps.grabbed))

    def latency_ms(self) -> dict[str, dict[str, float | None] | None]:
        """The report's ``latency_ms``; ``photon`` is None where no exposure was known, ``track`` for one animal."""
        return {
            name: None if name in ("photon", "track") and not stage.count else stage.summary_ms()
            for name, stage in self.stages.items()
        }

    def recent(self) -> tuple[float, float, float]:
        """Frames/s, p50 and p99 of ``total`` in ms over the last frames (512 at most); zeros before there are two."""
        recent = list(self._recent)
        if len(recent) < 2 or recent[-1][0] <= recent[0][0]:
            return 0.0, 0.0, 0.0
        rate = (len(recent) - 1) / ((recent[-1][0] - recent[0][0]) / 1e9)
        totals = sorted(total for _, total in recent)
        p50, p99 = (totals[max(0, math.ceil(fraction * len(totals)) - 1)] / 1e6 for fraction in (0.5, 0.99))
        return rate, p50, p99
