"""The guard process with everything real: how it starts, works and ends.

When a virtual LED went on and off is read from its own stamps. Everything is waited for, with a deadline that is only
reached where something hangs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guarded import MS, POSIX, Loop, closed, led_spec, odd, running
from posewire.outputs import guard_process
from posewire.outputs.spec import OutputSpec
from posewire.outputs.virtual_led import VirtualLed
from posewire_models.errors import InputError, WorkError


@pytest.mark.parametrize("pairs", [True, False])
def test_a_train_and_its_log(
    pairs: bool, tmp_path: Path, make: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard_process, "PAIRS", pairs and guard_process.PAIRS)
    loop = make(led_spec(tmp_path, width_ns=5 * MS, period_ns=15 * MS, count=3, delay_ns=3 * MS), age_ms=2000)
    assert loop.link.armed
    assert loop.act(event=4)
    loop.link.record({"record": "decision", "rule": "corner", "event": 4})
    with VirtualLed(tmp_path / "led") as led:
        loop.until(lambda: led.rises == 3 and not led.on)
        changes = led.changes()
    assert [change.value for change in changes] == [1, 0] * 3
    assert {change.event for change in changes} == {4}
    sent = loop.until_told("sent", event=4)
    assert sent.time_ns >= changes[0].time_ns
    records = loop.close()
    assert [record["record"] for record in records if record["record"] == "edge"] == ["edge"] * 5
    assert records[0]["session"] == "ab"
    assert records[0]["outputs"][0]["name"] == "light"
    assert {"record": "sent", "output": "light", "event": 4} in [
        {key: record.get(key) for key in ("record", "output", "event")} for record in records
    ]
    assert any(record.get("rule") == "corner" for record in records)
    assert records[-1]["reason"] == "the test is over"
    assert not loop.link.armed
    assert loop.link.trouble == "closed"
    assert not loop.act()


def test_on_ends_after_its_longest_time(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(led_spec(tmp_path, mode="while"))
    assert loop.act("on", longest_ns=30 * MS)
    with VirtualLed(tmp_path / "led") as led:
        loop.until(lambda: len(led.changes()) == 2)
        on, off = led.changes()
    assert (on.value, off.value, off.event) == (1, 0, 1)
    loop.close()


@pytest.mark.usefixtures("odd_kinds")
def test_a_device_of_its_own_thread_is_timed_too(tmp_path: Path, make: Callable[..., Loop]) -> None:
    file = tmp_path / "done.txt"
    spec = odd("odd-slow", count=2, width_ns=MS, period_ns=3 * MS, options={"file": str(file)})
    loop = make(spec, age_ms=2000)
    assert loop.act(event=3)
    loop.until(lambda: file.exists() and len(file.read_text().splitlines()) == 4)
    loop.close()
    assert file.read_text().split("\n") == ["on 3", "off 3"] * 2 + ["safe", "close", ""]
    assert loop.told("sent", 0, 3)


@POSIX
def test_ctrl_c_leaves_the_guard_alone_and_a_termination_ends_it(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(led_spec(tmp_path, mode="while"))
    for number in (signal.SIGINT, signal.SIGHUP):
        os.kill(loop.link.pid, number)
    assert loop.act("on")
    loop.until_told("sent")
    os.kill(loop.link.pid, signal.SIGTERM)
    loop.until_told("disarmed", -1)
    assert loop.link.trouble == "the guard was told to end by a signal"
    loop.until(lambda: not running(loop.link.pid))
    records = closed(loop.log)
    assert records[-1]["reason"] == "the guard was told to end by a signal"
    with VirtualLed(tmp_path / "led") as led:
        assert [change.value for change in led.changes()] == [1, 0]


@pytest.mark.usefixtures("odd_kinds")
def test_what_cannot_be_started_is_said(tmp_path: Path) -> None:
    def start(*outputs: OutputSpec, **options: Any) -> None:
        loop = Loop(tmp_path, *outputs, **options)
        try:
            loop.link.start()
        finally:
            assert not loop.link.armed or options
            loop.link.close("started, or not")

    with pytest.raises(InputError, match="no kind of output 'virtual-lead'; did you mean 'virtual-led'"):
        start(OutputSpec("light", "virtual-lead"))
    with pytest.raises(WorkError, match=r"output 'odd-unopened' .*: .*Input/output error"):
        start(led_spec(tmp_path), odd("odd-unopened"))
    with pytest.raises(InputError, match="leave no pause"):
        start(led_spec(tmp_path, count=2, width_ns=5 * MS, period_ns=5 * MS))
    with pytest.raises(InputError, match="mode 'while' needs a device that goes off by itself"):
        start(odd("odd-unwatched", mode="while"))
    assert not (tmp_path / "session.log").exists()
    start(odd("odd-unwatched", mode="while"), unsafe=True)
    with pytest.raises(InputError, match="there is a file already"):
        start(led_spec(tmp_path))


def test_a_guard_that_cannot_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msgpack.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    loop = Loop(tmp_path, led_spec(tmp_path))
    with pytest.raises(WorkError, match="could not start: it ended with status 3"):
        loop.link.start()
    loop.link.close("not started")


def test_the_guard_loads_nothing_heavy() -> None:
    code = "import sys, posewire.outputs.guard; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "posewire.outputs.guard" in loaded
    assert not {"numba", "cv2", "onnxruntime", "numpy", "zmq", "pydantic", "typer"} & set(loaded)
