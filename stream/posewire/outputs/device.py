"""What a kind of output has to be: the way from the guard process to one device.

A kind is a module with a function ``open_device(spec: OutputSpec, stream: str) -> Device``; built-in kinds are listed
in
`posewire.outputs.kinds`, others come through the entry-point group ``posewire.outputs``: the name is the kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(slots=True)  # not frozen: that would take microseconds of the way from a decision to its output
class Act:
    """One thing that an output is to do; never changed.

    ``event`` numbers it within the session; all times in ns of the session's clock.

    ``what``: ``pulse`` (the train of the output's spec, permitted as a whole), ``on`` (until ``off``, and for
    ``longest_ns`` at most), ``off``, ``value`` (``follow``). ``rule``, ``animal`` (id, -1 unknown), ``frame`` and
    ``decided_ns`` tell why, for those outputs that pass messages on.
    """

    event: int
    what: str
    value: float
    longest_ns: int
    rule: str
    animal: int
    frame: int
    decided_ns: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a device reports of an act: ``acked_ns`` when its answer was read; ``device_us`` its own clock, or None.

    ``event`` -1 belongs to no act: with a problem a watchdog that tripped while nothing was on, or a self-test that
    failed; without one the answer of a self-test, whose time is ``device_us``.

    ``problem``: empty, or one line: the device refused it, or it was lost on the way.
    """

    event: int
    acked_ns: int
    device_us: int | None = None
    problem: str = ""


@runtime_checkable
class Device(Protocol):
    """One output's device. All calls come from one thread.

    ``blocking``: its calls may wait for the device; the guard then gives it a thread of its own with a bounded queue.
    A device that is not blocking never waits: what cannot be written at once raises BlockingIOError, and is not written
    later. ``times_itself``: it ends pulses, delays and ``longest_ns`` by its own clock; otherwise the guard calls `act`
    with ``on`` and ``off`` when they are due. ``watchdog``: it goes into its safe state by itself when `beat` is not
    called for ``watchdog_ns``; without that an output is refused for the modes ``while`` and ``toggle`` unless the run
    says ``--unsafe``.
    """

    blocking: bool
    times_itself: bool
    watchdog: bool

    def open(self) -> str:
        """Take hold of the device, in its safe state; returns one line on what it is. Raises InputError, WorkError."""

    def act(self, act: Act) -> None:
        """Do it. Raises BlockingIOError (it cannot be written now), OSError or WorkError (the device is gone)."""

    def beat(self) -> None:
        """Somebody vouches for what the device does; called every `BEAT_NS` while the guard lives. Raises as `act`."""

    def safe(self) -> None:
        """Go into the safe state now, and forget what is still to come. Raises as `act`; may be called at any time."""

    def fileno(self) -> int | None:
        """What to wait on for answers, None if it gives none (or if the answers are to be asked for by `receive`)."""

    def receive(self) -> list[Done]:
        """The answers that are there, without waiting. Raises OSError or WorkError if the device is gone."""

    def close(self) -> None:
        """Safe state, then let go. May be called twice; never raises."""


BEAT_NS = 20_000_000
