"""The tables ``[outputs.NAME]`` of a rules file, to `posewire.outputs.spec.OutputSpec`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from posewire.outputs.gate import MARGIN_NS
from posewire.outputs.spec import MODES, NEVER_NS, OutputSpec
from posewire.triggers.tables import NS_PER_S, Table, shown

# What each mode does not take; everything else holds for all.
_TRAIN = ("width_ms", "pulses", "frequency_hz", "delay_ms")
_RATES = {"max_per_second": NS_PER_S, "max_per_minute": 60 * NS_PER_S, "max_per_hour": 3600 * NS_PER_S}
_DUTY = ("duty_percent", "duty_window_ms", "duty_window_s")
_LIMITS = ("max_on_ms", *_RATES, *_DUTY, "max_dose_ms", "max_dose_s")
_FOLLOWING = ("slew_per_s", "safe")
_MOST_PULSES = 10_000  # the loop reckons with each of them when a train starts
KEYS = ("kind", "mode", *_TRAIN, *_LIMITS, *_FOLLOWING)
# Kinds of which several outputs may well say the same thing: nothing but messages.
_MESSAGES = ("osc", "lsl", "zmq")
# What tells one device of a kind from another; of other kinds, all their options do.
_DEVICE = {
    "serial": ("port", "pin"),
    "virtual-led": ("file",),
    "nidaq": ("line",),
    "labjack": ("device", "connection", "identifier", "line"),
    "gpio": ("chip", "line"),
}
_NOT_FOR = {
    "pulse": _FOLLOWING,
    "while": (*_TRAIN, *_FOLLOWING),
    "toggle": (*_TRAIN, *_FOLLOWING),
    "follow": (*_TRAIN, *_LIMITS),
}
_WHY = {
    "pulse": 'a value that follows is for mode = "follow"',
    "while": 'it is on as long as a rule holds, and has no pulses; give max_on_ms, or mode = "pulse"',
    "toggle": 'it is turned on and off, and has no pulses; give max_on_ms, or mode = "pulse"',
    "follow": "it has a value in every frame and is not started; its limits are the rule's `to` and slew_per_s",
}


def read_output(name: str, table: Table) -> tuple[OutputSpec, list[str]]:
    """One output, and what is doubtful about its keys. Raises InputError.

    Keys that are not in `KEYS` are the kind's own options, for the kind to check.
    """
    kind = table.text("kind", 'what it is, e.g. "serial", "osc", "lsl", "virtual-led"')
    mode = table.choice("mode", MODES, "pulse")
    for key in _NOT_FOR[mode]:
        if key in table.data:
            raise table.error(key, f"{key}: not for mode {mode}: {_WHY[mode]}")
    period_ns = _period(table)
    window_ns, most = _rate(table)
    spec = OutputSpec(
        name=name,
        kind=kind,
        mode=mode,
        delay_ns=table.duration("delay_ms", 0),
        width_ns=table.duration("width_ms", 10_000_000, positive=True),
        count=table.whole("pulses", f"how many pulses, from 1 to {_MOST_PULSES}", 1, least=1, most=_MOST_PULSES),
        period_ns=period_ns,
        slew_per_s=table.number("slew_per_s", "a number above 0 (left out: any)", 0.0, above=0.0),
        max_on_ns=table.duration("max_on_ms", NEVER_NS, positive=True),
        max_duty=table.number("duty_percent", "a number above 0, of 100 at most", 100.0, above=0.0, most=100.0) / 100,
        duty_window_ns=_either(table, "duty_window", 60 * NS_PER_S),
        max_count=most,
        count_window_ns=window_ns,
        max_dose_ns=_either(table, "max_dose", NEVER_NS),
        safe=table.number("safe", "a number, the value of the safe state", 0.0),
    )
    if spec.max_duty == 1.0 and spec.duty_window_ns != 60 * NS_PER_S:
        raise table.error("", "duty_window: is for duty_percent; give both, or neither")
    _refuse_impossible(spec, table)
    spec.options.update(table.rest())
    return spec, _doubts(spec, table)


def refuse_twin(spec: OutputSpec, others: Iterable[OutputSpec], table: Table) -> None:
    """Raises InputError if one of ``others`` is the same device: each would know nothing of what the other does."""
    if spec.kind in _MESSAGES:
        return
    for other in others:
        if other.kind == spec.kind and _device(other) == _device(spec):
            raise table.error(
                "",
                f"is the device of output {other.name!r} again; limits hold for one output, and together they would "
                "exceed them: let all rules name one of the two",
            )


def _device(spec: OutputSpec) -> Mapping[str, Any]:
    told = _DEVICE.get(spec.kind)
    return spec.options if told is None else {key: spec.options.get(key) for key in told}


def _either(table: Table, stem: str, default: int) -> int:
    """A duration that may be given in ms or in s."""
    given = [key for key in table.data if key in (f"{stem}_ms", f"{stem}_s")]
    if len(given) > 1:
        raise table.error(given[1], f"{' and '.join(given)}: give one of them")
    table.has(f"{stem}_s")
    return table.duration(given[0] if given else f"{stem}_ms", default, positive=True)


def _period(table: Table) -> int:
    pulses = table.data.get("pulses", 1)
    if not table.has("frequency_hz"):
        if pulses != 1:
            raise table.error("pulses", f"pulses = {shown(pulses)}: needs frequency_hz, from pulse to pulse")
        return 0
    if pulses == 1:
        raise table.error("frequency_hz", "frequency_hz: is for trains; give pulses = 2 or more, or leave it out")
    hertz = table.number("frequency_hz", "a number of Hz above 0, 1000000 at most", above=0.0, most=1e6)
    if NS_PER_S / hertz >= NEVER_NS:
        raise table.wrong("frequency_hz", "a number of Hz above 0, not as small")
    return round(NS_PER_S / hertz)


def _rate(table: Table) -> tuple[int, int]:
    """The window and the number of starts in it."""
    known = [key for key in _RATES if table.has(key)]
    given = [key for key in table.data if key in known]  # in the order of the file
    if not given:
        return OutputSpec.count_window_ns, OutputSpec.max_count
    if len(given) > 1:
        raise table.error(given[1], f"{' and '.join(given)}: give one of them")
    return _RATES[given[0]], table.whole(given[0], "how many starts, a whole number of 1 or more", least=1)


def longest_on_ns(spec: OutputSpec, window_ns: int) -> int:
    """The most on-time that one train of an output has within any ``window_ns``."""
    if spec.count == 1 or spec.period_ns == 0:
        return min(spec.width_ns, window_ns)
    whole = min(spec.count, window_ns // spec.period_ns)
    left = window_ns - whole * spec.period_ns
    return whole * spec.width_ns + (min(spec.width_ns, left) if whole < spec.count else 0)


def _refuse_impossible(spec: OutputSpec, table: Table) -> None:
    if spec.mode == "while" and spec.max_on_ns == NEVER_NS:
        raise table.error(
            "mode", 'mode = "while": needs the longest time that it may be on at a stretch, e.g. max_on_ms = 2000'
        )
    if spec.mode != "pulse":
        return
    width, period = spec.width_ns / 1e6, spec.period_ns / 1e6
    if spec.count > 1 and spec.period_ns < spec.width_ns:
        raise table.error(
            "frequency_hz",
            f"frequency_hz: a pulse every {period:.15g} ms, and each is {width:.15g} ms long (width_ms); "
            f"at most {1000 / width:.6g} Hz",
        )
    stretch = spec.width_ns * (spec.count if spec.period_ns == spec.width_ns else 1)
    total = spec.width_ns * spec.count
    if stretch > spec.max_on_ns:
        raise table.error(
            "max_on_ms",
            f"max_on_ms: one start is {stretch / 1e6:.15g} ms on at a stretch; give that, or shorter pulses",
        )
    if total > spec.max_dose_ns:
        key = "max_dose_s" if "max_dose_s" in table.data else "max_dose_ms"
        raise table.error(key, f"{key}: one start is {total / 1e6:.15g} ms on, more than the dose of a whole session")
    on = longest_on_ns(spec, spec.duty_window_ns + MARGIN_NS)  # as the gate looks at it
    if spec.max_duty < 1.0 and on > int(spec.max_duty * spec.duty_window_ns):
        window, margin = spec.duty_window_ns / 1e6, MARGIN_NS / 1e6
        raise table.error(
            "duty_percent",
            f"duty_percent: one start is {on / 1e6:.15g} ms on within {window:.15g} ms ({margin:g} ms more, for what "
            f"may shift it), which is {100 * on / spec.duty_window_ns:.6g} %; give more, or fewer or shorter pulses",
        )


def _doubts(spec: OutputSpec, table: Table) -> list[str]:
    doubts = []
    for key in spec.options:
        if near := difflib.get_close_matches(key, KEYS, n=1, cutoff=0.8):
            doubts.append(f"{key} is taken for an option of the kind {spec.kind}; or is {near[0]} meant?")
    unlimited = (spec.max_duty, spec.max_count, spec.max_dose_ns) == (1.0, OutputSpec.max_count, NEVER_NS)
    if spec.mode in ("pulse", "toggle") and unlimited:
        what = "how often it is started" if spec.mode == "pulse" else "how long and how often it is on"
        if spec.mode == "pulse" or spec.max_on_ns == NEVER_NS:
            doubts.append(f"nothing limits {what}; give e.g. max_per_minute, duty_percent or max_dose_s")
    return doubts
