"""Between the crew and the journal: frame times that rise, who is who, and blocks of a second or so."""

from __future__ import annotations

import math

import numpy as np

from posewire.analyze.batches import Batch, Seen
from posewire.analyze.journal import Block, Found, Journal
from posewire.clock import now_ns
from posewire.frame import Floats
from posewire.track import Tracker

_BLOCK_FRAMES = 256
_BLOCK_NS = 1_000_000_000


class Times:
    """Time stamps in s that rise. Where the container tells none, or one that is not later than the last, the frame
    comes one period of the frame rate after the one before; ``guessed`` counts these.
    """

    def __init__(self, fps: float, last_s: float | None = None, guessed: int = 0) -> None:
        self._period = 1.0 / fps
        self._last = last_s
        self.guessed = guessed

    def take(self, told_s: float) -> float:
        """The time of the next frame, whose container says ``told_s``."""
        last = self._last
        if not math.isfinite(told_s) or (last is not None and told_s <= last):
            self.guessed += 1
            told_s = 0.0 if last is None else last + self._period
        self._last = told_s
        return told_s


class Pages:
    """Takes batches in order, and writes blocks of whole batches to a journal.

    ``tracker`` for a model of several animals. ``found``: what the journal holds already.
    """

    def __init__(
        self, journal: Journal, keypoints: int, fps: float, tracker: Tracker | None, found: Found | None = None
    ) -> None:
        self._journal = journal
        self._keypoints = keypoints
        self._tracker = tracker
        self.frames = found.frames if found else 0
        self.times = Times(fps, found.last_s if found else None, found.guessed if found else 0)
        if tracker is not None and found is not None and found.state:
            tracker.recall(found.state)
        self._first = self.frames
        self._began_ns = now_ns()
        self._stamps: list[float] = []
        self._poses: list[Floats] = []
        self._ids: list[np.ndarray] = []
        self._scores: list[Floats] = []

    def add(self, batch: Batch) -> None:
        """Take what was found in a batch. Raises OSError."""
        for n in range(batch.count):
            time_s = self.times.take(float(batch.times[n]))
            self._stamps.append(time_s)
            if self._tracker is None:
                self._poses.append(batch.peaks[n : n + 1].copy())
            else:
                self._follow(self._tracker, batch.seen[n], time_s)
        self.frames += batch.count
        if self.frames - self._first >= _BLOCK_FRAMES or now_ns() - self._began_ns > _BLOCK_NS:
            self.flush()

    def _follow(self, tracker: Tracker, seen: Seen, time_s: float) -> None:
        tracker.step(seen.poses, round(time_s * 1e9), seen.colours, seen.bonds, seen.loose)
        self._poses.append(seen.poses)
        self._ids.append(tracker.ids.astype(np.int32))
        self._scores.append(tracker.id_scores.copy())

    def flush(self) -> None:
        """Write what is not written yet. Raises OSError."""
        self._began_ns = now_ns()
        if not self._stamps:
            return
        counts = np.array([len(poses) for poses in self._poses], np.int32)
        total = int(counts.sum())
        poses = np.concatenate(self._poses) if total else np.zeros((0, self._keypoints, 3), np.float32)
        one = self._tracker is None
        block = Block(
            self._first,
            np.array(self._stamps, np.float64),
            counts,
            poses,
            np.zeros(total, np.int32) if one else np.concatenate(self._ids),
            np.ones(total, np.float32) if one else np.concatenate(self._scores),
            self.times.guessed,
            b"" if self._tracker is None else self._tracker.remembered(),
        )
        self._journal.add(block)
        self._first = self.frames
        for part in (self._stamps, self._poses, self._ids, self._scores):
            part.clear()
