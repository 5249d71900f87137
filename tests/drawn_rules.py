"""Draws whole `Rules` of every kind of quantity, condition and output, such as a rules file may say, from a seed."""

from __future__ import annotations

import math
import random
from typing import Any

from posewire.outputs.gate import MARGIN_NS
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire.triggers.output_tables import longest_on_ns
from posewire.triggers.possible import bounds, momentary
from posewire.triggers.rules import CENTRE, FIXED, SELF, Condition, Control, Point, Quantity, Rule, Rules, Zone

KEYPOINTS = ("snout", "left ear", "L.ear", 'the "tip"', "tail's base", "and", "3rd\\")
ROLES = {"resident": 0, "intruder": 3}
ZONES = (
    Zone("corner", ((0.0, 0.0), (200.0, 0.0), (200.0, 200.5))),
    Zone("a well", ((320.0, 240.0),), 30.0),
)
FILE = "net.onnx"
LOG = "other.log"

POINTED = {"x": 1, "y": 1, "score": 1, "distance": 2, "heading": 2, "angle": 3, "bearing": 3}
MOVING = {"speed": 1, "acceleration": 1, "approach": 2}
SIMPLE = (*POINTED, *MOVING, "gray", "classifier", "posture")
OF_TWO = ("add", "subtract", "multiply", "divide", "minimum", "maximum")
OF_ONE = ("negate", "absolute", "square_root", "sine", "cosine")
SERIES = ("zscore", "phase")


class Drawn:
    """Everything that one seed gives."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *things: Any) -> Any:
        return self.random.choice(things)

    def number(self) -> float:
        return self.one(float(self.random.randint(-500, 500)), self.random.uniform(-1e6, 1e6), 1e-7, -1e9, 0.0)

    def time(self) -> int:
        return self.one(1, 1_000_000 * self.random.randint(1, 10_000), self.random.randint(1, 10**12))

    def point(self) -> Point:
        keypoint = self.one(CENTRE, *range(len(KEYPOINTS)), *range(len(KEYPOINTS)))
        return Point(keypoint, self.one(SELF, SELF, "other", *ROLES))

    def points(self, count: int, fixed: bool = True) -> tuple[Point, ...]:
        """Different points, the first one of an animal, the others fixed now and then; in any order."""
        found = [self.point()]
        while len(found) < count:
            place = fixed and self.random.random() < 0.2
            point = Point(FIXED, SELF, self.number(), self.number()) if place else self.point()
            found += [point] if point not in found else []
        self.random.shuffle(found)
        return tuple(found)

    def quantity(self, depth: int = 3) -> Quantity:
        kind = self.one(*SIMPLE, *((*OF_TWO, *OF_ONE, *SERIES) if depth else ()))
        if kind == "score":
            return Quantity(kind, (Point(self.one(*range(len(KEYPOINTS))), self.one(SELF, "other")),))
        if kind in POINTED:
            return Quantity(kind, self.points(POINTED[kind]))
        if kind in MOVING:
            return Quantity(kind, self.points(MOVING[kind]), window_ns=self.time())
        if kind == "gray":
            x, y, width, height = (self.random.randint(1, 99) for _ in range(4))
            return Quantity(kind, numbers=(x - 1.0, y - 1.0, float(width), float(height)))
        if kind == "classifier":
            return Quantity(kind, numbers=(float(self.random.randint(1, 99)), float(self.one(0, 1, 7))), file=FILE)
        if kind == "posture":
            points = self.points(self.random.randint(3, 5), fixed=False)
            return Quantity(kind, points, numbers=tuple(self.random.uniform(-99, 99) for _ in range(2 * len(points))))
        inner = [self.quantity(depth - 1)]
        if kind in SERIES:
            return Quantity(kind, inner=tuple(inner), window_ns=self.time())
        if kind in OF_TWO:
            inner.append(self.one(self.quantity(depth - 1), Quantity("number", numbers=(self.number(),))))
            self.random.shuffle(inner)
        return Quantity(kind, inner=tuple(inner))

    def numeric(self) -> Condition:
        """A comparison, crossing or peak, within what the quantity can be."""
        quantity = self.quantity()
        low, high = bounds(quantity)
        least, most = max(low, min(high, 1e6) - 1e6), min(high, max(low, -1e6) + 1e6)
        middle, step = (least + most) / 2, (most - least) / 4
        if not step > 1e-6 * (1 + abs(middle)):  # a range too narrow to choose numbers in
            return self.numeric()
        one, other = middle - step * self.random.random(), middle + step * self.random.random()
        hysteresis = self.one(0.0, self.random.uniform(0, 100))
        kind = self.one("compare", "compare", "rising", "falling", "peak", "trough")
        if kind in ("peak", "trough"):
            return Condition(kind, quantity, hysteresis=step)
        if kind == "rising":
            return Condition(kind, quantity, level=one, hysteresis=hysteresis if one - hysteresis > low else 0.0)
        if kind == "falling":
            return Condition(kind, quantity, level=one, hysteresis=hysteresis if one + hysteresis < high else 0.0)
        ends = self.one("above", "below", "between")
        above = -math.inf if ends == "below" else one
        return Condition(
            kind, quantity, above=above, below=math.inf if ends == "above" else other, hysteresis=hysteresis
        )

    def condition(self, depth: int = 3) -> Condition:
        kind = self.one("zone", "numeric", *(("all", "any", "not", "sequence") if depth else ()))
        if kind == "zone":
            hysteresis = self.one(0.0, self.random.uniform(0, 50))
            zoned, zone = self.one("inside", "enter", "leave"), self.one(*ZONES)
            return Condition(zoned, points=(self.point(),), zone=zone, hysteresis=hysteresis)
        if kind == "numeric":
            return self.numeric()
        count = 1 if kind == "not" else self.one(2, 3)
        inner = tuple(self.condition(depth - 1) for _ in range(count))
        return Condition(kind, inner=inner, within_ns=self.time() if kind == "sequence" else 0)

    def output(self, name: str) -> OutputSpec:
        """An output within its own limits."""
        mode = self.one("pulse", "while", "toggle", "follow")
        options = self.one({"pin": name}, {"port": "COM3", "channel": 7, "pin": name})  # each a device of its own
        if mode == "follow":
            return OutputSpec(name, "osc", mode, slew_per_s=self.one(0.0, 2.5), safe=self.number(), options=options)
        limits: dict[str, Any] = {"options": options}
        limits |= self.one({}, {"max_count": 3, "count_window_ns": 3600 * 10**9}, {"max_count": 1})
        times = {}
        if mode == "pulse":
            width = self.random.randint(1, 10**9)
            count = self.random.randint(1, 20)
            period = self.one(max(width, 1000), self.random.randint(max(width, 1000), 2 * 10**9)) if count > 1 else 0
            times = {"width_ns": width, "count": count, "period_ns": period, "delay_ns": self.one(0, self.time())}
            limits["max_dose_ns"] = self.one(NEVER_NS, width * count)
            window, share = self.time(), self.random.randint(1, 99) / 100
            if longest_on_ns(OutputSpec(name, "lsl", **times), window + MARGIN_NS) <= int(share * window):
                limits |= {"max_duty": share, "duty_window_ns": window}
        elif mode == "while" or self.one(True, False):
            limits["max_on_ns"] = self.time()
        return OutputSpec(name, "serial", mode, **times, **limits)

    def control(self) -> Control:
        """Shams, and one of what takes the place of decisions."""
        block = self.random.randint(1, 20)
        percent = self.one(0.0, 20.0, 12.5, 33.3, 100.0)
        instead = self.one({}, {"yoked": LOG}, {"random_per_minute": 2.5}, {"matched": LOG})
        return Control(percent / 100, block if percent else Control.block, **instead)

    def rule(self, name: str, deciding: list[str], waiting: list[str]) -> Rule:
        """A rule on some of the outputs that are ``deciding`` and ``waiting`` for a value; the latter are used up."""
        begin = self.one(0, 10**9, 123_000_000)
        fields: dict[str, Any] = {
            "name": name,
            "animal": self.one("any", *ROLES),
            "predicted": self.one(True, False),
            "gap_ns": self.time(),
            "max_age_ns": self.time(),
            "min_score": self.random.random(),
            "armed_from_ns": begin,
            "armed_until_ns": self.one(Rule.armed_until_ns, begin + 5 * 10**11),
        }
        if waiting and self.one(True, False):
            low = self.number()
            high = low + self.one(1.0, 1e5) + abs(low)
            ends = self.one((0.0, 1.0), (5.0, -2.5))
            value = self.quantity()
            return Rule(**fields, outputs=(waiting.pop(),), value=value, value_from=(low, high), value_to=ends)
        when = self.condition()
        lasting = {} if momentary(when) else {"dwell_ns": self.one(0, self.time()), "repeat_ns": self.one(0, 10**9)}
        return Rule(
            **fields,
            **lasting,
            outputs=tuple(self.random.sample(deciding, self.random.randint(0, len(deciding)))),
            when=when,
            refractory_ns=self.one(0, 1, 10**9),
            min_id_score=self.random.random(),
            control=self.control(),
        )

    def rules(self) -> Rules:
        """A file of rules; `FILE` and `LOG` are to lie in its folder."""
        specs = tuple(self.output(name) for name in ("light", "the laser", "tone")[: self.random.randint(0, 3)])
        deciding = [spec.name for spec in specs if spec.mode != "follow"]
        waiting = [spec.name for spec in specs if spec.mode == "follow"]
        rules = [self.rule(f"rule {number}", deciding, waiting) for number in range(self.random.randint(1, 3))]
        return Rules(KEYPOINTS, tuple(rules), ROLES, specs, self.random.randint(0, 99), self.one(True, False))
