"""Latencies of every frame in constant memory: a histogram per stage, percentiles at the end.

A frame costs one row of numbers in a ring; rows are counted into the histograms many at a time.
"""

from __future__ import annotations

import math
import struct

import numpy as np
import numpy.typing as npt

from posewire.message import Stamps

STAGES = ("wait", "prepare", "infer", "decode", "track", "rules", "publish", "total", "photon")
_MAYBE = ("track", "rules", "photon")  # None in the report where nothing was counted
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
# Neighbouring bins differ by 0.2 %, so a percentile is off by 0.1 % at most.
_BINS_PER_E = 500.0
_SMALLEST_NS = 100.0
_BIN_COUNT = 13_000  # up to 5 hours

_RING = 512
_UNKNOWN = -(2**63)
_COLUMNS = 11
_ROW = struct.Struct(f"={_COLUMNS}q")
_GRABBED, _PICKED, _PREPARED, _INFERRED, _DECODED, _TRACKED, _KNOWN, _RULED, _SENT, _RETURNED, _EXPOSED = range(
    _COLUMNS
)
_FROM_TO = {
    "wait": (_GRABBED, _PICKED),
    "prepare": (_PICKED, _PREPARED),
    "infer": (_PREPARED, _INFERRED),
    "decode": (_INFERRED, _DECODED),
    "track": (_DECODED, _TRACKED),
    "rules": (_KNOWN, _RULED),
    "publish": (_SENT, _RETURNED),
    "total": (_GRABBED, _RETURNED),
    "photon": (_EXPOSED, _RETURNED),
}


class Histogram:
    """Durations in ns, binned logarithmically (0.2 % wide) from 100 ns; the maximum is kept exactly."""

    def __init__(self) -> None:
        self._bins = np.zeros(_BIN_COUNT, np.int64)
        self.count = 0
        self.largest_ns = 0

    def add(self, durations_ns: npt.NDArray[np.int64]) -> None:
        """Count durations, int64 [n]; one below 100 ns counts as that."""
        if not len(durations_ns):
            return
        places = np.log(np.maximum(durations_ns, _SMALLEST_NS) / _SMALLEST_NS) * _BINS_PER_E
        np.add.at(self._bins, np.minimum(places.astype(np.int64), _BIN_COUNT - 1), 1)
        self.count += len(durations_ns)
        self.largest_ns = max(self.largest_ns, int(durations_ns.max()))

    def percentile_ms(self, fraction: float) -> float | None:
        """The duration that ``fraction`` of all do not exceed, in ms; None if there are none (nearest rank)."""
        if not self.count:
            return None
        rank = max(1, math.ceil(fraction * self.count))
        position = int(np.searchsorted(np.cumsum(self._bins), rank))
        middle = _SMALLEST_NS * math.exp((position + 0.5) / _BINS_PER_E)
        return min(middle, float(self.largest_ns)) / 1e6

    def summary_ms(self) -> dict[str, float | None]:
        """p50, p95, p99, p999 and max in ms; all None if nothing was counted."""
        figures = {name: self.percentile_ms(fraction) for name, fraction in PERCENTILES.items()}
        return {**figures, "max": self.largest_ns / 1e6 if self.count else None}


class Ledger:
    """What happened to the frames of one session: latencies per stage, and the recent past for the status line."""

    def __init__(self) -> None:
        self.stages = {name: Histogram() for name in STAGES}
        self.processed = 0
        self._counted = 0  # of the processed ones, those in the histograms
        self._memory = bytearray(_RING * _ROW.size)
        self._rows = np.frombuffer(self._memory, np.int64).reshape(_RING, _COLUMNS)

    def add(self, stamps: Stamps, returned: int, tracked: int | None = None, ruled: int | None = None) -> None:
        """Enter one frame's stamps, all in ns of the same clock.

        ``returned``: when its send returned; ``tracked``: when it was known who is who; ``ruled``: when its rules had
        been looked at and what they decided was on its way.
        """
        _ROW.pack_into(
            self._memory, self.processed % _RING * _ROW.size,
            stamps.grabbed, stamps.picked, stamps.prepared, stamps.inferred, stamps.decoded,
            _UNKNOWN if tracked is None else tracked, stamps.decoded if tracked is None else tracked,
            _UNKNOWN if ruled is None else ruled, stamps.sent, returned,
            _UNKNOWN if stamps.exposed is None else stamps.exposed,
        )  # fmt: skip
        self.processed += 1
        if self.processed - self._counted == _RING:
            self._count()

    def latency_ms(self) -> dict[str, dict[str, float | None] | None]:
        """The report's ``latency_ms``; ``photon`` is None where no exposure was known, ``track`` for one animal,
        ``rules`` without any.

        To be called by the thread that calls `add`.
        """
        self._count()
        return {
            name: None if name in _MAYBE and not stage.count else stage.summary_ms()
            for name, stage in self.stages.items()
        }

    def recent(self) -> tuple[float, float, float]:
        """Frames/s, p50 and p99 of ``total`` in ms over the last frames (512 at most); zeros before there are two.

        Any thread may call it.
        """
        rows = self._rows[: self.processed].copy()
        if len(rows) < 2:
            return 0.0, 0.0, 0.0
        returned = rows[:, _RETURNED]
        passed = int(returned.max() - returned.min())
        if not passed:
            return 0.0, 0.0, 0.0
        totals = np.sort(returned - rows[:, _GRABBED])
        p50, p99 = (float(totals[max(0, math.ceil(fraction * len(totals)) - 1)]) / 1e6 for fraction in (0.5, 0.99))
        return (len(rows) - 1) / (passed / 1e9), p50, p99

    def _count(self) -> None:
        new = np.arange(self._counted, self.processed) % _RING
        rows = self._rows[new]
        for name, (begin, end) in _FROM_TO.items():
            known = rows[(rows[:, begin] != _UNKNOWN) & (rows[:, end] != _UNKNOWN)]
            self.stages[name].add(known[:, end] - known[:, begin])
        self._counted = self.processed
