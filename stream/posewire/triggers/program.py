"""Rules -> arrays for the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.triggers import layout
from posewire.triggers.layout import KINDS, Program
from posewire.triggers.rules import ANY, OTHER, SELF, Condition, Point, Quantity, Rule, Rules

LEAST_PLACES, MOST_PLACES = 64, 8192
"""Of the past of a speed, for one animal."""

_WHOLES = {
    "compare": 3, "inside": 3, "enter": 3, "leave": 3, "rising": 3, "falling": 3, "peak": 3, "trough": 3,
    "speed": 5, "rate": 5, "zscore": 3, "phase": 7,
}  # fmt: skip
_REALS = {"peak": 2, "trough": 2, "zscore": 2, "phase": 1}
Region = tuple[int, int, int, int]


@dataclass(frozen=True)
class Look:
    """The last ``window`` poses of each animal, for a classifier."""

    file: str
    window: int
    predicted: bool
    gap_ns: int


@dataclass
class LaidOut:
    """A program, and what has to be known of it: ``regions`` (x, y, w, h) whose mean gray it wants, the ``outputs``
    (look, number) of classifiers that stand in the columns of `layout.Frame.outputs`, and how much memory it needs."""

    program: Program
    regions: list[Region]
    outputs: list[tuple[Look, int]]
    whole: int
    real: int
    ring: int


def lay_out(rules: Rules, frame_rate: float) -> LaidOut:
    """Raises ValueError for what `posewire.triggers.file` does not let pass."""
    return _Layout(rules, frame_rate).done()


@dataclass
class _Layout:
    rules: Rules
    frame_rate: float
    roles: list[str] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    outputs: list[tuple[Look, int]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    points: list[tuple[int, int, float, float]] = field(default_factory=list)
    inner: list[int] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    known: dict[Quantity | Condition, int] = field(default_factory=dict)
    whole: int = 0
    real: int = 0
    ring: int = 0

    def done(self) -> LaidOut:
        wanted = [_Wanted.of(rule, lenient) for rule in self.rules.rules for lenient in (False, True)]
        roots: dict[_Wanted, int] = {}
        readings = []
        for predicted, min_score, gap_ns in dict.fromkeys(item.reading for item in wanted if item):
            first = len(self.nodes)
            self.known.clear()
            self._predicted, self._gap_ns = predicted, gap_ns
            for item in wanted:
                if item and item.reading == (predicted, min_score, gap_ns):
                    roots[item] = self._node(item.tree)
            others = any(
                self.points[p][1] == layout.OF_OTHER
                for node in self.nodes[first:]
                for p in range(node["point"], node["point"] + node["points"])
            )
            readings.append((first, len(self.nodes), predicted, others, gap_ns, min_score))
        named: list[int] = []
        records = []
        for n, rule in enumerate(self.rules.rules):
            strict, lenient = wanted[2 * n : 2 * n + 2]
            assert strict is not None
            if rule.when is None and rule.value_from[0] == rule.value_from[1]:
                raise ValueError(f"rule {rule.name!r}: value_from {rule.value_from}: expected two numbers")
            names = sorted({self._role(who) for who in _roles(strict.tree)})
            records.append(
                (
                    rule.when is None, roots[strict], roots[lenient] if lenient else -1,
                    -1 if rule.animal == ANY else self._role(rule.animal), len(named), len(names), rule.dwell_ns,
                    rule.gap_ns, rule.refractory_ns, rule.repeat_ns, rule.max_age_ns, rule.armed_from_ns,
                    rule.armed_until_ns, rule.min_id_score, *rule.value_from, *rule.value_to,
                )
            )  # fmt: skip
            named += names
        program = Program(
            nodes=_records(layout.NODE, [tuple(node[name] for name in _NODE) for node in self.nodes]),
            readings=_records(layout.READING, readings),
            rules=_records(layout.RULE, records),
            points=_records(layout.POINT, self.points),
            inner=np.array(self.inner, np.int64),
            numbers=np.array(self.numbers, np.float64),
            roles=np.array([self.rules.roles[role] for role in self.roles], np.int64),
            named=np.array(named, np.int64),
        )
        return LaidOut(program, self.regions, self.outputs, self.whole, self.real, self.ring)

    def _node(self, tree: Quantity | Condition) -> int:
        if tree in self.known:
            return self.known[tree]
        kind = tree.kind
        inner: tuple[Quantity | Condition, ...] = tree.inner
        node: dict[str, Any] = dict.fromkeys(_NODE, 0)
        numbers: tuple[float, ...] = ()
        if isinstance(tree, Quantity):
            numbers = tree.numbers
            node["window_ns"] = tree.window_ns
            node["partner"] = any(point.animal == OTHER for point in tree.points)
            if kind == "acceleration":
                kind, inner, node["level"] = "rate", (Quantity("speed", tree.points, window_ns=tree.window_ns),), 1.0
            elif kind == "approach":
                kind, inner, node["level"] = "rate", (Quantity("distance", tree.points),), -1.0
            elif kind == "posture":
                template = np.array(numbers, np.float64).reshape(-1, 2)
                if len(template) != len(tree.points):
                    raise ValueError(f"posture: {len(tree.points)} points, but a template of {len(template)}")
                numbers = tuple((template - template.mean(axis=0)).ravel().tolist())
            elif kind == "gray":
                node["column"] = _index(self.regions, tuple(int(number) for number in numbers))
            elif kind == "classifier":
                look = Look(tree.file, int(numbers[0]), self._predicted, self._gap_ns)
                node["column"] = _index(self.outputs, (look, int(numbers[1])))
        else:
            inner += (tree.quantity,) if tree.quantity is not None else ()
            node.update(above=tree.above, below=tree.below, level=tree.level, hysteresis=tree.hysteresis)
            node["window_ns"] = tree.within_ns
            if tree.zone is not None:
                numbers = tuple(value for corner in tree.zone.points for value in corner)
                node["level"] = tree.zone.radius
        if kind not in KINDS:
            raise ValueError(f"{tree.kind!r} is no quantity or condition")
        children = [self._node(part) for part in inner]
        node.update(kind=KINDS.index(kind), first=len(self.inner), count=len(children))
        self.inner += children
        node.update(point=len(self.points), points=len(tree.points))
        self.points += [self._point(point) for point in tree.points]
        node.update(number=len(self.numbers), numbers=len(numbers))
        self.numbers += numbers
        self._remember(node, kind, len(children))
        self.nodes.append(node)
        self.known[tree] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def _remember(self, node: dict[str, Any], kind: str, children: int) -> None:
        wholes = 2 + 5 * children if kind == "sequence" else _WHOLES.get(kind, 0)
        node.update(whole=self.whole, wholes=wholes, real=self.real, ring=self.ring)
        self.whole += wholes
        self.real += _REALS.get(kind, 0)
        if kind in ("speed", "rate"):
            places = int(2.0 * self.frame_rate * node["window_ns"] / 1e9) + 1
            node["capacity"] = min(max(places, LEAST_PLACES), MOST_PLACES)
            self.ring += node["capacity"]

    def _point(self, point: Point) -> tuple[int, int, float, float]:
        if point.keypoint >= len(self.rules.keypoints):
            raise ValueError(f"keypoint {point.keypoint}: there are {len(self.rules.keypoints)}")
        who = {SELF: layout.OF_SELF, OTHER: layout.OF_OTHER}
        return point.keypoint, who[point.animal] if point.animal in who else self._role(point.animal), point.x, point.y

    def _role(self, name: str) -> int:
        if name not in self.rules.roles:
            raise ValueError(f"{name!r} is no role")
        return _index(self.roles, name)


@dataclass(frozen=True)
class _Wanted:
    reading: tuple[bool, float, int]
    tree: Quantity | Condition

    @staticmethod
    def of(rule: Rule, lenient: bool) -> _Wanted | None:
        """None: a rule without a least score, or one that follows, needs no second reading."""
        tree = rule.when if rule.when is not None else rule.value
        if tree is None:
            raise ValueError(f"rule {rule.name!r} has neither a condition nor a value")
        if lenient and (rule.min_score <= 0.0 or rule.when is None):
            return None
        return _Wanted((rule.predicted, 0.0 if lenient else rule.min_score, rule.gap_ns), tree)


_NODE = layout.NODE.names or ()


def _roles(tree: Quantity | Condition) -> Iterator[str]:
    yield from (point.animal for point in tree.points if point.animal not in (SELF, OTHER))
    if isinstance(tree, Condition) and tree.quantity is not None:
        yield from _roles(tree.quantity)
    for part in tree.inner:
        yield from _roles(part)


def _index(known: list[Any], item: Any) -> int:
    if item not in known:
        known.append(item)
    return known.index(item)


def _records(dtype: np.dtype[np.void], rows: list[tuple[Any, ...]]) -> npt.NDArray[np.void]:
    return np.array(rows, dtype)
