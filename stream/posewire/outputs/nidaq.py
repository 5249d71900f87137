"""Kind ``nidaq``: a digital line or an analog output of an NI-DAQmx device, set one value at a time.

Not run on hardware. Calls as in the documentation of nidaqmx 1.x: a task with one channel, `Task.write` on demand.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from posewire.outputs.lines import Line
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError

OPTIONS = (
    Option("line", "Dev1/port0/line0", required=True),
    Option("active_low", False),
    Option("low_volts", 0.0, least=-10.0, most=10.0),
    Option("high_volts", 5.0, least=-10.0, most=10.0),
    Option("timeout_ms", 100, least=1, most=10_000),
)


def open_device(spec: OutputSpec, stream: str) -> NidaqOutput:
    """Raises InputError for options that are wrong, WorkError without nidaqmx."""
    options = read_options(spec, OPTIONS)
    analog = _is_analog(options["line"])
    if spec.mode == "follow" and not analog:
        raise InputError(f"output {spec.name!r} (nidaq): mode 'follow' needs an analog output such as Dev1/ao0")
    if analog and options["low_volts"] >= options["high_volts"]:
        raise InputError(f"output {spec.name!r} (nidaq): low_volts has to be less than high_volts")
    if analog and options["active_low"]:
        raise InputError(f"output {spec.name!r} (nidaq): active_low is for digital lines")
    if importlib.util.find_spec("nidaqmx") is None:
        raise missing_package(spec, "nidaqmx and NI's driver (ni.com)", "pip install nidaqmx")
    return NidaqOutput(spec, options)


def _is_analog(line: str) -> bool:
    return "/ao" in f"/{line.lower()}" and "/port" not in line.lower()


class NidaqOutput(Line):
    """``line`` Dev1/port0/line0 is digital; Dev1/ao0 analog: 0.0..1.0 is ``low_volts``..``high_volts``."""

    _task: Any = None

    def take(self) -> str:
        import nidaqmx

        line, low, high = self.options["line"], self.options["low_volts"], self.options["high_volts"]
        self._task = nidaqmx.Task()
        try:
            if _is_analog(line):
                self._task.ao_channels.add_ao_voltage_chan(line, min_val=low, max_val=high)
            else:
                self._task.do_channels.add_do_chan(line)
            self._task.start()
            self.put(self.spec.safe)
        except BaseException:
            self.leave()
            raise
        return f"NI-DAQmx {line}" + (f", {low:g} to {high:g} V" if _is_analog(line) else "")

    def put(self, value: float) -> None:
        if _is_analog(self.options["line"]):
            low, high = self.options["low_volts"], self.options["high_volts"]
            sample: float | bool = low + min(1.0, max(0.0, value)) * (high - low)
        else:
            sample = (value > 0) != self.options["active_low"]
        self._task.write(sample, timeout=self.options["timeout_ms"] / 1e3)

    def leave(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.close()
