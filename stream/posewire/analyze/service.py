"""All videos of a call, one after the other, and the report."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2

from posewire.analyze.engine import Engine
from posewire.analyze.job import Done, Job
from posewire.analyze.options import PACKAGES, AnalyzeSettings
from posewire.analyze.outputs import endings
from posewire.analyze.progress import Progress
from posewire.analyze.targets import Target, find_targets
from posewire.clock import now_ns
from posewire_models.errors import PosewireError


class Analysis:
    """One call of `posewire analyze`. Built and run once, in one thread.

    ``say`` receives one-line remarks; ``stop`` ends the work from any thread or signal handler: what is done is kept.
    Raises InputError for wrong settings and videos that are not there.
    """

    def __init__(
        self,
        settings: AnalyzeSettings,
        videos: Sequence[Path],
        say: Callable[[str], None],
        stop: threading.Event,
    ) -> None:
        self._settings, self._say, self._stop = settings, say, stop
        self.targets = find_targets(videos, settings.out)
        cv2.setNumThreads(1)  # the workers are enough for the cores
        self.engine = Engine(settings, say)
        self.progress = Progress(len(self.targets), say)
        self._reports: list[dict[str, Any]] = []
        self._frames = 0
        self._loading = False
        self._began = self._ended = (0, 0.0)  # clock in ns, and what all cores did in s

    def run(self) -> int:
        """Analyse all videos; returns the exit status: 1 if one of them failed."""
        self._began = now_ns(), _processor_s()
        for number, target in enumerate(self.targets, 1):
            if self._stop.is_set():
                break
            self.progress.video(number, target.video.name)
            self._reports.append(self._analyse(target))
        self._ended = now_ns(), _processor_s()
        return 1 if any(report["state"] == "failed" for report in self._reports) else 0

    def _load_soon(self) -> None:
        """Load what the formats need beside the networks' work: it takes a second or two."""
        if not self._loading:
            self._loading = True
            threading.Thread(target=self._load_packages, name="posewire-loading", daemon=True).start()

    def _load_packages(self) -> None:
        for name in dict.fromkeys(package for format in self._settings.formats for package in PACKAGES[format]):
            try:
                import_module(name)
            except Exception:  # whoever needs it meets the error again, and can name the file
                return

    def _analyse(self, target: Target) -> dict[str, Any]:
        settings = self._settings
        report: dict[str, Any] = {"video": str(target.video), "state": "failed", "outputs": [], "error": None}
        try:
            with target.claimed():
                job = Job(self.engine, target, settings.formats, settings.again, self.progress, self._say, self._stop)
                done = job.run(self._load_soon)
        except PosewireError as error:
            report["error"] = " ".join(str(error).split())
            self._say(f"posewire: {report['error']}")
            return report
        report["state"] = done.state
        report.update(self._figures(done))
        if done.state in ("done", "skipped"):
            names = ["json", *endings(settings.formats)]
            report["outputs"] = [str(target.output(ending)) for ending in names[1:] + names[:1]]
        if report["mismatch"]:
            self._say(f"{target.video}: {report['mismatch']}")
        self._frames += done.worked
        return report

    def _figures(self, done: Done) -> dict[str, Any]:
        frames = done.said["frames"] if done.said else {"promised": None, "decoded": done.frames}
        told: dict[str, Any] = {
            "frames": frames,
            "resumed_from": done.resumed,
            "mismatch": done.said["mismatch"] if done.said else None,
            "seconds": done.seconds,
            "write_seconds": done.write_seconds,
            "fps": done.worked / done.seconds if done.seconds and done.worked else 0.0,
        }
        if done.said is not None:
            told["times"] = done.said["times"]
            if "animals" in done.said:
                told["animals"], told["nobody"] = len(done.said["animals"]), done.said["nobody"]
        return told

    def report(self) -> dict[str, Any]:
        """The object of ``analyze --json``; valid at any time."""
        engine, cores = self.engine, os.cpu_count() or 1
        seconds = (self._ended[0] - self._began[0]) * 1e-9
        busy = self._ended[1] - self._began[1]
        return {
            "videos": self._reports,
            "not_begun": [str(target.video) for target in self.targets[len(self._reports) :]],
            "model": engine.model.contract.name,
            "sha256": engine.model.sha256,
            "provider": engine.provider,
            "workers": engine.layout.workers,
            "threads": engine.layout.threads,
            "batch": engine.layout.batch,
            "formats": list(self._settings.formats),
            "frames": self._frames,
            "seconds": seconds,
            "fps": self._frames / seconds if seconds > 0 else 0.0,
            "cores_busy": busy / (seconds * cores) if seconds > 0 else None,
            "stopped": self._stop.is_set(),
        }


def _processor_s() -> float:
    """What this process has used of all cores, in s."""
    times = os.times()
    return times.user + times.system


def readable(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = []
    for video in report["videos"]:
        if video["state"] == "failed":
            lines.append(f"{video['video']}: failed")
            continue
        decoded = video["frames"]["decoded"]
        if video["state"] == "skipped":
            lines.append(f"{video['video']}: {decoded} frames, done before; --again does it anew")
        elif video["state"] == "stopped":
            lines.append(f"{video['video']}: stopped at frame {decoded}; the same command goes on from there")
        else:
            animals = f", {video['animals']} animals" if "animals" in video else ""
            lines.append(f"{video['video']}: {decoded} frames{animals}, {video['fps']:.1f} frames/s")
            lines += [f"  {path}" for path in video["outputs"]]
    if report["not_begun"]:
        lines.append(f"not begun: {', '.join(report['not_begun'])}")
    return "\n".join(lines)
