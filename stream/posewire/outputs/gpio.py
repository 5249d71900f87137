"""Kind ``gpio``: a GPIO line of a Linux computer (Raspberry Pi, Jetson) through the kernel's character device.

Not run on hardware. Calls as in the documentation of the Python package gpiod, version 2.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from posewire.outputs.lines import Line
from posewire.outputs.options import Option, missing_package, read_options
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError

OPTIONS = (
    Option("chip", "gpiochip0", required=True),
    Option("line", 17, required=True, least=0, most=4095),
    Option("active_low", False),
)


def open_device(spec: OutputSpec, stream: str) -> GpioOutput:
    """Raises InputError for options that are wrong and on other systems than Linux, WorkError without gpiod."""
    options = read_options(spec, OPTIONS, ("pulse", "while", "toggle"))
    if sys.platform != "linux":
        raise InputError(f"output {spec.name!r} (gpio): GPIO lines are there on Linux only; use kind serial")
    if importlib.util.find_spec("gpiod") is None:
        raise missing_package(spec, "gpiod, version 2", "pip install 'gpiod>=2'")
    return GpioOutput(spec, options)


class GpioOutput(Line):
    """``chip`` as gpiodetect lists it (gpiochip0), ``line`` its number there, which is not that of the header's pin."""

    _gpiod: Any = None
    _request: Any = None

    def take(self) -> str:
        import gpiod

        self._gpiod = gpiod.line
        chip, line = self.options["chip"], self.options["line"]
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.OUTPUT,
            active_low=self.options["active_low"],
            output_value=gpiod.line.Value.INACTIVE,
        )
        path = chip if chip.startswith("/") else f"/dev/{chip}"
        self._request = gpiod.request_lines(path, consumer="posewire", config={line: settings})
        return f"line {line} of {path}"

    def put(self, value: float) -> None:
        values = self._gpiod.Value
        self._request.set_value(self.options["line"], values.ACTIVE if value > 0 else values.INACTIVE)

    def leave(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.release()
