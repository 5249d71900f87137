"""What becomes of real outputs when poses stop, the loop or the guard dies, the disk is full or a device misbehaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from guarded import MS, POSIX, Loop, closed, led_spec, odd, running, wait
from posewire.clock import now_ns
from posewire.outputs import link
from posewire.outputs.device import Act
from posewire.outputs.log import read_log
from posewire.outputs.spec import NEVER_NS
from posewire.outputs.virtual_led import VirtualLed


def test_stale_poses_bring_the_safe_state_and_fresh_ones_the_acts(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(led_spec(tmp_path, mode="while"), age_ms=50)
    taken = now_ns()
    loop.link.vouch(taken)
    loop.link.beat()
    loop.act("on")
    taken = loop.link._taken_ns
    loop.vouching = False
    safe = loop.until_told("safe")
    assert safe.text == "no fresh pose for 50 ms"
    with VirtualLed(tmp_path / "led") as led:
        assert led.changes()[1].time_ns > taken + 50 * MS
        # Nothing fires on stale data, nor on an old decision.
        old = now_ns() - 51 * MS
        assert loop.link.act(0, Act(2, "on", 1.0, NEVER_NS, "rule", 0, 0, now_ns()))
        loop.until_told("failed", event=2)
        loop.link.vouch(now_ns())
        loop.link.beat()
        assert loop.link.act(0, Act(3, "on", 1.0, NEVER_NS, "rule", 0, 0, old))
        loop.until_told("failed", event=3)
        loop.vouching = True
        assert loop.act("on", event=4)
        loop.until_told("sent", event=4)
        assert [change.event for change in led.changes() if change.value] == [1, 4]
    texts = [record.get("text", "") for record in loop.close() if record["record"] == "failed"]
    assert texts[0] == "no fresh pose for 50 ms"
    assert texts[1].endswith("older than 50 ms")


@POSIX
@pytest.mark.parametrize("how", ["killed", "stuck", "stopped"])
def test_a_loop_that_is_killed_or_stuck(how: str, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(link.__file__).parents[2]), *sys.path])
    loop = subprocess.Popen(
        [sys.executable, Path(__file__).parents[2] / "small_loop.py", tmp_path / "led", tmp_path / "log", "100"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        assert loop.stdout is not None
        assert loop.stdin is not None
        guard = int(loop.stdout.readline())
        with VirtualLed(tmp_path / "led") as led:
            wait(lambda: led.on)
            if how == "killed":
                loop.kill()
            elif how == "stuck":
                loop.stdin.write("\n")
                loop.stdin.flush()
            else:
                loop.send_signal(signal.SIGSTOP)
            wait(lambda: not led.on)
            assert led.changes()[-1].event == -1
            assert len(led.changes()) == 2
            if how != "killed":
                assert loop.poll() is None
    finally:
        loop.kill()
        loop.communicate()
    wait(lambda: not running(guard))
    records = closed(tmp_path / "log")
    reasons = [record["text"] for record in records if record["record"] == "safe"]
    if how == "killed":
        assert len(reasons) == 1
        assert "the loop is gone" in reasons[0]
    else:
        assert reasons[0] == "no fresh pose for 100 ms"
    assert "the loop is gone" in records[-1]["reason"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on another process's files")
def test_a_full_disk_disarms(tmp_path: Path, make: Callable[..., Loop]) -> None:
    import resource

    loop = make(led_spec(tmp_path, mode="while"))
    assert loop.act("on")
    loop.until_told("sent")
    size = loop.log.stat().st_size
    resource.prlimit(loop.link.pid, resource.RLIMIT_FSIZE, (size + 1000, size + 1000))

    def fill() -> bool:
        loop.link.record({"record": "decision", "text": "x" * 100})
        return not loop.link.armed

    loop.until(fill)
    assert "log" in loop.link.trouble
    assert "File too large" in loop.link.trouble
    loop.until_told("disarmed", -1)
    loop.until_told("safe")
    assert not loop.act("on")
    with VirtualLed(tmp_path / "led") as led:
        assert [change.value for change in led.changes()] == [1, 0]
    loop.link.close("the test is over")
    reader = read_log(loop.log)
    assert [record["record"] for record in reader][:2] == ["header", "sent"]
    assert reader.end is not None
    assert reader.end.state == "torn"


@pytest.mark.usefixtures("odd_kinds")
def test_a_device_that_blocks_for_ever_holds_up_nobody(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(odd("odd-blocking"), led_spec(tmp_path, width_ns=2 * MS))
    assert loop.act(output=0, event=1)
    failed = loop.until_told("failed", 0)
    assert "the device has not come back for 50 ms" in failed.text
    with VirtualLed(tmp_path / "led") as led:
        for event in range(2, 12):
            assert loop.act(output=0, event=event)
            assert loop.act(output=1, event=event)
            loop.until_told("sent", 1, event)
            loop.until_told("failed", 0, event)
            loop.until(lambda: not led.on, "the LED is off")
        assert [change.event for change in led.changes() if change.value] == list(range(2, 12))
    assert loop.link.armed
    records = loop.close()
    assert records[-1]["record"] == "end"


@pytest.mark.usefixtures("odd_kinds")
def test_a_device_that_fails_is_disarmed_alone(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(odd("odd-broken"), led_spec(tmp_path))
    assert loop.act(output=0)
    assert loop.until_told("disarmed", 0).text == "the cable is out"
    assert loop.link.armed
    assert loop.act(output=1, event=2)
    loop.until_told("sent", 1, 2)
    assert loop.act(output=0, event=3)
    loop.until_told("failed", 0, 3)
    loop.close()


@pytest.mark.usefixtures("odd_kinds")
def test_every_act_that_waited_for_a_device_that_fails_is_told(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(odd("odd-failing", mode="follow"), odd("odd-failing"))
    for event in range(1, 5):
        assert loop.act("value", 0, event)
        assert loop.act("pulse", 1, event)
    for output in (0, 1):
        assert loop.until_told("disarmed", output).text == "Input/output error"
        for event in range(1, 5):
            loop.until_told("failed", output, event)
    assert loop.link.armed
    loop.close()


@POSIX
def test_a_guard_that_is_killed_is_noticed(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(led_spec(tmp_path, mode="while"))
    assert loop.act("on")
    loop.until(lambda: len(list(read_log(loop.log))) == 2)
    os.kill(loop.link.pid, signal.SIGKILL)
    loop.until_told("disarmed", -1)
    assert not loop.link.armed
    assert "the guard process ended" in loop.link.trouble
    assert not loop.act("on", event=2)
    loop.link.record({"record": "decision"})
    with VirtualLed(tmp_path / "led") as led:
        wait(lambda: not led.on)
    loop.link.close("the test is over")
    reader = read_log(loop.log)
    assert [record["record"] for record in reader][:2] == ["header", "sent"]
    assert reader.end is not None
    assert reader.end.state == "torn"


@POSIX
def test_a_guard_that_is_stuck_is_noticed_and_killed(
    tmp_path: Path, make: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "SILENT_NS", 300 * MS)
    monkeypatch.setattr(link, "END_S", 0.2)
    loop = make(led_spec(tmp_path))
    os.kill(loop.link.pid, signal.SIGSTOP)
    loop.until(lambda: not loop.link.armed)
    assert "silent" in loop.link.trouble
    loop.link.close("the test is over")
    assert not running(loop.link.pid)
