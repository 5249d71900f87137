"""Slow, obvious twin of the rules' engine, part two: quantities and conditions, which remember.

A tree of objects for each rule and animal; an empty memory is a new tree.
"""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers.rules import OTHER, Quantity
from reference_scene import added, angle, bearing, heading, inside, length, posture


class Value:
    """A quantity of one animal, under one reading of a rule. `now` gives a finite number or None."""

    def __init__(self, what, reading):
        self.what, self.reading = what, reading
        self.inner = [Value(part, reading) for part in what.inner]
        self.last = None  # when it was last known
        self.past = []  # (time, thing), oldest first
        self.start()
        if what.kind == "acceleration":
            self.inner = [Value(Quantity("speed", what.points, window_ns=what.window_ns), reading)]

    def start(self):
        self.partner = self.begun = self.mean = self.above = self.crossing = self.period = None
        self.variance = self.total = 0

    def now(self, scene, row):
        inner = [part.now(scene, row) for part in self.inner]
        value = self.compute(scene, row, inner)
        return value if value is not None and math.isfinite(value) else None

    def compute(self, scene, row, inner):
        what, kind = self.what, self.what.kind
        if kind in ("add", "subtract", "multiply", "divide", "minimum", "maximum", "negate", "absolute", "square_root"):
            return None if None in inner else arithmetic(kind, *inner)
        if kind in ("sine", "cosine"):
            turn = None if None in inner else inner[0] / (180.0 / math.pi)
            return None if turn is None else math.sin(turn) if kind == "sine" else math.cos(turn)
        if kind == "number":
            return what.numbers[0]
        if kind == "gray":
            return scene.gray(*(int(number) for number in what.numbers))
        if kind == "classifier":
            return self.classifier(scene, row)
        if kind == "score":
            of = scene.row_of(what.points[0].animal, row, self.reading.min_score)
            return None if of is None or what.points[0].keypoint < 0 else scene.poses[of][what.points[0].keypoint][2]
        if kind == "zscore":
            return self.zscore(scene, inner[0])
        if kind == "phase":
            return self.phase(scene, inner[0])
        if kind == "acceleration":
            return self.change(scene, row, inner[0], lambda new, old: new - old)
        places = [scene.place(point, row, self.reading.min_score) for point in what.points]
        if None in places:
            return None
        if kind == "speed":
            return self.change(scene, row, places[0], lambda new, old: length(old, new))
        if kind == "approach":
            return self.change(scene, row, length(*places), lambda new, old: -(new - old))
        if kind == "posture":
            return posture(places, what.numbers)
        if kind in ("x", "y"):
            return places[0]["xy".index(kind)]
        return {"distance": length, "angle": angle, "heading": heading, "bearing": bearing}[kind](*places)

    def known_now(self, scene):
        """Whether it goes on; if not, the memory is empty."""
        goes_on = self.last is not None and scene.now - self.last <= self.reading.gap_ns
        if not goes_on:
            self.past = []
            self.start()
        self.last = scene.now
        return goes_on

    def change(self, scene, row, thing, difference):
        if thing is None:
            return None
        self.known_now(scene)
        if any(point.animal == OTHER for point in self.what.points):
            other = scene.nearest_other(row, self.reading.min_score)
            who = -1 if other is None else scene.ids[other]
            if who != self.partner or who < 0:
                self.past = []
            self.partner = who
        most = int(2.0 * self.reading.frame_rate * self.what.window_ns / 1e9) + 1
        most = min(max(most, 64), 8192)
        old = [item for item in self.past if scene.now - item[0] >= self.what.window_ns]
        then = old[-1] if old else self.past[0] if len(self.past) == most else None
        self.past = [*self.past, (scene.now, thing)][-most:]
        return None if then is None else difference(thing, then[1]) / ((scene.now - then[0]) / 1e9)

    def weight(self, passed):
        return 1.0 - math.exp(-passed / self.what.window_ns) if self.what.window_ns > 0 else 1.0

    def zscore(self, scene, value):
        if value is None:
            return None
        if self.mean is None:
            self.mean, self.last = value, scene.now
            return None
        passed = min(scene.now - self.last, self.reading.gap_ns)
        self.last = scene.now
        self.total += passed
        away, variance = value - self.mean, self.variance
        a = self.weight(passed)
        self.mean += a * away
        self.variance = (1.0 - a) * (variance + a * away * away)
        return away / math.sqrt(variance) if self.total >= self.what.window_ns and variance > 0 else None

    def phase(self, scene, value):
        if value is None:
            return None
        last = self.last
        if not self.known_now(scene):
            self.begun, self.mean, self.above = scene.now, value, False
            return None
        above = value > self.mean
        if above and not self.above and scene.now - self.begun >= self.what.window_ns:
            if self.crossing is None or (self.period is not None and scene.now - self.crossing > 1.5 * self.period):
                self.period = None
            else:
                self.period = scene.now - self.crossing
            self.crossing = scene.now
        self.above = above
        self.mean += self.weight(scene.now - last) * (value - self.mean)
        if self.period is None or scene.now - self.crossing > 1.5 * self.period:
            return None
        return min(360.0 * (scene.now - self.crossing) / self.period, 360.0)

    def classifier(self, scene, row):
        window, out = (int(number) for number in self.what.numbers)
        self.known_now(scene)
        seen = [point for point in scene.poses[row] if all(math.isfinite(part) for part in point)]
        x, y = (added(point[axis] for point in seen) / len(seen) if seen else 0.0 for axis in range(2))
        pose = [(p[0] - x, p[1] - y, p[2]) if p in seen else (0.0, 0.0, 0.0) for p in scene.poses[row]]
        self.past = [*self.past, (scene.now, pose)][-window:]
        if len(self.past) < window:
            return None
        return float(self.reading.classifiers[self.what.file](np.array([[p for _, p in self.past]], np.float32))[out])


def arithmetic(kind, a, b=0.0):
    if (kind == "divide" and b == 0) or (kind == "square_root" and a < 0):
        return None
    return {
        "add": lambda: a + b, "subtract": lambda: a - b, "multiply": lambda: a * b, "divide": lambda: a / b,
        "minimum": lambda: min(a, b), "maximum": lambda: max(a, b), "negate": lambda: -a, "absolute": lambda: abs(a),
        "square_root": lambda: math.sqrt(a),
    }[kind]()  # fmt: skip


class Truth:
    """A condition of one animal, under one reading of a rule. `now` gives True, False or None."""

    def __init__(self, what, reading):
        self.what, self.reading = what, reading
        self.inner = [Truth(part, reading) for part in what.inner]
        self.value = None if what.quantity is None else Value(what.quantity, reading)
        self.last = None
        self.start()
        # Of a sequence: of each part its last truth and when that was known, and all the times it became true at.
        self.parts = [(None, None)] * len(self.inner)
        self.became = [[] for _ in self.inner]

    def start(self):
        self.before = None  # what it was when it was last known
        self.ready, self.high, self.low, self.next = False, None, None, "either"

    def now(self, scene, row):
        truths = [part.now(scene, row) for part in self.inner]
        kind = self.what.kind
        if kind == "not":
            return None if truths[0] is None else not truths[0]
        if kind == "all":
            return False if False in truths else None if None in truths else True
        if kind == "any":
            return True if True in truths else None if None in truths else False
        if kind == "sequence":
            return self.sequence(scene, truths)
        place = value = None
        if self.value is None:
            place = scene.place(self.what.points[0], row, self.reading.min_score)
        else:
            value = self.value.now(scene, row)
        if place is None and value is None:
            return None
        if self.last is None or scene.now - self.last > self.reading.gap_ns:
            self.start()
        self.last = scene.now
        if kind in ("inside", "enter", "leave"):
            before = self.before
            self.before = inside(self.what.zone, place, self.what.hysteresis if before else 0.0)
            if kind == "inside":
                return self.before
            return before == (kind == "leave") and self.before == (kind == "enter")
        return getattr(self, kind)(value)

    def compare(self, value):
        slack = self.what.hysteresis if self.before else 0.0
        self.before = self.what.above - slack < value < self.what.below + slack
        return self.before

    def rising(self, value):
        answer = self.ready and value >= self.what.level
        if answer:
            self.ready = False
        elif value < self.what.level - self.what.hysteresis:
            self.ready = True
        return answer

    def falling(self, value):
        answer = self.ready and value <= self.what.level
        if answer:
            self.ready = False
        elif value > self.what.level + self.what.hysteresis:
            self.ready = True
        return answer

    def turn(self, value):
        self.high = value if self.high is None else max(self.high, value)
        self.low = value if self.low is None else min(self.low, value)
        if self.next in ("either", "peak") and value <= self.high - self.what.hysteresis:
            self.next, self.low = "trough", value
            return "peak"
        if self.next in ("either", "trough") and value >= self.low + self.what.hysteresis:
            self.next, self.high = "peak", value
            return "trough"
        return ""

    def peak(self, value):
        return self.turn(value) == "peak"

    def trough(self, value):
        return self.turn(value) == "trough"

    def sequence(self, scene, truths):
        if self.last is not None and scene.now - self.last > self.reading.gap_ns:
            self.parts = [(None, None)] * len(self.inner)
            self.became = [[] for _ in self.inner]
        self.last = scene.now
        for n, truth in enumerate(truths):
            if truth is None:
                continue
            before, known = self.parts[n]
            if truth and not (before and scene.now - known <= self.reading.gap_ns):
                self.became[n].append(scene.now)
            self.parts[n] = truth, scene.now
        if truths[-1] is None:
            return None
        if scene.now not in self.became[-1]:
            return False
        # The newest beginning from which the others can be reached: each part as late as may be.
        time = scene.now
        for times in reversed(self.became[:-1]):
            earlier = [t for t in times if t < time]
            if not earlier:
                return False
            time = max(earlier)
        return scene.now - time <= self.what.within_ns
