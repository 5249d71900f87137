"""Times that the guard keeps itself: when a train's pulses begin and end, for devices that do not time them."""

from __future__ import annotations

from posewire.outputs.spec import OutputSpec


class Train:
    """The edges of one permitted pulse act, asked for one after the other. Pure: times come from outside.

    The next edge is due at ``due_ns`` and turns the output on if ``rising``; `done` says when it was done, and ``over``
    that it was the last one. Pulses begin by the schedule (``period_ns`` from start to start) and end ``width_ns``
    after they really began, so that no lateness makes one longer. Where lateness leaves less than half of a pause, all
    that is to come moves by as much as restores it: a train is never squeezed.
    """

    def __init__(self, spec: OutputSpec, first_ns: int) -> None:
        """``first_ns``: when the first pulse is to begin."""
        self._spec = spec
        self._first_ns = first_ns
        self._pulse = 0
        self.due_ns = self._first_ns
        self.rising = True
        self.over = False

    def done(self, at_ns: int) -> None:
        """The edge that was due has been done at ``at_ns``."""
        spec = self._spec
        if self.rising:
            self.rising = False
            self.due_ns = at_ns + spec.width_ns
            return
        self.rising = True
        self._pulse += 1
        self.over = self._pulse >= spec.count
        pause_ns = spec.period_ns - spec.width_ns
        self.due_ns = self._first_ns + self._pulse * spec.period_ns
        if self.due_ns < at_ns + pause_ns // 2:
            self._first_ns += at_ns + pause_ns - self.due_ns
            self.due_ns = at_ns + pause_ns


def train_ns(spec: OutputSpec) -> int:
    """How long a train takes, from the act to the end of its last pulse."""
    return spec.delay_ns + (spec.count - 1) * spec.period_ns + spec.width_ns
