"""An output as the rules file describes it: what it is, how it acts, and what it may never exceed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MODES = ("pulse", "while", "toggle", "follow")
NEVER_NS = 2**62


@dataclass(frozen=True)
class OutputSpec:
    """``kind`` and ``options`` (port, channel, host, ...) say what it is; all else is fixed while it is armed.

    ``mode``: ``pulse`` (a decision starts a train of ``count`` pulses of ``width_ns``, ``period_ns`` from start to
    start,
    after ``delay_ns``), ``while`` (on as long as a rule holds), ``toggle`` (a decision turns it on, the next one off),
    ``follow`` (a value in every frame, 0 at most changing by ``slew_per_s`` a second; 0: any).

    Limits, of all rules on this output together: ``max_on_ns`` at a stretch, ``max_duty`` (share of any
    ``duty_window_ns``), ``max_count`` starts in any ``count_window_ns``, ``max_dose_ns`` on-time in a session.
    ``safe``: the value of the safe state, in which the output is before it is armed, after the end, and whenever
    nothing
    vouches for the poses (0.0, off, for all modes but ``follow``).
    """

    name: str
    kind: str
    mode: str = "pulse"
    delay_ns: int = 0
    width_ns: int = 10_000_000
    count: int = 1
    period_ns: int = 0
    slew_per_s: float = 0.0
    max_on_ns: int = NEVER_NS
    max_duty: float = 1.0
    duty_window_ns: int = 60_000_000_000
    max_count: int = 2**31
    count_window_ns: int = 60_000_000_000
    max_dose_ns: int = NEVER_NS
    safe: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
