"""Poses that were never filmed, rules about them, and what a dry run says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posewire.dryrun.poses import Poses, keep, time_of
from posewire.dryrun.supply import Options
from posewire.dryrun.work import DryRun

FPS = 50.0
RIGHT = """rules = 1
[outputs.light]
kind = "virtual-led"
file = "led.bin"
OUTPUT
[[rule]]
name = "right"
when = { x = "snout", above = 100 }
output = "light"
RULE
"""


def rules_text(output: str = "", rule: str = "", top: str = "") -> str:
    """A rule on x of the snout, with more lines of its output, of itself, and at the top."""
    return RIGHT.replace("OUTPUT", output).replace("RULE", rule).replace("rules = 1\n", f"rules = 1\n{top}\n")


def crossing(spans: Sequence[tuple[int, int]], frames: int) -> Poses:
    """One animal whose snout is at x = 150 in frames first <= n < last of ``spans``, else at 50; 50 frames/s."""
    poses = Poses(("snout", "tail"), ((0, 1),), FPS, (200, 120), "one", about={"made": "by a test"})
    for n in range(frames):
        x = 150.0 if any(first <= n < last for first, last in spans) else 50.0
        poses.add(n, time_of(n, FPS), np.array([[[x, 60, 0.9], [x - 30, 60, 0.8]]], np.float32), None, None)
    return poses


def dry_run(folder: Path, poses: Poses, text: str, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """The result of a dry run of rules on poses, and what was said."""
    keep(folder / "poses.npz", poses)
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    said: list[str] = []
    options = {"rules": folder / "rules.toml", "on": str(folder / "poses.npz"), **options}
    return DryRun(Options(**options), said.append, threading.Event()).run(lambda: None), said
