"""What stands between the brackets of a function in an expression, and the record that is made of it."""

from __future__ import annotations

from dataclasses import dataclass

from posewire.triggers import build
from posewire.triggers.names import Names
from posewire.triggers.rules import Condition, Point, Quantity
from posewire.triggers.tables import NS_PER_MS, Unfit
from posewire_models.errors import nearest

Argument = Point | Quantity | float | str


@dataclass(frozen=True)
class Call:
    """What a function is called with: the kinds of its arguments (the ``last`` ones again and again), its options."""

    kinds: tuple[str, ...]
    options: tuple[str, ...] = ()
    last: int = 0

    def takes(self, number: int) -> str:
        """The kind of argument ``number`` (from 0). Raises Unfit if there are fewer."""
        if number < len(self.kinds):
            return self.kinds[number]
        if not self.last:
            raise Unfit(f"too many arguments; expected {len(self.kinds)}")
        return self.kinds[len(self.kinds) - self.last + (number - len(self.kinds)) % self.last]


CALLS = {
    **{
        kind: Call(("point",) * count, ("window_ms",) if kind in build.WINDOWED else ())
        for kind, count in build.POINTS.items()
    },
    "posture": Call(("point", "number", "number"), last=3),
    "gray": Call(("number",) * 4),
    **{kind: Call(("quantity",), ("over_ms",)) for kind in build.SERIES},
    "classifier": Call(("a file in quotes",), ("window", "output")),
    **{kind: Call(("point", "the name of a zone"), ("hysteresis",)) for kind in build.ZONED},
}


class Arguments:
    """The arguments of one call, as they come."""

    def __init__(self, kind: str, names: Names) -> None:
        self.kind = kind
        self.names = names
        self.given: list[Argument] = []
        self.options: dict[str, float] = {}

    @property
    def count(self) -> int:
        """How many arguments without a name there are so far."""
        return len(self.given)

    @property
    def begun(self) -> bool:
        """Whether there are any."""
        return bool(self.given or self.options)

    def add(self, argument: Argument) -> None:
        """One more without a name."""
        if self.options:
            raise Unfit("expected a named argument after the first one of those")
        self.given.append(argument)

    def option(self, name: str, value: float) -> None:
        """One more with a name."""
        known = CALLS[self.kind].options
        if name not in known:
            there = f"there is {', '.join(known)}" if known else "there is none"
            raise Unfit(f"{self.kind} has no argument {name}{nearest(name, known)}; {there}")
        if name in self.options:
            raise Unfit(f"{name} is given twice")
        self.options[name] = value

    def made(self) -> Quantity | Condition:
        """The record. Raises Unfit if arguments are missing or wrong."""
        kind, given = self.kind, self.given
        kinds = CALLS[kind].kinds
        if kind == "posture":
            points = [point for point in given if isinstance(point, Point)]
            numbers = [number for number in given if isinstance(number, float)]
            if len(numbers) != 2 * len(points):
                raise Unfit("posture is of keypoints, each with its x and y in the template")
            return build.posture(points, list(zip(numbers[::2], numbers[1::2], strict=True)))
        if len(given) != len(kinds):
            raise Unfit(f"{kind}({', '.join(kinds)}) has {len(kinds)} arguments, and {len(given)} are given")
        if kind == "gray":
            return build.gray(given, self.names)
        first = given[0]
        if isinstance(first, Quantity):
            return build.series(kind, first, self.time("over_ms"))
        if isinstance(first, str):
            return build.classifier(first, self.whole("window", None, 1), self.whole("output", 0, 0), self.names)
        if kind in build.ZONED and isinstance(first, Point):
            hysteresis = self.options.get("hysteresis", 0.0)
            if hysteresis < 0:
                raise Unfit("hysteresis must be 0 px or more")
            return build.zoned(kind, first, self.names.zone(given[1]), hysteresis)
        window_ns = 0
        if kind in build.WINDOWED:
            window_ns = self.time("window_ms") if "window_ms" in self.options else build.WINDOW_NS
        return build.pointed(kind, [point for point in given if isinstance(point, Point)], window_ns)

    def time(self, name: str) -> int:
        """An option in ms, in ns."""
        if name not in self.options:
            raise Unfit(f"{self.kind} needs {name}, e.g. {self.kind}(..., {name}=1000)")
        time = self.options[name] * NS_PER_MS
        if not 0.5 < time < 2**62:
            raise Unfit(f"{name} must be above 0 ms")
        return round(time)

    def whole(self, name: str, default: int | None, least: int) -> int:
        """An option that is a whole number."""
        if name not in self.options and default is not None:
            return default
        value = self.options.get(name)
        if value is None or value != int(value) or value < least:
            raise Unfit(f"{self.kind} needs {name}, a whole number of {least} or more")
        return int(value)
