"""What the outputs of a session are doing, as far as the loop knows: it decides before the guard can answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from posewire.outputs.gate import MARGIN_NS, Gate
from posewire.outputs.link import Report
from posewire.outputs.spec import OutputSpec
from posewire.tally import Tally


class KnownOutputs:
    """The gates of all outputs, and for each the event that it was last permitted for and whether that was a sham.

    ``ages_ns``: how old a pose may be that each depends on. An output ends as it was begun: ``shamming`` says whether
    its end is sent, whichever rule brings it about.
    """

    def __init__(self, specs: Sequence[OutputSpec], ages_ns: Sequence[int], tally: Tally) -> None:
        self.gates = [Gate(spec, max(MARGIN_NS, age)) for spec, age in zip(specs, ages_ns, strict=True)]
        self.started = [-1] * len(specs)
        self.shamming = [False] * len(specs)
        self._tally = tally
        self._sent: dict[int, int] = {}  # output -> the newest event that its device was given
        self._lapses = [0] * len(specs)  # that were told

    def begin(self, output: int, event: int, hidden: bool) -> None:
        """It was permitted to act for this event; ``hidden``: as a sham."""
        self.started[output], self.shamming[output] = event, hidden

    def lapsed(self, now_ns: int) -> Iterator[int]:
        """Outputs that have been on for their longest time since the last call, and are off by themselves."""
        for output, gate in enumerate(self.gates):
            if (gate.on or gate.lapses != self._lapses[output]) and gate.look(now_ns) != self._lapses[output]:
                self._lapses[output] = gate.lapses
                self._tally.stopped(output, now_ns)
                yield output

    def hear(self, report: Report) -> bool:
        """What the guard told of an output; whether it is off by that though rules may hold it."""
        output, event, time_ns = report.output, report.event, report.time_ns
        gate = self.gates[output]
        ends = self._tally.heard(output, report.kind, event, time_ns)
        held = gate.on and gate.spec.mode == "while" and not self.shamming[output]
        if report.kind == "sent":
            self._sent[output] = event
            if ends:
                gate.settled(time_ns)
            return False
        failed = report.kind == "failed" and held and event == self.started[output]
        if failed and self._sent.get(output) != event:
            gate.undo(time_ns)  # the device never had it
            self._tally.undone(output)
        elif failed or report.kind == "safe":
            gate.cut(time_ns)
            self._tally.stopped(output, time_ns)
        else:
            return False
        return held and not gate.on
