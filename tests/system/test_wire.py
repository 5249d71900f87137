"""The wire as another program meets it: the reader of the documentation, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import msgpack

from posewire.clock import now_ns
from posewire.message import pack_meta
from posewire.publish import Publisher
from wiring import ANY_PORT, meta, payload, wait_for_subscriptions

WIRE = (Path(__file__).parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")


def test_the_documented_reader_reads_without_posewire() -> None:
    """Plain pyzmq and msgpack in a process of their own get names, numbers and order."""
    found = re.search(r"```python\n(.*?)```", WIRE, re.DOTALL)
    assert found is not None
    assert "posewire" not in found[1]
    with Publisher(ANY_PORT, "main") as publisher:
        program = found[1].replace("tcp://127.0.0.1:5555", publisher.endpoint)
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as reader:
            # Ends the test's wait for lines if the program is stuck.
            guard = threading.Timer(60, reader.kill)
            guard.start()
            publisher.set_meta(meta())
            wait_for_subscriptions(publisher, 1)
            publisher.service(now_ns())
            for seq in range(3):
                publisher.send_pose(payload(seq))
            assert reader.stdout is not None
            lines = [reader.stdout.readline() for _ in range(3)]
            guard.cancel()
            reader.kill()
    assert lines == [f"{seq} snout {seq}.0 1.0 0.5\n" for seq in range(3)]


def test_every_key_that_is_sent_is_documented() -> None:
    pose, about = msgpack.unpackb(payload(0)), msgpack.unpackb(pack_meta(meta()))
    sent = {*pose, *pose["stamps"], *about, *about["model"], *about["clock"]}
    assert {key for key in sent if f"`{key}`" not in WIRE} == set()
