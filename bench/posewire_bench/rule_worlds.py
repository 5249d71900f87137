"""Random rules and random worlds to try them in: what the engine and its slow twin are compared on.

Everything is drawn from a `random.Random`, or from what property tests give in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from posewire.triggers.rules import ANY, CENTRE, FIXED, OTHER, SELF, Condition, Point, Quantity, Rule, Rules, Zone

KEYPOINTS = 3
FRAME = (100, 80)
CLASSIFIER = "the sum of x, and the last score"
MS = 1_000_000
FRAME_RATE = 20.0
"""What evaluators are told; frames come faster, so that long windows hold more places than are kept."""
_ROLES = {"first": 0, "second": 1}
_SERIES = ("x", "distance", "heading", "speed", "approach", "angle", "zscore", "add", "score")
_KINDS = (
    "x", "y", "score", "distance", "angle", "heading", "bearing", "speed", "acceleration", "approach", "posture",
    "gray", "zscore", "phase", "classifier", "number", "add", "subtract", "multiply", "divide", "minimum", "maximum",
    "negate", "absolute", "square_root", "sine", "cosine",
)  # fmt: skip
# What a kind's values are about, and how far they spread.
_USUAL = {
    "score": (0.6, 0.3), "distance": (20.0, 12.0), "angle": (90.0, 50.0), "heading": (0.0, 100.0),
    "bearing": (0.0, 100.0), "speed": (60.0, 50.0), "acceleration": (0.0, 1000.0), "approach": (0.0, 50.0),
    "posture": (0.5, 0.3), "gray": (120.0, 40.0), "zscore": (0.0, 1.0), "phase": (180.0, 100.0), "sine": (0.0, 0.7),
    "cosine": (0.0, 0.7), "square_root": (6.0, 2.0),
}  # fmt: skip


def classify(poses: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`CLASSIFIER`."""
    return np.array([poses[..., 0].sum(), poses[0, -1, -1, 2]], np.float32)


def random_rules(random: Random, most: int = 6) -> Rules:
    """One to ``most`` rules."""
    rules = tuple(_rule(random, f"rule {n}") for n in range(random.randint(1, most)))
    return Rules(tuple("abc"[:KEYPOINTS]), rules, _ROLES, ())


def _rule(random: Random, name: str) -> Rule:
    follows = random.random() < 0.15
    end = random.choice([0.0, 100.0, -20.0])
    armed = random.random() < 0.2
    return Rule(
        name,
        ("light",),
        when=None if follows else _condition(random, random.choice([0, 1, 1, 2, 3])),
        value=_quantity(random, 2) if follows else None,
        value_from=(random.uniform(-50, 40), random.uniform(50, 200)),
        value_to=(end, end + random.choice([1.0, -5.0])),
        animal=random.choice([ANY, ANY, ANY, ANY, "first", "second"]),
        predicted=random.random() < 0.25,
        dwell_ns=random.choice([0, 0, 0, 0, 0, 10, 40, 120]) * MS,
        gap_ns=random.choice([15, 30, 100]) * MS,
        refractory_ns=random.choice([0, 0, 40, 300]) * MS,
        repeat_ns=random.choice([0, 0, 30, 100]) * MS,
        min_score=random.choice([0.0, 0.3, 0.6]),
        min_id_score=random.choice([0.0, 0.0, 0.4]),
        max_age_ns=random.choice([100, 100, 20]) * MS,
        armed_from_ns=200 * MS if armed else 0,
        armed_until_ns=random.choice([600 * MS, 2**62]) if armed else 2**62,
    )


def _condition(random: Random, depth: int) -> Condition:
    kinds = ["compare", "compare", "inside", "enter", "leave", "rising", "falling", "peak", "trough"]
    if depth > 0:
        kinds += ["all", "any", "not", "sequence", "sequence"]
    kind = random.choice(kinds)
    if kind in ("all", "any", "sequence"):
        inner = tuple(_condition(random, depth - 1) for _ in range(random.randint(2, 3)))
        return Condition(kind, inner=inner, within_ns=random.choice([30, 200, 1000]) * MS if kind == "sequence" else 0)
    if kind == "not":
        return Condition(kind, inner=(_condition(random, depth - 1),))
    if kind in ("inside", "enter", "leave"):
        return Condition(
            kind, points=(_point(random, fixed=False),), zone=_zone(random), hysteresis=random.choice([0.0, 0.0, 4.0])
        )
    quantity = _quantity(random, 2, _KINDS if kind == "compare" else _SERIES)
    middle, spread = _USUAL.get(quantity.kind, (40.0, 25.0))
    level = random.gauss(middle, spread) if random.random() < 0.8 else middle
    slack = random.choice([0.0, 0.3]) * spread
    if kind in ("peak", "trough"):
        return Condition(kind, quantity=quantity, hysteresis=random.choice([0.1, 0.3]) * spread)
    if kind != "compare":
        return Condition(kind, quantity=quantity, level=level, hysteresis=slack)
    way = random.random()
    return Condition(
        kind,
        quantity=quantity,
        above=level - spread if way < 0.7 else -math.inf,
        below=level + spread if way > 0.3 else math.inf,
        hysteresis=slack,
    )


def _quantity(random: Random, depth: int, kinds: tuple[str, ...] = _KINDS) -> Quantity:
    kind = random.choice(kinds)
    window_ns = random.choice([0, 25, 25, 60, 60, 900]) * MS
    if kind in ("zscore", "phase"):
        inner: tuple[Quantity, ...] = (_quantity(random, 0, ("x", "distance", "heading", "speed")),)
        return Quantity(kind, inner=inner, window_ns=random.choice([20, 80, 200]) * MS)
    if kind in _KINDS[_KINDS.index("add") :]:
        count = 2 if kind in _KINDS[_KINDS.index("add") : _KINDS.index("negate")] else 1
        leaves = kinds if depth > 0 else _KINDS[: _KINDS.index("gray")]
        return Quantity(kind, inner=tuple(_quantity(random, depth - 1, leaves) for _ in range(count)))
    if kind == "number":
        return Quantity(kind, numbers=(random.choice([0.0, 1.0, -2.5, 40.0]),))
    if kind == "gray":
        return Quantity(kind, numbers=random.choice([(0, 0, 4, 3), (-2, 5, 6, 9), (90, 0, 5, 5)]))
    if kind == "classifier":
        return Quantity(kind, file=CLASSIFIER, numbers=(random.choice([1, 3]), random.choice([0, 1])))
    if kind == "posture":
        count = random.randint(2, 3)
        template = tuple(random.choice([0.0, 10.0, -7.0]) for _ in range(2 * count))
        return Quantity(kind, tuple(_point(random) for _ in range(count)), numbers=template)
    count = {"distance": 2, "heading": 2, "approach": 2, "angle": 3, "bearing": 3}.get(kind, 1)
    points = tuple(_point(random, fixed=n > 0) for n in range(count))
    return Quantity(kind, points, window_ns=window_ns if kind in ("speed", "acceleration", "approach") else 0)


def _point(random: Random, fixed: bool = True) -> Point:
    keypoint = random.choice([0, 1, 2, CENTRE, FIXED if fixed else 0])
    if keypoint == FIXED:
        return Point(FIXED, x=float(random.randint(0, FRAME[0])), y=float(random.randint(0, FRAME[1])))
    return Point(keypoint, random.choice([*[SELF] * 12, OTHER, OTHER, "first", "second"]))


def _zone(random: Random) -> Zone:
    return random.choice(
        [
            Zone("corner", ((0.0, 0.0), (50.0, 0.0), (50.0, 40.0), (0.0, 40.0))),
            Zone("dart", ((20.0, 10.0), (90.0, 40.0), (20.0, 70.0), (45.0, 40.0))),
            Zone("circle", ((50.0, 40.0),), 25.0),
        ]
    )


class Step(NamedTuple):
    """What `Evaluator.step` is called with."""

    poses: npt.NDArray[np.float32]
    ids: npt.NDArray[np.int64] | None
    id_scores: npt.NDArray[np.float32] | None
    time_ns: int
    age_ns: int
    image: npt.NDArray[np.uint8] | None
    predicted: npt.NDArray[np.float32] | None


def random_world(random: Random, frames: int) -> Iterator[Step]:
    """Up to four animals that walk about, come, go and change ids, in frames 10 ms apart with pauses and steps back."""
    chance: Callable[[float], bool] = lambda share: random.random() < share  # noqa: E731
    most = random.randint(1, 4)
    alone = most == 1 and chance(0.5)
    lost = random.choice([0.0, 0.02, 0.2])
    animals: list[dict[str, Any]] = []
    numbers = 0
    now = random.randint(0, 10**12)
    for _ in range(frames):
        now += random.choice([0, -50 * MS, 20 * MS, 40 * MS, 150 * MS, 400 * MS]) if chance(0.03) else 10 * MS
        if len(animals) < most and chance(0.2):
            animals.append(
                {
                    "id": random.choice([numbers, numbers, 0, 1, -1, random.randint(0, 3)]),
                    "x": 50.0,
                    "y": 40.0,
                    "turn": 0.0,
                }
            )
            numbers += 1
        if animals and chance(0.02):
            animals.pop(random.randrange(len(animals)))
        if animals and chance(0.03):
            random.choice(animals)["id"] = random.choice([-1, 0, 1, random.randint(0, 5), random.randint(0, 40)])
        if chance(0.01):
            random.shuffle(animals)
        for animal in animals:
            animal["x"] = min(max(animal["x"] + random.gauss(0.0, 3.0), -5.0), FRAME[0] + 5.0)
            animal["y"] = min(max(animal["y"] + random.gauss(0.0, 3.0), -5.0), FRAME[1] + 5.0)
            animal["turn"] += random.gauss(0.0, 0.2)
        here = [] if chance(0.02) else animals[:1] if alone else animals
        poses = np.array([_pose(random, animal, lost) for animal in here], np.float32).reshape(-1, KEYPOINTS, 3)
        gray = random.randint(60, 180)
        shape = (10, 8, 3) if chance(0.5) else (10, 8)
        scores = np.array([random.choice([1.0, 0.9, 0.39, 0.0, math.nan]) for _ in here], np.float32)
        yield Step(
            poses,
            None if alone else np.array([animal["id"] for animal in here], np.int64),
            None if alone or chance(0.3) else scores,
            now,
            random.choice([5, 15, 21, 200]) * MS if chance(0.2) else 5 * MS,
            None if chance(0.1) else (np.arange(math.prod(shape)).reshape(shape) % 50 + gray).astype(np.uint8),
            None if chance(0.3) else poses + np.float32(1.0),
        )


def _pose(random: Random, animal: dict[str, Any], lost: float) -> list[tuple[float, float, float]]:
    cos, sin = math.cos(animal["turn"]), math.sin(animal["turn"])
    pose = []
    for k in range(KEYPOINTS):
        along, aside = 10.0 * (1 - k), 2.0 * (k % 2)
        x, y = animal["x"] + along * cos - aside * sin, animal["y"] + along * sin + aside * cos
        score = 0.9 if random.random() > 3.0 * lost else random.choice([0.1, 0.35, 0.5, math.nan])
        if random.random() < lost:
            x = random.choice([math.nan, math.inf, x])
            y = random.choice([math.nan, y])
        pose.append((round(x, 2), round(y, 2), score) if math.isfinite(x) and math.isfinite(y) else (x, y, score))
    return pose
