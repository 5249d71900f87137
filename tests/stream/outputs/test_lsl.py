"""Kind lsl against a real inlet."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from posewire.clock import now_ns
from posewire.outputs.device import Act, Device
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire_models.errors import InputError, WorkError

# Streams are looked for on this machine alone: where tests run, there may be no network.
CONFIGURATION = """
[multicast]
ResolveScope = machine
AddressesOverride = {127.0.0.1}
[lab]
KnownPeers = {127.0.0.1}
[log]
level = -2
"""


@pytest.fixture(scope="module")
def lsl(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if importlib.util.find_spec("pylsl") is None:
        pytest.skip("pylsl is not installed")
    file = tmp_path_factory.mktemp("lsl") / "lsl_api.cfg"
    file.write_text(CONFIGURATION)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LSLAPICFG", str(file))
        try:
            import pylsl

            pylsl.local_clock()
        except RuntimeError as error:
            pytest.skip(f"liblsl is not installed: {error}")
        yield pylsl


def inlet_of(lsl: Any, device: Any) -> Any:
    found = lsl.resolve_byprop("source_id", device.source_id, timeout=20)
    assert len(found) == 1
    inlet = lsl.StreamInlet(found[0])
    inlet.open_stream(timeout=20)
    return inlet


def act(event: int, what: str = "pulse", value: float = 0.0, rule: str = "light in corner") -> Act:
    return Act(event, what, value, 10**9, rule, 2, 340, now_ns())


def test_a_marker_arrives_with_the_time_of_its_decision(lsl: Any) -> None:
    device: Any = open_device(OutputSpec("mark", "lsl", options={"edges": True}), "one")
    assert isinstance(device, Device)
    assert device.open() == "LSL stream posewire-one of type Markers, source id posewire/one/mark"
    inlet = inlet_of(lsl, device)
    info = inlet.info()
    assert (info.name(), info.type(), info.nominal_srate()) == ("posewire-one", "Markers", lsl.IRREGULAR_RATE)
    for what in ("pulse", "on", "off"):
        # Both clocks around the act: the stamp lies between, whatever the difference of the two clocks is.
        before = lsl.local_clock()
        made = act(12, what)
        after = lsl.local_clock()
        device.beat()
        device.act(made)
        (text,), stamp = inlet.pull_sample(timeout=20)
        assert text == f"{what} light_in_corner event=12 animal=2 frame=340 output=mark"
        assert before - 1e-3 <= stamp <= after + 1e-3
    device.safe()
    assert inlet.pull_sample(timeout=20)[0] == ["safe - output=mark"]
    inlet.close_stream()
    device.close()
    device.close()
    with pytest.raises(WorkError, match="is not open"):
        device.act(act(1))


def test_values_are_a_stream_of_numbers(lsl: Any) -> None:
    device: Any = open_device(OutputSpec("speed", "lsl", mode="follow", safe=0.5, options={"name": "mouse"}), "two")
    assert device.open() == "LSL stream mouse of type Values, source id posewire/two/speed"
    inlet = inlet_of(lsl, device)
    values = [0.0, 0.125, 1e9]
    for event, value in enumerate(values):
        device.act(act(event, "value", value))
    device.safe()
    assert [inlet.pull_sample(timeout=20)[0] for _ in range(4)] == [[0.0], [0.125], [1e9], [0.5]]
    inlet.close_stream()
    device.close()


def test_a_reader_that_does_not_read_holds_nothing_up(lsl: Any) -> None:
    device: Any = open_device(OutputSpec("mark", "lsl"), "three")
    device.open()
    inlet = inlet_of(lsl, device)
    for event in range(5000):
        device.act(act(event))
    text = inlet.pull_sample(timeout=20)[0][0]
    assert text.startswith("pulse light_in_corner event=")
    inlet.close_stream()
    device.close()


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"output 'mark' \(lsl\): no option 'nam'; did you mean 'name'\?"):
        open_device(OutputSpec("mark", "lsl", options={"nam": "x"}), "main")
    with pytest.raises(InputError, match="edges = true"):
        open_device(OutputSpec("mark", "lsl", delay_ns=1), "main")
