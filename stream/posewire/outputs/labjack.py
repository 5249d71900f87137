"""Kind ``labjack``: a digital line or a DAC of a LabJack T4, T7 or T8, by its register's name.

Not run on hardware. Calls as in the documentation of LJM: `openS`, `eWriteName`, `close`.
"""

from __future__ import annotations

import importlib.util
import re
from typing import Any

from posewire.outputs.lines import Line
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError

OPTIONS = (
    Option("line", "FIO4", required=True),
    Option("device", "ANY", words=("ANY", "T4", "T7", "T8")),
    Option("connection", "ANY", words=("ANY", "USB", "ETHERNET", "WIFI")),
    Option("identifier", "ANY"),
    Option("active_low", False),
    Option("low_volts", 0.0, least=0.0, most=10.0),
    Option("high_volts", 5.0, least=0.0, most=10.0),
)

_LINE = re.compile(r"(FIO|EIO|CIO|MIO|DIO)\d{1,2}|DAC[01]")


def open_device(spec: OutputSpec, stream: str) -> LabjackOutput:
    """Raises InputError for options that are wrong, WorkError without the package labjack-ljm."""
    options = read_options(spec, OPTIONS)
    if not _LINE.fullmatch(options["line"]):
        raise InputError(f"output {spec.name!r} (labjack): no line {options['line']!r}; write FIO4, EIO0, CIO0 or DAC0")
    analog = options["line"].startswith("DAC")
    if spec.mode == "follow" and not analog:
        raise InputError(f"output {spec.name!r} (labjack): mode 'follow' needs DAC0 or DAC1")
    if analog and options["low_volts"] >= options["high_volts"]:
        raise InputError(f"output {spec.name!r} (labjack): low_volts has to be less than high_volts")
    if analog and options["active_low"]:
        raise InputError(f"output {spec.name!r} (labjack): active_low is for digital lines")
    if importlib.util.find_spec("labjack") is None:
        raise missing_package(spec, "labjack-ljm and LabJack's LJM library (labjack.com)", "pip install labjack-ljm")
    return LabjackOutput(spec, options)


class LabjackOutput(Line):
    """``line`` FIO4 is digital (on a T4 FIO0..3 are inputs only); DAC0: 0.0..1.0 is ``low_volts``..``high_volts``."""

    _ljm: Any = None
    _handle: Any = None

    def take(self) -> str:
        from labjack import ljm

        options = self.options
        self._ljm = ljm
        self._handle = ljm.openS(options["device"], options["connection"], options["identifier"])
        try:
            self.put(self.spec.safe)  # writing a digital line makes it an output
            serial = ljm.getHandleInfo(self._handle)[2]
        except BaseException:
            self.leave()
            raise
        return f"LabJack {serial}, {options['line']}"

    def put(self, value: float) -> None:
        line, low, high = self.options["line"], self.options["low_volts"], self.options["high_volts"]
        if line.startswith("DAC"):
            register = low + min(1.0, max(0.0, value)) * (high - low)
        else:
            register = float((value > 0) != self.options["active_low"])
        self._ljm.eWriteName(self._handle, line, register)

    def leave(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._ljm.close(handle)
