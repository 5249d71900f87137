"""A pin of the simulated firmware lights a virtual LED, for sources that show it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from firmware import act, output, until
from posewire.outputs.virtual_led import VirtualLed
from posewire_bench.simulated_firmware import SimulatedFirmware


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
def test_a_pin_is_a_light_that_others_see(tmp_path: Path) -> None:
    file = tmp_path / "led.bin"
    with SimulatedFirmware(led=(5, file)) as firmware, VirtualLed(file) as led:
        device = output(firmware, mode="while")
        assert not led.on
        device.act(act(1, "on"))
        until(lambda _: led.on, device)
        device.act(act(2, "off"))
        until(lambda _: not led.on, device)
        device.close()
        assert led.rises == 1
