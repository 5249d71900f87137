"""The verb `listen`: prints the poses of a stream as they come, tells gaps and age, and reports at the end."""

from __future__ import annotations

import json
import math
import sys
import threading
from typing import Any, TextIO

import numpy as np

from posewire.clock import now_ns
from posewire.colours import painted
from posewire.message import UNKNOWN_ID, MetaContent
from posewire.reader import Pose, Reader

LINES_PER_S = 20
REMEMBERED_AGES = 1 << 18  # the report's percentiles look at the last 262,144 poses
HINT_AFTER_NS = 3_000_000_000
_POLL_MS = 50.0


def listen(
    endpoint: str,
    *,
    stream: str = "main",
    duration: float | None = None,
    count: int | None = None,
    as_json: bool = False,
    everything: bool = False,
    out: TextIO | None = None,
    log: TextIO | None = None,
    stop: threading.Event | None = None,
) -> dict[str, Any]:
    """Prints poses until ``duration`` seconds have passed, ``count`` poses were received, or ``stop`` is set.

    ``out`` (stdout by default) gets one line per pose, at most 20 per second unless ``everything``, then the report;
    with ``as_json`` one JSON object for every pose, then the report as the last line. ``log`` (stderr by default)
    gets what else there is to say. Returns the report: ``received``, ``lost``, ``passed_over`` (poses not printed),
    ``age_ms`` {p50, p95, p99, max} at receipt (None where it cannot be known) and ``sessions`` (hexadecimal).
    Raises InputError for a bad endpoint or stream name, or a publisher of another wire format.
    """
    printer = _Printer(out or sys.stdout, as_json=as_json, every=everything or as_json)
    log = log or sys.stderr
    ages = _Ages()
    session = b""
    lost = 0
    with Reader(endpoint, stream) as reader:
        begin = now_ns()
        hint = False
        _say(log, f"waiting for poses on {endpoint}, stream {stream!r}")
        while not (stop is not None and stop.is_set()) and (count is None or reader.received < count):
            left_ms = math.inf if duration is None else duration * 1e3 - (now_ns() - begin) / 1e6
            if left_ms <= 0:
                break
            item = reader.receive(min(_POLL_MS, left_ms))
            if isinstance(item, Pose):
                ages.add(item.age_ms(item.received_ns))
                printer.pose(item, reader.lost - lost)
                lost = reader.lost
            elif item is not None and item.session != session:
                session = item.session
                _say(log, _describe(item))
            elif item is None and not (hint or reader.sessions) and now_ns() - begin > HINT_AFTER_NS:
                hint = True
                _say(log, f"nothing yet: is `posewire run` publishing on {endpoint}, and is its stream {stream!r}?")
    report = {
        "received": reader.received,
        "lost": reader.lost,
        "passed_over": printer.passed_over,
        "age_ms": ages.summary(),
        "sessions": [one.hex() for one in reader.sessions],
    }
    printer.report(report)
    return report


def _say(log: TextIO, sentence: str) -> None:
    log.write(sentence + "\n")
    log.flush()


def _describe(meta: MetaContent) -> str:
    width, height = meta.size
    return (
        f"session {meta.session.hex()}: {meta.source}, {width} x {height} px, model {meta.model.name} on "
        f"{meta.model.provider}, {len(meta.keypoints)} keypoints, host {meta.clock.host}, posewire {meta.posewire}"
    )


class _Ages:
    """The ages of the last poses in ms, with the largest of all; NaN where the clocks are not comparable."""

    def __init__(self) -> None:
        self._ring = np.empty(REMEMBERED_AGES, np.float32)
        self._seen = 0
        self._largest = -math.inf

    def add(self, age_ms: float) -> None:
        if not math.isnan(age_ms):
            self._ring[self._seen % REMEMBERED_AGES] = age_ms
            self._seen += 1
            self._largest = max(self._largest, age_ms)

    def summary(self) -> dict[str, float | None]:
        if not self._seen:
            return {"p50": None, "p95": None, "p99": None, "max": None}
        p50, p95, p99 = np.percentile(self._ring[: min(self._seen, REMEMBERED_AGES)], [50, 95, 99])
        ages = {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": self._largest}
        return {name: round(age, 4) for name, age in ages.items()}


class _Printer:
    """Lines for a person or a program; counts the poses it passes over so as not to flood a terminal."""

    def __init__(self, out: TextIO, *, as_json: bool, every: bool) -> None:
        self.passed_over = 0
        self._out = out
        self._as_json = as_json
        self._gap_ns = 0 if every else 1_000_000_000 // LINES_PER_S
        self._last_ns: int | None = None
        self._lost = 0  # not told yet
        self._colours = out.isatty()

    def pose(self, pose: Pose, lost: int) -> None:
        self._lost += lost
        if self._last_ns is not None and pose.received_ns - self._last_ns < self._gap_ns:
            self.passed_over += 1
            return
        self._last_ns = pose.received_ns
        self._line(_as_json(pose, self._lost) if self._as_json else _as_text(pose, self._lost, self._colours))
        self._lost = 0

    def report(self, report: dict[str, Any]) -> None:
        if self._as_json:
            self._line(json.dumps(report))
            return
        age = report["age_ms"]
        known = f"p50 {age['p50']:.2f} ms, p99 {age['p99']:.2f} ms" if age["p50"] is not None else "unknown"
        self._line(
            f"received {report['received']}, lost {report['lost']}, passed over {report['passed_over']} "
            f"(not printed); age {known}"
        )

    def _line(self, line: str) -> None:
        self._out.write(line + "\n")
        self._out.flush()


def _names(pose: Pose) -> list[str]:
    return list(pose.meta.keypoints) if pose.meta is not None else [str(k) for k in range(pose.poses.shape[1])]


def _as_text(pose: Pose, lost: int, colours: bool) -> str:
    age_ms = pose.age_ms(pose.received_ns)
    parts = [f"seq {pose.seq}  frame {pose.frame}  age {'unknown' if math.isnan(age_ms) else f'{age_ms:.2f} ms'}"]
    if lost:
        parts.append(f"LOST {lost}")
    names = _names(pose)
    for number, animal in enumerate(pose.poses):
        points = "  ".join(
            f"{name} {x:.1f},{y:.1f},{score:.2f}" for name, (x, y, score) in zip(names, animal, strict=True)
        )
        known = pose.ids[number] if pose.ids else UNKNOWN_ID
        if known != UNKNOWN_ID:
            points = f"[{known} {pose.id_scores[number]:.2f}] {points}"
            points = painted(points, known) if colours else points
        elif len(pose.poses) > 1:
            points = f"[?] {points}"
        parts.append(points)
    return "  ".join(parts)


def _as_json(pose: Pose, lost: int) -> str:
    age_ms = pose.age_ms(pose.received_ns)
    names = _names(pose)
    return json.dumps(
        {
            "seq": pose.seq,
            "frame": pose.frame,
            "time_ns": pose.stamps.grabbed if pose.stamps.exposed is None else pose.stamps.exposed,
            "age_ms": None if math.isnan(age_ms) else round(age_ms, 4),
            "lost": lost,
            "animals": [
                {name: [_number(v) for v in point] for name, point in zip(names, animal.tolist(), strict=True)}
                for animal in pose.poses
            ],
            "ids": pose.ids,
            "id_scores": [round(score, 4) for score in pose.id_scores],
        }
    )


def _number(value: float) -> float | None:
    """Three decimals, and null for NaN, which JSON does not have."""
    return None if math.isnan(value) else round(value, 3)
