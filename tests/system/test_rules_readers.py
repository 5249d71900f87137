"""One decision, read by three that know nothing of Posewire: OSC as Bonsai listens, an LSL inlet, bare ZeroMQ."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from program import Ended, end, free_endpoint, start

pylsl = pytest.importorskip("pylsl", reason="needs the extra `outputs`", exc_type=(ImportError, RuntimeError))  # type: ignore[arg-type]

RULES = """rules = 1
max_age_ms = 2000

[outputs.bonsai]
kind = "osc"
port = {port}

[outputs.markers]
kind = "lsl"

[[rule]]
name = "mark"
when = {{ gray = [8, 8, 32, 32], above = 128 }}
outputs = ["bonsai", "markers"]
"""


class Listener(threading.Thread):
    """An OSC server as anybody's: python-osc on a UDP port."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        from pythonosc.dispatcher import Dispatcher
        from pythonosc.osc_server import BlockingOSCUDPServer

        self.heard: list[tuple[Any, ...]] = []
        self.rule: list[float] = []
        dispatcher = Dispatcher()
        dispatcher.map("/posewire/main/event", lambda address, *values: self.heard.append(values))
        dispatcher.map("/posewire/main/mark", lambda address, value: self.rule.append(value))
        self.server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
        self.port = self.server.server_address[1]

    def run(self) -> None:
        self.server.serve_forever(poll_interval=0.05)


class Inlet(threading.Thread):
    """Takes every marker of a stream, with its time stamp, until the stream ends."""

    def __init__(self, stream: Any) -> None:
        super().__init__(daemon=True)
        self.markers: list[tuple[str, float]] = []
        self._inlet = pylsl.StreamInlet(stream, recover=False)
        self._inlet.open_stream(timeout=10)

    def run(self) -> None:
        try:
            while True:
                sample, stamp = self._inlet.pull_sample(timeout=1.0)
                if sample is not None:
                    self.markers.append((sample[0], stamp))
        except pylsl.util.LostError:
            pass


def test_three_readers_get_the_same_events(tmp_path: Path) -> None:
    settings = tmp_path / "lsl_api.cfg"
    settings.write_text("[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n", encoding="utf-8")
    environment = {"LSLAPICFG": str(settings)}
    os.environ.update(environment)
    listener = Listener()
    listener.start()
    file = tmp_path / "rules.toml"
    file.write_text(RULES.format(port=listener.port), encoding="utf-8")
    endpoint = free_endpoint()
    process = start(
        "run", "--source", "marked:every=16,on=5,seed=3|synthetic:size=256x256,fps=60", "--frames", 120, "--publish",
        endpoint, "--wait-subscribers", 1, "--rules", file, "--log", tmp_path / "log.jsonl", "--json", **environment,
    )  # fmt: skip
    drained: list[Ended] = []
    waiting = threading.Thread(target=lambda: drained.append(end(process)))
    waiting.start()
    found = pylsl.resolve_byprop("source_id", "posewire/main/markers", timeout=60)
    assert found, "no LSL stream appeared"
    inlet = Inlet(found[0])
    inlet.start()
    decided = []
    with zmq.Context() as context, context.socket(zmq.SUB) as reader:
        reader.subscribe(b"event/main")
        reader.subscribe(b"pose/main")  # what the run waits for
        reader.connect(endpoint)
        while process.poll() is None or reader.poll(300):
            if reader.poll(50):
                topic, payload = reader.recv_multipart()
                if topic == b"event/main" and (one := msgpack.unpackb(payload))["kind"] == "fired":
                    decided.append(one)
    waiting.join()
    assert drained[0].status == 0, drained[0].stderr
    inlet.join(20)
    markers = inlet.markers
    listener.server.shutdown()
    numbers = [one["event"] for one in decided]
    assert len(numbers) >= 4
    pulses = [values for values in listener.heard if values[4] == "pulse"]
    assert [values[0] for values in pulses] == numbers
    assert [values[6] for values in pulses] == [one["stamps"]["decided"] for one in decided]
    assert {values[1] for values in pulses} == {"mark"}
    assert listener.rule.count(1.0) == len(numbers)
    told = [text for text, _ in markers if text.startswith("pulse")]
    assert told == [
        f"pulse mark event={one['event']} animal={one['animal']} frame={one['frame']} output=markers" for one in decided
    ]
    # LSL's clock and ours run alike: the markers lie as far apart as the decisions.
    stamps = [stamp for text, stamp in markers if text.startswith("pulse")]
    apart_s = (decided[-1]["stamps"]["decided"] - decided[0]["stamps"]["decided"]) / 1e9
    assert stamps[-1] - stamps[0] == pytest.approx(apart_s, abs=2e-3)
