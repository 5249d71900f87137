"""Where an animal goes: an endless path with pauses, known at any time without its past.

Waypoints are numbers under a key, one each block of time; a uniform cubic B-spline runs through their middle and
never leaves their hull, so walls are kept. The path is measured in gait cycles: distance plus a price for
turning, rounded to whole cycles a segment, so that the phase of the gait is known without summing from the start.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from posewire_models.phantom.keyed import key_of, unit, wander
from posewire_models.phantom.trigonometry import TAU, arctangent, cosine, sine

Point = tuple[float, float]
_SAMPLES = 32
_BEHIND, _AHEAD = 4, 2
_KEPT = 16
_GROUP = 10  # blocks: in each an animal leaves once, if it leaves at all


@dataclass(frozen=True)
class Ground:
    """Where an animal's neck may go: half extents around a centre, in px; ``round`` keeps out of the corners."""

    centre_x: float
    centre_y: float
    half_x: float
    half_y: float
    round: bool


@dataclass
class Segment:
    """One block's stretch of path: control points, headings (radians) and effort (px) at the samples."""

    control: tuple[Point, Point, Point, Point]
    heading: list[float]
    effort: list[float]
    cycles: int


def bspline(control: tuple[Point, Point, Point, Point], u: float) -> Point:
    """Point of a uniform cubic B-spline segment at u in 0..1."""
    w = 1.0 - u
    a = w * w * w / 6.0
    d = u * u * u / 6.0
    b = 0.5 * u * u * u - u * u + 2.0 / 3.0
    c = 1.0 - a - b - d
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = control
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


def _velocity(control: tuple[Point, Point, Point, Point], u: float) -> Point:
    w = 1.0 - u
    a = -0.5 * w * w
    d = 0.5 * u * u
    b = 1.5 * u * u - 2.0 * u
    c = -a - b - d
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = control
    return a * x0 + b * x1 + c * x2 + d * x3, a * y0 + b * y1 + c * y2 + d * y3


class Window:
    """The path around one block, measured in gait cycles ``q``, 0 where the block starts."""

    def __init__(self, segments: list[Segment]) -> None:
        self.footholds: dict[tuple[int, int], Point] = {}
        self._segments = segments
        self._q: list[float] = []
        self._heading: list[float] = []
        self._sum: list[float] = []
        start = float(-sum(segment.cycles for segment in segments[:_BEHIND]))
        turned = 0.0
        for segment in segments:
            if self._heading:
                step = segment.heading[0] - self._heading[-1]
                turned = -TAU * math.floor(step / TAU + 0.5)
            scale = segment.cycles / segment.effort[-1]
            for heading, effort in zip(segment.heading[:-1], segment.effort[:-1], strict=True):
                self._q.append(start + effort * scale)
                self._heading.append(heading + turned)
            start += segment.cycles
        total = 0.0
        for i, heading in enumerate(self._heading):
            if i:
                total += (self._q[i] - self._q[i - 1]) * 0.5 * (heading + self._heading[i - 1])
            self._sum.append(total)

    def _find(self, q: float) -> tuple[int, float]:
        i = min(max(bisect_right(self._q, q) - 1, 0), len(self._q) - 2)
        return i, min(max((q - self._q[i]) / (self._q[i + 1] - self._q[i]), 0.0), 1.0)

    def position(self, q: float) -> Point:
        """The path's point in px."""
        i, f = self._find(q)
        segment, sample = divmod(i, _SAMPLES)
        return bspline(self._segments[segment].control, (sample + f) / _SAMPLES)

    def _heading_sum(self, q: float) -> float:
        i, f = self._find(q)
        here = self._heading[i] + (self._heading[i + 1] - self._heading[i]) * f
        return self._sum[i] + f * (self._q[i + 1] - self._q[i]) * 0.5 * (self._heading[i] + here)

    def heading(self, begin: float, end: float) -> float:
        """Mean heading in radians (not wrapped) between two places with begin < end."""
        return (self._heading_sum(end) - self._heading_sum(begin)) / (end - begin)


@dataclass(frozen=True)
class Whereabouts:
    """Where on its path an animal is: gait cycles ``q`` from the window's zero; ``still`` and ``rear`` are 0..1."""

    window: Window
    q: float
    still: float
    rear: float


class Path:
    """An animal's path.

    ``stride`` and ``turn_px`` (the price of a radian) are in px, ``block`` is the time a segment takes in s. ``away``
    is the share of its waypoints that lie ``beyond`` px outside its ground, in runs: there it has left.
    """

    def __init__(
        self,
        key: int,
        ground: Ground,
        stride: float,
        turn_px: float,
        block: float,
        away: float = 0.0,
        beyond: float = 0.0,
    ) -> None:
        self.away, self.beyond, self._away_key = away, beyond, key_of(key, 0xA3A7)
        self.ground, self.stride, self.turn_px, self.block = ground, stride, turn_px, block
        self._round_keys = [key_of(key, i) for i in range(6)]
        self._segments: dict[int, Segment] = {}
        self._windows: dict[int, Window] = {}

    def _outside(self, k: int) -> Point | None:
        """Where waypoint k lies if the animal has left by then."""
        group, place = divmod(k, _GROUP)
        count = 1 + max(1, round(_GROUP * self.away))
        first = 2 + math.floor(unit(self._away_key, 2 * group) * (_GROUP - 1 - count))
        if not first <= place < first + count:
            return None
        side = math.floor(4.0 * unit(self._away_key, 2 * group + 1))
        along = 1.2 * (unit(self._away_key, k + 1_000_003) - 0.5)
        ground, sign = self.ground, 1.0 if side % 2 else -1.0
        if side < 2:
            return ground.centre_x + sign * (ground.half_x + self.beyond), ground.centre_y + along * ground.half_y
        return ground.centre_x + along * ground.half_x, ground.centre_y + sign * (ground.half_y + self.beyond)

    def _waypoint(self, k: int) -> Point:
        if self.away and (outside := self._outside(k)):
            return outside
        jitter, drift, radius, *_ = self._round_keys
        angle = 5.0 * wander(drift, k / 7.0) + 2.0 * k * (unit(drift, -9) - 0.5)
        angle += TAU * unit(drift, -7) + 1.6 * (unit(jitter, k) - 0.5)
        r = 0.42 + 0.58 * math.sqrt(unit(radius, k))
        if unit(jitter, k + 1_000_003) < 0.18:
            r = 0.35 * unit(radius, k)
        x, y = cosine(angle), sine(angle)
        if not self.ground.round:
            r *= 1.0 + 0.75 * (1.0 / max(abs(x), abs(y)) - 1.0)
        return self.ground.centre_x + self.ground.half_x * r * x, self.ground.centre_y + self.ground.half_y * r * y

    def _segment(self, k: int) -> Segment:
        found = self._segments.get(k)
        if found is not None:
            return found
        points = [self._waypoint(k + i) for i in (-1, 0, 1, 2)]
        control = (points[0], points[1], points[2], points[3])
        headings: list[float] = []
        steps: list[float] = []
        last = points[0]
        for i in range(_SAMPLES + 1):
            here = bspline(control, i / _SAMPLES)
            vx, vy = _velocity(control, i / _SAMPLES)
            heading = arctangent(vy, vx)
            if i:
                heading -= TAU * math.floor((heading - headings[-1]) / TAU + 0.5)
                dx, dy = here[0] - last[0], here[1] - last[1]
                turned = abs(heading - headings[-1])
                steps.append(math.sqrt(dx * dx + dy * dy) + self.turn_px * turned + 1e-3)
            headings.append(heading)
            last = here
        # Slow down before a sharp turn, not in it.
        for _ in range(4):
            padded = [steps[0], *steps, steps[-1]]
            steps = [0.25 * padded[i] + 0.5 * padded[i + 1] + 0.25 * padded[i + 2] for i in range(len(steps))]
        efforts = [0.0]
        for step in steps:
            efforts.append(efforts[-1] + step)
        segment = Segment(control, headings, efforts, max(1, math.floor(efforts[-1] / self.stride + 0.5)))
        if len(self._segments) > _KEPT:
            self._segments.clear()
        self._segments[k] = segment
        return segment

    def _window(self, k: int) -> Window:
        window = self._windows.get(k)
        if window is None:
            if len(self._windows) > 3:
                self._windows.clear()
            window = Window([self._segment(i) for i in range(k - _BEHIND, k + _AHEAD + 1)])
            self._windows[k] = window
        return window

    def _pause(self, k: int) -> float:
        """How far (share of a block) the pause at the end of block k - 1 reaches to either side; 0: none."""
        key = self._round_keys[3]
        return 0.10 + 0.26 * unit(key, 2 * k + 1) if unit(key, 2 * k) < 0.45 else 0.0

    def _pace(self, k: int) -> float:
        """Cycles per block while moving in block k."""
        return self._segment(k).cycles / (1.0 - self._pause(k) - self._pause(k + 1))

    def _rears(self, k: int) -> bool:
        return self._pause(k) * 2.0 * self.block > 0.6 and unit(self._round_keys[4], k) < 0.5

    def at(self, time: float) -> Whereabouts:
        """Where the animal is at a time in s: a function of the time alone."""
        position = time / self.block
        k = math.floor(position)
        f = position - k
        before, after = self._pause(k), self._pause(k + 1)
        x = min(max((f - before) / (1.0 - before - after), 0.0), 1.0)
        pace = self._pace(k)
        # A cubic through both ends with the speeds of the knots; it cannot turn back as no slope is above 1.
        first = 0.0 if before else min(1.0, self._pace(k - 1) / pace)
        last = 0.0 if after else min(1.0, self._pace(k + 1) / pace)
        done = x * (first + x * (3.0 - 2.0 * first - last + x * (first + last - 2.0)))
        still = rear = 0.0
        for knot, pause, distance in ((k, before, f), (k + 1, after, 1.0 - f)):
            if pause and distance < pause:
                depth = 1.0 - distance / pause
                ease = min(1.0, depth * 2.2)
                ease = ease * ease * (3.0 - 2.0 * ease)
                still = max(still, ease)
                if self._rears(knot):
                    rear = max(rear, ease)
        return Whereabouts(self._window(k), done * self._segment(k).cycles, still, rear)
