"""Kinds of outputs: the registry that turns an output of a rules file into a device.

================  ==========================================================================================
kind              what it is
================  ==========================================================================================
``zmq``           no device: the decision goes out as an ``event/<stream>`` message, as every decision does
``serial``        a microcontroller with Posewire's firmware: see docs/serial.md
``osc``           OSC messages by UDP: Bonsai, Max, Pure Data
``lsl``           a marker stream (or a stream of values) of the Lab Streaming Layer
``virtual-led``   a light that only tests and the self-test of the loop can see
``nidaq``         a line or an analog output of an NI-DAQmx device
``labjack``       a line or a DAC of a LabJack T4, T7 or T8
``gpio``          a GPIO line of a Linux computer
================  ==========================================================================================

Further kinds come through the entry-point group ``posewire.outputs``: the name is the kind, the entry point a callable
``open_device(spec, stream)`` that checks ``spec.options`` (see `posewire.outputs.options`) and returns a
`posewire.outputs.device.Device`, not yet opened.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module, metadata

from posewire.outputs.device import Device
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, PosewireError, nearest

ENTRY_POINTS = "posewire.outputs"

OpenDevice = Callable[[OutputSpec, str], Device]

# Modules are imported when one of their outputs is asked for: only they need pyserial, python-osc, pylsl, ...
_BUILT_IN = {
    "zmq": "posewire.outputs.zmq_only",
    "serial": "posewire.outputs.serial",
    "osc": "posewire.outputs.osc",
    "lsl": "posewire.outputs.lsl",
    "virtual-led": "posewire.outputs.virtual_led",
    "nidaq": "posewire.outputs.nidaq",
    "labjack": "posewire.outputs.labjack",
    "gpio": "posewire.outputs.gpio",
}


def kinds() -> list[str]:
    """The kinds of output that this installation knows, sorted: built-in ones and plug-ins."""
    return sorted({*_BUILT_IN, *(entry.name for entry in metadata.entry_points(group=ENTRY_POINTS))})


def open_device(spec: OutputSpec, stream: str) -> Device:
    """The device of an output, its options checked, not yet opened.

    A built-in kind cannot be replaced by a plug-in. Raises InputError for an unknown kind (names the nearest), for
    options that the kind refuses, and for a plug-in that could not be loaded; WorkError where a package is missing.
    """
    if spec.kind in _BUILT_IN:
        factory: OpenDevice = import_module(_BUILT_IN[spec.kind]).open_device
        return factory(spec, stream)
    plug_in = _plug_in(spec)
    if plug_in is None:
        known = kinds()
        hint = nearest(spec.kind, known) or f"; known are {', '.join(known)}"
        raise InputError(f"output {spec.name!r}: no kind of output {spec.kind!r}{hint}")
    return plug_in(spec, stream)


def _plug_in(spec: OutputSpec) -> OpenDevice | None:
    for entry in metadata.entry_points(group=ENTRY_POINTS, name=spec.kind):
        try:
            factory: OpenDevice = entry.load()
        except PosewireError:
            raise
        except Exception as error:  # a plug-in is foreign code: whatever it raises, the user has to hear whose it is
            package = entry.dist.name if entry.dist is not None else entry.value
            raise InputError(
                f"output {spec.name!r}: kind {spec.kind!r} comes from {package}, which could not be loaded: "
                f"{error or type(error).__name__}"
            ) from error
        return factory
    return None
