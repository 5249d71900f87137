"""A table of a rules file while it is read: what is taken from it is checked, what nobody took is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from posewire.outputs.spec import NEVER_NS
from posewire.triggers.lines import Path
from posewire_models.errors import InputError, nearest

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Unfit(ValueError):
    """What is wrong and how to mend it, of something whose place in the file only the caller knows."""


@dataclass(frozen=True)
class Place:
    """The file that is read, and the line of each thing in it."""

    file: str
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a thing, or of the innermost thing around it whose line is known."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def shown(value: Any) -> str:
    """A value as it may stand in a message: on one line, and not too long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def is_number(value: Any) -> bool:
    """Whether it is a number of use: neither true nor false, nor infinite, nor none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _with_most(expected: str, value: Any, most: float) -> str:
    """What was expected, with the upper bound where this is what a number exceeds and it is not said already."""
    bound = str(most) if isinstance(most, int) else f"{most:.15g}"
    return f"{expected}, {bound} at most" if is_number(value) and value > most and bound not in expected else expected


class Table:
    """One table: ``name`` says in messages whose it is (``rule 'a'``), ``path`` where it stands.

    Every method that takes something raises InputError with file, line, key, and what was expected.
    """

    def __init__(self, place: Place, path: Path, data: dict[str, Any], name: str = "") -> None:
        self.place = place
        self.path = path
        self.data = data
        self.name = name
        self.asked: list[str] = []

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.place.line(self.path)

    def error(self, key: str, message: str) -> InputError:
        """The error of a key, or with an empty one of the table."""
        path = (*self.path, key) if key else self.path
        what = ": ".join(part for part in (self.name, message) if part)
        return InputError(f"{self.place.file}:{self.place.line(path)}: {what}")

    def wrong(self, key: str, expected: str) -> InputError:
        """The error of a key whose value is not what was expected."""
        if key not in self.data:
            return self.error("", f"{key}: missing; expected {expected}")
        return self.error(key, f"{key} = {shown(self.data[key])}: expected {expected}")

    @contextmanager
    def at(self, key: str) -> Iterator[None]:
        """Gives what is `Unfit` inside the place of ``key``."""
        try:
            yield
        except Unfit as error:
            raise self.error(key, f"{key}: {error}" if key else str(error)) from None

    def has(self, key: str) -> bool:
        """Whether the key is given; it counts as known from now on."""
        if key not in self.asked:
            self.asked.append(key)
        return key in self.data

    def take(self, key: str) -> Any:
        """The value of a key, None without one."""
        return self.data[key] if self.has(key) else None

    def number(
        self,
        key: str,
        expected: str,
        default: float | None = None,
        least: float = -math.inf,
        most: float = math.inf,
        above: float = -math.inf,
    ) -> float:
        """A finite number, ``least <= number <= most`` and ``number > above``; without ``default`` it is needed."""
        value = self.take(key)
        if value is None and default is not None and key not in self.data:
            return default
        if not is_number(value) or not (least <= value <= most and value > above):
            raise self.wrong(key, _with_most(expected, value, most))
        return float(value)

    def whole(self, key: str, expected: str, default: int | None = None, least: int = 0, most: int = 2**31) -> int:
        """A whole number, ``least <= number <= most``."""
        value = self.take(key)
        if key not in self.data and default is not None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(key, _with_most(expected, value, most))
        return value

    def text(self, key: str, expected: str, default: str | None = None) -> str:
        """A text that is not empty."""
        value = self.take(key)
        if key not in self.data and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(key, expected)
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.take(key) if self.has(key) else default
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def choice(self, key: str, names: Iterable[str], default: str | None = None) -> str:
        """One of a few words."""
        words = list(names)
        value = self.take(key)
        if key not in self.data and default is not None:
            return default
        if value not in words:
            hint = nearest(value, words) if isinstance(value, str) else ""
            raise self.wrong(key, f"one of {', '.join(words)}{hint}")
        return str(value)

    def duration(self, key: str, default: int | None = None, positive: bool = False) -> int:
        """A duration in ns, of a key that ends in its unit, ``_ms`` or ``_s``; above 0 if it is to be ``positive``."""
        unit, scale = ("ms", NS_PER_MS) if key.endswith("_ms") else ("s", NS_PER_S)
        expected = f"a number of {unit}, {'above 0' if positive else '0 or more'}"
        if not self.has(key) and default is not None:
            return default
        number = self.number(key, expected, least=0.0, most=NEVER_NS / scale)
        time = round(number * scale)
        if positive and time == 0:
            raise self.wrong(key, expected)
        return time

    def pair(self, key: str, expected: str) -> tuple[float, float]:
        """Two finite numbers."""
        value = self.take(key)
        if not isinstance(value, list) or len(value) != 2 or not all(is_number(number) for number in value):
            raise self.wrong(key, expected)
        return float(value[0]), float(value[1])

    def table(self, key: str, expected: str) -> Table:
        """A table in this one, named after it."""
        value = self.take(key)
        if not isinstance(value, dict):
            raise self.wrong(key, expected)
        return Table(self.place, (*self.path, key), value, self.name)

    def tables(self, key: str, expected: str) -> list[Table]:
        """An array of tables in this one."""
        value = self.take(key)
        if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
            raise self.wrong(key, expected)
        return [Table(self.place, (*self.path, key, number), row, self.name) for number, row in enumerate(value)]

    def rest(self) -> dict[str, Any]:
        """What nobody asked for."""
        return {key: value for key, value in self.data.items() if key not in self.asked}

    def done(self, also: Iterable[str] = ()) -> None:
        """Raises InputError for the first key that nobody asked for; ``also`` are names that it may have meant."""
        names = [*self.asked, *(name for name in also if name not in self.asked)]
        for key in self.rest():
            if key in names:
                raise self.error(key, f"{key}: does not go with the other keys here; there are {', '.join(self.asked)}")
            raise self.error(key, f"{key}: no such key{nearest(key, names)}; there are {', '.join(names)}")
