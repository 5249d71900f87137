"""Kind ``lsl``: acts as markers of the Lab Streaming Layer, ``follow`` as a stream of values. See docs/outputs.md.

Markers: stream ``posewire-<stream>``, type ``Markers``, irregular, one channel of text:
``pulse RULE event=12 animal=0 frame=340 output=light`` (also ``on``, ``off``, ``safe``). Values: the same name, type
``Values``, irregular, one channel of float64. Blanks within names are sent as ``_``.

Time stamps are those of the decision, told in LSL's clock: both clocks are read together when the output is opened and
once a second, and the difference is added to the time of the decision.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from posewire.clock import now_ns
from posewire.outputs.device import Act, Done
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.osc import check_edges
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import WorkError

OPTIONS = (Option("name", ""), Option("edges", False))

_CLOCKS_NS = 1_000_000_000
_BUFFERED = 10  # hundreds of samples that wait for a reader that is slow


def open_device(spec: OutputSpec, stream: str) -> LslOutput:
    """Raises InputError for options that are wrong, WorkError without pylsl."""
    options = read_options(spec, OPTIONS)
    check_edges(spec, options["edges"])
    if importlib.util.find_spec("pylsl") is None:
        raise missing_package(spec, "pylsl", "pip install 'posewire[outputs]'")
    return LslOutput(spec, stream, options)


class LslOutput:
    """One outlet. Readers have queues of their own, so that a slow one delays nobody.

    It records and drives nothing, and its end is noticed by every reader: that counts as its watchdog.
    """

    blocking = False
    watchdog = True

    def __init__(self, spec: OutputSpec, stream: str, options: dict[str, Any]) -> None:
        self.spec = spec
        self.times_itself = spec.mode == "pulse" and not options["edges"]
        self.name = options["name"] or f"posewire-{stream}"
        self.source_id = f"posewire/{stream}/{spec.name}"
        self._follows = spec.mode == "follow"
        self._lsl: Any = None
        self._outlet: Any = None
        self._ahead_s = 0.0  # LSL's clock less ours
        self._read_ns = 0

    def open(self) -> str:
        """Raises WorkError where the library of LSL cannot be loaded."""
        try:
            import pylsl
        except (ImportError, OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()
            raise WorkError(
                f"output {self.spec.name!r} (lsl): pylsl finds no liblsl ({reason[0] if reason else 'not found'}); "
                "install liblsl for this system, or set PYLSL_LIB to it"
            ) from error
        self._lsl = pylsl
        kind, form = ("Values", pylsl.cf_double64) if self._follows else ("Markers", pylsl.cf_string)
        info = pylsl.StreamInfo(self.name, kind, 1, pylsl.IRREGULAR_RATE, form, self.source_id)
        info.desc().append_child_value("output", self.spec.name)
        self._outlet = pylsl.StreamOutlet(info, max_buffered=_BUFFERED)
        self._read_clocks()
        return f"LSL stream {self.name} of type {kind}, source id {self.source_id}"

    def act(self, act: Act) -> None:
        if self._follows:
            self._push(act.value if act.what == "value" else float(act.what != "off"), act.decided_ns)
            return
        rule = "_".join(act.rule.split()) or "-"
        output = "_".join(self.spec.name.split())
        text = f"{act.what} {rule} event={act.event} animal={act.animal} frame={act.frame} output={output}"
        self._push(text, act.decided_ns)

    def beat(self) -> None:
        if now_ns() - self._read_ns >= _CLOCKS_NS:
            self._read_clocks()

    def safe(self) -> None:
        output = "_".join(self.spec.name.split())
        self._push(self.spec.safe if self._follows else f"safe - output={output}", now_ns())

    def fileno(self) -> int | None:
        return None

    def receive(self) -> list[Done]:
        return []

    def close(self) -> None:
        if self._outlet is not None:
            try:
                self.safe()
            except Exception:
                pass
            self._outlet = None

    def _push(self, sample: str | float, at_ns: int) -> None:
        if self._outlet is None:
            raise WorkError(f"output {self.spec.name!r} (lsl): is not open")
        try:
            self._outlet.push_sample([sample], at_ns / 1e9 + self._ahead_s)
        except Exception as error:  # pylsl raises its own kinds, and RuntimeError
            raise WorkError(f"output {self.spec.name!r} (lsl): {error or type(error).__name__}") from error

    def _read_clocks(self) -> None:
        before = now_ns()
        theirs = float(self._lsl.local_clock())
        after = now_ns()
        self._ahead_s = theirs - (before + after) / 2e9
        self._read_ns = after
