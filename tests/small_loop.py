"""A loop as small as can be, in a process of its own, to be killed or stopped: turns its output on and goes on
vouching until a line comes on stdin; then it does nothing any more, and lives.

Arguments: file of the virtual LED, file of the log, greatest age in ms.
"""

from __future__ import annotations

import select
import sys
from pathlib import Path

from posewire.clock import now_ns
from posewire.outputs.device import Act
from posewire.outputs.link import GuardLink
from posewire.outputs.spec import NEVER_NS, OutputSpec


def main() -> None:
    led, log, age_ms = sys.argv[1:]
    spec = OutputSpec("light", "virtual-led", mode="while", options={"file": led})
    link = GuardLink(
        [spec],
        log=Path(log),
        header={},
        max_age_ns=[int(age_ms) * 1_000_000],
        stream="main",
        unsafe=False,
    )
    link.start()
    now = now_ns()
    link.vouch(now)
    link.beat()
    assert link.act(0, Act(1, "on", 1.0, NEVER_NS, "rule", 0, 0, now))
    sys.stdout.write(f"{link.pid}\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0.005)[0]:
        link.vouch(now_ns())
        link.beat()
        link.poll()
    sys.stdin.readline()
    sys.stdin.read()  # stuck, until the tests end


if __name__ == "__main__":
    main()
