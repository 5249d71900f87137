"""What the names in a rules file stand for: keypoints, animals, zones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posewire.triggers.rules import ANY, CENTRE, FIXED, OTHER, SELF, Point, Zone
from posewire.triggers.tables import Unfit, is_number, shown
from posewire_models.errors import nearest

CENTRE_NAME = "centre"
ZONE_PREFIX = "zone:"
RESERVED = (SELF, OTHER, ANY, CENTRE_NAME, "zone")  # no role may be called that


@dataclass(frozen=True)
class Names:
    """The names of one file. ``animals`` is the model's: ``one``, ``many``, or empty where it is not known;
    ``frame`` its frames' width and height in px, if known; ``folder`` is where files it names are looked up."""

    keypoints: tuple[str, ...]
    roles: Mapping[str, int] = field(default_factory=dict)
    zones: Mapping[str, Zone] = field(default_factory=dict)
    animals: str = ""
    frame: tuple[int, int] | None = None
    folder: Path = Path()

    def point(self, value: Any) -> Point:
        """A point as a table gives it: a name, or [x, y] in px. Raises Unfit."""
        if isinstance(value, str):
            return self.named(value)
        if isinstance(value, list) and len(value) == 2 and all(is_number(number) for number in value):
            return Point(FIXED, SELF, float(value[0]), float(value[1]))
        raise Unfit(f"expected the name of a keypoint or [x, y] in px, not {shown(value)}")

    def named(self, name: str) -> Point:
        """``snout``, ``other.snout``, ``ROLE.snout``, ``centre``, ``other.centre``, ``zone:NAME``. Raises Unfit.

        A keypoint that is itself called like that goes before.
        """
        if name in self.keypoints:
            return Point(self.keypoints.index(name))
        if name == CENTRE_NAME:
            return Point(CENTRE)
        if name.startswith(ZONE_PREFIX):
            x, y = zone_centre(self.zone(name.removeprefix(ZONE_PREFIX)))
            return Point(FIXED, SELF, x, y)
        animal, dot, rest = name.partition(".")
        if not dot or rest not in (*self.keypoints, CENTRE_NAME):
            raise self._unknown(name, animal if dot else "", rest)
        self.animal(animal)
        return Point(CENTRE if rest not in self.keypoints else self.keypoints.index(rest), animal)

    def animal(self, name: str) -> str:
        """`SELF`, `OTHER` or a role. Raises Unfit."""
        if name == SELF:
            return name
        if name != OTHER and name not in self.roles:
            hint = nearest(name, [OTHER, *self.roles])
            raise Unfit(f"no animal is called {name!r}{hint}; there are {', '.join([OTHER, *self.roles])}, see [roles]")
        if self.animals == "one":
            raise Unfit(
                f"{name!r} is another animal, and the model finds one; leave it out, or take a model of several"
            )
        return name

    def zone(self, name: Any) -> Zone:
        """A zone of the file. Raises Unfit."""
        if not isinstance(name, str) or name not in self.zones:
            there = f"there are {', '.join(self.zones)}" if self.zones else "the file has none; draw it under [zones]"
            hint = nearest(name, self.zones) if isinstance(name, str) else ""
            raise Unfit(f"no zone is called {shown(name)}{hint}; {there}")
        return self.zones[name]

    def _unknown(self, name: str, animal: str, rest: str) -> Unfit:
        known = [*self.keypoints, CENTRE_NAME]
        near = nearest(name, known)
        if animal in (SELF, OTHER, *self.roles):
            near = nearest(rest, known)
            near = near.replace("'", f"'{animal}.", 1) if near else ""
        return Unfit(f"no keypoint is called {name!r}{near}; there are {', '.join(known)}")


def zone_centre(zone: Zone) -> tuple[float, float]:
    """The centre of a circle; the centroid of a polygon's area, or of its corners where the area adds up to nothing."""
    if zone.radius > 0:
        return zone.points[0]
    x0, y0 = zone.points[0]  # sums are taken from here, so that they stay small
    area = x = y = 0.0
    for (ax, ay), (bx, by) in zip(zone.points, (*zone.points[1:], zone.points[0]), strict=True):
        cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
        area += cross
        x += cross * (ax + bx - 2 * x0)
        y += cross * (ay + by - 2 * y0)
    if abs(area) < 1e-9:
        count = len(zone.points)
        return sum(point[0] for point in zone.points) / count, sum(point[1] for point in zone.points) / count
    return x0 + x / (3 * area), y0 + y / (3 * area)
