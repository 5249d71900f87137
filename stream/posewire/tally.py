"""What rules decided and outputs did in a session, counted: for the report, the health message and the status line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from posewire.ledger import Histogram
from posewire.outputs.gate import Gate, Permit
from posewire.triggers.rules import Rules

_REMEMBERED = 1024  # decisions of which nothing was heard yet
LATENCIES = ("taken_to_sent", "decided_to_sent", "decided_to_acknowledged")


class Tally:
    """Counts per rule and output, and how long acts took: from the frame (`exposed`, else `grabbed`) and from the
    decision to the moment at which the guard had given them to the device, and to the device's answer."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.fired = [0] * len(rules.rules)
        self.shams = [0] * len(rules.rules)
        self.withheld: list[dict[str, int]] = [{} for _ in rules.rules]
        self.outputs = [dict.fromkeys(("sent", "acknowledged", "failed", "safe"), 0) for _ in rules.outputs]
        self.latencies = {name: Histogram() for name in LATENCIES}
        self.starts = [0] * len(rules.outputs)
        self.values = [0] * len(rules.outputs)  # sent to outputs that follow
        self._on_ns = [0] * len(rules.outputs)
        self._since: list[tuple[int, int] | None] = [None] * len(rules.outputs)  # on since, until at the latest
        self._acts: dict[int, tuple[int | None, int]] = {}  # event -> when its frame was taken (starts only), decided

    def act(self, event: int, taken_ns: int | None, decided_ns: int) -> None:
        """An act leaves for the guard; ``taken_ns``: None for one that ends something."""
        if len(self._acts) >= _REMEMBERED:
            del self._acts[next(iter(self._acts))]
        self._acts[event] = taken_ns, decided_ns

    def started(self, output: int, permit: Permit, now_ns: int) -> None:
        """An output was told to act, not by a sham."""
        if permit.what == "off":
            self.stopped(output, now_ns)
            return
        self.starts[output] += 1
        spec = self._rules.outputs[output]
        if permit.what == "pulse":
            self._on_ns[output] += spec.count * spec.width_ns
        else:
            self._since[output] = now_ns, now_ns + permit.longest_ns

    def stopped(self, output: int, now_ns: int) -> None:
        """It is off, if it was on."""
        if (since := self._since[output]) is not None:
            self._on_ns[output] += min(now_ns, since[1]) - since[0]
            self._since[output] = None

    def undone(self, output: int) -> None:
        """The last start was not carried out."""
        self.starts[output] -= self._since[output] is not None
        self._since[output] = None

    def on_ns(self, output: int, now_ns: int) -> int:
        """How long it was on, as far as the loop knows; trains count as a whole."""
        since = self._since[output]
        return self._on_ns[output] + (0 if since is None else min(now_ns, since[1]) - since[0])

    def held_back(self, rule: int, reason: str) -> None:
        """A rule or an output's limit withheld something."""
        self.withheld[rule][reason] = self.withheld[rule].get(reason, 0) + 1

    def heard(self, output: int, kind: str, event: int, time_ns: int) -> bool:
        """The guard told something; whether it was of an act that ended something."""
        if kind in self.outputs[output]:
            self.outputs[output][kind] += 1
        if event not in self._acts:
            return False
        taken, decided = self._acts[event]
        if kind == "acknowledged":
            self._count("decided_to_acknowledged", time_ns - decided)
        elif kind == "sent":
            self._count("decided_to_sent", time_ns - decided)
            if taken is not None:
                self._count("taken_to_sent", time_ns - taken)
        return taken is None

    def figures(self, gates: Sequence[Gate], now_ns: int, *, blind: bool) -> dict[str, Any]:
        """``rules`` and ``outputs`` by name; with ``blind`` nothing that tells which decisions were shams."""
        rules: dict[str, Any] = {}
        for n, rule in enumerate(self._rules.rules):
            counts = {"fired": self.fired[n], "sham": self.shams[n]}
            rules[rule.name] = {
                **({"decided": self.fired[n] + self.shams[n]} if blind else counts),
                "withheld": dict(self.withheld[n]),
            }
        outputs: dict[str, Any] = {}
        for n, (spec, gate) in enumerate(zip(self._rules.outputs, gates, strict=True)):
            shown: dict[str, Any] = {"kind": spec.kind, "mode": spec.mode}
            if not blind:
                shown |= {"starts": self.starts[n], "on_ms": self.on_ns(n, now_ns) / 1e6, **self.outputs[n]}
                shown["sent"] += self.values[n]
                shown["refused"] = dict(gate.refused)
            outputs[spec.name] = shown
        return {"rules": rules, "outputs": outputs}

    def latency_ms(self) -> dict[str, dict[str, float | None] | None]:
        """Percentiles of each of `LATENCIES` in ms, None where nothing was counted."""
        return {name: one.summary_ms() if one.count else None for name, one in self.latencies.items()}

    def _count(self, name: str, duration_ns: int) -> None:
        self.latencies[name].add(np.array([duration_ns], np.int64))
