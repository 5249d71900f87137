"""Kinds: what each becomes, what its options may be, and the one line that says what they may not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posewire.outputs.device import Act, Device
from posewire.outputs.kinds import kinds, open_device
from posewire.outputs.options import Option, read_options
from posewire.outputs.serial import SerialOutput
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError

PLUG_IN = """
from posewire.outputs.options import Option, read_options
from posewire.outputs.zmq_only import ZmqOnly

class Relay(ZmqOnly):
    def open(self):
        return "relay " + str(self.number)

def open_device(spec, stream):
    relay = Relay(stream)
    relay.number = read_options(spec, [Option("number", 1, least=0, most=7)])["number"]
    return relay
"""


def spec(kind: str, mode: str = "pulse", **options: Any) -> OutputSpec:
    return OutputSpec("light", kind, mode=mode, options=options)


def install(folder: Path, entry_point: str) -> None:
    """A package as pip would leave it: a module and the record of its entry point."""
    (folder / "posewire_relay.py").write_text(PLUG_IN)
    record = folder / "posewire_relay-1.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: posewire-relay\nVersion: 1.0\n")
    (record / "entry_points.txt").write_text(f"[posewire.outputs]\n{entry_point}\n")


def test_zmq_needs_no_device_and_counts() -> None:
    device: Any = open_device(spec("zmq"), "main")
    assert isinstance(device, Device)
    assert device.open() == "messages event/main, no device"
    for event in range(3):
        device.act(Act(event, "pulse", 0.0, 0, "rule", 0, 1, 0))
    device.beat()
    device.safe()
    assert (device.acts, device.receive(), device.fileno()) == (3, [], None)
    device.close()


def test_plug_ins_bring_kinds_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "relay = posewire_relay:open_device")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "relay" in kinds()
    assert open_device(spec("relay", number=3), "main").open() == "relay 3"
    with pytest.raises(InputError, match=r"output 'light' \(relay\): number = 9 is out of range"):
        open_device(spec("relay", number=9), "main")


def test_a_plug_in_that_cannot_be_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken = posewire_relay:Absent")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="kind 'broken' comes from posewire-relay, which could not be loaded"):
        open_device(spec("broken"), "main")


def test_a_plug_in_cannot_take_a_built_in_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "serial = posewire_relay:open_device")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(open_device(spec("serial", port="COM3", pin=5), "main"), SerialOutput)


def test_the_registry_loads_no_device_library() -> None:
    code = (
        "import sys, posewire.outputs.kinds as k; k.kinds(); "
        "sys.exit(any(name in sys.modules for name in ('serial', 'pylsl', 'pythonosc', 'cv2', 'numba')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (spec("serail"), "output 'light': no kind of output 'serail'; did you mean 'serial'?"),
        (spec("bluetooth?"), "known are gpio, labjack, lsl, nidaq, osc, serial, virtual-led, zmq"),
        (spec("zmq", port=1), "output 'light' (zmq): no option 'port'; it takes none"),
        (spec("serial", pin=5), "output 'light' (serial): needs port = \"COM3\""),
        (spec("serial", port="COM3"), "needs pin = 13"),
        (spec("serial", port="COM3", pin=5, bauds=9600), "no option 'bauds'; did you mean 'baud'?"),
        (spec("serial", port="COM3", pin=5.5), "pin = 5.5 is not what it takes: a whole number from 0 to 254"),
        (spec("serial", port="COM3", pin=True), "pin = True is not what it takes"),
        (spec("serial", port=3, pin=5), 'port = 3 is not what it takes: a text such as "COM3"'),
        (spec("serial", port="COM3", pin=5, watchdog_ms=5), "watchdog_ms = 5 is out of range: a whole number from 40"),
        (spec("serial", port="COM3", pin=5, active_low=1), "active_low = 1 is not what it takes: true or false"),
        (spec("osc", port=0), "port = 0 is out of range: a whole number from 1 to 65535"),
        (spec("nidaq"), 'needs line = "Dev1/port0/line0"'),
        (spec("nidaq", "follow", line="Dev1/port0/line0"), "needs an analog output such as Dev1/ao0"),
        (spec("nidaq", line="Dev1/ao0", low_volts=5.0), "low_volts has to be less than high_volts"),
        (spec("labjack", line="FOI4"), "no line 'FOI4'; write FIO4"),
        (spec("labjack", line="FIO4", device="T5"), "no device 'T5'; did you mean 'T"),
        (spec("labjack", "follow", line="FIO4"), "needs DAC0 or DAC1"),
        (spec("gpio", "follow", chip="gpiochip0", line=1), "mode 'follow' is nothing it can do"),
    ],
)
def test_what_an_output_cannot_be_is_one_helpful_line(given: OutputSpec, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        open_device(given, "main")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"width_ns": 40 * 60 * 10**9}, "a width of 40.0 min; 35 is the most"),
        ({"count": 70_000, "period_ns": 10**8}, "70000 pulses in a train; 65535 is the most"),
        ({"width_ns": 10}, "a width of 10 ns; 1 us is the least"),
    ],
)
def test_what_the_protocol_cannot_carry_is_told_before(changes: dict[str, int], expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        open_device(OutputSpec("light", "serial", options={"port": "COM3", "pin": 5}, **changes), "main")


def test_numbers_of_options_may_be_whole() -> None:
    known = [Option("volts", 1.0, least=0.0)]
    assert read_options(spec("x", volts=3), known) == {"volts": 3.0}
    with pytest.raises(InputError, match="a number of 0 or more"):
        read_options(spec("x", volts=float("nan")), known)


def test_the_sketch_is_part_of_the_package() -> None:
    import posewire.outputs

    folder = Path(posewire.outputs.__file__).parent / "firmware" / "posewire_output"
    names = {file.name for file in folder.iterdir()}
    assert names == {"posewire_output.ino", "protocol.h", "channel.h", "device.h", "board.h"}
