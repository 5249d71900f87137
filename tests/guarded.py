"""What the loop does with a guard process that is real, step by step; and waiting for what has to come."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posewire.clock import now_ns
from posewire.outputs.device import Act
from posewire.outputs.link import GuardLink, Report
from posewire.outputs.log import read_log
from posewire.outputs.spec import NEVER_NS, OutputSpec

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
        self.link.vouch(now)
        self.link.beat()
        return self.link.act(output, Act(event, what, 1.0, longest_ns, "rule", 0, 5, now))

    def until(self, true: Callable[[], Any], what: str = "") -> None:
        """Go on, vouching, until ``true``."""
        deadline = now_ns() + 20_000 * MS
        while not true():
            assert now_ns() < deadline, f"{what}; {self.reports}; {self.link.trouble}"
            if self.vouching:
                self.link.vouch(now_ns())
                self.link.beat()
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
