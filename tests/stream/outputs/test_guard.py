"""The guard process with everything real: what it does, and what it does when anything goes wrong.

When a virtual LED went on and off is read from its own stamps. Everything is waited for, with a deadline that is only
reached where something hangs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from odd_outputs import installed
from posewire.clock import now_ns
from posewire.outputs import guard_process, link
from posewire.outputs.device import Act
from posewire.outputs.link import GuardLink, Report
from posewire.outputs.log import read_log
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire.outputs.virtual_led import VirtualLed
from posewire_models.errors import InputError, WorkError

MS = 1_000_000
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")


class Loop:
    """What the loop does with its guard, step by step."""

    def __init__(self, folder: Path, *outputs: OutputSpec, age_ms: int = 300, unsafe: bool = False) -> None:
        self.log = folder / "session.log"
        self.link = GuardLink(
            outputs,
            log=self.log,
            header={"session": "ab"},
            max_age_ns=[age_ms * MS] * len(outputs),
            stream="main",
            unsafe=unsafe,
        )
        self.reports: list[Report] = []
        self.vouching = True

    def act(self, what: str = "pulse", output: int = 0, event: int = 1, longest_ns: int = NEVER_NS) -> bool:
        now = now_ns()
        self.link.beat(now)
        return self.link.act(output, Act(event, what, 1.0, longest_ns, "rule", 0, 5, now))

    def until(self, true: Callable[[], Any], what: str = "") -> None:
        """Go on, vouching, until ``true``."""
        deadline = now_ns() + 20_000 * MS
        while not true():
            assert now_ns() < deadline, f"{what}; {self.reports}; {self.link.trouble}"
            if self.vouching:
                self.link.beat(now_ns())
            self.reports += self.link.poll()
            time.sleep(0.001)

    def told(self, kind: str, output: int = 0, event: int | None = None) -> bool:
        return any(
            (report.kind, report.output) == (kind, output) and event in (None, report.event) for report in self.reports
        )

    def until_told(self, kind: str, output: int = 0, event: int | None = None) -> Report:
        self.until(lambda: self.told(kind, output, event), f"not told: {kind} {output} {event}")
        return next(report for report in self.reports if (report.kind, report.output) == (kind, output))

    def close(self) -> list[dict[str, Any]]:
        """The records of the log, which must be closed."""
        self.link.close("the test is over")
        self.reports += self.link.poll()
        return closed(self.log)


def closed(log: Path) -> list[dict[str, Any]]:
    reader = read_log(log)
    records = list(reader)
    assert reader.end is not None
    assert reader.end.state == "closed", reader.end.text
    return records


def led_spec(folder: Path, **changes: Any) -> OutputSpec:
    return OutputSpec("light", "virtual-led", options={"file": str(folder / "led")}, **changes)


def odd(kind: str, **changes: Any) -> OutputSpec:
    return OutputSpec(kind, kind, **changes)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Loop]]:
    made: list[Loop] = []

    def start(*outputs: OutputSpec, **options: Any) -> Loop:
        loop = Loop(tmp_path, *outputs, **options)
        made.append(loop)
        lines = loop.link.start()
        assert len(lines) == len(outputs)
        return loop

    yield start
    for loop in made:
        loop.link.close("the end of the tests")


@pytest.fixture
def odd_kinds(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    path = installed(tmp_path_factory.mktemp("plug-in"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([path, os.environ.get("PYTHONPATH", "")]))


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


def test_stale_poses_bring_the_safe_state_and_fresh_ones_the_acts(tmp_path: Path, make: Callable[..., Loop]) -> None:
    loop = make(led_spec(tmp_path, mode="while"), age_ms=50)
    taken = now_ns()
    loop.link.beat(taken)
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
        loop.link.beat(now_ns())
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
def test_a_device_of_its_own_thread_is_timed_too(tmp_path: Path, make: Callable[..., Loop]) -> None:
    file = tmp_path / "done.txt"
    spec = odd("odd-slow", count=2, width_ns=MS, period_ns=3 * MS, options={"file": str(file)})
    loop = make(spec, age_ms=2000)
    assert loop.act(event=3)
    loop.until(lambda: file.exists() and len(file.read_text().splitlines()) == 4)
    loop.close()
    assert file.read_text().split("\n") == ["on 3", "off 3"] * 2 + ["safe", "close", ""]
    assert loop.told("sent", 0, 3)


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


def wait(true: Callable[[], Any]) -> None:
    deadline = now_ns() + 20_000 * MS
    while not true():
        assert now_ns() < deadline
        time.sleep(0.001)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One whose parent has gone waits for whoever takes care of it.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1][:3] if sys.platform == "linux" else True
